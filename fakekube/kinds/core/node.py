"""Nodes: what a client says of their status at creation stays, and the pod range is written once."""

from __future__ import annotations

from fakekube.objects import fields
from fakekube.objects.field_errors import FieldError, duplicate, forbidden, invalid, not_supported, required
from fakekube.objects.names import label_value, qualified_name
from fakekube.registry.kind import Object, Operation, Strategy

SPEC = "core.v1.NodeSpec"
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def prepare(node: Object, *_: object) -> None:
    """podCIDR and podCIDRs say the same; each fills the other in."""
    spec = node.get("spec") or {}
    if spec.get("podCIDR") and not spec.get("podCIDRs"):
        fields.put(spec, "podCIDRs", [spec["podCIDR"]], SPEC)
    elif spec.get("podCIDRs") and not spec.get("podCIDR"):
        fields.put(spec, "podCIDR", spec["podCIDRs"][0], SPEC)


def prepare_create(node: Object, operation: Operation) -> None:
    prepare(node)


def validate(node: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for i, taint in enumerate(fields.at(node, "spec.taints") or ()):
        path = f"metadata.taints[{i}]"
        key, effect = taint.get("key", ""), taint.get("effect", "")
        errors += [invalid(f"{path}.key", key, text) for text in qualified_name(key)]
        if texts := label_value(taint.get("value", "")):
            errors.append(invalid(f"{path}.value", taint["value"], ";".join(texts)))
        if not effect:
            errors.append(required(f"{path}.effect"))
        elif effect not in _EFFECTS:
            errors.append(not_supported(f"{path}.effect", effect, _EFFECTS))
        if (key, effect) in seen:
            shown = {"Key": key, "Value": taint.get("value", ""), "Effect": effect, "TimeAdded": taint.get("timeAdded")}
            error = duplicate(path, shown)
            text = f"{error.message}: taints must be unique by key and effect pair"
            errors.append(FieldError(error.reason, error.field, text))
        seen.add((key, effect))
    return errors


def validate_update(node: Object, old: Object) -> list[FieldError]:
    errors = validate(node)
    if (old_range := fields.at(old, "spec.podCIDRs")) and fields.at(node, "spec.podCIDRs") != old_range:
        errors.append(forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'))
    if (old_id := fields.at(old, "spec.providerID")) and fields.at(node, "spec.providerID") != old_id:
        errors.append(forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'))
    return errors


STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_update=prepare,
    validate_create=validate,
    validate_update=validate_update,
    selectable_fields={"spec.unschedulable": lambda node: fields.text_at(node, "spec.unschedulable") or "false"},
)
