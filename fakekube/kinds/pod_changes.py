"""What of a pod may change once it is there."""

from __future__ import annotations

import copy
import difflib
import json

from fakekube.kinds import pod_spec
from fakekube.kinds.pod_annotations import MIRROR
from fakekube.kinds.quality_of_service import quality_of_service
from fakekube.objects import as_sent, fields, go_structs
from fakekube.objects.field_errors import FieldError, forbidden, invalid, required
from fakekube.registry.kind import Object

MOST_SECONDS = 2**31 - 1
NO_FIELD = "[]"
"""How Kubernetes writes the path of nothing in particular."""
_MAY_CHANGE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
)
_RESIZABLE = ("cpu", "memory")


def validate(spec: Object, old: Object) -> list[FieldError]:
    """A write to the pod itself."""
    if spec == old:
        return []
    errors: list[FieldError] = []
    for field in ("containers", "initContainers"):
        new, before = spec.get(field) or [], old.get(field) or []
        if len(new) != len(before) or [each.get("name") for each in new] != [each.get("name") for each in before]:
            return [*errors, forbidden(f"spec.{field}", "pod updates may not add or remove containers")]
    for field in ("containers", "initContainers"):
        errors += _images(spec, field)
    deadline = _deadline(spec.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds"))
    if deadline:
        return errors + deadline
    tolerations = _tolerations(spec, old)
    errors += tolerations
    gates = [gate.get("name", "") for gate in old.get("schedulingGates") or ()]
    new_gates = [gate.get("name", "") for gate in spec.get("schedulingGates") or ()]
    for i, gate in enumerate(new_gates):
        if gate not in gates:
            detail = f"only deletion is allowed, but found new scheduling gate '{gate}'"
            errors.append(forbidden(f"spec.schedulingGates[{i}].name", detail))
    if gates:
        errors += _selector_of_gated(spec, old)
        errors += _affinity_of_gated(_node_affinity(spec), _node_affinity(old))
    if errors:
        return errors
    frozen = _with_what_may_change(spec, old, gated=bool(gates))
    if frozen != old:
        errors.append(forbidden("spec", _MAY_CHANGE + difference("core.PodSpec", old, frozen)))
    return errors


def difference(struct: str, old: Object, new: Object) -> str:
    """How two values of a struct differ, as messages show it: a unified diff of their indented JSON without its head."""
    before, after = (
        (json.dumps(go_structs.shown(struct, value), indent=1, ensure_ascii=False) + "\n").splitlines(keepends=True)
        for value in (old, new)
    )
    return "".join(list(difflib.unified_diff(before, after))[2:])


def _images(spec: Object, field: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for i, container in enumerate(spec.get(field) or ()):
        image, place = container.get("image", ""), f"spec.{field}[{i}].image"
        if not image:
            errors.append(required(place))
        elif image != image.strip():
            errors.append(invalid(place, image, "must not have leading or trailing whitespace"))
    return errors


def _deadline(new: int | None, old: int | None) -> list[FieldError]:
    path = "spec.activeDeadlineSeconds"
    if new is not None:
        if not 0 <= new <= MOST_SECONDS:
            return [invalid(path, new, f"must be between 0 and {MOST_SECONDS}, inclusive")]
        if old is not None and new > old:
            return [invalid(path, new, "must be less than or equal to previous value")]
    elif old is not None:
        return [invalid(path, None, "must not update from a positive integer to nil value")]
    return []


def _tolerations(spec: Object, old: Object) -> list[FieldError]:
    """Old ones stay, in their order, but for their seconds; new ones may come."""
    kept = [_without_seconds(each) for each in spec.get("tolerations") or ()]
    if all(_without_seconds(each) in kept for each in old.get("tolerations") or ()):
        return []
    return [forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")]


def _without_seconds(toleration: Object) -> Object:
    return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}


def _selector_of_gated(spec: Object, old: Object) -> list[FieldError]:
    new, before = spec.get("nodeSelector") or {}, old.get("nodeSelector") or {}
    if all(new.get(key) == value for key, value in before.items()):
        return []
    detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
    return [invalid("spec.nodeSelector", as_sent.shown_at(spec, "nodeSelector"), detail)]


def _node_affinity(spec: Object) -> Object | None:
    affinity: Object | None = (spec.get("affinity") or {}).get("nodeAffinity")
    return affinity


def _affinity_of_gated(new: Object | None, old: Object | None) -> list[FieldError]:
    """Which nodes a gated pod may go to: what is required becomes narrower, what is preferred may be anything."""
    required_ = "requiredDuringSchedulingIgnoredDuringExecution"
    terms, before = (((each or {}).get(required_) or {}).get("nodeSelectorTerms") or [] for each in (new, old))
    path = f"spec.affinity.nodeAffinity.{required_}.nodeSelectorTerms"
    shown = [go_structs.shown("core.NodeSelectorTerm", term) for term in terms]
    if before and len(terms) != len(before):
        listed = shown or as_sent.shown_at(new, f"{required_}.nodeSelectorTerms")
        return [invalid(path, listed, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")]
    return [
        invalid(f"{path}[{i}]", shown[i], "only additions are allowed (no mutations or deletions)")
        for i, was in enumerate(before)
        if not _only_adds(terms[i], was)
    ]


def _only_adds(new: Object, old: Object) -> bool:
    fields_ = ("matchExpressions", "matchFields")
    if not any(old.get(field) for field in fields_):
        return not any(new.get(field) for field in fields_)
    return all((new.get(field) or [])[: len(old.get(field) or ())] == (old.get(field) or []) for field in fields_)


def _with_what_may_change(spec: Object, old: Object, *, gated: bool) -> Object:
    """The new spec in which everything that may change is as it was."""
    frozen = dict(spec)
    for field in ("containers", "initContainers"):
        if field in frozen:
            frozen[field] = [
                {**new, "image": before["image"]} for new, before in zip(frozen[field], old[field], strict=True)
            ]
    free = ["activeDeadlineSeconds", "tolerations", "schedulingGates"]
    if gated:
        free.append("nodeSelector")
        if _node_affinity(spec) != _node_affinity(old):
            affinity = dict(spec.get("affinity") or {})
            fields.keep(affinity, old.get("affinity") or {}, "nodeAffinity", "core.v1.Affinity")
            fields.put_or_drop(frozen, "affinity", affinity or old.get("affinity"), "core.v1.PodSpec")
    if old.get("terminationGracePeriodSeconds", 0) < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        free.append("terminationGracePeriodSeconds")
    for field in free:
        fields.keep(frozen, old, field, "core.v1.PodSpec")
    return frozen


def _is_mirror(pod: Object) -> bool:
    """Whether the kubelet only shows what it runs by itself."""
    return MIRROR in (pod["metadata"].get("annotations") or {})


def validate_ephemeral_containers(pod: Object, old: Object) -> list[FieldError]:
    """A write to /ephemeralcontainers: old ones stay as they are."""
    if _is_mirror(old):
        return [forbidden(NO_FIELD, "static pods do not support ephemeral containers")]
    errors = pod_spec.validate(pod["spec"], "spec")
    new = {each.get("name", ""): each for each in pod["spec"].get("ephemeralContainers") or ()}
    for before in old["spec"].get("ephemeralContainers") or ():
        name = before.get("name", "")
        if name not in new:
            detail = f'existing ephemeral containers "{name}" may not be removed\n'
            errors.append(forbidden("spec.ephemeralContainers", detail))
        elif new[name] != before:
            changed = difference("core.EphemeralContainer", before, new[name])
            detail = f'existing ephemeral containers "{name}" may not be changed\n{changed}'
            errors.append(forbidden("spec.ephemeralContainers", detail))
    return errors


def validate_resize(pod: Object, old: Object) -> list[FieldError]:
    """A write to /resize: nothing but cpu and memory of containers, and never the class of service."""
    if _is_mirror(old):
        return [forbidden(NO_FIELD, "static pods cannot be resized")]
    if fields.at(old, "spec.os.name") == "windows":
        return [forbidden(NO_FIELD, "windows pods cannot be resized")]
    spec, before = pod["spec"], old["spec"]
    errors = pod_spec.validate(spec, "spec")
    quality = fields.text_at(old, "status.qosClass") or quality_of_service(before)
    if quality_of_service(spec) != quality:
        errors.append(invalid("spec", quality, "Pod QOS Class may not change as a result of resizing"))
    for field in ("containers", "initContainers"):
        new_containers, old_containers = spec.get(field) or [], before.get(field) or []
        if len(new_containers) != len(old_containers):
            return [*errors, forbidden(f"spec.{field}", "containers may not be added or removed on resize")]
        for i, (new, was) in enumerate(zip(new_containers, old_containers, strict=True)):
            if new.get("name") != was.get("name"):
                detail = "containers may not be renamed or reordered on resize"
                return [*errors, forbidden(f"spec.{field}[{i}].name", detail)]
            errors += _removed(new, was, f"spec.{field}[{i}].resources")
    frozen = copy.deepcopy(spec)
    for field in ("containers", "initContainers"):
        for new, was in zip(frozen.get(field) or (), before.get(field) or (), strict=True):
            _freeze_resizable(new, was)
    if frozen != before:
        errors.append(forbidden("spec", "only cpu and memory resources are mutable"))
    return errors


def _removed(new: Object, old: Object, path: str) -> list[FieldError]:
    errors = []
    for field in ("limits", "requests"):
        kept, before = (fields.at(each, f"resources.{field}") or {} for each in (new, old))
        if any(name in before and name not in kept for name in _RESIZABLE):
            errors.append(forbidden(f"{path}.{field}", f"resource {field} cannot be removed"))
    return errors


def _freeze_resizable(new: Object, old: Object) -> None:
    for field in ("limits", "requests"):
        amounts = dict(fields.at(new, f"resources.{field}") or {})
        before = fields.at(old, f"resources.{field}") or {}
        for name in _RESIZABLE:
            if name in before:
                amounts[name] = before[name]
            else:
                amounts.pop(name, None)
        resources = new.setdefault("resources", {})
        fields.put_or_drop(resources, field, amounts, "core.v1.ResourceRequirements")
