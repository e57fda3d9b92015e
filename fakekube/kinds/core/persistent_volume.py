"""PersistentVolumes: where the data lies never changes; the server notes when the phase changed last.

https://kubernetes.io/docs/concepts/storage/persistent-volumes/
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from fakekube.kinds import node_labels, pod_spec, pod_volumes, volume_sources
from fakekube.kinds.pod_changes import difference
from fakekube.objects import as_sent, fields, names, rules
from fakekube.objects.field_errors import FieldError, forbidden, invalid, not_supported, required
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.objects.quantities import parse
from fakekube.registry.kind import Object, Operation, Strategy

STATUS = "core.v1.PersistentVolumeStatus"
_MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options"
_IN_SOURCE = frozenset(volume_sources.PERSISTENT_VOLUME_ORDER)
_OLD_ANNOTATIONS = {
    "volume.beta.kubernetes.io/storage-class": 'deprecated since v1.8; use "storageClassName" attribute instead',
    _MOUNT_OPTIONS: 'deprecated since v1.31; use "mountOptions" attribute instead',
}


def prepare_create(volume: Object, operation: Operation) -> None:
    fields.put(volume["status"], "lastPhaseTransitionTime", operation.now(), STATUS)


def prepare_status_update(volume: Object, old: Object, operation: Operation) -> None:
    status, before = volume.get("status"), old.get("status") or {}
    if status is None:
        return
    time, time_before = status.get("lastPhaseTransitionTime"), before.get("lastPhaseTransitionTime")
    if status.get("phase") != before.get("phase"):
        if time in (None, time_before):
            fields.put(status, "lastPhaseTransitionTime", operation.now(), STATUS)
    elif time is None and time_before is not None:
        fields.put(status, "lastPhaseTransitionTime", time_before, STATUS)


def _capacity(spec: Object, place: str) -> list[FieldError]:
    capacity, path = spec.get("capacity") or {}, f"{place}.capacity"
    errors = [] if capacity else [required(path)]
    if "storage" not in capacity or len(capacity) > 1:
        errors.append(not_supported(path, as_sent.shown_at(spec, "capacity"), ("storage",)))
    for name, amount in capacity.items():
        errors += rules.basic_amount(amount, f"{path}[{name}]")
        if parse(amount) <= 0:
            errors.append(invalid(f"{path}[{name}]", str(amount), "must be greater than zero"))
    return errors


def _node_affinity(spec: Object, path: str) -> list[FieldError]:
    affinity, place = spec.get("nodeAffinity"), f"{path}.nodeAffinity"
    if affinity is None:
        return []
    if affinity.get("required") is None:
        return [required(f"{place}.required", "must specify required node constraints")]
    return pod_spec.node_selector(affinity["required"], f"{place}.required")


def _source(spec: Object, path: str) -> list[FieldError]:
    errors = volume_sources.source_of_persistent_volume(spec, path)
    place = fields.text_at(spec, "hostPath.path")
    if (
        place.startswith("/")
        and posixpath.normpath(f"/{place.lstrip('/')}") == "/"
        and spec.get("persistentVolumeReclaimPolicy") == "Recycle"
    ):
        detail = "may not be 'recycle' for a hostPath mount of '/'"
        errors.append(forbidden(f"{path}.persistentVolumeReclaimPolicy", detail))
    return errors


def _attributes_class(spec: Object, path: str) -> list[FieldError]:
    name, place = spec.get("volumeAttributesClassName"), f"{path}.volumeAttributesClassName"
    if name is None:
        return []
    errors = (
        [invalid(place, name, text) for text in names.subdomain(name)]
        if name
        else [required(place, "an empty string is disallowed")]
    )
    if spec.get("csi") is None:
        errors.append(required(f"{path}.csi", "has to be specified when using volumeAttributesClassName"))
    return errors


def _only(choice: str, detail: str) -> rules.Rule:
    return lambda value, path: [] if value in (None, choice) else [forbidden(path, detail)]


_SPEC = (
    ("accessModes", rules.needed, pod_volumes.access_modes),
    _capacity,
    ("persistentVolumeReclaimPolicy", rules.one_of("Delete", "Recycle", "Retain")),
    _node_affinity,
    _source,
    ("storageClassName", rules.named(names.subdomain)),
    ("volumeMode", rules.given_one_of("Block", "Filesystem")),
    _attributes_class,
)


_NOT_INLINE = "may not be specified in the context of inline volumes"
_INLINE = (
    ("claimRef", rules.refused(_NOT_INLINE)),
    ("capacity", rules.refused(_NOT_INLINE)),
    (
        "csi",
        lambda value, path: [] if value else [required(path, "has to be specified in the context of inline volumes")],
    ),
    ("accessModes", rules.needed, pod_volumes.access_modes),
    ("persistentVolumeReclaimPolicy", _only("Retain", "may only be Retain in the context of inline volumes")),
    ("nodeAffinity", rules.refused(_NOT_INLINE)),
    _source,
    ("storageClassName", rules.refused(_NOT_INLINE)),
    (
        "volumeMode",
        _only("Filesystem", "may not specify volumeMode other than Filesystem in the context of inline volumes"),
    ),
)


def inline(value: Object | None, path: str) -> list[FieldError]:
    """The spec of a volume that stands in a VolumeAttachment and nowhere else."""
    return [] if value is None else rules.check(value, _INLINE, path)


def validate(volume: Object) -> list[FieldError]:
    return rules.check(volume.get("spec") or {}, _SPEC, "spec") + _mount_options(volume)


_TAKE_MOUNT_OPTIONS = (
    *("gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "nfs", "rbd", "quobyte", "iscsi", "cinder", "cephfs"),
    *("azureFile", "vsphereVolume", "azureDisk", "photonPersistentDisk"),
)


def _mount_options(volume: Object) -> list[FieldError]:
    spec = volume.get("spec") or {}
    if _MOUNT_OPTIONS not in (volume["metadata"].get("annotations") or {}) or any(
        spec.get(source) is not None for source in _TAKE_MOUNT_OPTIONS
    ):
        return []
    return [forbidden(f"metadata.annotations.{_MOUNT_OPTIONS}", "may not specify mount options for this volume type")]


def validate_update_first(volume: Object, old: Object) -> list[FieldError]:
    return validate(volume)


def validate_update(volume: Object, old: Object) -> list[FieldError]:
    spec, before = volume.get("spec") or {}, old.get("spec") or {}
    # The server asks for everything once more, but for the mount options.
    errors = rules.check(spec, _SPEC, "spec")
    source, was = ({key: each[key] for key in each if key in _IN_SOURCE} for each in (spec, before))
    given, had = (fields.at(each, "csi.controllerExpandSecretRef") for each in (spec, before))
    if given is not None and had is None and before.get("csi") is not None:
        source = {**source, "csi": {key: value for key, value in source["csi"].items() if value is not given}}
    if source != was:
        changed = difference("core.PersistentVolumeSource", was, source)
        detail = f"spec.persistentvolumesource is immutable after creation\n{changed}"
        errors.append(forbidden("spec.persistentvolumesource", detail))
    errors += rules.unchanged(spec.get("volumeMode"), before.get("volumeMode"), "volumeMode")
    if before.get("nodeAffinity") is not None and spec.get("nodeAffinity") != before["nodeAffinity"]:
        errors.append(invalid("nodeAffinity", spec.get("nodeAffinity"), IMMUTABLE_TEXT))
    if before.get("volumeAttributesClassName") is not None and spec.get("volumeAttributesClassName") is None:
        path = "spec.volumeAttributesClassName"
        errors.append(forbidden(path, "update from non-nil value to nil is forbidden"))
    return errors


def old_annotations(obj: Object) -> list[str]:
    """What is told of annotations that have become fields; claims have one of them too."""
    present = obj["metadata"].get("annotations") or {}
    return [f"metadata.annotations[{key}]: {why}" for key, why in _OLD_ANNOTATIONS.items() if key in present]


def warnings(volume: Object, old: Object | None) -> Sequence[str]:
    spec, told = volume.get("spec") or {}, old_annotations(volume)
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        told.append(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
            "Instead, the recommended approach is to use dynamic provisioning."
        )
    for i, term in enumerate(fields.at(spec, "nodeAffinity.required.nodeSelectorTerms") or ()):
        told += node_labels.term_warnings(term, f"spec.nodeAffinity.required.nodeSelectorTerms[{i}]")
    return told + pod_volumes.old_sources({name: spec[name] for name in spec if name not in _NOT_TOLD_OF}, "spec")


_NOT_TOLD_OF = frozenset({"quobyte", "flocker"})
"""Only pods are told that these are gone."""


STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_status_update=prepare_status_update,
    validate_create=validate,
    validate_update_first=validate_update_first,
    validate_update=validate_update,
    warnings=warnings,
    returns_deleted_object=True,
)
