"""PersistentVolumeClaims: two fields say what a claim is filled from, and each fills in the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fakekube.kinds import pod_volumes
from fakekube.kinds.core.persistent_volume import old_annotations
from fakekube.kinds.pod_changes import difference
from fakekube.objects import as_sent, fields, names, rules
from fakekube.objects.field_errors import FieldError, forbidden, invalid, not_supported
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.objects.quantities import parse
from fakekube.registry.kind import Object, Operation, Strategy

SPEC = "core.v1.PersistentVolumeClaimSpec"
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_SOURCES = frozenset({("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot")})


def prepare(claim: Object, old: Object | None, operation: Operation) -> None:
    spec, before = claim["spec"], (old or {}).get("spec") or {}
    if fields.text_at(spec, "dataSourceRef.namespace") and before.get("dataSourceRef") is None:
        # A claim is filled only from what is in its own namespace.
        del spec["dataSourceRef"]
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and reference is None:
        was_filled = before.get("dataSource") is not None or before.get("dataSourceRef") is not None
        if not was_filled and (source.get("apiGroup") or "", source.get("kind", "")) not in _SOURCES:
            del spec["dataSource"]
        else:
            fields.put(spec, "dataSourceRef", dict(source), SPEC)
    elif reference is not None and source is None and not reference.get("namespace"):
        fields.put(spec, "dataSource", {"apiGroup": reference.get("apiGroup"), **reference}, SPEC)


def prepare_create(claim: Object, operation: Operation) -> None:
    prepare(claim, None, operation)


def validate(claim: Object) -> list[FieldError]:
    return pod_volumes.claim_spec(claim["spec"], "spec")


def validate_update(claim: Object, old: Object) -> list[FieldError]:
    """The claim may grow, may be given its volume and a missing class, and may change its attributes class once bound."""
    new, before = claim["spec"], old["spec"]
    errors = pod_volumes.claim_spec(new, "spec", before)
    frozen, was = dict(new), dict(before)
    if not before.get("volumeName"):
        fields.keep(was, new, "volumeName", SPEC)
    class_errors, class_may_come = _storage_class(claim, old)
    errors += class_errors
    if class_may_come:
        frozen.pop("storageClassName", None)
    if fields.at(old, "status.phase") == "Bound":
        if requests := fields.at(new, "resources.requests"):
            asked = fields.at(before, "resources.requests.storage")
            frozen["resources"] = {**new["resources"], "requests": {**requests, "storage": asked}}
        fields.keep(frozen, before, "volumeAttributesClassName", SPEC)
    if frozen != was:
        detail = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        )
        emptied = {field: value for field, value in as_sent.with_empty(new).items() if value in ([], {})}
        changed = difference("core.PersistentVolumeClaimSpec", was, {**emptied, **frozen})
        errors.append(forbidden("spec", f"{detail}\n{changed}"))
    errors += _shrunk(new, before, fields.at(old, "status.capacity.storage"))
    errors += rules.unchanged(new.get("volumeMode"), before.get("volumeMode"), "volumeMode")
    return errors + _attributes_class(new, before, fields.at(old, "status.currentVolumeAttributesClassName"))


def _storage_class(claim: Object, old: Object) -> tuple[list[FieldError], bool]:
    """What a change does to the annotation that was once the class, and whether a class that was not there may come."""
    new, was = (each["metadata"].get("annotations") or {} for each in (claim, old))
    name, before = claim["spec"].get("storageClassName"), old["spec"].get("storageClassName")
    comes = name is not None and before is None
    if comes and CLASS_ANNOTATION in was and name == was[CLASS_ANNOTATION] == new.get(CLASS_ANNOTATION, name):
        return [], True
    changed = new.get(CLASS_ANNOTATION, "") != was.get(CLASS_ANNOTATION, "")
    place = f"metadata.annotations.{CLASS_ANNOTATION}"
    errors = [invalid(place, new.get(CLASS_ANNOTATION, ""), IMMUTABLE_TEXT)] if changed else []
    return errors, comes and was.get(CLASS_ANNOTATION, name) == name


def _shrunk(new: Object, before: Object, capacity: str | None) -> list[FieldError]:
    """A claim may ask for less than before, but not for less than it has."""
    asked, was = (parse(fields.at(each, "resources.requests.storage") or "0") for each in (new, before))
    if asked >= was or asked > parse(capacity or "0"):
        return []
    return [forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")]


def _attributes_class(new: Object, before: Object, current: str | None) -> list[FieldError]:
    """Once there is one it may be exchanged, but not taken away."""
    name = new.get("volumeAttributesClassName")
    if current is None or name or name == before.get("volumeAttributesClassName"):
        return []
    to = "nil" if name is None else "empty string"
    detail = f"update to {to} is forbidden when status.currentVolumeAttributesClassName is not nil"
    return [forbidden("spec.volumeAttributesClassName", detail)]


_RESIZE_STATES = (
    *("ControllerResizeInProgress", "ControllerResizeInfeasible"),
    *("NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"),
)


def _resized(name: str, path: str) -> list[FieldError]:
    """What of a claim can grow: its storage, and what other domains know of."""
    if errors := [invalid(path, name, text) for text in names.qualified_name(name)]:
        return errors
    is_native = "/" not in name or "kubernetes.io/" in name
    return [not_supported(path, name, ("storage",))] if is_native and name != "storage" else []


def _resize_states(value: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for name, state in (value or {}).items():
        errors += _resized(name, path)
        if state not in _RESIZE_STATES:
            errors.append(not_supported(path, name, _RESIZE_STATES))
    return errors


def _allocated(value: Any, path: str) -> list[FieldError]:
    return [
        error
        for name, amount in (value or {}).items()
        for error in _resized(name, path) or rules.basic_amount(amount, f"{path}[{name}]")
    ]


def _capacity(value: Any, path: str) -> list[FieldError]:
    return [error for name, amount in (value or {}).items() for error in rules.basic_amount(amount, f"{path}[{name}]")]


validate_status = rules.table(
    ("status.capacity", _capacity),
    ("status.allocatedResourceStatuses", _resize_states),
    ("status.allocatedResources", _allocated),
)


def warnings(claim: Object, old: Object | None) -> Sequence[str]:
    told = [text for text in old_annotations(claim) if "storage-class" in text]
    return told + pod_volumes.claim_warnings(claim["spec"], "spec")


STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_update=prepare,
    validate_create=validate,
    validate_update=validate_update,
    validate_status_update=validate_status,
    warnings=warnings,
    returns_deleted_object=True,
)
