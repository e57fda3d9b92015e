"""What expressions of mutating policies make: a part of an object, or the operations of a JSON patch.

`Object{spec: Object.spec{replicas: 3}}` names no type that anybody has declared: whatever begins with `Object` is one, with every field.
Whether the object has such fields turns out when the part is merged into it.
https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from fakekube.expressions.libraries import JSON_PATCH, json_patch
from fakekube.expressions.shown import duration_text, timestamp_text
from fakekube.expressions.types import DYN, Field, ObjectType, list_of
from fakekube.expressions.values import Constructed, Duration, EvaluationProblem, Timestamp, Unsigned, Value
from fakekube.objects.field_errors import go_quoted

Json = dict[str, Any]


class _EveryField(Mapping[str, Field]):
    """Any name is that of a field, whose value may be anything."""

    def __getitem__(self, name: str) -> Field:
        return Field(DYN, name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class _ObjectTypes(Mapping[str, ObjectType]):
    """`JSONPatch`, `Object`, and `Object.spec` or whatever else may be in an object."""

    def __init__(self) -> None:
        self._declared = {json_patch.TYPE.name: json_patch.TYPE, "Object": ObjectType("Object", (), _EveryField())}

    def __getitem__(self, name: str) -> ObjectType:
        declared = self._declared.get(name)
        if declared is not None:
            return declared
        if name.startswith("Object."):
            return ObjectType(name, (), _EveryField())
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)


OBJECT_TYPES: Mapping[str, ObjectType] = _ObjectTypes()
"""The types that may be constructed."""
BESIDES: Mapping[str, Any] = {"functions": JSON_PATCH, "object_types": OBJECT_TYPES}
"""What the environment of a mutating policy has besides that of a validating one, as `Composition` takes it."""
OBJECT = OBJECT_TYPES["Object"]
"""What an expression of an apply configuration gives."""
PATCH = list_of(json_patch.TYPE)
"""What an expression of a JSON patch gives."""


class MutationError(Exception):
    """A value that is of the right type and still no mutation; the message is the server's."""


def part_of(value: Value) -> Json:
    """The part of an object that is to be merged into it, as JSON. Raises MutationError."""
    _check_types(value)
    try:
        part: Json = _json(value, is_patch=False)
    except _NoJsonError:
        raise MutationError("invalid return type: *dynamic.ObjectVal") from None
    return part


def operations_of(value: Value) -> list[Json]:
    """The operations of a patch, as JSON. Raises MutationError, and EvaluationProblem for an operation that cannot be constructed."""
    return [_operation(each) for each in value]


def _operation(fields: Mapping[str, Value]) -> Json:
    operation: Json = {"op": "", "path": ""}
    for name in ("op", "path", "from"):
        text = fields.get(name, "")
        if not isinstance(text, str):
            raise EvaluationProblem(f"unexpected type {_go_type(text)} for JSONPatchType '{name}' field")
        if text or name != "from":
            operation[name] = text
    if "value" in fields:
        value = fields["value"]
        if isinstance(value, Constructed):
            _check_types(value)
        try:
            operation["value"] = _json(value, is_patch=True)
        except _NoJsonError as error:
            text = f"JSONPath valueExpression evaluated to a type that could not marshal to JSON: {error}"
            raise MutationError(text) from None
    return operation


_GO_TYPES: Mapping[type, str] = {
    type(None): "structpb.NullValue",
    bool: "bool",
    int: "int64",
    Unsigned: "uint64",
    float: "float64",
    bytes: "[]uint8",
    list: "[]ref.Val",
    dict: "map[ref.Val]ref.Val",
    Timestamp: "time.Time",
    Duration: "time.Duration",
}


def _go_type(value: Value) -> str:
    return _GO_TYPES.get(type(value), type(value).__name__)


def _check_types(value: Constructed) -> None:
    """Every object in an object must be of the type that its place asks for. Raises MutationError with all that are not."""
    mismatches = list(_mismatches(value, (value.type_name,)))
    if mismatches:
        raise MutationError("type mismatch: " + "\n".join(mismatches))


def _mismatches(value: Value, place: tuple[str, ...]) -> Iterator[str]:
    """Lists and maps on the way have no names."""
    if isinstance(value, Constructed):
        expected = ".".join(place)
        if value.type_name != expected:
            found = f"unexpected type name {go_quoted(value.type_name)}, expected {go_quoted(expected)}"
            yield f"{found}, which matches field name path from root Object type"
        for name, field in value.items():
            yield from _mismatches(field, (*place, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _mismatches(item, place)
    elif isinstance(value, list):
        for item in value:
            yield from _mismatches(item, place)


class _NoJsonError(Exception):
    """A value that JSON has nothing for."""


_MOST_EXACT = (1 << 53) - 1
"""Whole numbers beyond are texts in what is made for a JSON patch, which knows only doubles."""


def _json(value: Value, *, is_patch: bool) -> Any:
    """Raises _NoJsonError."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return str(int(value)) if is_patch and abs(value) > _MOST_EXACT else int(value)
        case float():
            return int(value) if is_patch and value.is_integer() and abs(value) <= _MOST_EXACT else value
        case bytes():
            return base64.b64encode(value).decode()
        case Timestamp():
            return timestamp_text(value)
        case Duration():
            return duration_text(value)
        case dict():
            return {_key(key): _json(item, is_patch=is_patch) for key, item in value.items()}
        case list():
            return [_json(item, is_patch=is_patch) for item in value]
    raise _NoJsonError(f"{_go_type(value)} has no JSON")


def _key(key: Value) -> str:
    if not isinstance(key, str):
        raise _NoJsonError(f"map key {key!r} is no string")
    return key
