"""From the server's thread to whoever waits for it: a plain thread, an asyncio task or a trio task."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A queue with many writers and one reader at a time; nobody polls."""

    def __init__(self) -> None:
        self._items: SimpleQueue[T] = SimpleQueue()
        self._wake: Callable[[], object] | None = None

    def __len__(self) -> int:
        return self._items.qsize()

    def put(self, item: T) -> None:
        """From any thread; never waits."""
        self._items.put(item)
        wake = self._wake
        if wake is not None:
            # The reader's loop may have ended meanwhile; trio's RunFinishedError is a RuntimeError too.
            with suppress(RuntimeError):
                wake()

    def get(self, timeout_s: float | None = None) -> T:
        """Blocks the thread. Raises TimeoutError."""
        try:
            return self._items.get(timeout=timeout_s)
        except Empty:
            raise TimeoutError from None

    async def receive(self) -> T:
        """For asyncio and trio; may be cancelled."""
        while True:
            with suppress(Empty):
                return self._items.get_nowait()
            event, self._wake = _event()
            # What came before `_wake` was set has woken nobody.
            with suppress(Empty):
                return self._items.get_nowait()
            await event.wait()


async def run_in(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it in another thread's loop and wait for it in this task, of asyncio or trio. When the task is cancelled, so is it."""
    finished: Mailbox[Future[T]] = Mailbox()
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    future.add_done_callback(finished.put)
    try:
        await finished.receive()
    except BaseException:
        future.cancel()
        raise
    return future.result()


class _Event(Protocol):
    async def wait(self) -> Any: ...


def _event() -> tuple[_Event, Callable[[], object]]:
    """An event of the async library that runs this task, and how any thread sets it."""
    trio = sys.modules.get("trio")
    if trio is not None:
        with suppress(RuntimeError):
            token = trio.lowlevel.current_trio_token()
            trio_event = trio.Event()
            return trio_event, partial(token.run_sync_soon, trio_event.set)
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    return event, partial(loop.call_soon_threadsafe, event.set)
