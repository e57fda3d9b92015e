"""Which schemas a CustomResourceDefinition may have: structural ones, whose defaults fit themselves.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fakekube.kinds.apiextensions import validation_rules
from fakekube.kinds.apiextensions.schema_forms import COMBINATIONS, unfit_for_structure
from fakekube.objects import go_structs, regular_expressions
from fakekube.objects.field_errors import FieldError, forbidden, invalid, not_supported, required
from fakekube.objects.structural_schemas import (
    EMBEDDED,
    INT_OR_STRING,
    LIST_MAP_KEYS,
    LIST_TYPE,
    MAP_TYPE,
    PRESERVE,
    RULES,
    Schema,
    has_rules,
    plain,
    pruned,
)
from fakekube.objects.structural_schemas_validation import embedded_errors, validate_value

Errors = Iterator[FieldError]

TYPES = ("array", "boolean", "integer", "number", "object", "string")
_NOT_SUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
_FORBIDDEN_IN_COMBINATIONS = {
    "type": "must be empty to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "default": "must be undefined to be structural",
    "nullable": "must be false to be structural",
    "additionalProperties": "must be undefined to be structural",
    PRESERVE: "must be false to be structural",
    EMBEDDED: "must be false to be structural",
    INT_OR_STRING: "must be false to be structural",
    LIST_TYPE: "must be undefined to be structural",
    LIST_MAP_KEYS: "must be empty to be structural",
    MAP_TYPE: "must be undefined to be structural",
    RULES: "must be empty to be structural",
}
_INTEGER_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_OF_RESOURCES = ("metadata", "kind", "apiVersion")


def judge(schema: Schema, path: str, *, is_unchanged: bool = False) -> list[FieldError]:
    """What is wrong with the schema of a version; its defaults and the expressions of its rules are judged when it is structural.

    `is_unchanged`: whether it is that which the definition had before.
    """
    errors = [forbidden(f"{path}.nullable", "nullable cannot be true at the root")] if schema.get("nullable") else []
    unfit = unfit_for_structure(schema)
    keywords = list(_keywords(_Place(schema, path, is_root=True)))
    if unfit:
        errors += keywords
        return errors or [invalid(path, "", unfit)]
    wrong = sorted(_structure(schema, path, "root"), key=str) or list(_defaults(schema, path, is_resource=True))
    errors += [*wrong, *keywords]
    if wrong or not has_rules(schema):
        return errors
    # Only who has rules pays for expressions.
    from fakekube.kinds.apiextensions import expression_rules

    return [*errors, *expression_rules.judge(schema, path, keywords, judges_each_cost=not is_unchanged)]


# Keywords, one schema at a time


@dataclass(frozen=True, slots=True)
class _Place:
    """A part of a schema, and what the parts around it forbid there."""

    schema: Schema
    path: str
    is_root: bool = False
    is_inside_metadata: bool = False
    no_defaults: str = ""
    """Why there may be no default."""

    def part(self, schema: Schema, path: str, **changes: Any) -> _Place:
        return replace(self, schema=schema, path=f"{self.path}.{path}", is_root=False, **changes)


def _keywords(place: _Place) -> Errors:
    schema, path = place.schema, place.path
    yield from _supported(place)
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden(f"{path}.uniqueItems", text)
    additional = schema.get("additionalProperties")
    if schema.get("properties") and additional is not None and additional is not True:
        text = "additionalProperties and properties are mutual exclusive"
        yield forbidden(f"{path}.additionalProperties", text)
    for part in _parts(place):
        yield from _keywords(part)
    if schema.get(PRESERVE) is False:
        yield invalid(f"{path}.{PRESERVE}", False, "must be true or undefined")
    yield from _map_type(schema, path)
    yield from _list_type(schema, path)
    yield from validation_rules.judge(schema, path)


def _supported(place: _Place) -> Errors:
    schema, path = place.schema, place.path
    type = schema.get("type") or ""
    if type and type not in TYPES:
        yield not_supported(f"{path}.type", type, TYPES)
    if place.no_defaults and schema.get("default") is not None:
        yield forbidden(f"{path}.default", f"must not be set {place.no_defaults}")
    for keyword in _NOT_SUPPORTED:
        value = schema.get(keyword)
        if value or (keyword in ("additionalItems", "$ref") and value is not None):
            yield forbidden(f"{path}.{keyword}", f"{keyword} is not supported")
    if type == "null":
        yield forbidden(f"{path}.type", "type cannot be set to null, use nullable as an alternative")
    items = schema.get("items")
    if items and isinstance(items, Sequence):
        yield forbidden(f"{path}.items", "items must be a schema object and not an array")
    if place.is_inside_metadata and schema.get(EMBEDDED):
        yield forbidden(f"{path}.{EMBEDDED}", "must not be used inside of resource meta")


def _parts(place: _Place) -> Iterator[_Place]:
    """The schemas below, in the order in which they are judged; those of what values may be at the same place as well."""
    schema = place.schema
    if isinstance(additional := schema.get("additionalProperties"), Mapping):
        why = (
            "inside additionalProperties applying to object metadata" if place.is_inside_metadata else place.no_defaults
        )
        yield place.part(additional, "additionalProperties", no_defaults=why)
    for name, inner in (schema.get("properties") or {}).items():
        changes: dict[str, Any] = {}
        if name in _OF_RESOURCES and (place.is_root or schema.get(EMBEDDED)):
            changes["is_inside_metadata"] = True
            if place.is_root:
                changes["no_defaults"] = f"in top-level {name}"
        yield place.part(inner, f"properties[{name}]", **changes)
    if isinstance(schema.get("not"), Mapping):
        yield place.part(schema["not"], "not")
    for key in ("allOf", "oneOf", "anyOf"):
        for i, inner in enumerate(schema.get(key) or ()):
            yield place.part(inner, f"{key}[{i}]")
    for name, inner in (schema.get("definitions") or {}).items():
        yield place.part(inner, f"definitions[{name}]")
    items = schema.get("items")
    if isinstance(items, Mapping):
        yield place.part(items, "items")
    for i, inner in enumerate(items if isinstance(items, Sequence) else ()):
        yield place.part(inner, f"items[{i}]")
    for name, inner in (schema.get("dependencies") or {}).items():
        if isinstance(inner, Mapping):
            yield place.part(inner, f"dependencies[{name}]")


def _list_type(schema: Schema, path: str) -> Errors:
    kind, keys = schema.get(LIST_TYPE), schema.get(LIST_MAP_KEYS) or ()
    type = schema.get("type") or ""
    items = schema.get("items")
    if kind is not None and type != "array":
        text = "must be array if x-kubernetes-list-type is specified"
        yield invalid(f"{path}.type", type, text) if type else required(f"{path}.type", text)
    elif kind == "set" and isinstance(items, Mapping):
        yield from _set_of(items, f"{path}.items")
    if kind is not None and kind not in ("atomic", "set", "map"):
        yield not_supported(f"{path}.{LIST_TYPE}", kind, ("atomic", "set", "map"))
    if keys and kind != "map":
        text = "must be map if x-kubernetes-list-map-keys is non-empty"
        field = f"{path}.{LIST_TYPE}"
        yield required(field, text) if kind is None else invalid(field, kind, text)
    if kind == "map":
        if not keys:
            text = "must not be empty if x-kubernetes-list-type is map"
            yield required(f"{path}.{LIST_MAP_KEYS}", text)
        yield from _list_map_keys(items, keys, path)
    if kind in ("set", "map") and isinstance(items, Mapping):
        yield from _identities(items, keys if kind == "map" else (), path, kind)


def _set_of(items: Schema, path: str) -> Errors:
    """Items of sets are compared as wholes. What is shown is always the type of the list."""
    text, shown = "must be atomic as item of a list with x-kubernetes-list-type=set", items.get(LIST_TYPE)
    if items.get("type") == "array" and shown not in (None, "atomic"):
        yield invalid(f"{path}.{LIST_TYPE}", shown, text)
    elif items.get("type") == "object" and items.get(MAP_TYPE) != "atomic":
        yield invalid(f"{path}.{MAP_TYPE}", shown, text)


def _list_map_keys(items: Any, keys: Sequence[str], path: str) -> Errors:
    if items is None:
        yield required(f"{path}.items", "must have a schema if x-kubernetes-list-type is map")
        return
    if not isinstance(items, Mapping):
        shown = go_structs.shown("apiextensions.JSONSchemaPropsOrArray", items)
        yield invalid(f"{path}.items", shown, "must only have a single schema if x-kubernetes-list-type is map")
        return
    type = items.get("type") or ""
    if type != "object":
        yield invalid(f"{path}.items.type", type, "must be object if parent array's x-kubernetes-list-type is map")
        return
    properties = items.get("properties") or {}
    for i, key in enumerate(keys):
        if key not in properties:
            yield invalid(f"{path}.{LIST_MAP_KEYS}", list(keys), "entries must all be names of item properties")
        elif properties[key].get("type") in ("array", "object"):
            # What is shown is the type of the item.
            text = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            yield invalid(f"{path}.items.properties[{key}].type", type, text)
        if key in keys[:i]:
            yield invalid(f"{path}.{LIST_MAP_KEYS}", list(keys), "must not contain duplicate entries")


def _identities(items: Schema, keys: Sequence[str], path: str, kind: str) -> Errors:
    """What tells items of sets and maps from each other is always there."""
    if items.get("nullable"):
        yield forbidden(f"{path}.items.nullable", f"cannot be nullable when {LIST_TYPE} is {kind}")
    properties = items.get("properties") or {}
    for key in keys:
        if key not in properties:
            continue
        field = f"{path}.items.properties[{key}]"
        if properties[key].get("default") is None and key not in (items.get("required") or ()):
            text = f"this property is in {LIST_MAP_KEYS}, so it must have a default or be a required property"
            yield required(f"{field}.default", text)
        if properties[key].get("nullable"):
            text = f"this property is in {LIST_MAP_KEYS}, so it cannot be nullable"
            yield forbidden(f"{field}.nullable", text)


def _map_type(schema: Schema, path: str) -> Errors:
    kind, type = schema.get(MAP_TYPE), schema.get("type") or ""
    if kind is None:
        return
    if type != "object":
        text = "must be object if x-kubernetes-map-type is specified"
        yield invalid(f"{path}.type", type, text) if type else required(f"{path}.type", text)
    if kind not in ("atomic", "granular"):
        yield not_supported(f"{path}.{MAP_TYPE}", kind, ("atomic", "granular"))


# Structure


_TYPE_REQUIRED = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}


def _structure(schema: Schema, path: str, level: str) -> Errors:
    """`level`: whether the schema is the `root`, that of an `item` of a list or of a `field`."""
    type = schema.get("type") or ""
    is_embedded, is_integer_or_string = bool(schema.get(EMBEDDED)), bool(schema.get(INT_OR_STRING))
    if type == "array" and schema.get("items") is None:
        yield required(f"{path}.items", "must be specified")
    if is_integer_or_string:
        for key in (PRESERVE, EMBEDDED):
            if schema.get(key):
                yield invalid(f"{path}.{key}", True, "must be false if x-kubernetes-int-or-string is true")
    if is_embedded and type != "object":
        text = "must be object if x-kubernetes-embedded-resource is true"
        yield invalid(f"{path}.type", type, text) if type else required(f"{path}.type", text)
    elif not type and not is_integer_or_string and not schema.get(PRESERVE):
        yield required(f"{path}.type", _TYPE_REQUIRED[level])
    if level == "root" and type and type != "object":
        yield invalid(f"{path}.type", type, "must be object at the root")
    if is_embedded and not schema.get(PRESERVE) and not schema.get("properties"):
        text = (
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        )
        yield required(f"{path}.properties", text)
    if schema.get("additionalProperties") is not None:
        if level == "root":
            yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
        if is_embedded:
            text = "must not be used if x-kubernetes-embedded-resource is set"
            yield forbidden(f"{path}.additionalProperties", text)
    if level == "root" or is_embedded:
        yield from _resource_fields(schema, path)
    if level == "root":
        yield from _metadata(schema, path)
    for name, inner in (schema.get("properties") or {}).items():
        yield from _structure(inner, f"{path}.properties[{name}]", "field")
    if isinstance(schema.get("items"), Mapping):
        yield from _structure(schema["items"], f"{path}.items", "item")
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from _structure(schema["additionalProperties"], f"{path}.additionalProperties", "field")
    branches: Sequence[Schema] = schema.get("allOf") or ()
    yield from _restrictions(
        schema,
        path,
        skips_any_of=schema.get("anyOf") == _INTEGER_OR_STRING,
        skips_first_any_of=bool(branches) and branches[0].get("anyOf") == _INTEGER_OR_STRING,
    )


def _resource_fields(schema: Schema, path: str) -> Errors:
    properties = schema.get("properties") or {}
    for key, type in (("apiVersion", "string"), ("kind", "string"), ("metadata", "object")):
        if key in properties and (found := properties[key].get("type") or "") != type:
            yield invalid(f"{path}.properties[{key}].type", found, f"must be {type}")


def _metadata(schema: Schema, path: str) -> Errors:
    metadata = (schema.get("properties") or {}).get("metadata")
    if metadata is None:
        return
    told = {key for key, value in metadata.items() if _says_something(key, value)} - {"type", "default", "$schema"}
    if set(metadata.get("properties") or {}) <= {"name", "generateName"}:
        told -= {"properties"}
    if told:
        text = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        yield forbidden(f"{path}.properties[metadata]", text)


def _says_something(key: str, value: Any) -> bool:
    if key in ("items", "additionalProperties", "not"):
        return value is not None
    return value is not None and value is not False and value not in ("", [], {})


def _restrictions(schema: Schema, path: str, *, skips_any_of: bool = False, skips_first_any_of: bool = False) -> Errors:
    """Below allOf, anyOf, oneOf and not there is nothing but restrictions; what is an integer or a string may be said there."""
    for key in COMBINATIONS:
        if key == "anyOf" and skips_any_of:
            continue
        for i, inner in enumerate(schema.get(key) or ()):
            skips = skips_first_any_of and key == "allOf" and i == 0
            yield from _restriction(inner, f"{path}.{key}[{i}]", skips_any_of=skips)
    if isinstance(schema.get("not"), Mapping):
        yield from _restriction(schema["not"], f"{path}.not")
    if pattern := schema.get("pattern"):
        try:
            regular_expressions.compiled(pattern)
        except regular_expressions.PatternError as error:
            yield invalid(f"{path}.pattern", pattern, f"must be a valid regular expression, but isn't: {error}")


def _restriction(schema: Schema, path: str, *, skips_any_of: bool = False) -> Errors:
    for key, text in _FORBIDDEN_IN_COMBINATIONS.items():
        value = schema.get(key)
        if value or (
            value is not None and (key == "default" or (key == "additionalProperties" and value is not False))
        ):
            yield forbidden(f"{path}.{key}", text)
    properties = schema.get("properties") or {}
    for name, inner in properties.items():
        yield from _restriction(inner, f"{path}.properties[{name}]")
    if "metadata" in properties:
        yield forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context")
    if isinstance(schema.get("items"), Mapping):
        yield from _restriction(schema["items"], f"{path}.items")
    yield from _restrictions(schema, path, skips_any_of=skips_any_of)


# Defaults


def _defaults(schema: Schema, path: str, *, is_resource: bool, is_inside_metadata: bool = False) -> Errors:
    """`is_inside_metadata`: of what every resource has nothing is unknown."""
    default = schema.get("default")
    if default is not None:
        field = f"{path}.default"
        value = plain(default)
        if not is_inside_metadata and _has_unknown_fields(value, schema):
            yield invalid(field, value, "must not have unknown fields")
        errors = list(embedded_errors(value, schema, field)) or validate_value(value, schema, base=field)
        yield from errors or _broken_rules(value, schema, field, is_resource=is_resource)
    is_resource = is_resource or bool(schema.get(EMBEDDED))
    parts = [(items, f"{path}.items", False)] if isinstance(items := schema.get("items"), Mapping) else []
    for name, inner in (schema.get("properties") or {}).items():
        parts.append((inner, f"{path}.properties[{name}]", is_resource and name in _OF_RESOURCES))
    for inner, inner_path, is_of_resource in parts:
        is_embedded = bool(inner.get(EMBEDDED))
        is_inside = not is_embedded and (is_inside_metadata or is_of_resource)
        yield from _defaults(inner, inner_path, is_resource=is_embedded, is_inside_metadata=is_inside)


def _broken_rules(value: Any, schema: Schema, field: str, *, is_resource: bool) -> list[FieldError]:
    """What the rules for it say of a default: of one that stays, and of one that comes."""
    if not has_rules(schema):
        return []
    from fakekube.kinds.custom_rules import CustomRules

    rules = CustomRules(schema, is_resource=is_resource)
    errors = rules.judge(value, value, path=field) or rules.judge(value, path=field)
    return [FieldError(error.reason, error.field, error.message) for error in errors]


def _has_unknown_fields(value: Any, schema: Schema) -> bool:
    """A value is pruned as if it were the one field of an object."""
    _, unknown = pruned({"value": value}, {"properties": {"value": schema}})
    return bool(unknown)
