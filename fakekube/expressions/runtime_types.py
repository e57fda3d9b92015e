"""What type a value has, and whether it is one of a type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, cycle, islice

from fakekube.expressions.types import BOOL, BYTES, DOUBLE, DURATION, INT, NULL, STRING, TIMESTAMP, UINT, Type
from fakekube.expressions.values import Constructed, Duration, Optional, Timestamp, Unsigned, Value

LIST, MAP, OPTIONAL, TYPE = map(Type, ("list", "map", "optional_type", "type"))
"""What `type()` says: of items and keys it says nothing."""

NUMERIC = frozenset({"int", "uint", "double"})
SMALL = NUMERIC | {"bool", "timestamp", "duration"}
"""The types whose values are compared at the cost of one unit."""
PLAIN = SMALL | {"string", "bytes"}
"""The types whose values Python compares as expressions do."""

_EXACT: dict[type, Type] = {
    str: STRING,
    int: INT,
    bool: BOOL,
    float: DOUBLE,
    dict: MAP,
    list: LIST,
    type(None): NULL,
    bytes: BYTES,
    Unsigned: UINT,
    Timestamp: TIMESTAMP,
    Duration: DURATION,
    Optional: OPTIONAL,
    Type: TYPE,
}
_FAMILIES: tuple[tuple[type, Type], ...] = (
    (str, STRING),
    (Unsigned, UINT),
    (int, INT),
    (float, DOUBLE),
    (dict, MAP),
    (list, LIST),
    (Type, TYPE),
)
"""For what derives from them."""
_FULL_NAMES = {"timestamp": "google.protobuf.Timestamp", "duration": "google.protobuf.Duration"}


def type_of_value(value: Value) -> Type:
    """The type of a value, without that of its items."""
    found = _EXACT.get(type(value))
    if found is not None:
        return found
    if isinstance(value, Constructed):
        return Type(value.type_name)
    for family, family_type in _FAMILIES:
        if isinstance(value, family):
            return family_type
    own: Type = value.type
    return own


def shown_type(value: Value) -> str:
    """The name of a value's type as errors show it."""
    return full_name(type_of_value(value))


def full_name(type_: Type) -> str:
    """The name of a type as errors show it, without its parameters."""
    return _FULL_NAMES.get(type_.name, type_.name)


def fits(wanted: Type, value: Value, most: int | None = 1) -> bool:
    """Whether a value may stand for a parameter of the type. Of what lists and maps hold `most` are looked at, all where that is None."""
    if wanted.name == "dyn" or wanted.is_parameter:
        return True
    if type_of_value(value).name != wanted.name:
        return False
    if not wanted.parameters or not isinstance(value, (list, dict)):
        return True
    held = islice(value, most) if isinstance(value, list) else _keys_and_values(islice(value.items(), most))
    return all(fits(inner, item, most) for item, inner in zip(held, cycle(wanted.parameters), strict=False))


def _keys_and_values(entries: Iterable[tuple[Value, Value]]) -> Iterator[Value]:
    return chain.from_iterable(entries)
