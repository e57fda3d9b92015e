"""Lists looked at as sets: neither the order of items nor how often one occurs matters.

https://pkg.go.dev/github.com/google/cel-go/ext#Sets
"""

from __future__ import annotations

from fakekube.expressions.equality import contains
from fakekube.expressions.types import overload
from fakekube.expressions.values import Value


def contains_all(items: list[Value], wanted: list[Value]) -> bool:
    return all(contains(items, item) for item in wanted)


def are_equivalent(left: list[Value], right: list[Value]) -> bool:
    return contains_all(left, right) and contains_all(right, left)


def intersect(left: list[Value], right: list[Value]) -> bool:
    return any(contains(right, item) for item in left)


OVERLOADS = (
    overload("sets.contains(list(T), list(T)): bool", contains_all),
    overload("sets.equivalent(list(T), list(T)): bool", are_equivalent),
    overload("sets.intersects(list(T), list(T)): bool", intersect),
)
