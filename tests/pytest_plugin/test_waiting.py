"""Waiting is woken by events, sees every state, and tells at the end what did not come."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
import trio

from fakekube import FakeCluster, WaitTimeout
from fakekube.testing.conditions import understood

CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings"},
    "data": {"step": "0"},
}
READY = {
    "metadata": {"generation": 2},
    "status": {
        "phase": "Running",
        "podIP": "10.244.0.5",
        "ready": True,
        "conditions": [
            {"type": "Ready", "status": "True"},
            {"type": "Stale", "status": "True", "observedGeneration": 1},
        ],
    },
}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("condition=Ready", True),
        ("condition=ready=true", True),
        ("condition=Ready=False", False),
        ("condition=Absent", False),
        ("condition=Stale", False),
        ("jsonpath={.status.phase}=Running", True),
        ("jsonpath='{.status.phase}'=Running", True),
        ("jsonpath={.status.phase}=Pending", False),
        ("jsonpath={.status.podIP}", True),
        ("jsonpath={.status.hostIP}", False),
        ("jsonpath={.status.ready}=true", True),
        ('jsonpath={.status.conditions[?(@.type=="Ready")].status}=True', True),
        ("jsonpath={.status.conditions[9].status}=True", False),
        ("create", True),
        ({"status": {"phase": "Running"}}, True),
        ({"status": {"phase": "Running", "hostIP": "x"}}, False),
        (lambda obj: obj["status"]["podIP"].startswith("10."), True),
    ],
)
def test_conditions(condition: Any, holds: bool) -> None:
    assert bool(understood(condition).holds(READY)) is holds


@pytest.mark.parametrize(
    "condition", ["Ready", "condition", "condition=", "jsonpath=.status", "jsonpath={.a[}=1", "", 3]
)
def test_what_is_no_condition_is_refused(condition: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        understood(condition)


def in_thread(function: Any, *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    return thread


def test_what_holds_already_is_not_waited_for(kube: FakeCluster) -> None:
    kube.create(CONFIG)
    assert kube.wait_for("cm", "settings", {"data": {"step": "0"}}, timeout=0.5)["data"] == {"step": "0"}


def test_a_state_that_lasts_a_moment_is_seen(kube: FakeCluster) -> None:
    kube.create(CONFIG)

    def is_seventh(config: Any) -> bool:
        if config["data"]["step"] == "0":
            for step in range(1, 20):
                kube.patch("cm", "settings", {"data": {"step": str(step)}})
        return bool(config["data"]["step"] == "7")

    assert kube.wait_for("cm", "settings", is_seventh)["data"] == {"step": "7"}


def test_an_object_that_is_not_there_yet_is_waited_for(kube: FakeCluster) -> None:
    thread = in_thread(kube.create, CONFIG)
    assert kube.wait_for("cm", "settings")["metadata"]["name"] == "settings"
    thread.join()


def test_any_object_of_a_kind_is_waited_for(kube: FakeCluster) -> None:
    thread = in_thread(kube.create, CONFIG)
    assert kube.wait_for("cm", condition=lambda config: "step" in config.get("data", {}))["data"] == {"step": "0"}
    thread.join()


def test_the_end_of_an_object_is_waited_for(kube: FakeCluster) -> None:
    made = kube.create(CONFIG)
    thread = in_thread(kube.delete, made)
    assert kube.wait_for(made, condition="delete") in (made, {})
    thread.join()
    assert kube.wait_for("cm", "settings", "delete") == {}


def test_a_timeout_tells_the_last_state(kube: FakeCluster) -> None:
    kube.create({**CONFIG, "metadata": {"name": "settings", "finalizers": ["example.com/hold"]}})
    kube.delete("cm", "settings")
    with pytest.raises(
        WaitTimeout, match="configmap settings in namespace default: it is gone did not come true"
    ) as told:
        kube.wait_for("cm", "settings", "delete", timeout=0.05)
    assert "example.com/hold" in str(told.value)
    assert told.value.last is not None


def test_a_timeout_for_what_never_was_says_so(kube: FakeCluster) -> None:
    with pytest.raises(WaitTimeout, match="it is not there"):
        kube.wait_for("cm", "nothing", "create", timeout=0.01)


def test_an_exception_of_the_condition_is_raised_and_nobody_watches_on(kube: FakeCluster) -> None:
    kube.create(CONFIG)
    with pytest.raises(KeyError):
        kube.wait_for("cm", "settings", lambda config: config["status"])
    kube.list("cm")
    assert kube.plane.store.watcher_count() == 0


def test_a_reset_ends_waiting(kube: FakeCluster) -> None:
    def reset(config: Any) -> bool:
        in_thread(kube.reset).join()
        return False

    kube.create(CONFIG)
    with pytest.raises(RuntimeError, match="was reset or stopped while configmap settings"):
        kube.wait_for("cm", "settings", reset)


def test_a_stop_ends_waiting() -> None:
    with FakeCluster() as kube:

        def stop(config: Any) -> bool:
            in_thread(kube.stop).join()
            return False

        kube.create(CONFIG)
        with pytest.raises(RuntimeError, match="was reset or stopped while configmap settings"):
            kube.wait_for("cm", "settings", stop)


async def wait_beside_a_task_that_writes(kube: FakeCluster, sleep: Any) -> Any:
    """The condition is fulfilled by the caller's own loop, which a blocking wait would hold up."""
    await sleep(0)
    return await kube.wait_for_async("cm", "settings", {"data": {"step": "1"}})


async def test_an_asyncio_task_waits_while_others_write(kube: FakeCluster) -> None:
    waiting = asyncio.create_task(wait_beside_a_task_that_writes(kube, asyncio.sleep))
    await asyncio.sleep(0.01)
    kube.create({**CONFIG, "data": {"step": "1"}})
    assert (await waiting)["data"] == {"step": "1"}


def test_a_trio_task_waits_while_others_write(kube: FakeCluster) -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_beside_a_task_that_writes, kube, trio.sleep)
            await trio.sleep(0.01)
            kube.create({**CONFIG, "data": {"step": "1"}})

    trio.run(main)


async def test_an_asynchronous_timeout_is_told(kube: FakeCluster) -> None:
    with pytest.raises(WaitTimeout, match="it is not there"):
        await kube.wait_for_async("cm", "nothing", timeout=0.01)


async def test_idle_waits_for_controllers(kube: FakeCluster) -> None:
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    await kube.idle_async()
    assert kube.get("serviceaccount", "default", "shop")
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
    kube.idle()
    assert kube.get("configmap", "kube-root-ca.crt", "other")
