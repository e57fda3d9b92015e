"""Connections that hold something outside of this process, as a program or a socket: they end before the server stops or begins anew."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

END_TIMEOUT_S = 0.5


class Sessions:
    """Of one cluster."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    @contextmanager
    def joined(self) -> Iterator[None]:
        """The running task is one of them while this lasts; at the end of all it is cancelled, and has a moment to clear up."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    async def end(self) -> None:
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=END_TIMEOUT_S)
