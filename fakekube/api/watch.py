"""Following a collection: where a watch begins, what it is told, when it ends.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fakekube.api.call import Call
from fakekube.api.control_plane import ControlPlane
from fakekube.api.get import FUTURE_VERSION_WAIT_S, too_large
from fakekube.api.list_options import ListOptions, version_of_watch
from fakekube.errors import Expired, StatusError
from fakekube.registry.clock import Timer
from fakekube.registry.conversion import all_shown
from fakekube.registry.kind import Kind
from fakekube.storage.store import Compacted, Event, Stored, Watcher

BOOKMARK_INTERVAL_S = 60.0
LAST_BOOKMARK_BEFORE_END_S = 2.0
LONGEST_WATCH_S = (1800.0, 3600.0)
"""Without timeoutSeconds a watch ends at random between these."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One line of a watch: ADDED, MODIFIED or DELETED with an object; BOOKMARK with a revision alone; ERROR with an error."""

    type: str
    stored: Stored | None = None
    revision: int = 0
    initial_events_end: bool = False
    error: StatusError | None = None


class Watch:
    """An open watch. Read it with `next` until that returns None, and close it in any case.

    It lasts as long as its client believes, in real time, even where the cluster's own time is held.
    """

    def __init__(self, plane: ControlPlane, call: Call, options: ListOptions) -> None:
        """Begins to listen at once, so that nothing is missed; reads nothing yet. Raises StatusError (a version that is no number)."""
        self.kind: Kind = call.kind
        self._plane = plane
        self._options = options
        self._namespace = call.namespace
        self._converts = call.kind.strategy.read is not None and not call.kind.is_stored_form
        self._collection = plane.store.collection(call.kind.collection)
        self._version = version_of_watch(options.resource_version)
        self._watcher: Watcher = plane.store.watch(call.kind.collection, call.namespace)
        self._began = False
        self._timer: Timer | None = None
        self._ended = False
        monotonic = plane.clock.real.monotonic()
        lasts_s = options.timeout_s or random.uniform(*LONGEST_WATCH_S)
        self._end = monotonic + lasts_s
        self._bookmarked = self._version
        """What the client knows to have passed: where the watch began, or the last bookmark. Events do not count."""
        self._next_bookmark = min(
            monotonic + BOOKMARK_INTERVAL_S, max(self._end - LAST_BOOKMARK_BEFORE_END_S, monotonic)
        )

    async def next(self) -> list[Notice] | None:
        """What has happened, at least one notice unless only time has passed; None at the end."""
        if self._ended:
            return None
        if not self._began:
            self._began = True
            notices = await self._begin()
            if notices:
                return notices
        watcher = self._watcher
        while True:
            if watcher.pending:
                notices = await self._changes(self._taken())
                if notices:
                    return notices
            if watcher.closed:
                self._ended = True
                return None
            if self._timer is None:
                bookmark = self._time_passed()
                if bookmark is not None:
                    return [bookmark]
                if self._ended:
                    return None
            await watcher.wait()

    async def _converted(self, events: Iterable[Event]) -> list[Event]:
        """The events with the states in the kind's version, for which others have to be asked. Raises StatusError."""
        events = [event for event in events if event.revision > self._version]
        if self._options.selection.everything:
            # What was before a change counts only for selectors.
            events = [Event(each.type, each.new, None if each.new else each.old, each.revision) for each in events]
        states = [state for each in events for state in (each.new, each.old) if state is not None]
        shown = dict(zip(states, await all_shown(self.kind, states), strict=True))
        return [
            Event(each.type, each.new and shown[each.new], each.old and shown[each.old], each.revision)
            for each in events
        ]

    def _time_passed(self) -> Notice | None:
        """What is due now; sets the one timer for what is due next, so that waiting for events costs no timers."""
        now = self._plane.clock.real.monotonic()
        if now >= self._end:
            self._ended = True
            return None
        bookmark = self._bookmark()
        due = min(self._end, self._next_bookmark) if self._options.allow_bookmarks else self._end
        self._timer = self._plane.clock.real.call_later(max(due - now, 0.0), self._ring)
        return bookmark

    def _ring(self) -> None:
        self._timer = None
        self._watcher.wake()

    def close(self) -> None:
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._watcher.close()

    async def _begin(self) -> list[Notice]:
        options, store = self._options, self._plane.store
        # Asked for the present state: by name, or by saying no version on a path that fills nothing in.
        wants_state = options.send_initial_events
        if wants_state is None:
            wants_state = self._version == 0
        if wants_state:
            if self._version > store.revision and not await self._plane.wait_for_revision(
                self._version, FUTURE_VERSION_WAIT_S
            ):
                return [self._fail(too_large(self._version, store.revision))]
            # What arrived while waiting is part of the state.
            self._watcher.pending.clear()
            return await self._initial()
        if self._version == 0:
            return []
        try:
            events = store.since(self._collection.name, self._namespace, self._version)
        except Compacted as compacted:
            message = f"too old resource version: {self._version} ({compacted.oldest})"
            return [self._fail(Expired(message))]
        self._watcher.pending.clear()
        return await self._changes(events)

    async def _initial(self) -> list[Notice]:
        selection = self._options.selection
        revision = self._plane.store.revision
        present: Iterable[Stored] = self._collection.in_order(self._namespace)
        if self._converts:
            try:
                present = await all_shown(self.kind, list(present))
            except StatusError as error:
                return [self._fail(error)]
        notices = [Notice("ADDED", stored, stored.revision) for stored in present if selection.matches(stored)]
        self._bookmarked = revision
        if self._options.send_initial_events and self._options.allow_bookmarks:
            notices.append(Notice("BOOKMARK", revision=revision, initial_events_end=True))
        return notices

    def _taken(self) -> list[Event]:
        pending = self._watcher.pending
        events = list(pending)
        pending.clear()
        return events

    async def _changes(self, events: Iterable[Event]) -> list[Notice]:
        selection, version = self._options.selection, self._version
        if self._converts:
            try:
                events = await self._converted(events)
            except StatusError as error:
                return [self._fail(error)]
        notices = []
        for event in events:
            if event.revision <= version:
                continue
            notice = _seen_by(event, selection.everything, selection.matches)
            if notice is not None:
                notices.append(notice)
        return notices

    def _bookmark(self) -> Notice | None:
        now = self._plane.clock.real.monotonic()
        if not self._options.allow_bookmarks or now < self._next_bookmark:
            return None
        last = self._end - LAST_BOOKMARK_BEFORE_END_S
        self._next_bookmark = min(now + BOOKMARK_INTERVAL_S, last) if now < last else self._end
        if self._collection.revision <= self._bookmarked:
            return None
        self._bookmarked = self._collection.revision
        return Notice("BOOKMARK", revision=self._bookmarked)

    def _fail(self, error: StatusError) -> Notice:
        self.close()
        return Notice("ERROR", error=error)


def _seen_by(event: Event, everything: bool, matches: Callable[[Stored], bool]) -> Notice | None:
    """The event as a watch with a selector sees it: an object that begins to match is ADDED, one that ceases is DELETED."""
    new, old = event.new, event.old
    if everything:
        shown = new if new is not None else event.last()
        return Notice(event.type, shown, event.revision)
    was = old is not None and matches(old)
    is_ = new is not None and matches(new)
    if is_:
        return Notice("MODIFIED" if was else "ADDED", new, event.revision)
    return Notice("DELETED", event.last(), event.revision) if was else None
