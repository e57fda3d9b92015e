"""What the schema of a custom resource makes of an object: fields that it does not know are pruned, fields that are left out are filled in.

A schema is an `openAPIV3Schema` as its definition holds it. Whether one is structural is for the definition's validation to say
(`fakekube.kinds.apiextensions`); here every schema is.
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakekube import facts
from fakekube.objects import decode_messages, structs
from fakekube.objects.field_errors import invalid

Schema = Mapping[str, Any]
Object = dict[str, Any]

PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
INT_OR_STRING = "x-kubernetes-int-or-string"
LIST_TYPE = "x-kubernetes-list-type"
LIST_MAP_KEYS = "x-kubernetes-list-map-keys"
MAP_TYPE = "x-kubernetes-map-type"
RULES = "x-kubernetes-validations"

RESOURCE_FIELDS = ("kind", "apiVersion", "metadata")
"""What every object has, whether its schema says so or not; these stand first, in this order."""

_LONGEST_INTEGER = 1 << 63


def pruned(
    obj: Object, schema: Schema, *, is_stored: bool = False, keeps_nulls: bool = False
) -> tuple[Object, list[str]]:
    """A new object of what the schema knows, and the paths of what it does not: sorted, those in the metadata of embedded resources last.

    Nulls go where the schema allows none, unless `keeps_nulls`. Keys are sorted, as those of all objects without a Go type; `metadata` is
    taken as it is.
    Raises DecodeError when the head of an embedded resource is none; of one that `is_stored` it is left out.
    """
    pruning = _Pruning(is_stored=is_stored, keeps_nulls=keeps_nulls)
    result = {key: obj[key] for key in RESOURCE_FIELDS if key in obj}
    rest = {key: value for key, value in obj.items() if key not in result}
    result.update(pruning.object(rest, schema, ""))
    return result, [*sorted(pruning.unknown), *pruning.unknown_in_metadata]


def set_defaults(obj: Object, schema: Schema) -> None:
    """Fill in what is left out of `obj`, which comes from `pruned`, and of whatever is filled in."""
    known = {key: value for key, value in (schema.get("properties") or {}).items() if key not in RESOURCE_FIELDS}
    rest = {key: value for key, value in obj.items() if key not in RESOURCE_FIELDS}
    _default_object(rest, {**schema, "properties": known})
    for key, value in rest.items():
        obj[key] = value
    if list(rest) != [key for key in obj if key not in RESOURCE_FIELDS]:
        sort_keys(obj)


def sort_keys(obj: Object) -> None:
    """Put the fields of a whole object into the order in which it is written."""
    ordered = {key: obj[key] for key in RESOURCE_FIELDS if key in obj}
    ordered.update((key, obj[key]) for key in sorted(obj) if key not in ordered)
    obj.clear()
    obj.update(ordered)


def has_defaults(schema: Any) -> bool:
    """Whether there is a default anywhere in a schema."""
    if isinstance(schema, Mapping):
        if schema.get("default") is not None:
            return True
        properties = schema.get("properties") or {}
        return any(map(has_defaults, properties.values())) or any(
            has_defaults(schema.get(key)) for key in ("items", "additionalProperties")
        )
    return False


def has_rules(schema: Any) -> bool:
    """Whether there are `x-kubernetes-validations` anywhere in a schema."""
    if isinstance(schema, Mapping):
        return bool(schema.get(RULES)) or any(map(has_rules, schema.values()))
    return False


def below(schema: Schema, key: str) -> Schema | None:
    """The schema of a field: that of the property, else of all additional ones; None when nothing is said of it."""
    properties: Mapping[str, Schema] = schema.get("properties") or {}
    if key in properties:
        return properties[key]
    additional = schema.get("additionalProperties")
    return additional if isinstance(additional, Mapping) else None


def plain(value: Any) -> Any:
    """A copy with sorted keys in which whole numbers are integers, as Go writes them."""
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _LONGEST_INTEGER:
        return int(value)
    return value


class _Pruning:
    """One walk through an object; what is unknown is noted on the way."""

    def __init__(self, *, is_stored: bool, keeps_nulls: bool) -> None:
        self._is_stored = is_stored
        self._keeps_nulls = keeps_nulls
        self.unknown: list[str] = []
        self.unknown_in_metadata: list[str] = []

    def value(self, value: Any, schema: Schema, path: str) -> Any:
        if isinstance(value, dict):
            if schema.get(EMBEDDED):
                return self.embedded(value, schema, path)
            return self.object(value, schema, path)
        if isinstance(value, list):
            items = schema.get("items")
            if isinstance(items, Mapping):
                return [
                    None if item is None else self.value(item, items, f"{path}[{index}]")
                    for index, item in enumerate(value)
                ]
        return plain(value)

    def object(self, value: Object, schema: Schema, path: str) -> Object:
        keeps = schema.get(PRESERVE) or schema.get("additionalProperties") is True
        result = {}
        for key in sorted(value):
            item = value[key]
            inner = below(schema, key)
            if inner is None:
                if keeps:
                    result[key] = plain(item)
                else:
                    self.unknown.append(_under(path, key))
            elif item is not None:
                result[key] = self.value(item, inner, _under(path, key))
            elif inner.get("nullable") or self._keeps_nulls:
                result[key] = None
        return result

    def embedded(self, value: Object, schema: Schema, path: str) -> Object:
        """An object within an object: its own apiVersion, kind and metadata need not be in the schema."""
        rest = {key: item for key, item in value.items() if key not in RESOURCE_FIELDS}
        result = self.object(rest, schema, path)
        for key in ("apiVersion", "kind"):
            if key in value and not isinstance(value[key], str):
                self.refuse(path, key, value[key], "must be a string")
            elif key in value:
                result[key] = value[key]
        if value.get("metadata") is not None:
            try:
                result["metadata"] = self.metadata(value["metadata"], path)
            except decode_messages.DecodeError as error:
                self.refuse(path, "metadata", value["metadata"], str(error))
        return {key: result[key] for key in sorted(result)}

    def metadata(self, value: Any, path: str) -> Any:
        for finding in decode_messages.examine(facts.type_of("meta.ObjectMeta"), value):
            if finding.label == "unknown":
                self.unknown_in_metadata.append(f"{path}.metadata.{finding.path}")
        return plain(structs.decoder("meta.ObjectMeta")(value))

    def refuse(self, path: str, key: str, value: Any, why: str) -> None:
        if not self._is_stored:
            raise decode_messages.DecodeError(str(invalid(f"{path}.{key}", value, why)))


def _under(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _default(value: Any, schema: Schema) -> None:
    if isinstance(value, dict):
        _default_object(value, schema)
    elif isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, Mapping):
            for item in value:
                _default(item, items)


def _default_object(value: Object, schema: Schema) -> None:
    added = False
    for key, inner in (schema.get("properties") or {}).items():
        if inner.get("default") is not None and key not in value:
            value[key] = plain(inner["default"])
            added = True
    if added:
        ordered = sorted(value.items())
        value.clear()
        value.update(ordered)
    for key, item in value.items():
        found = below(schema, key)
        if found is not None:
            _default(item, found)
