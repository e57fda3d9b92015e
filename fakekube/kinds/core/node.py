"""Nodes: what a client says of their status at creation stays, and the pod range is written once."""

from __future__ import annotations

from fakekube.kinds import resource_names
from fakekube.objects import fields, names
from fakekube.objects.field_errors import FieldError, duplicate, forbidden, invalid, not_supported, required
from fakekube.objects.names import label_value, qualified_name
from fakekube.registry.kind import Object, Operation, Strategy

SPEC = "core.v1.NodeSpec"
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def prepare(node: Object, *_: object) -> None:
    """podCIDR and podCIDRs say the same; each fills the other in."""
    spec = node.get("spec") or {}
    if spec.get("podCIDR") and (spec.get("podCIDRs") or [""])[0] != spec["podCIDR"]:
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
    return errors + _ranges(node) + validate_status(node)


def _ranges(node: Object) -> list[FieldError]:
    ranges, path = fields.at(node, "spec.podCIDRs") or [], "spec.podCIDRs"
    errors = [invalid(f"{path}[{i}]", text, why) for i, text in enumerate(ranges) for why in names.cidr(text)]
    if errors or len(ranges) < 2:
        return errors
    families = {network.version for text in ranges if (network := names.parsed_cidr(text))}
    if len(ranges) > 2 or len(families) < 2:
        errors.append(invalid(path, ranges, "may specify no more than one CIDR for each IP family"))
    return errors


def validate_status(node: Object, *_: object) -> list[FieldError]:
    """What a node has and gives is no less than nothing; these paths have no brackets."""
    status = node.get("status") or {}
    return [
        error
        for field in ("capacity", "allocatable")
        for name, amount in (status.get(field) or {}).items()
        for error in resource_names.resource_amount(name, amount, f"status.{field}.{name}")
    ]


def validate_update(node: Object, old: Object) -> list[FieldError]:
    errors = validate(node)
    errors = errors + [error for error in errors if "taints" in error.field]
    if (old_range := fields.at(old, "spec.podCIDRs")) and fields.at(node, "spec.podCIDRs") != old_range:
        errors.append(forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid'))
    if (old_id := fields.at(old, "spec.providerID")) and fields.at(node, "spec.providerID") != old_id:
        errors.append(forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'))
    return errors


def warnings(node: Object, old: Object | None) -> list[str]:
    told = []
    if fields.at(node, "spec.externalID"):
        told.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    for i, text in enumerate(fields.at(node, "spec.podCIDRs") or ()):
        told += names.cidr_warnings(text, f"spec.podCIDRs[{i}]")
    return told


STRATEGY = Strategy(
    warnings=warnings,
    prepare_create=prepare_create,
    prepare_update=prepare,
    validate_create=validate,
    validate_update=validate_update,
    validate_status_update=validate_status,
    selectable_fields={"spec.unschedulable": lambda node: fields.text_at(node, "spec.unschedulable") or "false"},
)
