"""Which processes descend from one, and when did one start? From /proc, or from ps where there is no /proc."""

from __future__ import annotations

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


def children() -> dict[int, list[int]]:
    """All processes of the machine by their parent."""
    result: dict[int, list[int]] = {}
    for pid, parent in _parents():
        result.setdefault(parent, []).append(pid)
    return result


def children_of(pid: int) -> list[int]:
    """Those of one process, oldest first."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return sorted(map(int, file.read().split()), key=start_time)
    except FileNotFoundError:
        # Kernels without CONFIG_PROC_CHILDREN, or the process has ended.
        return sorted(children().get(pid, []), key=start_time)


def descendants(pid: int) -> list[int]:
    by_parent = children()
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = by_parent.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


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
