"""LimitRanges: bounds and defaults of what containers, pods and claims ask for. One without a name is called by a UUID.

https://kubernetes.io/docs/concepts/policy/limit-range/
"""

from __future__ import annotations

import math

from fakekube.kinds import resource_names
from fakekube.objects import fields, names, rules
from fakekube.objects.field_errors import FieldError, duplicate, forbidden, invalid, required, wrong_choice
from fakekube.objects.quantities import canonical, parse
from fakekube.registry.kind import Object, Operation, Strategy

TYPES = ("Pod", "Container", "PersistentVolumeClaim")


def prepare_create(limit_range: Object, operation: Operation) -> None:
    metadata = limit_range["metadata"]
    if not metadata.get("name"):
        metadata.pop("name", None)
        fields.put(metadata, "name", operation.new_uid(), "meta.ObjectMeta")


def validate(limit_range: Object, *_: object) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, limit in enumerate(fields.at(limit_range, "spec.limits") or ()):
        path, type_ = f"spec.limits[{i}]", limit.get("type", "")
        errors += _type(type_, f"{path}.type")
        if type_ in seen:
            errors.append(duplicate(f"{path}.type", type_))
        seen.add(type_)
        errors += _limit(limit, type_, path)
    return errors


def _type(name: str, path: str) -> list[FieldError]:
    errors = [wrong_choice(path, name, text) for text in names.qualified_name(name)]
    if not errors and "/" not in name and name not in TYPES:
        errors.append(wrong_choice(path, name, "must be a standard limit type or fully qualified"))
    return errors


def _limit(limit: Object, type_: str, path: str) -> list[FieldError]:
    errors = _names(limit, "max", type_, path) + _names(limit, "min", type_, path)
    for field in _DEFAULTS:
        if type_ != "Pod":
            errors += _names(limit, field, type_, path)
        elif limit.get(field):
            errors.append(forbidden(f"{path}.{field}", "may not be specified when `type` is 'Pod'"))
    bounds = (limit.get(field) or {} for field in ("min", "max"))
    if type_ == "PersistentVolumeClaim" and not any("storage" in bound for bound in bounds):
        detail = "either minimum or maximum storage value is required, but neither was provided"
        errors.append(required(f"{path}.limits", detail))
    errors += _names(limit, "maxLimitRequestRatio", type_, path)
    judged = {field: limit[field] for field in _FIELDS if field in limit and (type_ != "Pod" or field not in _DEFAULTS)}
    for name in dict.fromkeys(name for amounts in judged.values() for name in amounts or ()):
        errors += _amounts(judged, name, path)
    return errors


_DEFAULTS = ("default", "defaultRequest")
_FIELDS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def _names(limit: Object, field: str, type_: str, path: str) -> list[FieldError]:
    rule = resource_names.container_resource_name if type_ in ("Pod", "Container") else resource_names.resource_name
    return [error for name in limit.get(field) or () for error in rule(name, f"{path}.{field}[{name}]")]


_ORDERS = (
    # What must not be greater than what; where it is told, and with which of the two values.
    ("min", "max", "min", "min", "min value {0} is greater than max value {1}"),
    (
        "min",
        "defaultRequest",
        "defaultRequest",
        "defaultRequest",
        "min value {0} is greater than default request value {1}",
    ),
    (
        "defaultRequest",
        "max",
        "defaultRequest",
        "defaultRequest",
        "default request value {0} is greater than max value {1}",
    ),
    (
        "defaultRequest",
        "default",
        "defaultRequest",
        "defaultRequest",
        "default request value {0} is greater than default limit value {1}",
    ),
    ("min", "default", "default", "min", "min value {0} is greater than default value {1}"),
    ("default", "max", "default", "max", "default value {0} is greater than max value {1}"),
)


def _amounts(limit: Object, name: str, path: str) -> list[FieldError]:
    given = {field: canonical(limit[field][name]) for field in _FIELDS if name in (limit.get(field) or {})}
    errors = [
        invalid(f"{path}.{told_at}[{name}]", given[shown], text.format(given[low], given[high]))
        for low, high, told_at, shown, text in _ORDERS
        if low in given and high in given and parse(given[low]) > parse(given[high])
    ]
    ratio, place = given.get("maxLimitRequestRatio"), f"{path}.maxLimitRequestRatio[{name}]"
    if ratio is not None:
        if parse(ratio) < 1:
            errors.append(invalid(place, ratio, f"ratio {ratio} is less than 1"))
        if "min" in given and "max" in given:
            asked, most = _quotient(ratio, "1"), _quotient(given["max"], given["min"])
            if asked > most:
                shown = f"{most:f}" if math.isfinite(most) else "-Inf"
                errors.append(invalid(place, ratio, f"ratio {ratio} is greater than max/min = {shown}"))
    default, request = given.get("default"), given.get("defaultRequest")
    whole = ("/" in name and "kubernetes.io/" not in name) or name.startswith(resource_names.HUGEPAGES)
    if whole and default is not None and request is not None and parse(default) != parse(request):
        detail = f"default value {default} must equal to defaultRequest value {request} in {name}"
        errors.append(invalid(f"{path}.defaultRequest[{name}]", request, detail))
    return errors


def _quotient(above: str, below: str) -> float:
    """In thousandths, of which a part counts whole; by nothing it is without end, and nothing by nothing is no number."""
    one, other = (float(rules.away_from_zero(parse(text) * 1000)) for text in (above, below))
    if other:
        return one / other
    return math.copysign(math.inf, one) if one else math.nan


STRATEGY = Strategy(prepare_create=prepare_create, validate_create=validate, validate_update=validate)
