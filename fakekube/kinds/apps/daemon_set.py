"""DaemonSets: an annotation of old counts the generations of the template."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.kinds import pod_warnings, replica_counters
from fakekube.kinds import workload_rules as workloads
from fakekube.objects import fields, go_structs, rules
from fakekube.objects.field_errors import FieldError, invalid, not_supported, required
from fakekube.registry.kind import Object, Operation, Strategy

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def prepare_create(daemon_set: Object, operation: Operation) -> None:
    sent = (daemon_set["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "")
    _note(daemon_set, max(1, _number(sent)))


def prepare_update(daemon_set: Object, old: Object, operation: Operation) -> None:
    """No client changes the number; the template does."""
    before = _number((old["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, ""))
    changed = fields.at(daemon_set, "spec.template") != fields.at(old, "spec.template")
    _note(daemon_set, before + 1 if changed else before)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0


def _note(daemon_set: Object, generation: int) -> None:
    metadata = daemon_set["metadata"]
    annotations = {**(metadata.get("annotations") or {}), TEMPLATE_GENERATION: str(generation)}
    fields.put(metadata, "annotations", dict(sorted(annotations.items())), "meta.ObjectMeta")


def validate(daemon_set: Object) -> list[FieldError]:
    spec = daemon_set.get("spec") or {}
    selector, template = spec.get("selector"), spec.get("template") or {}
    errors = rules.selector(selector, "spec.selector")
    usable = workloads.usable_selector(selector)
    errors += workloads.mismatch(usable, template, "spec.template")
    if selector is not None and not selector.get("matchLabels") and not selector.get("matchExpressions"):
        errors.append(invalid("spec.selector", {}, "empty selector is invalid for daemonset"))
    errors += workloads.template(template, "spec.template")
    errors += workloads.long_running(template, "spec.template", "DaemonSet")
    errors += rules.non_negative(spec.get("minReadySeconds"), "spec.minReadySeconds")
    errors += _update_strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    return errors + rules.non_negative(spec.get("revisionHistoryLimit"), "spec.revisionHistoryLimit")


def _update_strategy(strategy: Object, path: str) -> list[FieldError]:
    kind = strategy.get("type", "")
    if kind == "OnDelete":
        return []
    if kind != "RollingUpdate":
        shown = go_structs.shown("apps.DaemonSetUpdateStrategy", strategy)
        return [not_supported(path, shown, ("RollingUpdate", "OnDelete"))]
    rolling, place = strategy.get("rollingUpdate") or {}, f"{path}.rollingUpdate"
    errors: list[FieldError] = []
    for check in (rules.number_or_percent, rules.at_most_all):
        for field in ("maxUnavailable", "maxSurge"):
            errors += check(rolling.get(field), f"{place}.{field}")
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    if workloads.amount(unavailable) and workloads.amount(surge):
        errors.append(invalid(f"{place}.maxSurge", surge, "may not be set when maxUnavailable is non-zero"))
    elif not workloads.amount(unavailable) and not workloads.amount(surge):
        errors.append(required(f"{place}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return errors


def validate_update(daemon_set: Object, old: Object) -> list[FieldError]:
    new, before = daemon_set["spec"].get("selector"), old["spec"].get("selector")
    return rules.unchanged(new, before, "spec.selector") + validate(daemon_set)


def warnings(daemon_set: Object, old: Object | None) -> Sequence[str]:
    return pod_warnings.of_owner(daemon_set, old, "spec.template")


validate_status = replica_counters.daemon_set

STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate_create=validate,
    validate_update=validate_update,
    validate_status_update=validate_status,
    warnings=warnings,
)
