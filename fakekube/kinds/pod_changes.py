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
        if len(spec.get(field) or ()) != len(old.get(field) or ()):
            return [*errors, forbidden(f"spec.{field}", "pod updates may not add or remove containers")]
        errors += _images(spec, field)
    deadline = _deadline(spec.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds"))
    errors += deadline
    if deadline and spec.get("activeDeadlineSeconds") is not None:
        return errors
    errors += _tolerations(spec, old)
    gates = [gate.get("name", "") for gate in old.get("schedulingGates") or ()]
    new_gates = {gate.get("name", ""): i for i, gate in enumerate(spec.get("schedulingGates") or ())}
    for gate, i in new_gates.items():
        if gate not in gates:
            detail = f"only deletion is allowed, but found new scheduling gate '{gate}'"
            errors.append(forbidden(f"spec.schedulingGates[{i}].name", detail))
    if gates:
        errors += _selector_of_gated(spec, old)
        errors += _affinity_of_gated(_node_affinity(spec), _node_affinity(old))
    frozen = _with_what_may_change(spec, old, gated=bool(gates))
    if frozen != old:
        # The list of init containers is made anew to be compared, and is none then where it is empty.
        known = {*spec, "initContainers"}
        empty = {field: value for field, value in as_sent.with_empty(spec).items() if field not in known}
        shown = {**empty, **frozen}
        errors.append(forbidden("spec", _MAY_CHANGE + difference("core.PodSpec", old, shown)))
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
        # What is wrong with them is told a second time.
        return pod_spec.tolerations(spec.get("tolerations") or (), "spec.tolerations")
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
                as_sent.with_field(new, "image", before.get("image", ""))
                for new, before in zip(frozen[field], old[field], strict=True)
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
    if _on_node_without_resize(old):
        errors.append(forbidden("spec", "Pod running on node without support for resize"))
    frozen = copy.deepcopy(spec)
    if _amounts(before) or _amounts(spec):
        errors += _of_pod(spec, before, frozen)
    if fields.at(old, "status.nodeAllocatableResourceClaimStatuses"):
        errors.append(forbidden("spec", "pods with node allocatable resource claims cannot be resized"))
    other = [error for field in _CONTAINERS for error in _other_containers(spec, before, field)]
    if other:
        return errors + other
    for field in reversed(_CONTAINERS):
        for i, (new, was) in enumerate(zip(spec.get(field) or (), before.get(field) or (), strict=True)):
            errors += _removed(
                new.get("resources"),
                was.get("resources"),
                f"spec.{field}[{i}].resources",
                "resource {} cannot be removed",
            )
    for field in _CONTAINERS:
        for i, (new, was) in enumerate(zip(frozen.get(field) or (), before.get(field) or (), strict=True)):
            changed = new != was
            new["resources"] = _freeze(new.get("resources") or {}, was.get("resources") or {})
            if new != was:
                errors.append(
                    forbidden("spec", _ONLY)
                    if field == "containers"
                    else forbidden(f"spec.{field}[{i}]", _ONLY_OF_INIT_CONTAINERS)
                )
            if field == "initContainers" and changed and new.get("restartPolicy") != "Always":
                detail = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized"
                errors += [
                    forbidden(f"spec.{field}[{i}]", detail)
                    for policy in new.get("resizePolicy") or ()
                    if policy.get("restartPolicy") == "RestartContainer"
                ]
    if not errors and frozen != before:
        errors.append(forbidden("spec", _ONLY))
    return errors


_CONTAINERS = ("containers", "initContainers")
_ONLY = "only cpu and memory resources are mutable"
_ONLY_OF_INIT_CONTAINERS = "only cpu and memory resources for init or sidecar containers are mutable"


def _on_node_without_resize(pod: Object) -> bool:
    """A node that can resize tells what its running containers have."""
    for status in fields.at(pod, "status.containerStatuses") or ():
        if fields.at(status, "state.running") is not None:
            return status.get("resources") is None
    return False


def _amounts(spec: Object) -> bool:
    """Whether the pod as a whole has resources."""
    return bool(fields.at(spec, "resources.requests") or fields.at(spec, "resources.limits"))


def _of_pod(spec: Object, before: Object, frozen: Object) -> list[FieldError]:
    """The resources of the pod as a whole; in `frozen` they are put back."""
    new, was = spec.get("resources"), before.get("resources")
    if was is not None and new is None:
        return [forbidden("spec.resources", "pod-level resources cannot be removed")]
    errors = [] if was is None else _removed(new, was, "spec.resources", "pod-level resource {} cannot be removed")
    kept = _freeze(new or {}, was or {}, with_claims=True)
    if was is None and not kept:
        frozen.pop("resources", None)
    else:
        fields.put(frozen, "resources", kept, "core.v1.PodSpec")
    if frozen.get("resources") != was:
        errors.append(forbidden("spec", f"{_ONLY} at pod-level"))
    return errors


def _other_containers(spec: Object, before: Object, field: str) -> list[FieldError]:
    new, was = spec.get(field) or [], before.get(field) or []
    if len(new) != len(was):
        return [forbidden(f"spec.{field}", f"{field} may not be added or removed on resize")]
    return [
        forbidden(f"spec.{field}[{i}].name", f"{field} may not be renamed or reordered on resize")
        for i, (each, other) in enumerate(zip(new, was, strict=True))
        if each.get("name") != other.get("name")
    ]


def _removed(new: Object | None, old: Object | None, path: str, detail: str) -> list[FieldError]:
    errors = []
    for field in ("requests", "limits"):
        kept, before = ((each or {}).get(field) or {} for each in (new, old))
        if len(before) > len(kept) or any(name not in kept for name in before):
            errors.append(forbidden(f"{path}.{field}", detail.format(field)))
    return errors


def _freeze(new: Object, old: Object, *, with_claims: bool = False) -> Object:
    """Resources in which what can be resized is as it was."""
    kept: Object = {"claims": new["claims"]} if with_claims and new.get("claims") else {}
    for field in ("limits", "requests"):
        before = old.get(field) or {}
        amounts = {name: amount for name, amount in (new.get(field) or {}).items() if name not in _RESIZABLE}
        amounts.update((name, before[name]) for name in _RESIZABLE if name in before)
        if amounts:
            kept[field] = amounts
    return kept
