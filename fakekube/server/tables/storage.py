"""The rows of configuration, volumes and storage classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fakekube.registry.kind import Object
from fakekube.server.tables.cells import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Cell,
    Rows,
    RowsOfKinds,
    count,
    field,
    get,
    is_deleted,
    items,
    joined,
    text,
    with_name_and_age,
)


def _quota(object: Object, belongs: Callable[[str], bool]) -> str:
    hard = get(object, "status", "hard") or {}
    used = get(object, "status", "used") or {}
    return ", ".join(f"{name}: {used.get(name, '0')}/{hard[name]}" for name in sorted(hard) if belongs(name))


def _is_limit(resource: str) -> bool:
    return resource.startswith("limits.")


_ACCESS_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _access_modes(modes: list[str]) -> str:
    return ",".join(short for mode, short in _ACCESS_MODES.items() if mode in modes)


def _phase(object: Object) -> str:
    return "Terminating" if is_deleted(object) else get(object, "status", "phase") or ""


def _storage_class(object: Object) -> str:
    """The annotation is the form of a time before the field; it still goes first."""
    annotated = get(object, "metadata", "annotations", "volume.beta.kubernetes.io/storage-class")
    return annotated if annotated is not None else get(object, "spec", "storageClassName") or ""


def _claim(volume: Object) -> str:
    claim = get(volume, "spec", "claimRef")
    return f"{claim.get('namespace') or ''}/{claim.get('name') or ''}" if claim else ""


def _if_bound(show: Callable[[Object], Any], about: str) -> Cell:
    """What a claim has only once it names its volume."""
    return text(lambda claim: show(claim) if get(claim, "spec", "volumeName") else "", about)


def _is_default_class(storage_class: Object) -> bool:
    annotations = get(storage_class, "metadata", "annotations") or {}
    names = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
    return any(annotations.get(name) == "true" for name in names)


def _storage_class_name(storage_class: Object) -> str:
    name = get(storage_class, "metadata", "name") or ""
    return f"{name} (default)" if _is_default_class(storage_class) else name


def _audiences(driver: Object) -> str:
    requests = get(driver, "spec", "tokenRequests")
    return UNSET if requests is None else ",".join(request.get("audience") or "" for request in requests)


VOLUME_ATTRIBUTES_CLASS = field("spec.volumeAttributesClassName", UNSET, about="")
VOLUME_MODE = field("spec.volumeMode", UNSET)

ROWS: RowsOfKinds = {
    ("", "ConfigMap"): with_name_and_age({"Data": count("data", "binaryData")}),
    ("", "Secret"): with_name_and_age({"Type": field("type"), "Data": count("data")}),
    ("", "ResourceQuota"): with_name_and_age(
        {
            "Request": text(lambda quota: _quota(quota, lambda name: not _is_limit(name))),
            "Limit": text(lambda quota: _quota(quota, _is_limit)),
        }
    ),
    ("", "PersistentVolume"): Rows(
        {
            "Name": NAME,
            "Capacity": field("spec.capacity.storage", "0", about="spec.capacity"),
            "Access Modes": text(
                lambda volume: _access_modes(items(volume, "spec", "accessModes")), "spec.accessModes"
            ),
            "Reclaim Policy": field("spec.persistentVolumeReclaimPolicy"),
            "Status": text(_phase, "status.phase"),
            "Claim": text(_claim, "spec.claimRef"),
            "StorageClass": text(_storage_class),
            "VolumeAttributesClass": VOLUME_ATTRIBUTES_CLASS,
            "Reason": field("status.reason"),
            "Age": AGE,
            "VolumeMode": VOLUME_MODE,
        }
    ),
    ("", "PersistentVolumeClaim"): Rows(
        {
            "Name": NAME,
            "Status": text(_phase, "status.phase"),
            "Volume": field("spec.volumeName"),
            "Capacity": _if_bound(lambda claim: get(claim, "status", "capacity", "storage") or "0", "status.capacity"),
            "Access Modes": _if_bound(
                lambda claim: _access_modes(items(claim, "status", "accessModes")), "status.accessModes"
            ),
            "StorageClass": text(_storage_class),
            "VolumeAttributesClass": VOLUME_ATTRIBUTES_CLASS,
            "Age": AGE,
            "VolumeMode": VOLUME_MODE,
        }
    ),
    ("storage.k8s.io", "StorageClass"): Rows(
        {
            "Name": text(_storage_class_name, "metadata.name"),
            "Provisioner": field("provisioner"),
            "ReclaimPolicy": field("reclaimPolicy"),
            "VolumeBindingMode": field("volumeBindingMode"),
            "AllowVolumeExpansion": field("allowVolumeExpansion", False),
            "Age": AGE,
        }
    ),
    ("storage.k8s.io", "VolumeAttachment"): with_name_and_age(
        {
            "Attacher": field("spec.attacher"),
            "PV": field("spec.source.persistentVolumeName"),
            "Node": field("spec.nodeName"),
            "Attached": field("status.attached", False),
        }
    ),
    ("storage.k8s.io", "CSIDriver"): with_name_and_age(
        {
            "AttachRequired": field("spec.attachRequired", True),
            "PodInfoOnMount": field("spec.podInfoOnMount", False),
            "StorageCapacity": field("spec.storageCapacity", False),
            "TokenRequests": text(_audiences, "spec.tokenRequests"),
            "RequiresRepublish": field("spec.requiresRepublish", False),
            "Modes": joined("spec.volumeLifecycleModes", empty=NONE),
        }
    ),
    ("storage.k8s.io", "CSINode"): with_name_and_age({"Drivers": count("spec.drivers", about="")}),
    ("storage.k8s.io", "VolumeAttributesClass"): with_name_and_age({"DriverName": field("driverName")}),
}
