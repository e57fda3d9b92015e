"""StorageClasses: who makes volumes, and how.

https://kubernetes.io/docs/concepts/storage/storage-classes/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fakekube.kinds import node_labels
from fakekube.objects import names, rules
from fakekube.objects.field_errors import FieldError, duplicate, invalid, required, too_long
from fakekube.registry.kind import Object, Strategy

MOST_PARAMETERS, MOST_PARAMETER_BYTES = 512, 256 * 1024


def parameters(value: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if value and len(value) > MOST_PARAMETERS:
        return [too_long(path, MOST_PARAMETERS)]
    for key in value or ():
        if not key:
            errors.append(invalid(path, key, "field can not be empty."))
    if sum(len(key.encode()) + len(text.encode()) for key, text in (value or {}).items()) > MOST_PARAMETER_BYTES:
        errors.append(too_long(path, MOST_PARAMETER_BYTES))
    return errors


def provisioner(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    return [invalid(path, value.lower(), text) for text in names.qualified_name(value.lower())]


def _topologies(value: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    # What has no expressions is told once for every term that there is: so does Kubernetes.
    seen: list[dict[str, set[str]]] = [{} for _ in value or ()]
    for i, term in enumerate(value or ()):
        place = f"{path}[{i}]"
        keys: dict[str, set[str]] = {}
        for j, expression in enumerate(term.get("matchLabelExpressions") or ()):
            where = f"{place}.matchLabelExpressions[{j}]"
            errors += rules.check(expression, _EXPRESSION, where)
            if expression.get("key", "") in keys:
                errors.append(duplicate(f"{where}.key", expression.get("key", "")))
            keys[expression.get("key", "")] = set(expression.get("values") or ())
        errors += [duplicate(f"{place}.matchLabelExpressions", "")] * seen.count(keys)
        seen.append(keys)
    return errors


_EXPRESSION = (
    ("values", rules.needed, rules.unique),
    ("key", rules.always_named(names.qualified_name)),
)

validate = rules.table(
    ("provisioner", provisioner),
    ("parameters", parameters),
    ("reclaimPolicy", rules.one_of("Delete", "Retain")),
    ("volumeBindingMode", rules.always_one_of("Immediate", "WaitForFirstConsumer")),
    ("allowedTopologies", _topologies),
)


def validate_update(storage_class: Object, old: Object) -> list[FieldError]:
    return rules.unchanged_at(storage_class, old, "parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")


def warnings(storage_class: Object, old: Object | None) -> Sequence[str]:
    return [
        f"allowedTopologies[{i}].matchLabelExpressions[{j}].key: {why}"
        for i, term in enumerate(storage_class.get("allowedTopologies") or ())
        for j, expression in enumerate(term.get("matchLabelExpressions") or ())
        if (why := node_labels.deprecation(expression.get("key", "")))
    ]


STRATEGY = Strategy(
    validate_create=validate,
    validate_update_first=validate,
    validate_update=validate_update,
    warnings=warnings,
    returns_deleted_object=True,
)
