"""ResourceQuotas: how much of what a namespace may have.

https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fakekube.kinds import resource_names
from fakekube.objects import as_sent, fields, go_structs, rules
from fakekube.objects.field_errors import FieldError, invalid, required, wrong_choice
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.objects.quantities import canonical, compare
from fakekube.registry.kind import Object, Strategy

_PODS = frozenset({"pods"})
_POD_RESOURCES = _PODS | {
    *("cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"),
}
_SCOPES: Mapping[str, frozenset[str]] = {
    "Terminating": _POD_RESOURCES,
    "NotTerminating": _POD_RESOURCES,
    "BestEffort": _PODS,
    "NotBestEffort": _POD_RESOURCES,
    "PriorityClass": _POD_RESOURCES,
    "CrossNamespacePodAffinity": _POD_RESOURCES,
    "VolumeAttributesClass": frozenset({"persistentvolumeclaims", "requests.storage"}),
}
"""The scopes, and the standard resources that each can be applied to."""
_CONFLICTING = (frozenset({"BestEffort", "NotBestEffort"}), frozenset({"Terminating", "NotTerminating"}))
_ONLY_EXIST = frozenset({"BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity"})
_MUST_EXIST = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)


def _amounts(value: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for name, amount in (value or {}).items():
        errors += resource_names.quota_resource_name(name, f"{path}[{name}]")
        errors += resource_names.resource_amount(name, amount, f"{path}[{name}]")
    return errors


def _misapplied(spec: Object, scope: str) -> Iterator[str]:
    """The standard resources of the quota that the scope cannot be applied to."""
    for name in sorted(spec.get("hard") or ()):
        if resource_names.is_standard_in_quotas(name) and name not in _SCOPES.get(scope, {name}):
            yield name


def _scopes(spec: Object, path: str) -> list[FieldError]:
    scopes, place = spec.get("scopes") or [], f"{path}.scopes"
    errors: list[FieldError] = []
    for scope in scopes:
        if scope not in _SCOPES:
            errors.append(invalid(place, scopes, "unsupported scope"))
        errors += [invalid(place, scopes, "unsupported scope applied to resource") for _ in _misapplied(spec, scope)]
    return errors + [invalid(place, scopes, "conflicting scopes") for pair in _CONFLICTING if pair <= set(scopes)]


def _scope_selector(spec: Object, path: str) -> list[FieldError]:
    selector, place = spec.get("scopeSelector"), f"{path}.scopeSelector.matchExpressions"
    errors: list[FieldError] = []
    expressions = (selector or {}).get("matchExpressions") or ()
    shown = go_structs.shown_type("core.v1.ScopeSelector", selector)
    for expression in expressions:
        scope, operator = expression.get("scopeName", ""), expression.get("operator", "")
        values = expression.get("values") or []
        if scope not in _SCOPES:
            errors.append(invalid(f"{place}.scopeName", scope, "unsupported scope"))
        errors += [invalid(place, shown, "unsupported scope applied to resource") for _ in _misapplied(spec, scope)]
        if scope in _ONLY_EXIST and operator != "Exists":
            errors.append(wrong_choice(f"{place}.operator", operator, _MUST_EXIST))
        if operator in ("In", "NotIn"):
            if not values:
                detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                errors.append(required(f"{place}.values", detail))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                errors.append(invalid(f"{place}.values", values, detail))
        else:
            errors.append(wrong_choice(f"{place}.operator", operator, "not a valid selector operator"))
    named = {expression.get("scopeName", "") for expression in expressions}
    # What is shown is the other list of scopes.
    scopes = as_sent.shown_at(spec, "scopes")
    return errors + [invalid(place, scopes, "conflicting scopes") for pair in _CONFLICTING if pair <= named]


validate = rules.table(("spec", rules.within(("hard", _amounts), _scopes, _scope_selector)))
validate_status = rules.table(("status.hard", _amounts), ("status.used", _amounts))


def validate_update(quota: Object, old: Object) -> list[FieldError]:
    new, before = (fields.at(each, "spec.scopes") or [] for each in (quota, old))
    changed = set(new) != set(before)
    shown = as_sent.shown_at(quota, "spec.scopes")
    return validate(quota) + ([invalid("spec.scopes", shown, IMMUTABLE_TEXT)] if changed else [])


_COMPARED = ("cpu", "memory", "storage", "ephemeral-storage")


def warnings(quota: Object, old: Object | None) -> list[str]:
    """What is told of a new quota by which more can be requested than limited."""
    if old is not None:
        return []
    hard, told = fields.at(quota, "spec.hard") or {}, list[str]()
    for resource in _COMPARED:
        requested, limited = f"requests.{resource}", f"limits.{resource}"
        if requested not in hard and resource in _POD_RESOURCES:
            requested = resource
        if requested in hard and limited in hard and compare(hard[requested], hard[limited]) > 0:
            told.append(
                f"ResourceQuota {requested} ({canonical(hard[requested])}) should be less than "
                f"{limited} ({canonical(hard[limited])})"
            )
    return told


STRATEGY = Strategy(
    validate_create=validate,
    validate_update=validate_update,
    validate_status_update=validate_status,
    returns_deleted_object=True,
    warnings=warnings,
)
