"""Who is told of a change: the same step that commits it hands it to every watcher.

A watcher that does not read is set aside, never waited for: beyond WATCHER_BACKLOG events it is closed and its client starts anew.
Where changes follow each other quickly, watchers are woken for several at a time: each time costs every one of them a system call.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection

from fakekube.storage.stored import Event

WATCHER_BACKLOG = 10_000
"""Events that may wait for one watcher."""


REST_S = 0.002
REST_FOR_EACH_S = 0.00005
"""Watchers are not woken again within so long, and more for each of them; the first change after a rest is told at once."""


class Watcher:
    """A reader of one collection, of one namespace or ("") of all. Lives on the event loop of the store."""

    __slots__ = ("_on_close", "_waiting", "closed", "namespace", "pending")

    def __init__(self, namespace: str, on_close: Callable[[Watcher], None]) -> None:
        self.namespace = namespace
        self.pending: deque[Event] = deque()
        self.closed = False
        self._on_close = on_close
        self._waiting: asyncio.Future[None] | None = None

    def push(self, event: Event) -> None:
        """Keep it until it is read, without waking anybody."""
        self.pending.append(event)
        if len(self.pending) > WATCHER_BACKLOG:
            self.close()

    @property
    def waiting_in(self) -> asyncio.AbstractEventLoop | None:
        """Where somebody waits for what is pending; None when nobody does."""
        return None if self._waiting is None or self._waiting.done() else self._waiting.get_loop()

    async def wait(self) -> None:
        """Until an event is pending, the watcher is closed, or somebody calls `wake`."""
        if self.pending or self.closed:
            return
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def close(self) -> None:
        """No more events; what is pending may still be read."""
        if not self.closed:
            self.closed = True
            self._on_close(self)
            self.wake()

    def wake(self) -> None:
        """End a `wait`, if there is one."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class Watchers:
    """The readers of one collection, by the namespace they asked for; and the callbacks of those who live in this process."""

    __slots__ = ("_alarm", "_by_namespace", "_callbacks", "_rest_until_s")

    def __init__(self) -> None:
        self._by_namespace: dict[str, list[Watcher]] = {}
        self._rest_until_s = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._callbacks: list[Callable[[Event], None]] = []

    def __len__(self) -> int:
        return sum(len(watchers) for watchers in self._by_namespace.values())

    def watch(self, namespace: str) -> Watcher:
        watcher = Watcher(namespace, self._remove)
        self._by_namespace.setdefault(namespace, []).append(watcher)
        return watcher

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """`callback` is called within the write, so it may only take a note; returns how to stop it."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def tell(self, event: Event) -> None:
        if self._by_namespace:
            for watcher in self._told(event.namespace):
                watcher.push(event)
            if self._alarm is None:
                self._wake_in_time(event.namespace)
        for callback in self._callbacks:
            callback(event)

    def _told(self, namespace: str) -> tuple[Watcher, ...]:
        """Who is told of changes in a namespace."""
        everywhere = self._by_namespace.get("", ())
        return (*everywhere, *self._by_namespace.get(namespace, ())) if namespace else tuple(everywhere)

    def _wake_in_time(self, namespace: str) -> None:
        now = time.monotonic()
        if now >= self._rest_until_s:
            self._wake(self._told(namespace))
            return
        loop = next(filter(None, (watcher.waiting_in for watcher in self._told(namespace))), None)
        if loop is not None:
            self._alarm = loop.call_later(self._rest_until_s - now, self._rested)

    def _rested(self) -> None:
        self._alarm = None
        self._wake([each for watchers in self._by_namespace.values() for each in watchers if each.pending])

    def _wake(self, watchers: Collection[Watcher]) -> None:
        self._rest_until_s = time.monotonic() + REST_S + REST_FOR_EACH_S * len(watchers)
        for watcher in watchers:
            watcher.wake()

    def close_all(self) -> None:
        for watchers in list(self._by_namespace.values()):
            for watcher in tuple(watchers):
                watcher.close()

    def _remove(self, watcher: Watcher) -> None:
        watchers = self._by_namespace.get(watcher.namespace, [])
        if watcher in watchers:
            watchers.remove(watcher)
            if not watchers:
                del self._by_namespace[watcher.namespace]
