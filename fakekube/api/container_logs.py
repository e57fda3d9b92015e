"""What containers have written, as somebody says it: no process runs that writes.

The newest entry that fits a container is its log; what is appended comes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from fakekube.objects.times import to_datetime

Object = dict[str, Any]

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


@dataclass(slots=True)
class ContainerLogs:
    """The logs of one cluster."""

    _entries: list[Entry] = field(default_factory=list)
    _readers: list[Callable[[], None]] = field(default_factory=list)

    def put(self, entry: Entry) -> None:
        """From now on this is the log, or (appended) the end of it."""
        self._entries.append(entry)
        for reader in tuple(self._readers):
            reader()

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
