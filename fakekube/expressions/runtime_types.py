"""What type a value has, and whether it is one of a type."""

from __future__ import annotations

from collections.abc import Callable

from fakekube.expressions.types import BOOL, BYTES, DOUBLE, DURATION, INT, NULL, STRING, TIMESTAMP, UINT, Type
from fakekube.expressions.values import Constructed, Duration, Optional, Timestamp, Unsigned, Value

LIST, MAP, OPTIONAL, TYPE = map(Type, ("list", "map", "optional_type", "type"))
"""What `type()` says: of items and keys it says nothing."""

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


def fits(wanted: Type, value: Value) -> bool:
    """Whether a value may stand for a parameter of the type. Of what a list or a map holds only the first is looked at."""
    if wanted.name == "dyn" or wanted.is_parameter:
        return True
    if type_of_value(value).name != wanted.name:
        return False
    inner = _INNER.get(wanted.name)
    return inner is None or not wanted.parameters or inner(wanted, value)


def _fits_list(wanted: Type, value: Value) -> bool:
    return not value or fits(wanted.parameters[0], value[0])


def _fits_map(wanted: Type, value: Value) -> bool:
    return all(fits(wanted.parameters[0], key) and fits(wanted.parameters[1], value[key]) for key in list(value)[:1])


_INNER: dict[str, Callable[[Type, Value], bool]] = {"list": _fits_list, "map": _fits_map}
