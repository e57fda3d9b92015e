"""What is known of processes that play containers: who may join, and what output and messages wait for whom."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakekube.api import container_processes
from fakekube.api.container_logs import ContainerLogs
from fakekube.api.container_processes import STDIN_AHEAD, ContainerProcess, ContainerProcesses, TakenError
from fakekube.registry.clock import Clock
from fakekube.storage.store import Store


@pytest.fixture
def store() -> Store:
    store = Store()
    store.declare("pods", "Pod", "v1")
    return store


@pytest.fixture
def processes(store: Store) -> ContainerProcesses:
    return ContainerProcesses(store, ContainerLogs(), Clock())


def a_pod(store: Store, name: str = "p") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-of-{name}"}
    return store.create("pods", "shop", name, {"kind": "Pod", "apiVersion": "v1", "metadata": metadata}).value


@pytest.fixture
def process(store: Store, processes: ContainerProcesses) -> ContainerProcess:
    return processes.join(a_pod(store), "c")


def test_a_container_is_joined_once_until_its_process_leaves(store: Store, processes: ContainerProcesses) -> None:
    pod = a_pod(store)
    first = processes.join(pod, "c")
    processes.join(pod, "d")
    first.start(42)

    with pytest.raises(TakenError, match="42"):
        processes.join(pod, "c")
    processes.leave(first)
    assert processes.join(pod, "c") is processes.of(pod["metadata"]["uid"], "c")
    assert first.told.is_set()


def test_one_that_was_never_started_makes_room(store: Store, processes: ContainerProcesses) -> None:
    pod = a_pod(store)
    first = processes.join(pod, "c")
    first.is_gone = True

    second = processes.join(pod, "c")

    assert processes.of_pod(pod["metadata"]["uid"]) == [second]


def test_changes_wake_the_kubelet(store: Store, processes: ContainerProcesses) -> None:
    woken = []
    processes.wake = lambda namespace, name: woken.append((namespace, name))
    process = processes.join(a_pod(store), "c")

    process.wait("ContainerCreating", "")
    process.tell("Warning", "FailedMount", "no")
    process.start(1)
    process.end(0)
    process.end(1)

    assert woken == [("shop", "p")] * 4
    assert process.exit is not None
    assert process.exit.code == 0


async def test_listeners_hear_everything_from_when_they_came(process: ContainerProcess) -> None:
    process.write("stdout", b"before")
    listener = process.listen()
    process.write("stderr", b"after")
    process.end(0)

    assert [await listener.next(), await listener.next()] == [("stderr", b"after"), None]
    assert await process.listen().next() is None


async def test_a_listener_that_is_too_slow_is_given_up(
    process: ContainerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_processes, "LISTENER_AHEAD_BYTES", 10)
    slow, quick = process.listen(), process.listen()
    for _ in range(3):
        process.write("stdout", b"12345")
        assert await quick.next() == ("stdout", b"12345")

    assert [await slow.next() for _ in range(3)] == [("stdout", b"12345"), ("stdout", b"12345"), None]


async def test_who_types_waits_for_a_process_that_does_not_take_it(process: ContainerProcess) -> None:
    for number in range(STDIN_AHEAD):
        await process.send({"number": number})
    last = asyncio.ensure_future(process.send({"number": STDIN_AHEAD}))
    await asyncio.sleep(0)
    assert not last.done()

    assert await process.next_message() == {"number": 0}
    await last


async def test_a_signal_is_passed_on_once(process: ContainerProcess) -> None:
    for signal in (15, 15, 9, 9):
        process.ask_to_end(signal, 30)

    assert [process.outgoing.get_nowait()["signal"] for _ in range(process.outgoing.qsize())] == [15, 9]
