"""When two values are equal: numbers by their amount, lists by their items, maps by their entries; what cannot be compared is unequal.

https://github.com/google/cel-spec/blob/master/doc/langdef.md#equality
"""

from __future__ import annotations

from fakekube.expressions.maps import MISSING, find
from fakekube.expressions.types import Type
from fakekube.expressions.values import NONE, Constructed, EvaluationProblem, MapList, Optional, SetList, Value

_SCALARS = frozenset({str, int, float, bool, bytes, type(None)})


def equal(left: Value, right: Value) -> bool:
    """How collections compare is up to the left one: a SetList looks for its items, wherever they stand.

    Raises EvaluationProblem where a library's value on the left cannot be compared with the one on the right.
    """
    kind = type(left)
    if kind is type(right) and kind in _SCALARS:
        return bool(left == right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, float)):
        return isinstance(right, (int, float)) and left == right
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and _equal_lists(left, right)
    if isinstance(left, dict):
        return isinstance(right, dict) and _equal_maps(left, right)
    if isinstance(left, Optional):
        return isinstance(right, Optional) and _equal_optionals(left, right)
    if isinstance(left, Type):
        return isinstance(right, Type) and left.name == right.name
    if kind is not type(right) and right is not None and hasattr(left, "type"):
        raise EvaluationProblem("no such overload")
    return bool(left == right)


def surely_equal(left: Value, right: Value) -> bool:
    """What `!=`, `in` and searches go by: what cannot be compared is not equal."""
    try:
        return equal(left, right)
    except EvaluationProblem:
        return False


def contains(items: list[Value], wanted: Value) -> bool:
    """Whether one of the items equals the value."""
    return any(surely_equal(wanted, item) for item in items)


def _equal_lists(left: list[Value], right: list[Value]) -> bool:
    if isinstance(left, SetList):
        return all(contains(left, item) for item in right)
    if isinstance(left, MapList):
        by_keys = {_keys(item, left.keys): item for item in left}
        return all(equal(by_keys.get(_keys(item, left.keys), MISSING), item) for item in right)
    return all(map(equal, left, right))


def added(left: list[Value], right: list[Value]) -> list[Value]:
    """The items of both: a SetList gains those that it lacks, in a MapList those of the same keys take each other's place.

    https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
    """
    if isinstance(left, SetList):
        items = list(left)
        for item in right:
            if not contains(items, item):
                items.append(item)
        return SetList(items)
    if isinstance(left, MapList):
        by_keys = {_keys(item, left.keys): item for item in left}
        by_keys.update((_keys(item, left.keys), item) for item in right)
        return MapList(list(by_keys.values()), left.keys)
    return [*left, *right]


def _keys(item: Value, names: tuple[str, ...]) -> tuple[str, ...]:
    """What finds an item of a list of maps; texts, as objects may hold what Python cannot look up."""
    return tuple(repr(item.get(name)) for name in names) if isinstance(item, dict) else (repr(item),)


def _equal_maps(left: dict[Value, Value], right: dict[Value, Value]) -> bool:
    if len(left) != len(right):
        return False
    if isinstance(left, Constructed) and isinstance(right, Constructed) and left.type_name != right.type_name:
        return False
    return all(equal(value, find(right, key)) for key, value in left.items())


def _equal_optionals(left: Optional, right: Optional) -> bool:
    if left is NONE or right is NONE:
        return left is right
    return equal(left.value, right.value)
