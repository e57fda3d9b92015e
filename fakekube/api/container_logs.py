"""What containers have written: as somebody says it, where no process runs that writes; and what a process has written that plays one.

The newest entry that fits a container is its log; what is appended comes after it. The output of a process counts before all that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from fakekube.objects.times import to_datetime

Object = dict[str, Any]

LIMIT_BYTES = 10 << 20
"""So much of the output of a process is kept, as by a kubelet (containerLogMaxSize)."""

LINE_COST_BYTES = 100
"""What a line takes beside its text."""

LINE_BYTES = 16 << 10
"""A longer line is kept in pieces, as container runtimes do."""

PROCESSES_KEPT = 2
"""Of each container: the one that runs, or ran last, and the one before."""

Text = str | Callable[[Object, str], str]
"""What was written, or who knows that: (pod, container's name) -> text."""


@dataclass(frozen=True, slots=True)
class Line:
    time: datetime
    text: bytes
    """With its line feed, unless it is the last and has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Which containers have written what. Names and images are patterns with `*` and `?`."""

    text: Text
    namespace: str = "*"
    name: str = "*"
    """Of the pod."""
    container: str = "*"
    image: str = "*"
    previous: bool = False
    """Whether it is what was written before the last restart."""
    time: datetime | None = None
    """When; None: as the container was started."""
    appended: bool = False

    def fits(self, pod: Object, container: Object, *, previous: bool) -> bool:
        metadata = pod["metadata"]
        return (
            self.previous == previous
            and fnmatchcase(metadata["name"], self.name)
            and fnmatchcase(metadata["namespace"], self.namespace)
            and fnmatchcase(container["name"], self.container)
            and fnmatchcase(container["image"], self.image)
        )


class ProcessLog:
    """What one process has written, line by line, with the time of each: the last LIMIT_BYTES of it."""

    def __init__(self, now: Callable[[], datetime], changed: Callable[[], None]) -> None:
        self._now = now
        self._changed = changed
        self._partial: dict[str, bytes] = {}
        """What has come of a line, by stream."""
        self._size = 0
        self.lines: list[Line] = []
        self.dropped = 0
        """So many lines are gone at the beginning."""
        self.restarts: int | None = None
        """Of the container when the process began; None: it has not begun, so it will be the next."""

    def is_of(self, restarts: int) -> bool:
        return self.restarts == restarts or (self.restarts is None and bool(self.lines))

    def is_before(self, restarts: int) -> bool:
        return self.restarts is not None and self.restarts < restarts

    def write(self, stream: str, data: bytes) -> None:
        """Whole lines, and pieces of very long ones, are there to read at once; the rest of a line when it ends."""
        data = self._partial.pop(stream, b"") + data
        lines = _lines(data)
        if lines and not lines[-1].endswith(b"\n") and len(lines[-1]) < LINE_BYTES:
            self._partial[stream] = lines.pop()
        self._add(lines)

    def close(self) -> None:
        """Nothing more will come: lines without an end are there to read now."""
        self._add([rest for rest in self._partial.values() if rest])
        self._partial.clear()

    def _add(self, lines: list[bytes]) -> None:
        if not lines:
            return
        now = self._now()
        self.lines += [Line(now, line) for line in lines]
        self._size += sum(len(line) + LINE_COST_BYTES for line in lines)
        if self._size > LIMIT_BYTES:
            self._drop()
        self._changed()

    def _drop(self) -> None:
        """Half of it at once, as a log file is rotated: to drop each line by itself would take too long."""
        count = 0
        while self._size > LIMIT_BYTES // 2 and count < len(self.lines):
            self._size -= len(self.lines[count].text) + LINE_COST_BYTES
            count += 1
        del self.lines[:count]
        self.dropped += count


@dataclass(frozen=True, slots=True)
class Written:
    """Lines of a log. What was read of the same `source` before is still the same."""

    source: object
    dropped: int
    """So many lines before these have been there."""
    lines: Sequence[Line]


@dataclass(slots=True)
class ContainerLogs:
    """The logs of one cluster."""

    _entries: list[Entry] = field(default_factory=list)
    _processes: dict[tuple[str, str], list[ProcessLog]] = field(default_factory=dict)
    """By uid of the pod and name of the container; the newest last."""
    _readers: list[Callable[[], None]] = field(default_factory=list)

    def put(self, entry: Entry) -> None:
        """From now on this is the log, or (appended) the end of it."""
        self._entries.append(entry)
        self._changed()

    def _changed(self) -> None:
        for reader in tuple(self._readers):
            reader()

    def begin_process(self, uid: str, container: str, now: Callable[[], datetime]) -> ProcessLog:
        """The log of a process that is about to play a container of the pod with this uid. The one before it is kept as well."""
        log = ProcessLog(now, self._changed)
        before = [each for each in self._processes.get((uid, container), ()) if each.restarts is not None or each.lines]
        self._processes[uid, container] = [*before, log][-PROCESSES_KEPT:]
        return log

    def forget(self, is_gone: Callable[[str], bool]) -> None:
        """The output of processes whose pods, known by their uids, are gone."""
        for uid, container in list(self._processes):
            if is_gone(uid):
                del self._processes[uid, container]

    def written(self, pod: Object, container: Object, state: Object, restarts: int, *, previous: bool) -> Written:
        """What is there to read of the run with so many restarts before it; `previous`: it is known to be over.

        A container that goes on without a process, and of which nobody has said anything, still shows what its last process has written:
        whoever asks wants to know why that ended.
        """
        logs = self._processes.get((pod["metadata"]["uid"], container["name"]), ())
        own = next((log for log in reversed(logs) if log.is_of(restarts)), None)
        if own is not None:
            return Written(own, own.dropped, own.lines)
        lines = self.lines(pod, container, state, previous=previous)
        if not lines:
            last = next((log for log in reversed(logs) if log.is_before(restarts)), None)
            if last is not None:
                return Written(last, last.dropped, last.lines)
        return Written(self, 0, lines)

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Be told when something is written; returns how to stop it."""
        self._readers.append(callback)
        return lambda: self._readers.remove(callback)

    def lines(self, pod: Object, container: Object, state: Object, *, previous: bool) -> list[Line]:
        """`state`: of the container as it ran or runs, with startedAt and perhaps finishedAt. Of a previous run of which nobody has said
        anything, what is said of all runs."""
        began, ended = _time(state, "startedAt"), _time(state, "finishedAt")
        parts = self._parts(pod, container, previous=previous)
        if previous and not parts:
            parts = self._parts(pod, container, previous=False)
        return [
            Line(entry.time or began or to_datetime(pod["metadata"]["creationTimestamp"]), line)
            for entry in parts
            if not entry.appended or _is_within(entry.time, began, ended)
            for line in _text(entry.text, pod, container["name"]).encode().splitlines(keepends=True)
        ]

    def _parts(self, pod: Object, container: Object, *, previous: bool) -> list[Entry]:
        """What was said of it last, and what was added since."""
        parts: list[Entry] = []
        for entry in reversed(self._entries):
            if entry.fits(pod, container, previous=previous):
                parts.insert(0, entry)
                if not entry.appended:
                    break
        return parts


def _lines(data: bytes) -> list[bytes]:
    """Split at line feeds alone: what a carriage return is for is a terminal's affair."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    rest = lines.pop()[:-1]
    return [*lines, rest] if rest else lines


def _time(state: Object, key: str) -> datetime | None:
    return to_datetime(state[key]) if state.get(key) else None


def _is_within(time: datetime | None, began: datetime | None, ended: datetime | None) -> bool:
    """Ends are told in whole seconds."""
    if time is None:
        return True
    return (began is None or time >= began) and (ended is None or time < ended + timedelta(seconds=1))


def _text(text: Text, pod: Object, container: str) -> str:
    return text if isinstance(text, str) else text(pod, container)


def shown(
    lines: Sequence[Line], *, tail: int | None = None, since: datetime | None = None, timestamps: bool = False
) -> list[bytes]:
    """The lines as they are asked for: the last `tail` of them, of these the ones since then."""
    if tail is not None:
        lines = lines[-tail:] if tail else ()
    return [
        b"%b %b" % (_stamp(line.time), line.text) if timestamps else line.text
        for line in lines
        if since is None or line.time >= since
    ]


def _stamp(time: datetime) -> bytes:
    """RFC 3339 with nine places."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%f000Z").encode()
