"""Deployments: what they may say."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.kinds import gated_fields, pod_warnings, replica_counters
from fakekube.kinds import workload_rules as workloads
from fakekube.objects import go_structs, rules
from fakekube.objects.field_errors import FieldError, forbidden, invalid, not_supported
from fakekube.registry.kind import Object, Strategy

_NUMBERS = (
    ("minReadySeconds", rules.non_negative),
    ("revisionHistoryLimit", rules.non_negative),
    ("progressDeadlineSeconds", rules.non_negative),
)


def validate(deployment: Object) -> list[FieldError]:
    spec = deployment.get("spec") or {}
    errors = rules.non_negative(spec.get("replicas"), "spec.replicas")
    selector, template = spec.get("selector"), spec.get("template") or {}
    errors += workloads.needed_selector(selector, "deployment")
    usable = workloads.usable_selector(selector)
    if usable is None:
        errors.append(invalid("spec.selector", selector, "invalid label selector"))
    else:
        errors += workloads.mismatch(usable, template, "spec.template")
        errors += workloads.template(template, "spec.template")
        errors += workloads.long_running(template, "spec.template", "ReplicaSet")
    errors += _strategy(spec.get("strategy") or {}, "spec.strategy")
    errors += rules.check(spec, _NUMBERS, "spec")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        errors.append(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    return errors


def _strategy(strategy: Object, path: str) -> list[FieldError]:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind == "Recreate":
        detail = "may not be specified when strategy `type` is 'Recreate'"
        return [forbidden(f"{path}.rollingUpdate", detail)] if rolling is not None else []
    if kind != "RollingUpdate":
        shown = go_structs.shown("apps.DeploymentStrategy", strategy)
        return [not_supported(path, shown, ("Recreate", "RollingUpdate"))]
    rolling = rolling or {}
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    place = f"{path}.rollingUpdate"
    errors = rules.number_or_percent(unavailable, f"{place}.maxUnavailable")
    errors += rules.number_or_percent(surge, f"{place}.maxSurge")
    if not workloads.amount(unavailable) and not workloads.amount(surge):
        errors.append(invalid(f"{place}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"))
    return errors + rules.at_most_all(unavailable, f"{place}.maxUnavailable")


def validate_update(deployment: Object, old: Object) -> list[FieldError]:
    new, before = deployment["spec"].get("selector"), old["spec"].get("selector")
    return validate(deployment) + rules.unchanged(new, before, "spec.selector")


validate_status = replica_counters.deployment


def warnings(deployment: Object, old: Object | None) -> Sequence[str]:
    return pod_warnings.of_workload(deployment, old, "spec.template")


_drop = gated_fields.of_template("spec.template")

STRATEGY = Strategy(
    prepare_create=_drop,
    prepare_update=_drop,
    validate_create=validate,
    validate_update=validate_update,
    validate_status_update=validate_status,
    warnings=warnings,
)
