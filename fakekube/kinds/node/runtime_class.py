"""RuntimeClasses: which handler runs a pod, what that costs, and where it can.

https://kubernetes.io/docs/concepts/containers/runtime-class/
"""

from __future__ import annotations

from fakekube.kinds import pod_spec
from fakekube.objects import fields, go_structs, names, rules
from fakekube.objects.field_errors import FieldError, duplicate
from fakekube.registry.kind import Object, Strategy


def _tolerations(runtime_class: Object, _: str = "") -> list[FieldError]:
    """No two are the same but for their seconds."""
    path, tolerations = "scheduling.tolerations", fields.at(runtime_class, "scheduling.tolerations") or []
    errors = pod_spec.tolerations(tolerations, path)
    keys = [[each.get(field, "") for field in ("key", "operator", "value", "effect")] for each in tolerations]
    return errors + [
        duplicate(f"{path}[{i}]", go_structs.shown_type("core.v1.Toleration", each))
        for i, each in enumerate(tolerations)
        if keys[i] in keys[:i]
    ]


validate = rules.table(
    ("handler", rules.needed_name(names.label)),
    lambda runtime_class, _: pod_spec.overhead(fields.at(runtime_class, "overhead.podFixed"), "overhead"),
    ("scheduling.nodeSelector", rules.labels),
    _tolerations,
)


def validate_update(runtime_class: Object, old: Object) -> list[FieldError]:
    return rules.unchanged(runtime_class.get("handler", ""), old.get("handler"), "handler")


STRATEGY = Strategy(validate_create=validate, validate_update_first=validate, validate_update=validate_update)
