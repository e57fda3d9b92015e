"""Which processes descend from one, by each of the ways to find out."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from fakekube.sandbox import processes


@pytest.fixture
def family() -> Iterator[tuple[int, int]]:
    """A shell and its child."""
    script = "sleep 7654 & echo $!; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout
        child = int(shell.stdout.readline())
        yield shell.pid, child
        os.kill(child, 9)
        shell.kill()


@pytest.mark.parametrize("has_lists", [True, False], ids=["lists of children", "all processes"])
def test_descendants_are_found(family: tuple[int, int], has_lists: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_lists:
        monkeypatch.setattr(processes, "_has_lists_of_children", lambda: False)
    shell, child = family

    assert processes.children_of(shell) == [child]
    assert processes.descendants(shell) == [child]
    assert {shell, child} <= set(processes.descendants(os.getpid()))
    assert processes.descendants(child) == []


def test_child_of_a_thread_is_the_process_childs() -> None:
    started: list[subprocess.Popen[bytes]] = []
    done = threading.Event()

    def body() -> None:
        started.append(subprocess.Popen(["sleep", "7654"]))
        ready.set()
        done.wait()

    ready = threading.Event()
    thread = threading.Thread(target=body)
    thread.start()
    ready.wait()
    try:
        assert started[0].pid in processes.children_of(os.getpid())
    finally:
        done.set()
        thread.join()
        started[0].kill()
        started[0].wait()


def test_start_time_tells_processes_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["sleep", "7654"]) as sleeping:
        known = processes.start_time(sleeping.pid)
        assert processes.start_time(os.getpid()) <= known
        monkeypatch.setattr(sys, "platform", "darwin")
        assert processes.start_time(sleeping.pid) == 1
        monkeypatch.undo()
        sleeping.kill()
        os.waitid(os.P_PID, sleeping.pid, os.WEXITED | os.WNOWAIT)
        assert (
            processes.start_time(sleeping.pid) == 0
        )  # A process that nobody has asked after yet has ended all the same.
