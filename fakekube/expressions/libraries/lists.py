"""Functions of lists: those of Kubernetes (isSorted, sum, min, max, indexOf, lastIndexOf) and those of cel-go (slice, flatten, sort ...).

https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-list-library
https://pkg.go.dev/github.com/google/cel-go/ext#Lists
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from fakekube.expressions.equality import surely_equal
from fakekube.expressions.runtime_types import shown_type
from fakekube.expressions.types import overload
from fakekube.expressions.values import Duration, EvaluationProblem, Timestamp, Unsigned, Value

_COMPARABLE = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")
_NUMBERS = frozenset({int, Unsigned, float})
_ORDERED = _NUMBERS | {bool, Duration, Timestamp, str, bytes}
_NO_OVERLOAD = "no such overload"
_WORD = 1 << 63
_LONGEST_RANGE = 10_000_000
"""Longer ones cost more than any expression may."""


def is_sorted(items: list[Value]) -> bool:
    kinds = set(map(type, items))
    if not kinds <= _ORDERED:
        raise EvaluationProblem(_NO_OVERLOAD)
    if kinds <= _NUMBERS or len(kinds) == 1:
        return not any(left > right for left, right in pairwise(items))
    # What cannot be compared is in no wrong order.
    return not any(_comparable(left, right) and left > right for left, right in pairwise(items))


def _comparable(left: Value, right: Value) -> bool:
    kind = type(left)
    return kind is type(right) or (kind in _NUMBERS and type(right) in _NUMBERS)


def _most(
    name: str, chosen: Callable[[list[Value]], Value], better: Callable[[Value, Value], bool]
) -> Callable[..., Any]:
    def most(items: list[Value]) -> Value:
        if not items:
            raise EvaluationProblem(f"{name} called on empty list")
        kinds = set(map(type, items))
        if not kinds <= _ORDERED:
            raise EvaluationProblem(_NO_OVERLOAD)
        if kinds <= _NUMBERS or len(kinds) == 1:
            return chosen(items)
        best = items[0]
        for item in items[1:]:
            if _comparable(best, item) and better(item, best):
                best = item
        return best

    return most


largest = _most("max", max, lambda new, best: bool(new > best))
smallest = _most("min", min, lambda new, best: bool(new < best))


def _sum(zero: Value) -> Callable[[list[Value]], Value]:
    kind = type(zero)

    def total(items: list[Value]) -> Value:
        if any(type(item) is not kind for item in items):
            raise EvaluationProblem(_NO_OVERLOAD)
        return _ADDED[kind](items)

    return total


def _added(lowest: int, beyond: int, problem: str) -> Callable[[Sequence[int]], int]:
    def added(items: Sequence[int]) -> int:
        total = 0
        for item in items:
            total += item
            if not lowest <= total < beyond:
                raise EvaluationProblem(problem)
        return total

    return added


_added_int = _added(-_WORD, _WORD, "integer overflow")
_added_uint = _added(0, 2 * _WORD, "unsigned integer overflow")
_ADDED: dict[type, Callable[[list[Any]], Value]] = {
    int: _added_int,
    Unsigned: lambda items: Unsigned(_added_uint(items)),
    float: lambda items: sum(items, 0.0),
    Duration: lambda items: Duration(_added_int([item.nanoseconds for item in items])),
}
_ZEROS: dict[str, Value] = {"int": 0, "uint": Unsigned(0), "double": 0.0, "duration": Duration(0)}


def index_of(items: list[Value], wanted: Value) -> int:
    """-1 for what is not in the list."""
    return next((index for index, item in enumerate(items) if surely_equal(item, wanted)), -1)


def last_index_of(items: list[Value], wanted: Value) -> int:
    for index in range(len(items) - 1, -1, -1):
        if surely_equal(items[index], wanted):
            return index
    return -1


def slice_of(items: list[Value], start: int, end: int) -> list[Value]:
    asked = f"cannot slice({start}, {end})"
    if start < 0 or end < 0:
        raise EvaluationProblem(f"{asked}, negative indexes not supported")
    if start > end:
        raise EvaluationProblem(f"{asked}, start index must be less than or equal to end index")
    if end > len(items):
        raise EvaluationProblem(f"{asked}, list is length {len(items)}")
    return list(items[start:end])


def flat(items: Value, depth: Value = 1) -> list[Value]:
    """Without the lists in it, and those in them, down to a depth; a list without lists in it may be given as well."""
    if not isinstance(items, list) or type(depth) is not int:
        given = "" if depth == 1 else shown_type(depth)
        raise EvaluationProblem(f"{_NO_OVERLOAD}: {shown_type(items)}.flatten({given})")
    if depth < 0:
        raise EvaluationProblem("level must be non-negative")
    found: list[Value] = []
    for item in items:
        if depth and isinstance(item, list):
            found.extend(flat(item, depth - 1))
        else:
            found.append(item)
    return found


def in_order(items: Value) -> list[Value]:
    if not isinstance(items, list):
        raise EvaluationProblem(f"{_NO_OVERLOAD}: sort")
    return in_order_of(items, items)


def in_order_of(items: Value, keys: list[Value]) -> list[Value]:
    """The items, in the order of the keys at the same places: what the macro `sortBy` comes down to."""
    if not isinstance(items, list):
        raise EvaluationProblem(f"{_NO_OVERLOAD}: @sortByAssociatedKeys")
    if len(items) != len(keys):
        raise EvaluationProblem(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got "
            f"{len(items)} and {len(keys)} elements respectively"
        )
    if not items:
        return items
    kind = type(keys[0])
    if kind not in _ORDERED:
        raise EvaluationProblem("list elements must be comparable")
    if any(type(key) is not kind for key in keys):
        raise EvaluationProblem("list elements must have the same type")
    return [items[index] for index in sorted(range(len(items)), key=keys.__getitem__)]


def distinct(items: list[Value]) -> list[Value]:
    """Of equal items the first."""
    kinds = set(map(type, items))
    if kinds <= {str} or kinds <= _NUMBERS:
        return list(dict.fromkeys(items))
    found: list[Value] = []
    for item in items:
        if not any(surely_equal(item, other) for other in found):
            found.append(item)
    return found


def numbers_below(end: int) -> list[Value]:
    if end > _LONGEST_RANGE:
        raise EvaluationProblem("operation cancelled: actual cost limit exceeded")
    return list(range(end))


OVERLOADS = (
    *(overload(f"list({type_}).isSorted(): bool", is_sorted) for type_ in _COMPARABLE),
    *(overload(f"list({type_}).sum(): {type_}", _sum(zero)) for type_, zero in _ZEROS.items()),
    *(overload(f"list({type_}).max(): {type_}", largest) for type_ in _COMPARABLE),
    *(overload(f"list({type_}).min(): {type_}", smallest) for type_ in _COMPARABLE),
    overload("list(A).indexOf(A): int", index_of),
    overload("list(A).lastIndexOf(A): int", last_index_of),
    overload("list(T).slice(int, int): list(T)", slice_of),
    overload("list(list(T)).flatten(): list(T)", flat, is_loose=True),
    overload("list(dyn).flatten(int): list(dyn)", flat, is_loose=True),
    *(overload(f"list({type_}).sort(): list({type_})", in_order, is_loose=True) for type_ in _COMPARABLE),
    *(
        overload(f"list(T).@sortByAssociatedKeys(list({type_})): list(T)", in_order_of, is_loose=True)
        for type_ in _COMPARABLE
    ),
    overload("lists.range(int): list(int)", numbers_below),
    overload("list(T).reverse(): list(T)", lambda items: items[::-1]),
    overload("list(T).distinct(): list(T)", distinct),
)
