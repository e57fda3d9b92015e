"""What a call of a function can cost, and how large its result can be.

What no rule is given for costs 1. What functions cost when they run is in `cost`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fakekube.expressions import cost
from fakekube.expressions.cost import CHARACTER, CHARACTER_OF_PATTERN
from fakekube.expressions.ranges import (
    ENDLESS,
    ONE,
    Known,
    Range,
    exactly,
    plus,
    scaled,
    size_of,
    times,
)
from fakekube.expressions.types import Overload, Type

LONGEST_FORMAT_NAME = 64
ADDRESS = Range(4, 16)
"""The bytes of an IP address."""


class Estimate(NamedTuple):
    cost: Range
    """Without that of the target and the arguments."""
    size: Range | None = None
    """Of the result, where it is told from that of the arguments."""


@dataclass(frozen=True, slots=True)
class Called:
    """What a function is called with."""

    target: Known | None
    arguments: Sequence[Known]
    item_size: Callable[[Known], Range]
    """How large the items of a list are."""

    @property
    def values(self) -> Sequence[Known]:
        """The target first."""
        return self.arguments if self.target is None else (self.target, *self.arguments)

    def size(self, index: int) -> Range:
        return size_of(self.values[index])


def estimated(overload: Overload, called: Called) -> Estimate:
    names = tuple(parameter.name for parameter in overload.parameters)
    if overload.function == "@in":
        return Estimate(called.size(1)) if names[1:] == ("list",) else _ONE
    if overload.function == "matches" and not overload.is_member:
        # Written as `matches(text, pattern)` it passes for a call like any other.
        return _ONE
    rule = _OF_FUNCTIONS.get(overload.function) or _OF_OVERLOADS.get((overload.function, names))
    return _ONE if rule is None else rule(called)


def sorting(size: Range, item: Type) -> Estimate:
    """Sorting so many items by keys of a type."""
    return _comparing_items(size, 2 + CHARACTER if item.name in _TEXTS else 2)


_ONE = Estimate(exactly(cost.CALL))
_TEXTS = ("string", "bytes")


def _over(index: int, factor: float = CHARACTER) -> Callable[[Called], Estimate]:
    """Going once over a value."""
    return lambda called: Estimate(scaled(called.size(index), factor))


def _same_size(called: Called) -> Estimate:
    return Estimate(scaled(called.size(0), CHARACTER), called.size(0))


def _matching(called: Called) -> Estimate:
    text = scaled(plus(called.size(0), ONE), CHARACTER)
    return Estimate(times(text, scaled(called.size(1), CHARACTER_OF_PATTERN)))


def _finding(called: Called) -> Estimate:
    return Estimate(_matching(called).cost, Range(0, called.size(0).most))


def _containing(called: Called) -> Estimate:
    return Estimate(times(scaled(called.size(0), CHARACTER), scaled(called.size(1), CHARACTER)))


def _to_bytes(called: Called) -> Estimate:
    size = called.size(0)
    return Estimate(scaled(size, CHARACTER), Range(size.least, min(size.most * 4, ENDLESS)))


def _from_bytes(called: Called) -> Estimate:
    size = called.size(0)
    return Estimate(scaled(size, CHARACTER), Range(size.least // 4, size.most))


def _quoting(called: Called) -> Estimate:
    size = called.size(0)
    return Estimate(scaled(size, CHARACTER), Range(size.least + 2, min(size.most * 2 + 2, ENDLESS)))


def _adding_texts(called: Called) -> Estimate:
    size = plus(called.size(0), called.size(1))
    return Estimate(scaled(size, CHARACTER), size)


def _replacing(called: Called) -> Estimate:
    text, old, new = (called.size(index) for index in range(3))
    most = _replaced(text.most, old.least, new.most, is_longer=new.most > old.least)
    least = _replaced(text.least, old.most, new.least, is_longer=new.least < old.most)
    return Estimate(scaled(text, 2 * CHARACTER), Range(least, most))


def _replaced(text: int, old: int, new: int, *, is_longer: bool) -> int:
    """How long a text becomes; `is_longer`: whether replacing moves it away from its own length."""
    if old == 0:
        # Something is put around each character.
        return min(min(text + 1, ENDLESS) * new + text, ENDLESS)
    return min(math.ceil(text / old) * new, ENDLESS) if is_longer else text


def _splitting(called: Called) -> Estimate:
    text = called.size(0)
    most = _literal(called.values[2], text.most) if len(called.values) > 2 else text.most
    return Estimate(scaled(text, 2 * CHARACTER), Range(0, most))


def _joining(called: Called) -> Estimate:
    items = called.size(0)
    size = times(items, called.item_size(called.values[0]))
    if len(called.values) > 1:
        size = plus(size, times(called.size(1), Range(max(items.least - 1, 0), max(items.most - 1, 0))))
    return Estimate(scaled(size, CHARACTER), size)


def _validating(called: Called) -> Estimate:
    text = scaled(called.size(1), CHARACTER)
    return Estimate(scaled(text, cost.LONGEST_NAME_PATTERN * CHARACTER_OF_PATTERN))


def _making_selector(called: Called) -> Estimate:
    size = called.size(1)
    requirements = scaled(scaled(size, cost.REQUIREMENTS_OF_A_CHARACTER), cost.REQUIREMENT)
    return Estimate(plus(exactly(cost.LIST), scaled(size, CHARACTER), requirements))


def _over_shorter(called: Called) -> Estimate:
    most = min(called.size(0).most, called.size(1).most)
    return Estimate(scaled(Range(1 if most else 0, most), CHARACTER))


def _equal(called: Called) -> Estimate:
    left, right = called.values
    if left.type == right.type:
        if left.type.name in _COMPARED_AT_ONCE:
            return _ONE
        if left.type.name == "kubernetes.NamedFormat":
            return Estimate(scaled(Range(1, LONGEST_FORMAT_NAME), CHARACTER))
        if left.type.name == "kubernetes.URL":
            return Estimate(scaled(Range(1, 1 if right.size is None else right.size.most), CHARACTER))
    return _over_shorter(called)


_COMPARED_AT_ONCE = frozenset(
    (
        "net.IP",
        "net.CIDR",
        "kubernetes.Quantity",
        "kubernetes.Semver",
        "kubernetes.authorization.Authorizer",
        "kubernetes.authorization.PathCheck",
        "kubernetes.authorization.GroupCheck",
        "kubernetes.authorization.ResourceCheck",
        "kubernetes.authorization.Decision",
    )
)


def _over_items(called: Called) -> Estimate:
    """Comparing each item of a list once; or the search in a text, where the function knows both."""
    target = called.values[0]
    if not target.type.parameters:
        return Estimate(scaled(size_of(target), CHARACTER))
    item = ONE
    if target.type.parameters[0].name in _TEXTS:
        item = plus(item, scaled(called.item_size(target), CHARACTER))
    return Estimate(times(size_of(target), item))


def _adding_lists(called: Called) -> Estimate:
    return Estimate(exactly(cost.CALL), plus(called.size(0), called.size(1)))


def _comparing_sets(factor: int) -> Callable[[Called], Estimate]:
    def estimate(called: Called) -> Estimate:
        pairs = times(called.size(0), called.size(1))
        return Estimate(plus(scaled(pairs, factor), exactly(cost.CALL)))

    return estimate


def _making_list(size: Range, factor: float = 1) -> Estimate:
    return Estimate(plus(scaled(size, factor), exactly(cost.CALL + cost.LIST)), size)


def _comparing_items(size: Range, factor: float) -> Estimate:
    return _making_list(times(size, size), factor)


def _slicing(called: Called) -> Estimate:
    start, end = _literal(called.values[1], 0), _literal(called.values[2], called.size(0).most)
    return _making_list(exactly((end - start) & ENDLESS))


def _flattening(called: Called) -> Estimate:
    depth = _literal(called.values[1], ENDLESS) if len(called.values) > 1 else 1
    return _making_list(called.size(0), depth)


def _sorting(called: Called) -> Estimate:
    parameters = called.values[0].type.parameters
    return sorting(called.size(0), parameters[0] if parameters else called.values[0].type)


def _literal(value: Known, default: int) -> int:
    """The number that is written there."""
    number = value.literal.value if value.literal is not None else None
    return max(number, 0) if type(number) is int else default


def _comparing_addresses(called: Called) -> Estimate:
    return Estimate(scaled(plus(ADDRESS, ADDRESS), CHARACTER))


def _comparing_networks(called: Called) -> Estimate:
    return Estimate(plus(_comparing_addresses(called).cost, scaled(ADDRESS, CHARACTER), ONE))


def _reading(compare: Callable[[Called], Estimate]) -> Callable[[Called], Estimate]:
    """The other side is a text that is read first."""
    return lambda called: Estimate(plus(compare(called).cost, scaled(called.size(1), CHARACTER)))


_OF_FUNCTIONS: dict[str, Callable[[Called], Estimate]] = {
    "_==_": _equal,
    "_!=_": _over_shorter,
    "matches": _matching,
    "startsWith": _over(1),
    "endsWith": _over(1),
    "format": _over(0),
    "strings.quote": _quoting,
    "check": lambda called: Estimate(exactly(cost.CHECK)),
    "fieldSelector": _making_selector,
    "labelSelector": _making_selector,
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), _over_items),
    **dict.fromkeys(("url", "lowerAscii", "upperAscii", "substring", "trim", "jsonpatch.escapeKey"), _same_size),
    **dict.fromkeys(("cidr", "isIP", "isCIDR", "quantity", "isQuantity", "semver", "isSemver"), _over(0)),
    "ip.isCanonical": _over(0, 2 * CHARACTER),
    "replace": _replacing,
    "split": _splitting,
    "join": _joining,
    "find": _finding,
    "findAll": _finding,
    "validate": _validating,
    "sets.contains": _comparing_sets(1),
    "sets.intersects": _comparing_sets(1),
    "sets.equivalent": _comparing_sets(2),
    "slice": _slicing,
    "lists.range": lambda called: _making_list(exactly(_literal(called.values[0], ENDLESS))),
    "flatten": _flattening,
    "distinct": lambda called: _comparing_items(called.size(0), 2),
    "sort": _sorting,
}
"""Functions whose overloads all cost the same."""

_OF_OVERLOADS: dict[tuple[str, tuple[str, ...]], Callable[[Called], Estimate]] = {
    ("bytes", ("string",)): _to_bytes,
    ("string", ("bytes",)): _from_bytes,
    ("contains", ("string", "string")): _containing,
    ("reverse", ("list",)): lambda called: _making_list(called.size(0)),
    ("ip", ("string",)): _over(0),
    ("_+_", ("list", "list")): _adding_lists,
    **{("_+_", (name, name)): _adding_texts for name in _TEXTS},
    **{(sign, (name, name)): _over_shorter for sign in ("_<_", "_<=_", "_>_", "_>=_") for name in _TEXTS},
    ("containsIP", ("net.CIDR", "net.IP")): _comparing_addresses,
    ("containsIP", ("net.CIDR", "string")): _reading(_comparing_addresses),
    ("containsCIDR", ("net.CIDR", "net.CIDR")): _comparing_networks,
    ("containsCIDR", ("net.CIDR", "string")): _reading(_comparing_networks),
}
"""Those where it depends on the types."""
