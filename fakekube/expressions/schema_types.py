"""The types that an `openAPIV3Schema` gives to the parts of an object, as the rules of custom resources see them.

What no type is known of cannot be named: fields that are preserved although the schema does not know them, and lists and maps of such.
At the root of a resource, and of one embedded in it, stand apiVersion, kind, metadata.name and metadata.generateName, whether the schema
says so or not.
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fakekube.expressions.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Field,
    ObjectType,
    Type,
    list_of,
    map_of,
)
from fakekube.objects.structural_schemas import EMBEDDED, INT_OR_STRING, Schema

LARGEST_REQUEST = 3 << 20
"""In bytes; what has no bound in the schema is as large as fits in."""


@dataclass(frozen=True, slots=True, eq=False)
class Declaration:
    """A part of a schema that expressions may name, with its type and how large its values can be."""

    type: Type
    schema: Schema
    """As the type was made of it: that of a resource has apiVersion, kind and metadata."""
    largest: int
    """The most bytes of a string, items of a list, entries of a map; 0 where there is nothing to count."""
    smallest: int
    """The least bytes that a value takes in JSON."""
    item: Declaration | None = None
    """Of the items of a list, or of the values of a map; the keys of a map are strings whose length (0) counts for nothing."""
    fields: Mapping[str, Declaration] = field(default_factory=dict)
    """Of an object, by their names in expressions."""
    properties: Mapping[str, Declaration] = field(default_factory=dict)
    """The same by their names in objects, with those that no expression can spell."""


def declaration(schema: Schema, *, is_resource: bool = False, name: str = "selfType") -> Declaration | None:
    """What a schema declares; None where no expression may see its values. `name`: what errors call its type, if that is an object's."""
    if schema.get(INT_OR_STRING):
        longest = schema.get("maxLength")
        return Declaration(DYN, schema, LARGEST_REQUEST - 2 if longest is None else _characters(longest), 1)
    if is_resource:
        schema = with_resource_fields(schema)
    match schema.get("type"):
        case "array":
            return _list(schema, name)
        case "object":
            return (
                _map(schema, name) if isinstance(schema.get("additionalProperties"), Mapping) else _object(schema, name)
            )
        case "string":
            return _string(schema)
        case "boolean":
            return Declaration(BOOL, schema, 0, 4)
        case "number":
            return Declaration(DOUBLE, schema, 0, 1)
        case "integer":
            return Declaration(INT, schema, 0, 1)
    return None


def _list(schema: Schema, name: str) -> Declaration | None:
    item = _below(schema.get("items"), f"{name}.@idx")
    if item is None:
        return None
    bound = schema.get("maxItems")
    largest = (LARGEST_REQUEST - 2) // (item.smallest + 1) if bound is None else max(bound, 0)
    return Declaration(list_of(item.type), schema, largest, 2, item)


def _map(schema: Schema, name: str) -> Declaration | None:
    item = _below(schema.get("additionalProperties"), f"{name}.@elem")
    if item is None:
        return None
    bound = schema.get("maxProperties")
    # An entry is at least `"":`, its value and a comma; two bytes more are taken for its key.
    largest = (LARGEST_REQUEST - 2) // (item.smallest + 6) if bound is None else max(bound, 0)
    return Declaration(map_of(STRING, item.type), schema, largest, 2, item)


def _object(schema: Schema, name: str) -> Declaration:
    fields: dict[str, Declaration] = {}
    properties: dict[str, Declaration] = {}
    types: dict[str, Field] = {}
    required, smallest = set(schema.get("required") or ()), 2
    for key, inner in (schema.get("properties") or {}).items():
        escaped = escape(key)
        declared = _below(inner, f"{name}.{escaped or key}")
        if declared is None:
            continue
        properties[key] = declared
        if escaped:
            fields[escaped] = declared
            types[escaped] = Field(declared.type, key)
        if key in required and inner.get("default") is None:
            smallest += len(key.encode()) + declared.smallest + 4
    return Declaration(ObjectType(name, (), types), schema, 0, smallest, None, fields, properties)


def _below(schema: Any, name: str) -> Declaration | None:
    if not isinstance(schema, Mapping):
        return None
    return declaration(schema, is_resource=bool(schema.get(EMBEDDED)), name=name)


_FORMATS = {
    "byte": (BYTES, 2, None),
    "duration": (DURATION, 3, 32),
    "date": (TIMESTAMP, 12, 12),
    "date-time": (TIMESTAMP, 21, 32),
}
"""Formats of strings that are types of their own, with the least and the most bytes that they take."""


def _string(schema: Schema) -> Declaration:
    longest = schema.get("maxLength")
    type_, smallest, largest = _FORMATS.get(schema.get("format") or "", (STRING, 2, None))
    if largest is None:
        choices = schema.get("enum") if type_ is STRING else None
        if longest is not None:
            largest = _characters(longest) if type_ is STRING else max(longest, 0)
        elif choices:
            largest = max((len(choice.encode()) for choice in choices if isinstance(choice, str)), default=0)
        else:
            largest = LARGEST_REQUEST - 2
    return Declaration(type_, schema, largest, smallest)


def _characters(bound: int) -> int:
    """The bytes of so many characters."""
    return max(bound, 0) * 4


def with_resource_fields(schema: Schema) -> Schema:
    """The schema of a resource with what every resource has. Its own word on metadata counts where it is about both names."""
    properties = schema.get("properties") or {}
    metadata = properties.get("metadata") or {}
    names = metadata.get("properties") or {}
    is_complete = metadata.get("type") == "object" and all(
        (within.get(key) or {}).get("type") == "string"
        for within, key in ((properties, "kind"), (properties, "apiVersion"), (names, "name"), (names, "generateName"))
    )
    if is_complete:
        return schema
    return {**schema, "properties": {**properties, **_RESOURCE_FIELDS}}


_RESOURCE_FIELDS: Mapping[str, Schema] = {
    "kind": {"type": "string"},
    "apiVersion": {"type": "string"},
    "metadata": {"type": "object", "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}}},
}

_RESERVED = frozenset(
    (
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    )
)
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_TO_ESCAPE = re.compile(r"__|[-./]")
_SPELLABLE = re.compile(r"[a-zA-Z_./-][a-zA-Z0-9_./-]*")


def escape(name: str) -> str | None:
    """What expressions call a property: `a__dash__b` for `a-b`, `__namespace__` for `namespace`; None if they cannot."""
    if name in _RESERVED:
        return f"__{name}__"
    if not _SPELLABLE.fullmatch(name):
        return None
    return _TO_ESCAPE.sub(lambda match: _ESCAPES[match[0]], name)
