"""What admission policies and their bindings may say, as far as it can be told without compiling their expressions.

https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
"""

from __future__ import annotations

import re
from typing import Any

from fakekube.kinds.webhook_rules import MATCH_RESOURCES, match_conditions
from fakekube.objects import names, rules
from fakekube.objects.field_errors import FieldError, duplicate, forbidden, invalid, not_supported, required
from fakekube.registry.kind import Object

REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
MOST_MESSAGE_BYTES, MOST_MESSAGE_EXPRESSION_BYTES, MOST_ANNOTATIONS = 5 * 1024, 5 * 1024, 20
_IDENTIFIER = re.compile("[_a-zA-Z][_a-zA-Z0-9]*").fullmatch
_RESERVED = frozenset(
    {
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"),
        *("namespace", "null", "package", "return", "true", "var", "void", "while"),
    }
)


def _api_version(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    if value.count("/") > 1:
        return [invalid(path, value, f"unexpected GroupVersion string: {value}")]
    group, _, version = value.rpartition("/")
    errors = [invalid(path, group, ",".join(texts))] if group and (texts := names.subdomain(group)) else []
    if texts := names.label_1035(version):
        errors.append(invalid(path, version, ",".join(texts)))
    return errors


def _kind(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    texts = names.label_1035(value.lower())
    return (
        [invalid(path, value, "may have mixed case, but should otherwise match: " + ",".join(texts))] if texts else []
    )


_PARAM_KIND = rules.within(("apiVersion", _api_version), ("kind", _kind))


def _variables(value: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, variable in enumerate(value or ()):
        name, place = variable.get("name", ""), f"{path}[{i}]"
        if not name:
            errors.append(required(f"{place}.name"))
        elif not _IDENTIFIER(name) or name in _RESERVED:
            errors.append(invalid(f"{place}.name", name, "must be a valid CEL identifier"))
        if name and name in seen:
            errors.append(duplicate(f"{place}.name", name))
        seen.add(name)
        errors += _expression("expression is not specified")(variable.get("expression"), f"{place}.expression")
    return errors


def _expression(detail: str) -> rules.Rule:
    return lambda value, path: [] if (value or "").strip() else [required(path, detail)]


def _message(value: Any, path: str) -> list[FieldError]:
    if not value:
        return []
    if not value.strip():
        return [invalid(path, value, "must be non-empty if specified")]
    if "\n" in value.strip():
        return [invalid(path, value, "must not contain line breaks")]
    return rules.no_longer_than(MOST_MESSAGE_BYTES)(value, path)


_VALIDATION = (
    ("expression", _expression("expression is not specified")),
    ("messageExpression", rules.no_longer_than(MOST_MESSAGE_EXPRESSION_BYTES)),
    ("message", _message),
    ("reason", rules.one_of(*REASONS)),
)


def _something_to_do(spec: Object, path: str) -> list[FieldError]:
    if spec.get("validations") or spec.get("auditAnnotations"):
        return []
    detail = "validations or auditAnnotations must contain at least one item"
    return [required(f"{path}.{field}", detail) for field in ("validations", "auditAnnotations")]


def _annotations(policy: str) -> rules.Rule:
    def check(value: Any, path: str) -> list[FieldError]:
        if value and len(value) > MOST_ANNOTATIONS:
            detail = f"must not have more than {MOST_ANNOTATIONS} auditAnnotations"
            return [invalid(path, value, detail)]
        errors: list[FieldError] = []
        seen: set[str] = set()
        for i, annotation in enumerate(value or ()):
            key, place = annotation.get("key", ""), f"{path}[{i}]"
            if not key:
                errors.append(required(f"{place}.key"))
            else:
                whole = f"{policy}/{key}"
                errors += [invalid(f"{place}.key", whole, text) for text in names.qualified_name(whole)]
            expression = _expression("valueExpression is not specified")
            errors += expression(annotation.get("valueExpression"), f"{place}.valueExpression")
            if key and key in seen:
                errors.append(duplicate(f"{place}.key", key))
            seen.add(key)
        return errors

    return check


def _constraints(spec: Object, path: str) -> list[FieldError]:
    constraints, place = spec.get("matchConstraints"), f"{path}.matchConstraints"
    if constraints is None:
        return [required(place)]
    errors = rules.check(constraints, MATCH_RESOURCES, place)
    return errors if constraints.get("resourceRules") else [*errors, required(f"{place}.resourceRules")]


def validating(policy: Object) -> list[FieldError]:
    rows = (
        ("failurePolicy", rules.needed_one_of("Fail", "Ignore")),
        ("paramKind", _PARAM_KIND),
        _constraints,
        ("matchConditions", match_conditions),
        ("variables", _variables),
        _something_to_do,
        ("validations", rules.each(*_VALIDATION)),
        ("auditAnnotations", _annotations(policy["metadata"].get("name", ""))),
    )
    return rules.check(policy.get("spec") or {}, rows, "spec")


def _no_deletions(spec: Object, path: str) -> list[FieldError]:
    resource_rules = (spec.get("matchConstraints") or {}).get("resourceRules") or ()
    supported = ("*", "CONNECT", "CREATE", "UPDATE")
    return [
        not_supported(f"{path}.matchConstraints.resourceRules.operations", operation, supported)
        for rule in resource_rules
        for operation in rule.get("operations") or ()
        if operation == "DELETE"
    ]


_MUTATIONS = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}


def _mutation(value: Object, path: str) -> list[FieldError]:
    type_ = value.get("patchType", "")
    if type_ not in _MUTATIONS:
        return [
            not_supported(f"{path}.patchType", type_, tuple(_MUTATIONS)) if type_ else required(f"{path}.patchType")
        ]
    errors: list[FieldError] = []
    for each, field in _MUTATIONS.items():
        content = value.get(field)
        if each == type_ and content is None:
            errors.append(required(f"{path}.{field}", f"must be specified when patchType is {type_}"))
        elif each != type_ and content is not None:
            detail = f"must not be specified when patchType is {type_}"
            errors.append(invalid(f"{path}.{field}", f"{{{field}}}", detail))
        elif content is not None:
            errors += _expression("expression is not specified")(
                content.get("expression"), f"{path}.{field}.expression"
            )
    return errors


def mutating(policy: Object) -> list[FieldError]:
    rows = (
        ("failurePolicy", rules.needed_one_of("Fail", "Ignore")),
        ("paramKind", _PARAM_KIND),
        _constraints,
        _no_deletions,
        ("matchConditions", match_conditions),
        ("variables", _variables),
        ("mutations", rules.needed_because("mutations must contain at least one item"), rules.each(_mutation)),
        ("reinvocationPolicy", rules.needed_one_of("IfNeeded", "Never")),
    )
    return rules.check(policy.get("spec") or {}, rows, "spec")


def _param_ref(value: Any, path: str) -> list[FieldError]:
    if value is None:
        return []
    name, selector = value.get("name"), value.get("selector")
    errors: list[FieldError] = []
    if name:
        errors += [invalid(f"{path}.name", name, text) for text in names.path_segment(name)]
        if selector is not None:
            detail = "name and selector are mutually exclusive"
            errors += [forbidden(f"{path}.{field}", detail) for field in ("name", "selector")]
    elif selector is None:
        errors += [
            required(f"{path}.{field}", "one of name or selector must be specified") for field in ("name", "selector")
        ]
    if selector is not None:
        errors += rules.selector(selector, f"{path}.selector")
    return errors + rules.needed_one_of("Allow", "Deny")(
        value.get("parameterNotFoundAction"), f"{path}.parameterNotFoundAction"
    )


def _actions(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path, "at least one validation action is required")]
    errors: list[FieldError] = []
    for i, action in enumerate(value):
        if action not in ("Deny", "Warn", "Audit"):
            errors.append(not_supported(f"{path}[{i}]", action, ("Audit", "Deny", "Warn")))
        if action in value[:i]:
            errors.append(duplicate(f"{path}[{i}]", action))
    if "Deny" in value and "Warn" in value:
        errors.append(
            invalid(
                path,
                value,
                "must not contain both Deny and Warn (repeating the same validation failure information in the API response "
                "and headers serves no purpose)",
            )
        )
    return errors


_WARNING = (("fieldRef", rules.needed), ("warning", rules.needed))
VALIDATING_STATUS: tuple[rules.Row, ...] = (
    ("status.typeChecking.expressionWarnings", rules.each(*_WARNING)),
    ("status.conditions", rules.conditions),
)
"""What the controller that types the expressions reports."""

_BINDING = (
    ("policyName", rules.needed_name(names.subdomain)),
    ("paramRef", _param_ref),
    ("matchResources", rules.within(*MATCH_RESOURCES)),
)
MUTATING_BINDING: tuple[rules.Row, ...] = (("spec", rules.within(*_BINDING)),)
VALIDATING_BINDING: tuple[rules.Row, ...] = (("spec", rules.within(*_BINDING, ("validationActions", _actions))),)
