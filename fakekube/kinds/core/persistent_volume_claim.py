"""PersistentVolumeClaims: two fields say what a claim is filled from, and each fills in the other."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.kinds import pod_volumes
from fakekube.kinds.core.persistent_volume import old_annotations
from fakekube.kinds.pod_changes import difference
from fakekube.objects import fields, rules
from fakekube.objects.field_errors import FieldError, forbidden
from fakekube.objects.quantities import parse
from fakekube.registry.kind import Object, Operation, Strategy

SPEC = "core.v1.PersistentVolumeClaimSpec"
_SOURCES = frozenset({("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot")})


def prepare(claim: Object, *_: object) -> None:
    spec = claim["spec"]
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and reference is None:
        if (source.get("apiGroup") or "", source.get("kind", "")) not in _SOURCES:
            del spec["dataSource"]
        else:
            fields.put(spec, "dataSourceRef", dict(source), SPEC)
    elif reference is not None and source is None and not reference.get("namespace"):
        fields.put(spec, "dataSource", {"apiGroup": reference.get("apiGroup"), **reference}, SPEC)


def prepare_create(claim: Object, operation: Operation) -> None:
    prepare(claim)


def validate(claim: Object) -> list[FieldError]:
    return pod_volumes.claim_spec(claim["spec"], "spec")


def validate_update(claim: Object, old: Object) -> list[FieldError]:
    """The claim may grow, may be given its volume, and may change its attributes class once bound."""
    new, before = claim["spec"], old["spec"]
    errors = validate(claim)
    frozen = dict(new)
    if not before.get("volumeName"):
        fields.keep(frozen, before, "volumeName", SPEC)
    if fields.at(old, "status.phase") == "Bound":
        fields.keep(frozen, before, "resources", SPEC)
        fields.keep(frozen, before, "volumeAttributesClassName", SPEC)
    if frozen != before:
        detail = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        )
        changed = difference("core.PersistentVolumeClaimSpec", before, frozen)
        errors.append(forbidden("spec", f"{detail}\n{changed}"))
    errors += _shrunk(new, before, fields.at(old, "status.capacity.storage"))
    errors += rules.unchanged(new.get("volumeMode"), before.get("volumeMode"), "volumeMode")
    return errors + _attributes_class(new.get("volumeAttributesClassName"), before.get("volumeAttributesClassName"))


def _shrunk(new: Object, before: Object, capacity: str | None) -> list[FieldError]:
    """A claim may ask for less than before, but not for less than it has."""
    asked, was = (parse(fields.at(each, "resources.requests.storage") or "0") for each in (new, before))
    if asked >= was or asked > parse(capacity or "0"):
        return []
    return [forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")]


def _attributes_class(new: str | None, before: str | None) -> list[FieldError]:
    if not before or new:
        return []
    to = "nil value" if new is None else "an empty string"
    return [forbidden("spec.volumeAttributesClassName", f"update from non-nil value to {to} is forbidden")]


validate_status = rules.table(
    ("status.capacity", rules.quantities_non_negative), ("status.allocatedResources", rules.quantities_non_negative)
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
