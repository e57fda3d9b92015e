"""The types of the objects of whole kinds, as the expressions of policies are checked against them afterwards.

https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#type-checking
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fakekube import facts
from fakekube.expressions.schema_types import declaration, escape
from fakekube.expressions.types import (
    BOOL,
    BYTES,
    DOUBLE,
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

_PLAIN: Mapping[str, Type] = {
    "string": STRING,
    "boolean": BOOL,
    "integer": INT,
    "number": DOUBLE,
    "bytes": BYTES,
    "time": TIMESTAMP,
    "micro_time": TIMESTAMP,
    "quantity": STRING,
    "int_or_string": DYN,
}
"""By the `type` of a field in the facts; what may be anything has no type, and cannot be named."""


def type_of_facts(type_name: str, name: str) -> ObjectType:
    """The type of `core.v1.Pod` in the facts; `name` is what errors call it."""
    return ObjectType(name, (), _Fields(type_name, name))


def type_of_schema(schema: Mapping[str, Any], name: str) -> Type:
    """The type of a custom resource, with everything that metadata has."""
    declared = declaration(schema, is_resource=True, name=name)
    if declared is None or not isinstance(declared.type, ObjectType):
        return DYN
    metadata = Field(type_of_facts("meta.ObjectMeta", f"{name}.metadata"), "metadata")
    return ObjectType(name, (), {**declared.type.fields, "metadata": metadata})


class _Fields(Mapping[str, Field]):
    """The fields of a type in the facts; made when they are asked for, since some types hold themselves."""

    def __init__(self, type_name: str, name: str) -> None:
        known = facts.type_of(type_name).fields.items()
        self._facts = {escaped: field for key, field in known if (escaped := escape(key)) is not None}
        self._name = name
        self._made: dict[str, Field] = {}

    def __getitem__(self, key: str) -> Field:
        made = self._made.get(key)
        if made is None:
            field = self._facts[key]
            type_ = _type(field, f"{self._name}.{key}")
            if type_ is None:
                raise KeyError(key)
            made = self._made[key] = Field(type_, field.name)
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)


_SUFFIXES: Mapping[str, str] = {"one": "", "list": ".@idx", "map": ".@elem", "map_of_lists": ".@elem.@idx"}


def _type(field: facts.Field, name: str) -> Type | None:
    inner = f"{name}{_SUFFIXES[field.shape]}"
    element: Type | None
    if field.type == "ref":
        element = type_of_facts(field.ref, inner)
    elif field.type == "object":
        element = ObjectType(inner)
    else:
        element = _PLAIN.get(field.type)
    if element is None:
        return None
    match field.shape:
        case "list":
            return list_of(element)
        case "map":
            return map_of(STRING, element)
        case "map_of_lists":
            return map_of(STRING, list_of(element))
    return element
