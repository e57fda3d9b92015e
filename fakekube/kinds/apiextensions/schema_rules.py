"""Which schemas a CustomResourceDefinition may have: structural ones, whose defaults fit themselves.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fakekube.kinds.apiextensions import validation_rules
from fakekube.objects import regular_expressions
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
from fakekube.objects.structural_schemas_validation import validate_value

Errors = Iterator[FieldError]

TYPES = ("array", "boolean", "integer", "number", "object", "string")
_SCALARS = ("boolean", "integer", "number", "string")
_UNSUPPORTED = ("$ref", "id", "patternProperties", "definitions", "dependencies", "additionalItems")
"""Keywords that make a schema unfit to be looked at as a structural one."""
_COMBINATIONS = ("allOf", "anyOf", "oneOf")
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


def judge(schema: Schema, path: str, *, is_unchanged: bool = False) -> list[FieldError]:
    """What is wrong with the schema of a version; its defaults and the expressions of its rules are judged when it is structural.

    `is_unchanged`: whether it is that which the definition had before.
    """
    errors = list(_keywords(schema, path, is_root=True))
    if any(_is_unfit(each) for each in _all(schema)):
        return errors
    structural = sorted(_structure(schema, path, "root"), key=lambda error: error.field)
    if structural:
        return [*errors, *structural]
    defaults = list(_defaults(schema, path, is_resource=True))
    if defaults or not has_rules(schema):
        return [*errors, *defaults]
    # Only who has rules pays for expressions.
    from fakekube.kinds.apiextensions import expression_rules

    return [*errors, *expression_rules.judge(schema, path, errors, judges_each_cost=not is_unchanged)]


def _children(schema: Schema, path: str) -> Iterator[tuple[Schema, str]]:
    """The schemas below, with their paths; those of what values may be at the same place as well."""
    for name, inner in (schema.get("properties") or {}).items():
        yield inner, f"{path}.properties[{name}]"
    for key in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(key), Mapping):
            yield schema[key], f"{path}.{key}"
    for key in _COMBINATIONS:
        for i, inner in enumerate(schema.get(key) or ()):
            yield inner, f"{path}.{key}[{i}]"


def _all(schema: Schema) -> Iterator[Schema]:
    yield schema
    for inner, _ in _children(schema, ""):
        yield from _all(inner)


def _is_unfit(schema: Schema) -> bool:
    return (
        any(schema.get(keyword) for keyword in _UNSUPPORTED)
        or isinstance(schema.get("items"), Sequence)
        or schema.get(PRESERVE) is False
    )


# Keywords, one schema at a time


def _keywords(schema: Schema, path: str, *, is_root: bool = False) -> Errors:
    if is_root and schema.get("nullable"):
        yield forbidden(f"{path}.nullable", "nullable cannot be true at the root")
    for keyword in _UNSUPPORTED:
        if schema.get(keyword):
            yield forbidden(f"{path}.{keyword}", f"{keyword} is not supported")
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden(f"{path}.uniqueItems", text)
    additional = schema.get("additionalProperties")
    if schema.get("properties") and additional is not None and additional is not True:
        text = "additionalProperties and properties are mutual exclusive"
        yield forbidden(f"{path}.additionalProperties", text)
    if isinstance(schema.get("items"), Sequence):
        yield forbidden(f"{path}.items", "items must be a schema object and not an array")
    if schema.get("type") == "null":
        yield forbidden(f"{path}.type", "type cannot be set to null, use nullable as an alternative")
    if pattern := schema.get("pattern"):
        try:
            regular_expressions.compiled(pattern)
        except regular_expressions.PatternError as error:
            yield invalid(f"{path}.pattern", pattern, f"must be a valid regular expression, but isn't: {error}")
    if schema.get(PRESERVE) is False:
        yield invalid(f"{path}.{PRESERVE}", False, "must be true or undefined")
    yield from _list_type(schema, path)
    yield from _map_type(schema, path)
    for inner, inner_path in _children(schema, path):
        yield from _keywords(inner, inner_path)
    yield from validation_rules.judge(schema, path)


def _list_type(schema: Schema, path: str) -> Errors:
    kind, keys = schema.get(LIST_TYPE), schema.get(LIST_MAP_KEYS) or ()
    type = schema.get("type") or ""
    items = schema.get("items")
    items = items if isinstance(items, Mapping) else {}
    if kind is not None:
        if type != "array":
            text = "must be array if x-kubernetes-list-type is specified"
            yield invalid(f"{path}.type", type, text) if type else required(f"{path}.type", text)
        if kind not in ("atomic", "set", "map"):
            yield not_supported(f"{path}.{LIST_TYPE}", kind, ("atomic", "set", "map"))
    if keys and kind != "map":
        text = "must be map if x-kubernetes-list-map-keys is non-empty"
        field = f"{path}.{LIST_TYPE}"
        yield required(field, text) if kind is None else invalid(field, kind, text)
    if kind in ("set", "map") and items.get("nullable"):
        yield forbidden(f"{path}.items.nullable", f"cannot be nullable when {LIST_TYPE} is {kind}")
    if kind == "map":
        if not keys:
            text = "must not be empty if x-kubernetes-list-type is map"
            yield required(f"{path}.{LIST_MAP_KEYS}", text)
        yield from _list_map_keys(items, keys, path)
    if kind == "set" and items.get("type") in ("object", "array"):
        if items["type"] == "object" and items.get(MAP_TYPE) != "atomic":
            text = "must be atomic as item of a list with x-kubernetes-list-type=set"
            yield invalid(f"{path}.items.{MAP_TYPE}", items.get(MAP_TYPE), text)
        if items["type"] == "array" and items.get(LIST_TYPE) not in (None, "atomic"):
            text = "must be atomic as item of a list with x-kubernetes-list-type=set"
            yield invalid(f"{path}.items.{LIST_TYPE}", items.get(LIST_TYPE), text)


def _list_map_keys(items: Schema, keys: Sequence[str], path: str) -> Errors:
    item_type = items.get("type") or ""
    if items and item_type != "object":
        text = "must be object if parent array's x-kubernetes-list-type is map"
        yield invalid(f"{path}.items.type", item_type, text)
        return
    if len(set(keys)) != len(keys):
        yield invalid(f"{path}.{LIST_MAP_KEYS}", list(keys), "must not contain duplicate entries")
    properties = items.get("properties") or {}
    if any(key not in properties for key in keys):
        yield invalid(f"{path}.{LIST_MAP_KEYS}", list(keys), "entries must all be names of item properties")
    for key in dict.fromkeys(keys):
        found = properties.get(key)
        if found is None:
            continue
        field = f"{path}.items.properties[{key}]"
        if found.get("type") not in _SCALARS:
            text = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            yield invalid(f"{field}.type", found.get("type") or "", text)
        if found.get("default") is None and key not in (items.get("required") or ()):
            text = f"this property is in {LIST_MAP_KEYS}, so it must have a default or be a required property"
            yield required(f"{field}.default", text)
        if found.get("nullable"):
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
    is_embedded = bool(schema.get(EMBEDDED))
    if not type:
        if level == "root" or not (schema.get(INT_OR_STRING) or schema.get(PRESERVE)):
            yield required(f"{path}.type", _TYPE_REQUIRED[level])
    elif type not in TYPES:
        yield not_supported(f"{path}.type", type, TYPES)
    elif level == "root" and type != "object":
        yield invalid(f"{path}.type", type, "must be object at the root")
    if type == "array" and schema.get("items") is None:
        yield required(f"{path}.items", "must be specified")
    if is_embedded and type != "object":
        text = "must be object if x-kubernetes-embedded-resource is true"
        yield invalid(f"{path}.type", type, text) if type else required(f"{path}.type", text)
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
    for name, inner in (schema.get("properties") or {}).items():
        yield from _structure(inner, f"{path}.properties[{name}]", "field")
    if isinstance(schema.get("items"), Mapping):
        yield from _structure(schema["items"], f"{path}.items", "item")
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from _structure(schema["additionalProperties"], f"{path}.additionalProperties", "field")
    yield from _combinations(schema, path, may_name_types=bool(schema.get(INT_OR_STRING)))


def _resource_fields(schema: Schema, path: str) -> Errors:
    properties = schema.get("properties") or {}
    for key, type in (("apiVersion", "string"), ("kind", "string"), ("metadata", "object")):
        found = (properties.get(key) or {}).get("type") or ""
        if key in properties and found and found != type:
            yield invalid(f"{path}.properties[{key}].type", found, f"must be {type}")
    metadata = properties.get("metadata")
    if metadata is not None:
        told = {key for key, value in metadata.items() if value and key not in ("type", "description", "properties")}
        if told or set(metadata.get("properties") or {}) - {"name", "generateName"}:
            text = "must not specify anything other than name and generateName, but metadata is implicitly specified"
            yield forbidden(f"{path}.properties[metadata]", text)


def _combinations(schema: Schema, path: str, *, may_name_types: bool = False) -> Errors:
    """Below allOf, anyOf, oneOf and not there is nothing but restrictions; int-or-string may say there what it is."""
    for key in _COMBINATIONS:
        branches = schema.get(key) or ()
        if may_name_types and key == "anyOf" and [dict(each) for each in branches] == _INTEGER_OR_STRING:
            continue
        for i, inner in enumerate(branches):
            says_types = may_name_types and key == "allOf" and i == 0
            yield from _restriction(inner, f"{path}.{key}[{i}]", may_name_types=says_types)
    if isinstance(schema.get("not"), Mapping):
        yield from _restriction(schema["not"], f"{path}.not")


def _restriction(schema: Schema, path: str, *, may_name_types: bool = False) -> Errors:
    for key, text in _FORBIDDEN_IN_COMBINATIONS.items():
        if schema.get(key) or (key == "default" and schema.get(key) is not None):
            yield forbidden(f"{path}.{key}", text)
    for name, inner in (schema.get("properties") or {}).items():
        yield from _restriction(inner, f"{path}.properties[{name}]")
    if isinstance(schema.get("items"), Mapping):
        yield from _restriction(schema["items"], f"{path}.items")
    yield from _combinations(schema, path, may_name_types=may_name_types)


# Defaults


def _defaults(schema: Schema, path: str, *, is_resource: bool) -> Errors:
    default = schema.get("default")
    if default is not None:
        field = f"{path}.default"
        value = plain(default)
        if _has_unknown_fields(value, schema):
            yield invalid(field, value, "must not have unknown fields")
        else:
            errors = validate_value(value, schema, base=field)
            yield from errors or _broken_rules(value, schema, field, is_resource=is_resource)
    for name, inner in (schema.get("properties") or {}).items():
        yield from _defaults(inner, f"{path}.properties[{name}]", is_resource=bool(inner.get(EMBEDDED)))
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            yield from _defaults(schema[key], f"{path}.{key}", is_resource=bool(schema[key].get(EMBEDDED)))


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


__all__ = ["TYPES", "judge"]
