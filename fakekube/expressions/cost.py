"""What the evaluation of an expression costs, in cel-go's units: what a Budget counts.

| part | units |
|---|---|
| literal, type; `&&`, `||`, `?:`, `or` and `orValue` themselves | 0 |
| variable, selected field, index | 1 each; what `.?a`, `[?a]` and all behind them do not find: 0 |
| a variable in an index or in a branch of `?:`: `a[b.c]` | 0, what is selected from it 1 each |
| selecting from what a call or a macro gives: `f(x).y` | 1 more |
| has(a.b) | as `a` |
| list, map, object made | 10, 30, 40; lists and maps of literals alone: 0 |
| function | `call_cost`, else 1; conversions of literals and `in` a list of literals of one type: 0 |
| all, exists | 1, and for each item 3, 4 and what the condition costs; 2, 3 more where items are left over |
| existsOne | 2, and for each item what the condition costs, and 2 if it holds |
| map, transformList | 1, and for each item what the condition costs, and 12 and what is made if it holds |
| filter | 1, and for each item what the condition costs, and 13 if it holds |
| sortBy | 3, and for each item 12 and what its key costs, and the function that sorts by keys |
| transformMap, transformMapEntry | 1, and for each entry what the condition costs, and 3, 2 and what is made if it holds |
| optMap, optFlatMap | 2; with a value what the target costs once more, 2, 1 and what is made |

That is what the loops cost that cel-go makes of macros.
https://kubernetes.io/docs/reference/using-api/cel/#resource-constraints
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fakekube.expressions.types import Overload
from fakekube.expressions.values import NONE, Optional, Value

LITERAL, NAME, SELECT = 0, 1, 1
LIST, MAP, OBJECT = 10, 30, 40
CALL = 1
"""Of a function that nothing else is said about."""
CHARACTER = 0.1
"""What going over one character, byte or pair of compared items costs; sums are rounded up."""
CHARACTER_OF_PATTERN = 0.25
"""What one character of a regular expression adds for each character that it is matched against."""
CHECK = 350_000
"""Of a question to the authorizer: an expression may ask two."""
REQUIREMENTS_OF_A_CHARACTER = 0.5
"""How many requirements a character of a selector can stand for: the shortest is `k,`."""
REQUIREMENT = LIST + OBJECT
LONGEST_NAME_PATTERN = 128
"""In characters: that of a format of which no more is known."""

CallCost = Callable[[Sequence[Value], Value], int]
"""What a call cost, of its arguments (that of the target first) and its result."""


def call_cost(overload: Overload, *, is_only: bool = True) -> CallCost | None:
    """What tells the cost of a call; None: it is always 1.

    `is_only`: no other overload could be meant, either. Where one could, the server knows the cost of some functions no more.
    """
    if not is_only and (overload.function == "sort" or (overload.function, _names(overload)) in _OF_OVERLOADS):
        return None
    if overload.function in _EQUALITIES and str(overload.parameters[0]) in _ALWAYS_ONE:
        return None
    if overload.function == "@in":
        return _items if is_only and overload.parameters[1].name == "list" else None
    named = _OF_NAMED_TYPES.get((overload.function, _names(overload)))
    return named or _OF_FUNCTIONS.get(overload.function) or _OF_OVERLOADS.get((overload.function, _names(overload)))


def _names(overload: Overload) -> tuple[str, ...]:
    return tuple(type_.name for type_ in overload.parameters)


def size_of(value: Value) -> int:
    """How large a value counts: the length of what has one, that of the value in an optional, else 1."""
    if isinstance(value, Optional) and value is not NONE:
        return size_of(value.value)
    try:
        return len(value)
    except TypeError:
        return 1


def scaled(size: int, factor: float) -> int:
    return math.ceil(size * factor)


@dataclass(frozen=True, slots=True)
class Over:
    """Going once over one of the arguments: where that is a constant, so is the cost."""

    index: int
    factor: float = CHARACTER

    def __call__(self, arguments: Sequence[Value], _: Value) -> int:
        return scaled(size_of(arguments[self.index]), self.factor)


def _over_shorter(arguments: Sequence[Value], _: Value) -> int:
    return scaled(min(size_of(arguments[0]), size_of(arguments[1])), CHARACTER)


def _over_both(arguments: Sequence[Value], _: Value) -> int:
    return scaled(size_of(arguments[0]) + size_of(arguments[1]), CHARACTER)


def _matching(arguments: Sequence[Value], _: Value) -> int:
    text, pattern = size_of(arguments[0]), size_of(arguments[1])
    return scaled(1 + text, CHARACTER) * scaled(pattern, CHARACTER_OF_PATTERN)


def _finding_text(arguments: Sequence[Value], _: Value) -> int:
    return scaled(size_of(arguments[0]), CHARACTER) * scaled(size_of(arguments[1]), CHARACTER)


def _matching_format(arguments: Sequence[Value], _: Value) -> int:
    pattern = getattr(arguments[0], "longest_pattern", LONGEST_NAME_PATTERN)
    return scaled(1 + size_of(arguments[1]), CHARACTER) * scaled(pattern, CHARACTER_OF_PATTERN)


def _items(arguments: Sequence[Value], _: Value) -> int:
    return size_of(arguments[1])


def _traversal(value: Value) -> int:
    """Going over a value and all that is in it."""
    if isinstance(value, str | bytes):
        length = len(value.encode()) if isinstance(value, str) else len(value)
        return int(length * CHARACTER)
    if isinstance(value, list):
        return sum(map(_traversal, value))
    if isinstance(value, dict):
        return sum(_traversal(key) + _traversal(item) for key, item in value.items())
    return 1


def _traversing(arguments: Sequence[Value], _: Value) -> int:
    return _traversal(arguments[0])


def _making_selector(arguments: Sequence[Value], _: Value) -> int:
    length = size_of(arguments[1])
    requirements = scaled(length, REQUIREMENTS_OF_A_CHARACTER)
    return LIST + scaled(length, CHARACTER) + requirements * REQUIREMENT


def _comparing_sets(factor: int) -> CallCost:
    return lambda arguments, _: size_of(arguments[0]) * size_of(arguments[1]) * factor + CALL


def _making_list(size: int, factor: float = 1) -> int:
    return int(size * factor) + CALL + LIST


def _flattening(arguments: Sequence[Value], _: Value) -> int:
    return _making_list(size_of(arguments[0]), arguments[1] if len(arguments) > 1 else 1)


def _comparing_items(index: int) -> CallCost:
    """Each item of a list with each other."""

    def cost(arguments: Sequence[Value], _: Value) -> int:
        items = arguments[index]
        factor = 2 + CHARACTER if items and isinstance(items[0], str | bytes) else 2
        return _making_list(len(items) ** 2, factor)

    return cost


def _bytes(network: Value) -> int:
    """Of the prefix of a CIDR."""
    length: int = network.length
    return math.ceil(length / 8)


def _comparing_addresses(arguments: Sequence[Value], _: Value) -> int:
    return scaled(2 * _bytes(arguments[0]), CHARACTER)


def _comparing_networks(arguments: Sequence[Value], result: Value) -> int:
    return _comparing_addresses(arguments, result) + scaled(_bytes(arguments[0]), CHARACTER) + 1


def _reading(compare: CallCost) -> CallCost:
    """The other side is a text that is read first."""
    return lambda arguments, result: compare(arguments, result) + scaled(size_of(arguments[1]), CHARACTER)


_EQUALITIES = ("_==_", "_!=_")
_ALWAYS_ONE = frozenset(("bool", "int", "uint", "double", "timestamp", "duration"))

SORTING_BY = _comparing_items(1)
"""Of sorting the first argument by the keys that the second is."""

_OF_FUNCTIONS: dict[str, CallCost] = {
    "_==_": _over_shorter,
    "_!=_": _over_shorter,
    "matches": _matching,
    "startsWith": Over(0),
    "endsWith": Over(0),
    "strings.quote": Over(0),
    "format": Over(0),
    "check": lambda arguments, result: CHECK,
    "fieldSelector": _making_selector,
    "labelSelector": _making_selector,
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), _traversing),
    **dict.fromkeys(("url", "lowerAscii", "upperAscii", "substring", "trim", "jsonpatch.escapeKey"), Over(0)),
    **dict.fromkeys(("cidr", "isIP", "isCIDR", "quantity", "isQuantity", "semver", "isSemver"), Over(0)),
    **dict.fromkeys(("replace", "split", "ip.isCanonical"), Over(0, 2 * CHARACTER)),
    "join": lambda arguments, result: scaled(size_of(result), 2 * CHARACTER),
    "find": _matching,
    "findAll": _matching,
    "validate": _matching_format,
    "sets.contains": _comparing_sets(1),
    "sets.intersects": _comparing_sets(1),
    "sets.equivalent": _comparing_sets(2),
    "slice": lambda arguments, result: _making_list(size_of(result)),
    "lists.range": lambda arguments, result: _making_list(size_of(result)),
    "flatten": _flattening,
    "distinct": _comparing_items(0),
    "sort": _comparing_items(0),
    "@sortByAssociatedKeys": SORTING_BY,
}
"""Functions whose overloads all cost the same."""

_OF_OVERLOADS: dict[tuple[str, tuple[str, ...]], CallCost] = {
    ("bytes", ("string",)): Over(0),
    ("string", ("bytes",)): Over(0),
    ("contains", ("string", "string")): _finding_text,
    ("reverse", ("list",)): lambda arguments, result: _making_list(size_of(result)),
    **{("_+_", (name, name)): _over_both for name in ("string", "bytes")},
    **{(sign, (name, name)): _over_shorter for sign in ("_<_", "_<=_", "_>_", "_>=_") for name in ("string", "bytes")},
}
"""Those where it depends on the types, and is known where only one type can be meant."""
_OF_NAMED_TYPES: dict[tuple[str, tuple[str, ...]], CallCost] = {
    ("containsIP", ("net.CIDR", "net.IP")): _comparing_addresses,
    ("containsIP", ("net.CIDR", "string")): _reading(_comparing_addresses),
    ("containsCIDR", ("net.CIDR", "net.CIDR")): _comparing_networks,
    ("containsCIDR", ("net.CIDR", "string")): _reading(_comparing_networks),
    ("ip", ("string",)): Over(0),
}
"""Those where it depends on the types, and is known whichever is meant."""
