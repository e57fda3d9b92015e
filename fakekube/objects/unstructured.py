"""Why a merged map is no object of its type, in the words of what makes structs of maps in Kubernetes (no JSON is read there).

Only for objects that `schemas.decode` has refused already; the first misfit in the order of the type is told, as there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fakekube import facts
from fakekube.facts import Field, Type
from fakekube.objects import base64_text, quantities, times


def why_it_does_not_fit(type_: Type, value: Any) -> str:
    """`cannot convert int64 to string`, `cannot restore slice from map`; empty when nothing is wrong."""
    return next(_struct(type_, value), "")


def _struct(type_: Type, value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"cannot restore struct from: {_kind(value)}"
        return
    for name, field in type_.fields.items():
        if value.get(name) is not None:
            yield from _field(field, value[name])


def _field(field: Field, value: Any) -> Iterator[str]:
    if field.shape == "one":
        yield from _element(field, value)
    elif field.shape == "list":
        yield from _list(field, value)
    elif not isinstance(value, dict):
        yield f"cannot restore map from {_kind(value)}"
    else:
        each = _element if field.shape == "map" else _list
        for key in sorted(value):
            if value[key] is not None:
                yield from each(field, value[key])


def _list(field: Field, value: Any) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"cannot restore slice from {_kind(value)}"
        return
    for item in value:
        if item is not None:
            yield from _element(field, item)


def _element(field: Field, value: Any) -> Iterator[str]:
    if field.type == "ref":
        yield from _struct(facts.type_of(field.ref), value)
    elif field.type in _WORDS:
        yield from _WORDS[field.type](value)
    elif field.type in _SCALARS:
        yield from _scalar(_SCALARS[field.type], field, value)


def _scalar(kind: str, field: Field, value: Any) -> Iterator[str]:
    """Go converts numbers into each other and (refused here) into strings; everything else it does not know."""
    given = _kind(value)
    wanted = f"{kind}{field.format.removeprefix('int')}" if kind == "int" else kind
    if given == kind or (kind in ("int", "float64") and given in ("int64", "float64")):
        if kind == "int" and not _is_whole(value, field.format):
            yield f"cannot convert {given} to {wanted}"
    elif kind == "string" and given == "int64":
        yield f"cannot convert int64 to {_go_name(field)}"
    else:
        yield f"unrecognized type: {wanted}"


def _is_whole(value: float, format: str) -> bool:
    return float(value).is_integer() and abs(value) < (1 << 31 if format == "int32" else 1 << 63)


def _go_name(field: Field) -> str:
    """The type of one element: `v1.RestartPolicy`, `string`."""
    return field.go_type.removeprefix("map[string]").removeprefix("[]")


def _quantity(value: Any) -> Iterator[str]:
    try:
        quantities.canonical(value if isinstance(value, str) else str(value))
    except quantities.QuantityError as error:
        yield str(error)


def _time(value: Any, canonical: Callable[[str], str] = times.canonical) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"json: cannot unmarshal {_JSON_KINDS[_kind(value)]} into Go value of type string"
        return
    try:
        canonical(value)
    except times.TimeError as error:
        yield str(error)


def _micro_time(value: Any) -> Iterator[str]:
    return _time(value, times.canonical_micro)


def _bytes(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        # Bytes one by one: any whole number becomes one.
        for item in value:
            given = _kind(item)
            if given == "float64":
                yield "cannot convert float64 to uint8"
            elif item is not None and given != "int64":
                yield "unrecognized type: uint8"
        return
    if not isinstance(value, str):
        yield f"cannot restore slice from {_kind(value)}"
        return
    try:
        base64_text.canonical(value)
    except ValueError as error:
        yield f"error decoding from json: {error}"


def _int_or_string(value: Any) -> Iterator[str]:
    if not isinstance(value, str) and not (_kind(value) == "int64" and _is_whole(value, "int32")):
        given = _JSON_KINDS[_kind(value)]
        yield f"json: cannot unmarshal {given}{f' {value}' if given == 'number' else ''} into Go value of type int32"


_WORDS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "quantity": _quantity,
    "time": _time,
    "micro_time": _micro_time,
    "bytes": _bytes,
    "int_or_string": _int_or_string,
}
_SCALARS = {"string": "string", "boolean": "bool", "integer": "int", "number": "float64"}
_JSON_KINDS = {
    "bool": "bool",
    "int64": "number",
    "float64": "number",
    "string": "string",
    "slice": "array",
    "map": "object",
}


def _kind(value: Any) -> str:
    """What Go's reflection calls the kind of a decoded JSON value."""
    kinds = ((bool, "bool"), (int, "int64"), (float, "float64"), (str, "string"), (list, "slice"), (dict, "map"))
    return next(name for kind, name in kinds if isinstance(value, kind))
