"""Ranges in which a size or a cost lies, and what is known of a value before there is one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fakekube.expressions.syntax import Literal
from fakekube.expressions.types import Type

ENDLESS = (1 << 64) - 1
"""The largest number; nothing goes beyond it."""


class Range(NamedTuple):
    """The least and the most that a size or a cost can be."""

    least: int
    most: int


NOTHING, ONE, ANY = Range(0, 0), Range(1, 1), Range(0, ENDLESS)


def exactly(number: int) -> Range:
    return Range(number, number)


def plus(*ranges: Range) -> Range:
    least, most = sum(each.least for each in ranges), sum(each.most for each in ranges)
    return Range(min(least, ENDLESS), min(most, ENDLESS))


def times(left: Range, right: Range) -> Range:
    return Range(min(left.least * right.least, ENDLESS), min(left.most * right.most, ENDLESS))


def scaled(size: Range, factor: float) -> Range:
    """Rounded up."""
    return Range(*(min(math.ceil(number * factor), ENDLESS) for number in size))


def either(left: Range, right: Range) -> Range:
    return Range(min(left.least, right.least), max(left.most, right.most))


Path = tuple[str, ...]
"""From a variable to a part of it: fields, `@items`, `@values`, `@keys`, `@indices`."""


@dataclass(frozen=True, slots=True)
class Entries:
    """How large the keys and the values of a map, or the items of a list, can be."""

    key: Range
    value: Range


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the value of a part of an expression."""

    cost: Range
    """Of getting it."""
    type: Type
    path: Path = ()
    """Where it is in a variable, if it is there."""
    size: Range | None = None
    entries: Entries | None = None
    literal: Literal | None = None


def size_of(value: Known) -> Range:
    return ANY if value.size is None else value.size


def widest(values: Sequence[Known]) -> Range:
    """The range of the sizes of several values."""
    if not values:
        return NOTHING
    sizes = [size_of(value) for value in values]
    return Range(min(size.least for size in sizes), max(size.most for size in sizes))


def merged(left: Entries | None, right: Entries | None) -> Entries | None:
    if left is None or right is None:
        return None
    return Entries(either(left.key, right.key), either(left.value, right.value))
