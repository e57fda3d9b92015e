"""Nodes: what a client says of their status at creation stays, and the pod range is written once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fakekube.kinds import resource_names
from fakekube.objects import fields, go_json, names, rules
from fakekube.objects.field_errors import FieldError, duplicate, forbidden, go_quoted, invalid, not_supported, required
from fakekube.objects.names import label_value, qualified_name
from fakekube.objects.patches import go_json_kind
from fakekube.registry.kind import Object, Operation, Strategy

SPEC = "core.v1.NodeSpec"
TAINTS_ANNOTATION = "scheduler.alpha.kubernetes.io/taints"
AVOIDED_ANNOTATION = "scheduler.alpha.kubernetes.io/preferAvoidPods"
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
    drop_config(node.get("spec"), node.get("status"))


def prepare_update(node: Object, old: Object, operation: Operation) -> None:
    prepare(node)
    drop_config(node.get("spec"), None)


def prepare_status_update(node: Object, old: Object, operation: Operation) -> None:
    drop_config(None, node.get("status"))


def drop_config(spec: Object | None, status: Object | None) -> None:
    """Kubelets are no longer configured through the API; what says so is dropped."""
    for part, field in ((spec, "configSource"), (status, "config")):
        if part:
            part.pop(field, None)


def _annotations(node: Object) -> list[FieldError]:
    """Two fields of old, which are annotations that hold JSON."""
    annotations, path = node["metadata"].get("annotations") or {}, "metadata.annotations"
    errors: list[FieldError] = []
    if text := annotations.get(TAINTS_ANNOTATION):
        taints, wrong = _in_json(text, list, "[]core.Taint")
        if wrong:
            return [invalid(path, TAINTS_ANNOTATION, wrong), *_avoided(annotations, path)]
        lower = [{key.lower(): value for key, value in taint.items()} for taint in taints if isinstance(taint, dict)]
        errors += _taints(lower, f"{path}.{TAINTS_ANNOTATION}")
    return errors + _avoided(annotations, path)


def _avoided(annotations: Object, path: str) -> list[FieldError]:
    if not (text := annotations.get(AVOIDED_ANNOTATION)):
        return []
    avoided, wrong = _in_json(text, dict, "v1.AvoidPods")
    if wrong:
        return [invalid(f"{path}.AvoidPods", AVOIDED_ANNOTATION, wrong)]
    errors: list[FieldError] = []
    for i, entry in enumerate(avoided.get("preferAvoidPods") or ()):
        place, controller = (
            f"{path}.{AVOIDED_ANNOTATION}[{i}].PodSignature",
            fields.at(entry, "podSignature.podController"),
        )
        if controller is None:
            errors.append(required(place))
        elif not controller.get("controller"):
            errors.append(invalid(f"{place}.PodController.Controller", False, "must point to a controller"))
    return errors


def _in_json(text: str, type_: type, go_type: str) -> tuple[Any, str]:
    """What an annotation holds, and else what Go says of it."""
    try:
        value = go_json.read(text.encode())
    except go_json.JSONError as error:
        return None, str(error)
    if value is None or isinstance(value, type_):
        return value or type_(), ""
    return None, f"json: cannot unmarshal {go_json_kind(value)} into Go value of type {go_type}"


def _taints(taints: Sequence[Object], place: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for i, taint in enumerate(taints):
        path = f"{place}[{i}]"
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


def _spec_taints(node: Object) -> list[FieldError]:
    return _taints(fields.at(node, "spec.taints") or (), "metadata.taints")


def validate(node: Object) -> list[FieldError]:
    errors = _annotations(node) + _spec_taints(node) + _amounts(node)
    errors += rules.check(fields.at(node, "status.nodeInfo.swap") or {}, (("capacity", rules.positive),), _SWAP)
    return errors + _declared_features(node) + _ranges(node)


_SWAP = "metadata.nodeSwapStatus"
_FEATURE = re.compile("[A-Z][a-zA-Z0-9]*(/[a-zA-Z][a-zA-Z0-9]*)*").fullmatch
_FEATURE_TEXT = (
    "must start with an UpperCamelCase segment, with subsequent segments separated by '/' "
    "(e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
)
_LONGEST_FEATURE = 253


def _declared_features(node: Object) -> list[FieldError]:
    """Names such as `MyFeature/part`, each once and in order."""
    errors: list[FieldError] = []
    before = ""
    for i, name in enumerate(fields.at(node, "status.declaredFeatures") or ()):
        path = f"status.declaredFeatures[{i}]"
        if i and name == before:
            errors.append(duplicate(path, name))
        elif i and name.encode() < before.encode():
            errors.append(invalid(path, name, "list must be sorted alphabetically"))
        why = f"must be no more than {_LONGEST_FEATURE} characters" if len(name.encode()) > _LONGEST_FEATURE else ""
        if why or not _FEATURE(name):
            errors.append(invalid(path, name, f"invalid feature name {go_quoted(name)}: {why or _FEATURE_TEXT}"))
        before = name
    return errors


def _ranges(node: Object) -> list[FieldError]:
    ranges, path = fields.at(node, "spec.podCIDRs") or [], "spec.podCIDRs"
    errors = [invalid(f"{path}[{i}]", text, why) for i, text in enumerate(ranges) for why in names.cidr(text)]
    if len(ranges) < 2:
        return errors
    networks = [names.parsed_cidr(text) for text in ranges]
    if None in networks:
        i = networks.index(None)
        told = f"invalid CIDR[{i}]: <nil> (invalid CIDR address: {ranges[i]})"
        detail = f"Internal error: invalid PodCIDRs. failed to check with dual stack with error:{told}"
        errors.append(FieldError("InternalError", path, detail))
    families = {network.version for network in networks if network}
    if None in networks or len(ranges) > 2 or len(families) < 2:
        errors.append(invalid(path, ranges, "may specify no more than one CIDR for each IP family"))
    return errors


def _amounts(node: Object) -> list[FieldError]:
    """What a node has and gives is no less than nothing; these paths have no brackets."""
    status = node.get("status") or {}
    return [
        error
        for field in ("capacity", "allocatable")
        for name, amount in (status.get(field) or {}).items()
        for error in resource_names.resource_amount(name, amount, f"status.{field}.{name}")
    ]


def _unlike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many places of two lists differ; lists of different lengths count as one place."""
    return sum(a != b for a, b in zip(one, other, strict=True)) if len(one) == len(other) else 1


