"""Objects that are kept for a time only: events, as `--event-ttl` of kube-apiserver says.

Each write counts anew. Nobody deletes them: they are gone, which whoever watches is told.
https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fakekube.objects.times import TimeError, parse_duration

if TYPE_CHECKING:
    from fakekube.registry.clock import Clock, Timer
    from fakekube.storage.store import Event, Store

EVENTS = "events"


class TimeToLiveError(ValueError):
    """No time that events could be kept for; the message says what is expected."""


def time_to_live_s(text: str) -> float:
    """The seconds of a positive Go duration. Raises TimeToLiveError."""
    try:
        seconds = parse_duration(text)
    except TimeError:
        seconds = 0.0
    if seconds <= 0:
        raise TimeToLiveError(f"events cannot be kept for {text!r}: expected a time as Go writes it, such as 1h or 30m")
    return seconds


class Expiry:
    """Removes what has not been written for `ttl_s` seconds from one collection; one timer, however many objects there are."""

    def __init__(self, store: Store, clock: Clock, ttl_s: float, collection: str = EVENTS) -> None:
        self._store = store
        self._clock = clock
        self._ttl_s = ttl_s
        self._collection = collection
        self._due: dict[tuple[str, str], float] = {}
        """(namespace, name) -> when its time is over; the next one first, since all are kept for equally long."""
        self._timer: Timer | None = None
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """From now on, and what is there already counts as written now. On the event loop of the store."""
        self._unsubscribe = self._store.subscribe(self._collection, self._note)
        for stored in self._store.list(self._collection):
            self._keep((stored.namespace, stored.name))

    def stop(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due.clear()

    def _note(self, event: Event) -> None:
        key = (event.namespace, event.name)
        if event.new is None:
            self._due.pop(key, None)
        else:
            self._keep(key)

    def _keep(self, key: tuple[str, str]) -> None:
        self._due.pop(key, None)
        self._due[key] = self._clock.monotonic() + self._ttl_s
        if self._timer is None:
            self._timer = self._clock.call_later(self._ttl_s, self._remove_due)

    def _remove_due(self) -> None:
        self._timer = None
        # Times are sums of floats: what is due within a microsecond is due.
        now = self._clock.monotonic() + 1e-6
        while self._due:
            key, due = next(iter(self._due.items()))
            if due > now:
                self._timer = self._clock.call_later(due - self._clock.monotonic(), self._remove_due)
                return
            del self._due[key]
            stored = self._store.get(self._collection, *key)
            if stored is not None:
                self._store.delete(self._collection, stored)
