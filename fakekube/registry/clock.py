"""Time, chance and how they are told: injected, so that tests can hold them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""The characters of generated name suffixes: no vowels, so that no words arise."""


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock:
    """The time of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def timestamp(self) -> str:
        """Now as metav1.Time writes it: `2026-01-02T03:04:05Z`."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def monotonic(self) -> float:
        return time.monotonic()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call back after `delay_s` seconds, on the event loop that is running."""
        return asyncio.get_running_loop().call_later(delay_s, callback)


class Chance:
    """Uids, name suffixes, addresses: from one seedable source."""

    def __init__(self, seed: int | None = None) -> None:
        self.random = random.Random(seed)

    def uid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def suffix(self, length: int = 5) -> str:
        return "".join(self.random.choices(NAME_ALPHABET, k=length))
