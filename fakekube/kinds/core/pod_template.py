"""PodTemplates: a template that stands alone."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.kinds import gated_fields, pod_warnings
from fakekube.kinds import workload_rules as workloads
from fakekube.objects.field_errors import FieldError
from fakekube.registry.kind import Object, Strategy


def validate(template: Object, *_: object) -> list[FieldError]:
    return workloads.template(template.get("template") or {}, "template")


def warnings(template: Object, old: Object | None) -> Sequence[str]:
    return pod_warnings.of_owner(template, old, "template")


_drop = gated_fields.of_template("template")

STRATEGY = Strategy(
    prepare_create=_drop,
    prepare_update=_drop,
    validate_create=validate,
    validate_update=validate,
    warnings=warnings,
    returns_deleted_object=True,
)
