"""What requests for devices may say: in claims, in templates of claims, and in classes of devices.

https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakekube.kinds import resource_names
from fakekube.kinds.csi_names import driver_name
from fakekube.objects import as_sent, names, rules
from fakekube.objects.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from fakekube.objects.fields import at
from fakekube.registry.kind import Object, Operation

MOST_REQUESTS, MOST_CONSTRAINTS, MOST_CONFIGS, MOST_SELECTORS, MOST_SUBREQUESTS = 32, 32, 32, 32, 8
MOST_BINDING_CONDITIONS, MOST_POOL_NAME_BYTES, MOST_IDENTIFIER_BYTES = 4, 253, 32
MOST_EXPRESSION_BYTES, MOST_PARAMETERS_BYTES = 10 * 1024, 10 * 1024
ADMIN_LABEL = "resource.kubernetes.io/admin-access"
_NO_REQUEST = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
_ONE_OF = "exactly one of `exactly` or `firstAvailable` is required"
_EFFECTS = ("NoExecute", "NoSchedule", "None")


def some(most: int, *rows: rules.Row, by: str = "") -> rules.Rule:
    """A list of objects. Of one that is too long nothing else is said; `by`: no two have the same there."""
    return _list(most, rules.each(*rows), *([rules.unique_by(by)] if by else []))


def some_values(most: int, *each: rules.Rule, unique: bool = False) -> rules.Rule:
    """The same of plain values."""
    return _list(most, rules.each_value(*each), *([rules.unique] if unique else []))


def _list(most: int, *of_all: rules.Rule) -> rules.Rule:
    def check(value: Any, path: str) -> list[FieldError]:
        if value and len(value) > most:
            return [too_many(path, len(value), most)]
        return [error for rule in of_all for error in rule(value, path)]

    return check


def named(element: Object) -> str:
    name: str = element.get("name", "")
    return name


def pool_name(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    errors = rules.no_longer_than(MOST_POOL_NAME_BYTES)(value, path)
    return errors + [invalid(path, part, text) for part in value.split("/") for text in names.subdomain(part)]


_IDENTIFIER_TEXT = (
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' "
    "(e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')"
)


def _identifier(text: str, path: str) -> list[FieldError]:
    errors = rules.no_longer_than(MOST_IDENTIFIER_BYTES)(text, path)
    if not text.isidentifier() or not text.isascii():
        errors.append(invalid(path, text, _IDENTIFIER_TEXT))
    return errors


def attribute_name(name: str, path: str) -> list[FieldError]:
    """`model` or `gpu.example.com/model`. What has more slashes is not looked at."""
    domain, slash, rest = name.partition("/")
    if not slash:
        return _identifier(name, path)
    if "/" in rest:
        return []
    errors = driver_name(domain, path) if domain else [invalid(path, "", "the domain must not be empty")]
    return errors + (_identifier(rest, path) if rest else [invalid(path, "", "the name must not be empty")])


def _whole_attribute_name(name: str, path: str) -> list[FieldError]:
    errors = attribute_name(name, path)
    if "/" not in name:
        detail = "a fully qualified name must be a domain and a name separated by a slash"
        errors.append(invalid(path, name, detail))
    return errors


def _expression(value: str | None, path: str) -> list[FieldError]:
    text = value or ""
    if errors := rules.no_longer_than(MOST_EXPRESSION_BYTES)(text, path):
        return errors
    from fakekube.expressions.device_environment import is_too_complex, problem

    if found := problem(text):
        return [invalid(path, text, found)]
    return [forbidden(path, "too complex, exceeds cost limit")] if is_too_complex(text) else []


def _selector(value: Object, path: str) -> list[FieldError]:
    cel = value.get("cel")
    return [required(f"{path}.cel")] if cel is None else _expression(cel.get("expression"), f"{path}.cel.expression")


_SELECTORS = some(MOST_SELECTORS, _selector)


def _allocation(value: Object, path: str) -> list[FieldError]:
    mode, count = value.get("allocationMode", ""), value.get("count", 0)
    if mode == "All":
        detail = "must not be specified when allocationMode is 'All'"
        return [invalid(f"{path}.count", count, detail)] if count else []
    if mode == "ExactCount":
        return [] if count > 0 else [invalid(f"{path}.count", count, "must be greater than zero")]
    return [not_supported(f"{path}.allocationMode", mode, ("All", "ExactCount"))]


def _toleration(value: Object, path: str) -> list[FieldError]:
    operator, text = value.get("operator", ""), value.get("value", "")
    errors = rules.named(names.qualified_name)(value.get("key"), f"{path}.key")
    if operator == "Exists":
        if text:
            errors.append(invalid(f"{path}.value", text, "must be empty for operator `Exists`"))
    elif operator == "Equal":
        errors += [invalid(f"{path}.value", text, why) for why in names.label_value(text)]
    else:
        errors += rules.needed_one_of("Equal", "Exists")(operator, f"{path}.operator")
    return errors + rules.one_of(*_EFFECTS)(value.get("effect"), f"{path}.effect")


TAINT: tuple[rules.Row, ...] = (
    ("key", rules.always_named(names.qualified_name)),
    ("value", rules.named(names.label_value)),
    ("effect", rules.needed_one_of(*_EFFECTS)),
)
_DEVICES_OF_A_CLASS: tuple[rules.Row, ...] = (
    ("deviceClassName", rules.needed_name(names.subdomain)),
    ("selectors", _SELECTORS),
    _allocation,
    ("tolerations", rules.each(_toleration)),
)
_REQUEST_NAME = rules.always_named(names.label)
_SUBREQUEST: tuple[rules.Row, ...] = (("name", _REQUEST_NAME), *_DEVICES_OF_A_CLASS)


def _request(value: Object, path: str) -> list[FieldError]:
    errors = _REQUEST_NAME(value.get("name"), f"{path}.name")
    exactly, alternatives = value.get("exactly"), value.get("firstAvailable")
    if exactly is not None and alternatives:
        errors.append(invalid(path, None, f"{_ONE_OF}, but multiple fields are set"))
    elif exactly is not None:
        errors += rules.check(exactly, _DEVICES_OF_A_CLASS, f"{path}.exactly")
    elif alternatives:
        errors += some(MOST_SUBREQUESTS, *_SUBREQUEST, by="name")(alternatives, f"{path}.firstAvailable")
    else:
        errors.append(required(path, _ONE_OF))
    return errors


RequestNames = Mapping[str, set[str]]


def request_names(devices: Object) -> RequestNames:
    """The names of the subrequests of each request; of several with one name the last counts."""
    return {
        named(request): {named(each) for each in request.get("firstAvailable") or ()}
        for request in devices.get("requests") or ()
    }


def reference(known: RequestNames) -> rules.Rule:
    """The name of a request, or of a subrequest with that of its request before it."""

    def check(value: Any, path: str) -> list[FieldError]:
        name = value or ""
        request, slash, subrequest = name.partition("/")
        if "/" in subrequest:
            return [invalid(path, name, _NO_REQUEST)]
        errors = [error for part in name.split("/") for error in _REQUEST_NAME(part, path)]
        if request not in known or (slash and subrequest not in known[request]):
            errors.append(invalid(path, name, _NO_REQUEST))
        return errors

    return check


def references(known: RequestNames) -> rules.Row:
    return ("requests", some_values(MOST_REQUESTS, reference(known), unique=True))


def _attribute(value: Object, path: str) -> list[FieldError]:
    for field in ("matchAttribute", "distinctAttribute"):
        if value.get(field) is not None:
            return _whole_attribute_name(value[field], f"{path}.{field}")
    # So it is told of a constraint that has none.
    detail = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
    return [required(path, detail)]


def json_object(most: int) -> rules.Rule:
    """A RawExtension that must be there, of no more than `most` bytes."""

    def check(value: Any, path: str) -> list[FieldError]:
        if value is None:
            return [required(path)]
        if len(as_sent.text_of(value)) > most:
            return [too_long(path, most)]
        return [] if isinstance(value, dict) else [invalid(path, "<value omitted>", "must be a valid JSON object")]

    return check


_OPAQUE = (("driver", driver_name), ("parameters", json_object(MOST_PARAMETERS_BYTES)))


def configuration(value: Object, path: str) -> list[FieldError]:
    opaque = value.get("opaque")
    return [required(f"{path}.opaque")] if opaque is None else rules.check(opaque, _OPAQUE, f"{path}.opaque")


def claim(value: Any, path: str) -> list[FieldError]:
    """A DeviceClaim: the `devices` of a claim."""
    devices = value or {}
    known = references(request_names(devices))
    rows = (
        ("requests", some(MOST_REQUESTS, _request, by="name")),
        ("constraints", some(MOST_CONSTRAINTS, known, _attribute)),
        ("config", some(MOST_CONFIGS, known, configuration)),
    )
    return rules.check(devices, rows, path)


def admin_access(owner: Object, devices: Any, operation: Operation) -> list[FieldError]:
    """Devices are for administrators only where the namespace is, whether a claim (`owner`) wants them or a template does."""
    for i, request in enumerate((devices or {}).get("requests") or ()):
        if (request.get("exactly") or {}).get("adminAccess"):
            return admin_namespace(owner, f"spec.devices.requests[{i}].adminAccess", operation)
    return []


def admin_namespace(owner: Object, place: str, operation: Operation) -> list[FieldError]:
    """What is wrong at `place` unless the namespace of `owner` is for administrators."""
    namespace = operation.get("", "namespaces", "", owner["metadata"].get("namespace", "")) or {}
    if (at(namespace, "metadata.labels") or {}).get(ADMIN_LABEL) == "true":
        return []
    detail = f"admin access to devices requires the `{ADMIN_LABEL}: true` label on the containing namespace"
    return [forbidden(place, detail)]


_CONDITION_NAMES = some_values(MOST_BINDING_CONDITIONS, rules.always_named(names.qualified_name))


def binding(value: Object, path: str) -> list[FieldError]:
    """The conditions that a device waits for when it is bound, and those that say that it will not be."""
    fields = ("bindingConditions", "bindingFailureConditions")
    wanted, failing = (value.get(field) or [] for field in fields)
    errors = [error for field in fields for error in _CONDITION_NAMES(value.get(field), f"{path}.{field}")]
    errors += rules.unique(wanted, f"{path}.bindingConditions")
    for i, condition in enumerate(failing):
        place = f"{path}.bindingFailureConditions[{i}]"
        if condition in failing[:i]:
            errors.append(duplicate(place, condition))
        if condition in wanted:
            errors.append(invalid(place, condition, "bindingFailureConditions must not overlap with bindingConditions"))
    for missing, other in (fields, fields[::-1]):
        if value.get(other) and not value.get(missing):
            shown = as_sent.shown_at(value, missing)
            errors.append(invalid(f"{path}.{missing}", shown, f"{missing} are required to use {other}"))
    return errors


def _extended(value: Any, path: str) -> list[FieldError]:
    if value is None or resource_names.is_extended(value):
        return []
    return [invalid(path, value, "must be a valid extended resource name")]


DEVICE_CLASS: tuple[rules.Row, ...] = (
    ("spec.selectors", _SELECTORS),
    ("spec.config", some(MOST_CONFIGS, configuration)),
    ("spec.extendedResourceName", _extended),
)
