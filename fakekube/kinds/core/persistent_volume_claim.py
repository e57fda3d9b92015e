"""PersistentVolumeClaims: two fields say what a claim is filled from, and each fills in the other."""

from __future__ import annotations

from fakekube.kinds import pod_volumes
from fakekube.kinds.pod_changes import difference
from fakekube.objects import fields, rules
from fakekube.objects.field_errors import FieldError, forbidden
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
    return errors + rules.unchanged(new.get("volumeMode"), before.get("volumeMode"), "volumeMode")


STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_update=prepare,
    validate_create=validate,
    validate_update=validate_update,
    returns_deleted_object=True,
)
