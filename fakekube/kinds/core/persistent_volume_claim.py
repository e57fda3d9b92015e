"""PersistentVolumeClaims: two fields say what a claim is filled from, and each fills in the other."""

from __future__ import annotations

from fakekube.objects import fields
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


STRATEGY = Strategy(prepare_create=prepare_create, prepare_update=prepare, returns_deleted_object=True)