def validate_change(node: Object, old: Object) -> list[FieldError]:
    """What is asked of every change, be it one of the status."""
    errors = _annotations(node) + _amounts(node) + _declared_features(node)
    addresses = fields.at(node, "status.addresses") or []
    for i, address in enumerate(addresses):
        if address in addresses[:i]:
            shown = {"Type": address.get("type", ""), "Address": address.get("address", "")}
            errors.append(duplicate(f"status.addresses[{i}]", shown))
    if old_ranges := fields.at(old, "spec.podCIDRs"):
        detail = 'node updates may not change podCIDR except from "" to valid'
        changes = _unlike(old_ranges, fields.at(node, "spec.podCIDRs") or ())
        errors += [forbidden("spec.podCIDRs", detail)] * changes
    if (old_id := fields.at(old, "spec.providerID")) and fields.at(node, "spec.providerID") != old_id:
        errors.append(forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'))
    errors += _spec_taints(node)
    if fields.text_at(node, "spec.externalID") != fields.text_at(old, "spec.externalID"):
        errors.append(forbidden("spec.externalID", "may not be updated"))
    return errors


def validate_update_first(node: Object, old: Object) -> list[FieldError]:
    return validate(node)


def warnings(node: Object, old: Object | None) -> list[str]:
    told = []
    if fields.at(node, "spec.externalID"):
        told.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    for i, text in enumerate(fields.at(node, "spec.podCIDRs") or ()):
        told += names.cidr_warnings(text, f"spec.podCIDRs[{i}]")
    return told


STRATEGY = Strategy(
    set_defaults=prepare,
    defaults_concern_status=False,
    warnings=warnings,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    prepare_status_update=prepare_status_update,
    validate_create=validate,
    validate_update_first=validate_update_first,
    validate_update=validate_change,
    validate_status_update=validate_change,
    selectable_fields={"spec.unschedulable": lambda node: fields.text_at(node, "spec.unschedulable") or "false"},
)
