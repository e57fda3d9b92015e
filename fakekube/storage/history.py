"""What has happened to one collection, as far back as it is remembered.

A watch may start in the past and a paged list goes on at the revision of its first page; both read here. What is forgotten is *compacted*:
asking for it is answered 410.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from operator import attrgetter

from fakekube.storage.stored import Event

HISTORY_EVENTS = 1000
"""At least so many events of a collection are kept, however old they are."""
HISTORY_AGE_S = 75.0
"""Events younger than this are kept beyond HISTORY_EVENTS; the watch cache of kube-apiserver has the same bound."""

_revision = attrgetter("revision")


class Compacted(Exception):
    """The revision asked for is older than what is remembered; `oldest` is the first that may be asked for."""

    def __init__(self, oldest: int) -> None:
        super().__init__(oldest)
        self.oldest = oldest


class History:
    """The events of one collection, oldest first."""

    __slots__ = ("_events", "_times", "oldest")

    def __init__(self, oldest: int) -> None:
        self._events: deque[Event] = deque()
        self._times: deque[float] = deque()
        self.oldest = oldest

    def append(self, event: Event, time_s: float) -> None:
        """Remember `event`, which happened at `time_s` (monotonic seconds), and forget what is old and beyond the bound."""
        self._events.append(event)
        self._times.append(time_s)
        while len(self._events) > HISTORY_EVENTS and self._times[0] < time_s - HISTORY_AGE_S:
            self._times.popleft()
            self.oldest = self._events.popleft().revision

    def since(self, revision: int) -> list[Event]:
        """The events after `revision`, oldest first. Raises Compacted."""
        if revision < self.oldest:
            raise Compacted(self.oldest)
        events = self._events
        if not events or events[-1].revision <= revision:
            return []
        return list(events)[bisect_right(events, revision, key=_revision) :]

    def backwards(self, revision: int) -> Iterator[Event]:
        """The events after `revision`, newest first. Raises Compacted."""
        return reversed(self.since(revision))

    def forget(self, revision: int) -> None:
        """Compact everything up to `revision`."""
        while self._events and self._events[0].revision <= revision:
            self._events.popleft()
            self._times.popleft()
        self.oldest = max(self.oldest, revision)

    def fork(self) -> History:
        other = History(self.oldest)
        other._events = self._events.copy()
        other._times = self._times.copy()
        return other
