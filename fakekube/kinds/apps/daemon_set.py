"""DaemonSets: an annotation of old counts the generations of the template."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fakekube.errors import BadRequest
from fakekube.kinds import gated_fields, pod_warnings, replica_counters
from fakekube.kinds import workload_rules as workloads
from fakekube.objects import fields, go_structs, rules
from fakekube.objects.field_errors import FieldError, go_quoted, invalid, not_supported, required
from fakekube.registry.kind import Object, Operation, Strategy

_NO_NUMBER = 'DaemonSet in version "v1" cannot be handled as a DaemonSet'
_drop = gated_fields.of_template("spec.template")
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def set_defaults(daemon_set: Object) -> None:
    """The number is read and written as a field, so that there is one (0 where nobody says it), which belongs to who writes."""
    annotations = daemon_set["metadata"].get("annotations") or {}
    _note(daemon_set, _number(annotations.get(TEMPLATE_GENERATION)))


def prepare_create(daemon_set: Object, operation: Operation) -> None:
    _drop(daemon_set)
    sent = (daemon_set["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION)
    _note(daemon_set, max(1, _number(sent)))


def prepare_update(daemon_set: Object, old: Object, operation: Operation) -> None:
    """No client changes the number, although it must be one; the template does."""
    _drop(daemon_set)
    _number((daemon_set["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION))
    before = _number((old["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION))
    changed = fields.at(daemon_set, "spec.template") != fields.at(old, "spec.template")
    _note(daemon_set, before + 1 if changed else before)


def prepare_status_update(daemon_set: Object, old: Object, operation: Operation) -> None:
    """A report leaves the number alone: it stands for a field of the specification."""
    _note(daemon_set, _number((old["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION)))


def _number(text: str | None) -> int:
    """Raises BadRequest for what is no number, as it is no DaemonSet to the server then."""
    if text is None:
        return 0
    if not re.fullmatch("[+-]?[0-9]+", text):
        raise BadRequest(f"{_NO_NUMBER}: strconv.ParseInt: parsing {go_quoted(text)}: invalid syntax")
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise BadRequest(f"{_NO_NUMBER}: strconv.ParseInt: parsing {go_quoted(text)}: value out of range")
    return number


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
    if old is not None and fields.at(daemon_set, "spec.template") == fields.at(old, "spec.template"):
        return []
    return pod_warnings.of_owner(daemon_set, old, "spec.template")


validate_status = replica_counters.daemon_set

STRATEGY = Strategy(
    set_defaults=set_defaults,
    defaults_concern_status=False,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    prepare_status_update=prepare_status_update,
    validate_create=validate,
    validate_update=validate_update,
    validate_status_update=validate_status,
    warnings=warnings,
)
