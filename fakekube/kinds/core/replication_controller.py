"""ReplicationControllers: deleting one leaves its pods."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.kinds import gated_fields, pod_warnings, replica_counters
from fakekube.kinds import workload_rules as workloads
from fakekube.objects import fields, rules
from fakekube.objects.field_errors import FieldError, required
from fakekube.objects.selectors import selector_of_labels
from fakekube.registry.kind import Object, Strategy


def validate(controller: Object, *_: object) -> list[FieldError]:
    spec = controller.get("spec") or {}
    selector, template = spec.get("selector") or {}, spec.get("template") or {}
    errors = rules.non_negative(spec.get("minReadySeconds"), "spec.minReadySeconds")
    if not selector:
        errors.append(required("spec.selector"))
    errors += rules.non_negative(spec.get("replicas"), "spec.replicas")
    if not spec.get("template"):
        return [*errors, required("spec.template")]
    errors += workloads.mismatch(selector_of_labels(selector), template, "spec.template")
    errors += workloads.template(template, "spec.template")
    return errors + workloads.long_running(template, "spec.template", "ReplicationController")


def warnings(controller: Object, old: Object | None) -> Sequence[str]:
    if old is None:
        return pod_warnings.of_workload(controller, None, "spec.template")
    if controller["metadata"].get("generation") == old["metadata"].get("generation"):
        return []
    # The server tells of the template that goes.
    return pod_warnings.of_owner(old, None, "spec.template")


_drop = gated_fields.of_template("spec.template")

STRATEGY = Strategy(
    prepare_create=_drop,
    prepare_update=_drop,
    validate_create=validate,
    validate_update=validate,
    validate_status_update=replica_counters.replicas,
    warnings=warnings,
    default_propagation="Orphan",
    selectable_fields={"status.replicas": lambda controller: fields.text_at(controller, "status.replicas") or "0"},
)
