"""Time as a test holds it, and rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from fakekube.objects.times import to_datetime

if TYPE_CHECKING:
    from fakekube.controllers.loop import Loop
    from fakekube.registry.clock import SteeredClock

T = TypeVar("T")

LAST_MOMENT_S = 0.1
"""So long what keeps happening is watched, before it is told."""
SHOWN = 5


class ClockHandle:
    """The cluster's time: grace periods, back-off, deadlines, schedules, leases, tokens, ages, and every time that is written.

        kube.clock.freeze()
        kube.clock.advance(minutes=5)  # whatever falls due within has happened when it returns

    With a seed (`FakeCluster(seed=1)`), a frozen clock, and `kube.settle()` after each write, the same test makes the same objects to the
    last uid.

    What only the network knows goes by real time all the same: how long a watch lasts, and how long clients wait.
    """

    def __init__(
        self,
        clock: SteeredClock,
        settle: Callable[[], Awaitable[None]],
        run: Callable[[Callable[[], Coroutine[Any, Any, T]]], T],
    ) -> None:
        self._clock = clock
        self._settle = settle
        self._run: Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any] = run

    def now(self) -> datetime:
        """The time in the cluster, in UTC."""
        return self._clock.now()

    @property
    def is_frozen(self) -> bool:
        return self._clock.is_held

    def freeze(self, at: datetime | str | None = None) -> datetime:
        """Let what is going on come to rest, then stop the time; returns it. `at`: the time it shall be, as in `"2026-01-02T03:04:05Z"`;
        by default it is now, without the fraction of a second, since most times in Kubernetes have none.
        """
        wanted = to_datetime(at) if isinstance(at, str) else at
        if wanted is not None and wanted.tzinfo is None:
            raise ValueError(
                f"{wanted} is in no time zone: expected a datetime with tzinfo, as datetime(2026, 1, 2, tzinfo=UTC)"
            )

        async def freeze() -> datetime:
            await self._settle()
            self._clock.hold(wanted or self._clock.now().replace(microsecond=0))
            return self._clock.now()

        frozen: datetime = self._run(freeze)
        return frozen

    def advance(
        self, by: timedelta | None = None, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Move the time on; returns the new one. Whatever is due on the way is done, one after the other in the order of its time, and
        everybody comes to rest in between. A clock that is not frozen goes on afterwards.

        Raises TimeoutError when the cluster does not come to rest.
        """
        way = (by or timedelta()) + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if way < timedelta():
            raise ValueError("time does not go back: `freeze(at=...)` sets it")
        advanced: datetime = self._run(lambda: advance(self._clock, way.total_seconds(), self._settle))
        return advanced

    def unfreeze(self) -> None:
        """Let the time go on from where it is. `kube.reset()` brings back the real time."""

        async def unfreeze() -> None:
            self._clock.release()

        self._run(unfreeze)


async def advance(clock: SteeredClock, seconds: float, settle: Callable[[], Awaitable[None]]) -> datetime:
    """See ClockHandle.advance."""
    await settle()
    was_held = clock.is_held
    if not was_held:
        clock.hold()
    until = clock.monotonic() + seconds
    while (due_in := clock.due_in()) is not None and clock.monotonic() + due_in <= until + 1e-6:
        clock.step(min(due_in, until - clock.monotonic()))
        await settle()
    clock.step(max(until - clock.monotonic(), 0.0))
    await settle()
    now = clock.now()
    if not was_held:
        clock.release()
    return now


async def settle(loop: Loop, timeout_s: float) -> None:
    """Until the controllers rest. Raises TimeoutError, which says what keeps happening."""
    try:
        await asyncio.wait_for(loop.idle(), timeout_s)
    except TimeoutError:
        loop.count_looks()
        await asyncio.sleep(LAST_MOMENT_S)
        lines = [
            f"  {name}: {'/'.join(part for part in key if part)}, {times} times"
            for times, name, key in loop.busiest()[:SHOWN]
        ]
        what = f"; in the next {LAST_MOMENT_S:g} s was looked at\n" + "\n".join(lines) if lines else ""
        raise TimeoutError(f"the cluster does not come to rest within {timeout_s:g} s{what}") from None
