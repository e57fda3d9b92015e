from __future__ import annotations

from fakekube.kinds import Kinds


def test_every_field_selector_of_the_facts_can_be_read() -> None:
    general = {"metadata.name", "metadata.namespace"}

    missing = {
        (kind.group, kind.kind): wanted - set(kind.strategy.selectable_fields)
        for kind in Kinds.builtin()
        if (wanted := set(kind.facts.field_selectors) - general) - set(kind.strategy.selectable_fields)
    }

    assert missing == {}


def test_deletes_answer_with_the_object_for_the_kinds_that_do_so() -> None:
    kinds = {kind.kind for kind in Kinds.builtin() if kind.strategy.returns_deleted_object}

    assert kinds == {
        *("Namespace", "Pod", "Service", "ServiceAccount", "PodTemplate", "ResourceQuota", "PersistentVolume"),
        *("PersistentVolumeClaim", "StorageClass", "CSIDriver", "CSINode", "VolumeAttachment", "VolumeAttributesClass"),
        *("ResourceClaim", "ResourceClaimTemplate", "ResourceSlice", "DeviceClass"),
    }


def test_jobs_and_replication_controllers_leave_their_pods_and_events_know_no_policy() -> None:
    propagation = {kind.kind: kind.strategy.default_propagation for kind in Kinds.builtin()}

    assert {kind for kind, policy in propagation.items() if policy == "Orphan"} == {"Job", "ReplicationController"}
    assert {kind for kind, policy in propagation.items() if not policy} == {"Event"}
