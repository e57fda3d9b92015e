"""What requests for devices may say: in claims, in templates of claims, and in classes of devices.

https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
"""

from __future__ import annotations

from typing import Any

from fakekube.kinds.csi_names import driver_name
from fakekube.objects import names, rules
from fakekube.objects.field_errors import FieldError, invalid, not_supported, required
from fakekube.registry.kind import Object

MOST_REQUESTS, MOST_CONSTRAINTS, MOST_CONFIGS, MOST_SELECTORS = 32, 32, 32, 32
MOST_TOLERATIONS, MOST_SUBREQUESTS = 16, 8
MOST_EXPRESSION_BYTES = 10 * 1024
_NO_REQUEST = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
_ONE_OF = "exactly one of `exactly` or `firstAvailable` is required"


def _selector(value: Object, path: str) -> list[FieldError]:
    cel = value.get("cel")
    if cel is None:
        return [required(f"{path}.cel", "must be specified")]
    expression = cel.get("expression", "")
    if not expression:
        return [required(f"{path}.cel.expression")]
    return rules.no_longer_than(MOST_EXPRESSION_BYTES)(expression, f"{path}.cel.expression")


def _allocation(value: Object, path: str) -> list[FieldError]:
    mode, count = value.get("allocationMode", ""), value.get("count", 0)
    if mode == "All":
        detail = "must not be specified when allocationMode is 'All'"
        return [invalid(f"{path}.count", count, detail)] if count else []
    if mode == "ExactCount":
        return [] if count > 0 else [invalid(f"{path}.count", count, "must be greater than zero")]
    return [not_supported(f"{path}.allocationMode", mode, ("All", "ExactCount"))]


def _toleration(value: Object, path: str) -> list[FieldError]:
    key, operator, text = value.get("key", ""), value.get("operator", ""), value.get("value", "")
    errors = rules.named(names.qualified_name)(key, f"{path}.key")
    if operator == "Exists":
        if text:
            errors.append(invalid(f"{path}.value", text, "must be empty for operator `Exists`"))
    elif operator == "Equal":
        errors += [invalid(f"{path}.value", text, why) for why in names.label_value(text)]
    else:
        errors += rules.needed_one_of("Equal", "Exists")(operator, f"{path}.operator")
    if not key and operator != "Exists":
        detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        errors.append(invalid(f"{path}.operator", operator, detail))
    return errors + rules.one_of("NoExecute", "NoSchedule", "None")(value.get("effect"), f"{path}.effect")


_DEVICES_OF_A_CLASS: tuple[rules.Row, ...] = (
    ("deviceClassName", rules.needed_name(names.subdomain)),
    ("selectors", rules.no_more_than(MOST_SELECTORS), rules.each(_selector)),
    _allocation,
    ("tolerations", rules.no_more_than(MOST_TOLERATIONS), rules.each(_toleration)),
)
_SUBREQUEST: tuple[rules.Row, ...] = (("name", rules.needed_name(names.label)), *_DEVICES_OF_A_CLASS)


def _request(value: Object, path: str) -> list[FieldError]:
    errors = rules.needed_name(names.label)(value.get("name"), f"{path}.name")
    exactly, alternatives = value.get("exactly"), value.get("firstAvailable")
    if exactly is not None and alternatives:
        errors.append(invalid(path, None, f"{_ONE_OF}, but multiple fields are set"))
    elif exactly is not None:
        errors += rules.check(exactly, _DEVICES_OF_A_CLASS, f"{path}.exactly")
    elif alternatives:
        errors += rules.no_more_than(MOST_SUBREQUESTS)(alternatives, f"{path}.firstAvailable")
        errors += rules.each(*_SUBREQUEST)(alternatives, f"{path}.firstAvailable")
        errors += rules.unique_by("name", at="name")(alternatives, f"{path}.firstAvailable")
    else:
        errors.append(required(path, _ONE_OF))
    return errors


def _request_names(devices: Object) -> set[str]:
    named: set[str] = set()
    for request in devices.get("requests") or ():
        name = request.get("name", "")
        named.add(name)
        named.update(f"{name}/{each.get('name', '')}" for each in request.get("firstAvailable") or ())
    return named


def _references(known: set[str]) -> rules.Rule:
    def check(value: Any, path: str) -> list[FieldError]:
        missing = [
            invalid(f"{path}[{i}]", name, _NO_REQUEST) for i, name in enumerate(value or ()) if name not in known
        ]
        return rules.no_more_than(MOST_REQUESTS)(value, path) + missing + rules.unique(value, path)

    return check


def _attribute(value: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    given = [field for field in ("matchAttribute", "distinctAttribute") if value.get(field) is not None]
    if not given:
        return [required(path, "exactly one of matchAttribute or distinctAttribute must be specified")]
    for field in given:
        name = value[field]
        if "/" not in name:
            errors.append(invalid(f"{path}.{field}", name, "must include a domain"))
        errors += [invalid(f"{path}.{field}", name, text) for text in names.qualified_name(name)]
    return errors


def _parameters(value: Any, path: str) -> list[FieldError]:
    if value is None:
        return [required(path)]
    return [] if isinstance(value, dict) else [invalid(path, "<value omitted>", "must be a valid JSON object")]


def _configuration(value: Object, path: str) -> list[FieldError]:
    if value.get("opaque") is None:
        return [required(f"{path}.opaque")]
    return rules.check(value["opaque"], (("driver", driver_name), ("parameters", _parameters)), f"{path}.opaque")


def claim(value: Any, path: str) -> list[FieldError]:
    """A DeviceClaim: the `devices` of a claim."""
    devices = value or {}
    references = ("requests", _references(_request_names(devices)))
    rows = (
        ("requests", rules.no_more_than(MOST_REQUESTS), rules.each(_request), rules.unique_by("name", at="name")),
        ("constraints", rules.no_more_than(MOST_CONSTRAINTS), rules.each(references, _attribute)),
        ("config", rules.no_more_than(MOST_CONFIGS), rules.each(references, _configuration)),
    )
    return rules.check(devices, rows, path)


DEVICE_CLASS: tuple[rules.Row, ...] = (
    ("spec.selectors", rules.no_more_than(MOST_SELECTORS), rules.each(_selector)),
    ("spec.config", rules.no_more_than(MOST_CONFIGS), rules.each(_configuration)),
    ("spec.extendedResourceName", rules.told_by(names.qualified_name)),
)
