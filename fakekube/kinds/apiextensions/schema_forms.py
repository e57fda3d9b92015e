"""Which schemas are in a schema, and whether it can be looked at as a structural one at all.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fakekube.objects.structural_schemas import PRESERVE, Schema

COMBINATIONS = ("allOf", "anyOf", "oneOf")
_UNFIT = {
    "id": "id",
    "$schema": "schema",
    "$ref": "$ref",
    "patternProperties": "patternProperties",
    "dependencies": "dependencies",
    "additionalItems": "additionalItems",
    "definitions": "definitions",
}
"""Keywords that make a schema unfit to be looked at as a structural one, by what they are called then."""


def schemas_in(schema: Schema) -> Iterator[Schema]:
    """A schema and all below, in the order in which warnings speak of them."""
    yield schema
    items = schema.get("items")
    several = [items] if isinstance(items, Mapping) else list(items or ())
    several += [inner for key in COMBINATIONS for inner in schema.get(key) or ()]
    several += [schema.get("not"), *(schema.get("properties") or {}).values(), schema.get("additionalProperties")]
    for inner in several:
        if isinstance(inner, Mapping):
            yield from schemas_in(inner)


def unfit_for_structure(schema: Schema) -> str:
    """Why a schema cannot be looked at as a structural one; empty when it can."""
    for keyword, name in _UNFIT.items():
        value = schema.get(keyword)
        if value or (keyword == "additionalItems" and value is not None):
            return f"OpenAPIV3Schema '{name}' is not supported"
    several = [schema["not"]] if isinstance(schema.get("not"), Mapping) else []
    several += [inner for key in COMBINATIONS for inner in schema.get(key) or ()]
    for inner in several:
        if text := unfit_for_structure(inner):
            return text
    if schema.get(PRESERVE) is False:
        return f"internal error: '{PRESERVE}' must be true or undefined"
    items = schema.get("items")
    if items and isinstance(items, Sequence):
        return "OpenAPIV3Schema 'items' must be a schema, but is an array"
    for inner in (items, *(schema.get("properties") or {}).values(), schema.get("additionalProperties")):
        if isinstance(inner, Mapping) and (text := unfit_for_structure(inner)):
            return text
    return ""
