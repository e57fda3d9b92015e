"""ReplicaSets: what they may say."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.kinds import gated_fields, pod_warnings, replica_counters
from fakekube.kinds import workload_rules as workloads
from fakekube.objects import rules
from fakekube.objects.field_errors import FieldError, invalid
from fakekube.registry.kind import Object, Strategy

_NUMBERS = (("replicas", rules.non_negative), ("minReadySeconds", rules.non_negative))


def validate(replica_set: Object) -> list[FieldError]:
    spec = replica_set.get("spec") or {}
    selector, template = spec.get("selector"), spec.get("template") or {}
    errors = rules.check(spec, _NUMBERS, "spec")
    # The text says deployment for this kind too.
    errors += workloads.needed_selector(selector, "deployment")
    usable = workloads.usable_selector(selector)
    if usable is None:
        return [*errors, invalid("spec.selector", selector, "invalid label selector")]
    errors += workloads.mismatch(usable, template, "spec.template")
    errors += workloads.template(template, "spec.template")
    return errors + workloads.long_running(template, "spec.template", "ReplicaSet")


def validate_update(replica_set: Object, old: Object) -> list[FieldError]:
    new, before = replica_set["spec"].get("selector"), old["spec"].get("selector")
    return validate(replica_set) + rules.unchanged(new, before, "spec.selector")


validate_status = replica_counters.replicas


def warnings(replica_set: Object, old: Object | None) -> Sequence[str]:
    return pod_warnings.of_workload(replica_set, old, "spec.template")


_drop = gated_fields.of_template("spec.template")

STRATEGY = Strategy(
    prepare_create=_drop,
    prepare_update=_drop,
    validate_create=validate,
    validate_update=validate_update,
    validate_status_update=validate_status,
    warnings=warnings,
)
