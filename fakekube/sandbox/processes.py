"""Which processes descend from one, and when did one start? From /proc, or from ps where there is no /proc."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

_ENDED = ("Z", "X")
"""States of a process that nobody has asked after yet."""


def start_time(pid: int) -> int:
    """In clock ticks since boot, 0 when there is no such process: with the pid it names a process for good.

    Without /proc 1 for each process that there is.
    """
    if sys.platform == "linux":
        fields = _fields(str(pid))
        return int(fields[19]) if fields and fields[0] not in _ENDED else 0
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return 0
    except PermissionError:
        pass  # Somebody else's.
    return 1


def children_of(pid: int) -> list[int]:
    """Those of one process, oldest first."""
    found = _listed_children(pid) if _has_lists_of_children() else _by_parent().get(pid, [])
    return sorted(found, key=start_time)


def descendants(pid: int) -> list[int]:
    by_parent = None if _has_lists_of_children() else _by_parent()
    found: list[int] = []
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        below = _listed_children(parent) if by_parent is None else by_parent.get(parent, [])
        found += below
        waiting += below
    return found


def _has_lists_of_children() -> bool:
    """Whether the kernel keeps them (CONFIG_PROC_CHILDREN): else all processes of the machine must be looked through."""
    return os.path.exists(f"/proc/self/task/{os.getpid()}/children")


def _listed_children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):  # It has ended: its children are another's now.
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found += map(int, file.read().split())
    return found


def _by_parent() -> dict[int, list[int]]:
    result: dict[int, list[int]] = {}
    for pid, parent in _parents():
        result.setdefault(parent, []).append(pid)
    return result


def kill_descendants() -> None:
    """SIGKILL to all that came from this process, again until none is left, because they may fork meanwhile.

    Needs `adopt_orphans`, or those whose parent has ended are not found.
    """
    while True:
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _fields(pid: str) -> list[str]:
    """The fields of /proc/PID/stat from the third one, the state, on; the name before may hold anything."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except (OSError, ValueError):
        return []


def _parents() -> list[tuple[int, int]]:
    if sys.platform == "linux":
        stats = ((int(name), _fields(name)) for name in os.listdir("/proc") if name.isdigit())
        return [(pid, int(fields[1])) for pid, fields in stats if fields]
    import subprocess

    listed = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=False).stdout
    return [(int(pid), int(parent)) for pid, parent in (line.split() for line in listed.splitlines())]
