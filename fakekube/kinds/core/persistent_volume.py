"""PersistentVolumes: the server notes when their phase changed last."""

from __future__ import annotations

from fakekube.objects import fields
from fakekube.registry.kind import Object, Operation, Strategy

STATUS = "core.v1.PersistentVolumeStatus"


def prepare_create(volume: Object, operation: Operation) -> None:
    fields.put(volume["status"], "lastPhaseTransitionTime", operation.now(), STATUS)


def prepare_status_update(volume: Object, old: Object, operation: Operation) -> None:
    status, before = volume.get("status"), old.get("status") or {}
    if status is None:
        return
    same_time = status.get("lastPhaseTransitionTime") == before.get("lastPhaseTransitionTime")
    if status.get("phase") != before.get("phase") and (same_time or "lastPhaseTransitionTime" not in status):
        fields.put(status, "lastPhaseTransitionTime", operation.now(), STATUS)


STRATEGY = Strategy(
    prepare_create=prepare_create, prepare_status_update=prepare_status_update, returns_deleted_object=True
)
