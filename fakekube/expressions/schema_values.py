"""What the parts of an object are to expressions, by the schema that declares them.

Most of an object is a value as it lies there. What is not: numbers that were written without a point, texts of formats that are types of
their own, lists that are sets or maps, and fields that are null, which count as missing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fakekube.expressions.schema_types import Declaration
from fakekube.expressions.types import BOOL, BYTES, DOUBLE, DURATION, DYN, INT, STRING, TIMESTAMP, Type
from fakekube.expressions.values import Duration, MapList, SetList, Timestamp, Value
from fakekube.objects.string_formats import date_time_nanoseconds, duration_nanoseconds
from fakekube.objects.structural_schemas import LIST_MAP_KEYS, LIST_TYPE

Converter = Callable[[Any], Value]
"""Makes a value of what an object holds, which it leaves as it is. What is of another type than the schema says stays what it is."""


def converter(declaration: Declaration) -> Converter | None:
    """How values of that declaration are converted; None where they need not be."""
    if declaration.item is not None:
        within = converter(declaration.item)
        return _of_list(declaration, within) if declaration.type.name == "list" else _of_map(within)
    if declaration.properties:
        return _of_object(declaration)
    return _SCALARS.get(declaration.type)


def _of_list(declaration: Declaration, within: Converter | None) -> Converter | None:
    def items(value: list[Any]) -> Iterable[Value]:
        return value if within is None else map(within, value)

    match declaration.schema.get(LIST_TYPE):
        case "set":
            return _only(list, lambda value: SetList(items(value)))
        case "map":
            keys = tuple(declaration.schema.get(LIST_MAP_KEYS) or ())
            return _only(list, lambda value: MapList(list(items(value)), keys))
    return None if within is None else _only(list, lambda value: list(items(value)))


def _of_map(within: Converter | None) -> Converter | None:
    if within is None:
        return None
    return _only(dict, lambda value: {key: within(item) for key, item in value.items()})


def _of_object(declaration: Declaration) -> Converter | None:
    found = ((key, converter(inner)) for key, inner in declaration.properties.items())
    converters = [(key, convert) for key, convert in found if convert is not None]
    nullable = [key for key, inner in declaration.properties.items() if inner.schema.get("nullable")]
    if not converters and not nullable:
        return None

    def convert_fields(value: dict[str, Any]) -> dict[str, Value]:
        result = dict(value)
        for key in nullable:
            if key in result and result[key] is None:
                del result[key]
        for key, convert in converters:
            if key in result:
                result[key] = convert(result[key])
        return result

    return _only(dict, convert_fields)


def _only(kind: type, convert: Converter) -> Converter:
    return lambda value: convert(value) if isinstance(value, kind) else value


def _as_double(value: Any) -> Value:
    return float(value) if type(value) is int else value


def _as_bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _of_text(read: Callable[[str], Value]) -> Converter:
    def convert(value: Any) -> Value:
        if not isinstance(value, str):
            return value
        try:
            return read(value)
        except (ValueError, binascii.Error):
            return value

    return convert


_SCALARS: Mapping[Type, Converter] = {
    DOUBLE: _as_double,
    BYTES: _of_text(_as_bytes),
    TIMESTAMP: _of_text(lambda text: Timestamp(date_time_nanoseconds(text))),
    DURATION: _of_text(lambda text: Duration(duration_nanoseconds(text))),
}


def mistake(value: Any, declaration: Declaration) -> str | None:
    """What is not of the type that the schema gives it, in the words of the server; such values may stay where they have been before."""
    if value is None:
        return None if declaration.schema.get("nullable") else "invalid data, got null for schema with nullable=false"
    type_ = declaration.type
    if type_ == DYN:
        is_either = isinstance(value, int | str) and not isinstance(value, bool)
        return None if is_either else "invalid data, expected XIntOrString value to be either a string or integer"
    if type_.name == "list":
        if not isinstance(value, list):
            return "invalid data, expected an array for the provided schema with type=array"
        return _first(mistake(item, declaration.item) for item in value) if declaration.item is not None else None
    if type_ not in _EXPECTED:
        if not isinstance(value, dict):
            return "invalid data, expected a map for the provided schema with type=object"
        return _first(
            mistake(item, inner)
            for key, item in value.items()
            if (inner := declaration.item or declaration.properties.get(key)) is not None and item is not None
        )
    kinds, name = _EXPECTED[type_]
    if not isinstance(value, kinds) or (isinstance(value, bool) and type_ != BOOL):
        return f"invalid data, expected {name}, got {_GO_TYPES[type(value)]}"
    convert = _SCALARS.get(type_)
    if isinstance(value, str) and convert is not None and convert(value) is value:
        format = declaration.schema["format"]
        if format == "duration":
            return f"Invalid duration {value}: unable to parse {value} as duration"
        return f"Invalid {format} formatted string {value}"
    return None


def _first(mistakes: Iterable[str | None]) -> str | None:
    return next((each for each in mistakes if each is not None), None)


_EXPECTED: Mapping[Type, tuple[type | tuple[type, ...], str]] = {
    BOOL: (bool, "bool"),
    INT: (int, "int"),
    DOUBLE: ((int, float), "float"),
    **dict.fromkeys((STRING, BYTES, TIMESTAMP, DURATION), (str, "string")),
}
_GO_TYPES = {
    bool: "bool",
    int: "int64",
    float: "float64",
    str: "string",
    list: "[]interface {}",
    dict: "map[string]interface {}",
}
