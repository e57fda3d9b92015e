"""Whose turn it is: of all controllers with something to do, so few take a step in one turn of the event loop that requests hardly wait.

The event loop is the cluster's, so while a controller works nobody is answered. A hundred controllers with a task each would be a hundred
steps between two looks at the network.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

TURN_S = 0.0005
"""So long the steps of one turn of the event loop may take together, as far as those before them tell."""

WEIGHT = 0.1
"""Of the latest turn in the mean duration of a step."""


class Pace:
    """One for all controllers of a loop. Those who ask come in the order in which they ask.

    `one_by_one` says whether each shall have a turn of the event loop to itself, so that what happens depends on no machine's speed.
    """

    def __init__(self, one_by_one: Callable[[], bool] = lambda: False) -> None:
        self._one_by_one = one_by_one
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_on = False
        self._step_s = TURN_S
        self._last_s = 0.0
        self._last = 0

    async def turn(self) -> None:
        """Until the caller may take its next step: in the next turn of the event loop at the earliest."""
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._waiting.append(waiter)
        if not self._is_on:
            self._is_on, self._last = True, 0
            loop.call_soon(self._next)
        await waiter

    def _next(self) -> None:
        """Runs after the steps that it let go the last time, in the same turn of the event loop."""
        now = time.perf_counter()
        if self._last:
            self._step_s += WEIGHT * ((now - self._last_s) / self._last - self._step_s)
        self._last_s, self._last = now, 0
        most = 1.0 if self._one_by_one() else TURN_S / self._step_s
        waiting = self._waiting
        while waiting and (not self._last or self._last + 1 <= most):
            waiter = waiting.popleft()
            if not waiter.done():  # it was not cancelled meanwhile
                waiter.set_result(None)
                self._last += 1
        if self._last:
            # Once more even when nobody waits now: those who go on will ask within their steps.
            asyncio.get_running_loop().call_soon(self._next)
        else:
            self._is_on = False
