"""The values of expressions that Python has no type for.

The others: null is None, bool, int (64 bits, signed), double is float, string is str, bytes, a list is a list, a map is a dict, a type
is a `types.Type`. Whoever computes with them sees to it that an int stays within its 64 bits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Value = Any
"""Any of the values that the text above names, or of the classes below, or of one that a library defines: such a class has an attribute
`type`, its `types.Type`."""


class EvaluationProblem(Exception):
    """An expression gives no value; the message is that of cel-go: `no such key: a`, `division by zero`."""


class Unsigned(int):
    """A uint: `1u`. It equals the int and the double of the same amount."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A moment, in nanoseconds since 1970-01-01T00:00:00Z."""

    nanoseconds: int
    offset: int = field(default=0, compare=False)
    """Of the clock that it was read from, in seconds east of Greenwich: only its text shows it."""


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A span of time, in nanoseconds."""

    nanoseconds: int


@dataclass(frozen=True, slots=True)
class Optional:
    """A value that may be missing: `self.?a`. What is missing is `NONE`, and no other."""

    value: Value = None


NONE = Optional()
"""The optional without a value; tell it by `is`: an optional of null equals it."""


class SetList(list[Value]):
    """A list of x-kubernetes-list-type `set`: it equals another one with the same items in whatever order."""


class MapList(list[Value]):
    """A list of x-kubernetes-list-type `map`: it equals another one with the same items, found by their keys."""

    __slots__ = ("keys",)

    def __init__(self, items: list[Value], keys: tuple[str, ...]) -> None:
        super().__init__(items)
        self.keys = keys


class Constructed(dict[str, Value]):
    """What `Object.metadata{labels: ...}` makes, with the name of its type."""

    __slots__ = ("type_name",)

    def __init__(self, type_name: str, fields: dict[str, Value]) -> None:
        super().__init__(fields)
        self.type_name = type_name
