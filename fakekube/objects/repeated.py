"""A memory for what comes again and again, such as the pods of one template, that costs little when nothing does.

One process may run several clusters, each in a thread of its own: what is remembered here is true for all of them, and every step is one
that the interpreter does not interrupt.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Repeated(Generic[Key, Value]):
    """The values of keys that have come at least twice; of `most` keys, those that came last. A first time leaves no more than a number."""

    __slots__ = ("_most", "_once", "_values")

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._once: set[int] = set()

    def get(self, key: Key) -> Value | None:
        return self._values.get(key)

    def is_new(self, key: Key) -> bool:
        """Whether the key comes for the first time; else its value is worth to be put."""
        mark = hash(key)
        if mark in self._once:
            return False
        if len(self._once) >= 16 * self._most:
            self._once.clear()
        self._once.add(mark)
        return True

    def put(self, key: Key, value: Value) -> None:
        if len(self._values) >= self._most:
            self._values.popitem(last=False)
        self._values[key] = value

    def clear(self) -> None:
        self._values.clear()
        self._once.clear()

    def __len__(self) -> int:
        return len(self._values)
