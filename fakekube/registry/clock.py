"""Time, chance and how they are told: injected, so that tests can hold them."""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""The characters of generated name suffixes: no vowels, so that no words arise."""


_UID_FREE = ~(0xF000_C000 << 48) & (1 << 128) - 1
_UID_FIXED = 0x4000_8000 << 48
"""What is random in a UUID of version 4, and what is not."""


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock:
    """The time of this machine."""

    is_held: bool = False
    """Whether time stands still until somebody moves it."""

    @property
    def real(self) -> Clock:
        """What connections and repetitions go by, since the other end of them does not live in held time: timeouts of watches, and the
        short pauses after a write that failed."""
        return self

    def now(self) -> datetime:
        return datetime.now(UTC)

    def timestamp(self) -> str:
        """Now as metav1.Time writes it: `2026-01-02T03:04:05Z`."""
        return _second(self.now())

    def monotonic(self) -> float:
        return time.monotonic()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call back after `delay_s` seconds, on the event loop that is running."""
        return asyncio.get_running_loop().call_later(delay_s, callback)


_told = (datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), "")
"""The last second that was told: its begin, its end, its text."""


def _second(moment: datetime) -> str:
    """One write tells its time several times, and there are many in one second."""
    global _told
    begin, end, text = _told
    if not begin <= moment < end:
        begin = moment.replace(microsecond=0)
        text = begin.strftime("%Y-%m-%dT%H:%M:%SZ")
        _told = begin, begin + timedelta(seconds=1), text
    return text


class SteeredClock(Clock):
    """The time of this machine until somebody holds it; then it stands still, and moves as far as it is told to.

    For one event loop. Its timers are kept here rather than by the event loop, so that whoever holds the time can see which is due next.
    Of two that are due at the same moment, the one that was asked for first comes first.
    """

    def __init__(self, real: Clock | None = None) -> None:
        self._real = real or Clock()
        self._ahead = timedelta(0)
        """By how much this clock has been moved away from the machine's."""
        self._ahead_s = 0.0
        self._held_at: datetime | None = None
        self._held_monotonic = 0.0
        self._timers: list[SteeredTimer] = []
        self._asked = 0
        self._alarm: Timer | None = None
        self._alarm_at = 0.0
        self._tickers: list[Ticker] = []

    @property
    def is_held(self) -> bool:  # type: ignore[override]
        return self._held_at is not None

    @property
    def real(self) -> Clock:
        return self._real

    def now(self) -> datetime:
        return self._held_at or self._real.now() + self._ahead

    def monotonic(self) -> float:
        return self._held_monotonic if self.is_held else self._real.monotonic() + self._ahead_s

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> SteeredTimer:
        self._asked += 1
        timer = SteeredTimer(self.monotonic() + delay_s, self._asked, callback)
        heapq.heappush(self._timers, timer)
        if not self.is_held:
            self._set_alarm()
        return timer

    def every(self, interval_s: float, callback: Callable[[], None]) -> Ticker:
        """Call back every `interval_s` seconds until it is cancelled. Held time that moves past several of these moments calls once, at the
        next stop: else a day would cost a test as much as thousands of stops. Nobody who waits for rest waits for it."""
        ticker = Ticker(interval_s, callback, self.monotonic() + interval_s)

        def ring() -> None:
            if not self.is_held:
                ticker.tell(self.monotonic())
            ticker.alarm = self._real.call_later(interval_s, ring)

        ticker.alarm = self._real.call_later(interval_s, ring)
        self._tickers.append(ticker)
        return ticker

    def hold(self, at: datetime | None = None) -> None:
        """Stand still, now or at a given time. What is due earlier than that is not called, but with the next step."""
        self._held_monotonic = self.monotonic()
        self._held_at = at or self.now()
        self._drop_alarm()

    def release(self) -> None:
        """Go on at the pace of the machine, from where it stands."""
        if self._held_at is not None:
            self._ahead = self._held_at - self._real.now()
            self._ahead_s = self._held_monotonic - self._real.monotonic()
            self._held_at = None
        self._set_alarm()

    def restore(self) -> None:
        """The time of the machine again, and nobody waits for it."""
        self._drop_alarm()
        self._timers.clear()
        while self._tickers:
            self._tickers.pop().cancel()
        self._held_at, self._ahead, self._ahead_s = None, timedelta(0), 0.0

    def due_in(self) -> float | None:
        """Seconds until somebody is to be called; None when nobody waits."""
        self._drop_cancelled()
        return max(self._timers[0].at - self.monotonic(), 0.0) if self._timers else None

    def step(self, seconds: float) -> None:
        """Move the held time on, and call the first of those who are due by then."""
        assert self._held_at is not None
        self._held_at += timedelta(seconds=seconds)
        self._held_monotonic += seconds
        for ticker in self._tickers:
            ticker.tell(self._held_monotonic)
        self._call_first()

    def _call_first(self) -> bool:
        self._drop_cancelled()
        # Times are sums of floats: what is due within a microsecond is due.
        if not self._timers or self._timers[0].at > self.monotonic() + 1e-6:
            return False
        timer = heapq.heappop(self._timers)
        timer.callback()
        return True

    def _drop_cancelled(self) -> None:
        while self._timers and self._timers[0].cancelled:
            heapq.heappop(self._timers)

    def _set_alarm(self) -> None:
        self._drop_cancelled()
        if not self._timers:
            return
        at = self._timers[0].at
        if self._alarm is None or at < self._alarm_at:
            self._drop_alarm()
            self._alarm_at = at
            self._alarm = self._real.call_later(max(at - self.monotonic(), 0.0), self._ring)

    def _drop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _ring(self) -> None:
        self._alarm = None
        while not self.is_held and self._call_first():
            pass
        if not self.is_held:
            self._set_alarm()


@dataclass(order=True, slots=True)
class SteeredTimer:
    at: float
    asked: int
    callback: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


@dataclass(slots=True)
class Ticker:
    interval_s: float
    callback: Callable[[], None]
    at: float
    """When it is to be called next."""
    alarm: Timer | None = None
    cancelled: bool = False

    def tell(self, now: float) -> None:
        if not self.cancelled and now >= self.at - 1e-6:
            self.at = now + self.interval_s
            self.callback()

    def cancel(self) -> None:
        self.cancelled = True
        if self.alarm is not None:
            self.alarm.cancel()


class Chance:
    """Uids, name suffixes, addresses: from one seedable source."""

    def __init__(self, seed: int | None = None) -> None:
        self.random = random.Random(seed)

    def uid(self) -> str:
        digits = f"{self.random.getrandbits(128) & _UID_FREE | _UID_FIXED:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def suffix(self, length: int = 5) -> str:
        return "".join(self.random.choices(NAME_ALPHABET, k=length))
