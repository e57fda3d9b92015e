from __future__ import annotations

from random import Random

import pytest

from fakekube.registry.allocators import Allocators
from fakekube.registry.kind import Object
from fakekube.registry.user import User


class WriteForTests:
    """What a strategy is given during a write, with a clock and a chance that stand still."""

    dry_run = False

    def __init__(self) -> None:
        self.user = User("jane", ("dev", "system:authenticated"))
        self.allocators = Allocators("10.96.0.0/24", Random(0))

    def now(self) -> str:
        return "2026-01-02T03:04:05Z"

    def new_uid(self) -> str:
        return "11111111-2222-3333-4444-555555555555"

    def random_suffix(self, length: int = 5) -> str:
        return "x" * length

    def get(self, group: str, resource: str, namespace: str, name: str) -> Object | None:
        return None


@pytest.fixture
def operation() -> WriteForTests:
    return WriteForTests()
