"""What lies in each kind of volume: a file per type, which says what the type's source becomes on the node.

    ready = set_up(volume, pod, source, directory)     # and again whenever one of references(volume, pod) has changed

https://kubernetes.io/docs/concepts/storage/volumes/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fakekube.kubelet import Object
from fakekube.kubelet.source import Source
from fakekube.kubelet.volumes import (
    atomic_writer,
    config_map,
    downward_api,
    elsewhere,
    empty_dir,
    ephemeral,
    host_path,
    persistent_volume_claim,
    projected,
    secret,
)
from fakekube.kubelet.volumes.content import Files, Place, Reference, VolumeError

__all__ = ["Files", "Ready", "VolumeError", "files_of", "is_read_only", "references", "set_up", "volume_named"]

ROOT_MODE = 0o1777
"""Of the root of a volume of files."""

_OF_FILES: Mapping[str, Callable[[Object, Object, Source], Files]] = {
    "configMap": config_map.files,
    "downwardAPI": downward_api.files,
    "projected": projected.files,
    "secret": secret.files,
}
_PLACES: Mapping[str, Callable[[Object, Object, Source, Path], Place]] = {
    "emptyDir": empty_dir.place,
    "ephemeral": ephemeral.place,
    "hostPath": host_path.place,
    "persistentVolumeClaim": persistent_volume_claim.place,
}
_REFERENCES: Mapping[str, Callable[[Object, Object], set[Reference]]] = {
    "configMap": config_map.references,
    "downwardAPI": downward_api.references,
    "ephemeral": ephemeral.references,
    "persistentVolumeClaim": persistent_volume_claim.references,
    "projected": projected.references,
    "secret": secret.references,
}
_ALWAYS_READ_ONLY = frozenset({*_OF_FILES, "image"})


@dataclass(frozen=True, slots=True)
class Ready:
    """A volume that can be mounted."""

    path: Path
    """What is to be bound: a directory, or whatever a hostPath names."""
    changed: bool
    """Whether anything in it was written just now."""
    renew_at: datetime | None = None
    """When `set_up` is to be called again at the latest, because of a token; None: only when an object changes."""
    stands_in: str = ""
    """`nfs`, `csi`, `image` ...: an empty directory stands in for a volume of this type, which nobody can have here."""


def files_of(volume: Object, pod: Object, source: Source) -> Files | None:
    """What the atomic writer is to write; None: the type is a directory of its own. Raises VolumeError."""
    make = _OF_FILES.get(_type(volume))
    return make(volume, pod, source) if make is not None else None


def set_up(volume: Object, pod: Object, source: Source, directory: Path) -> Ready:
    """Make the volume ready, or bring it up to date: call it again whenever an object it refers to has changed.

    `directory` is the place for data of the volume's own; it is made if it is not there. Nobody else may write to it, and since
    secrets lie in it, a directory above it should be closed to others. Raises VolumeError; what was there before stays.
    """
    files = files_of(volume, pod, source)
    try:
        if files is None:
            if _type(volume) not in ("hostPath", "persistentVolumeClaim", "ephemeral"):
                directory.mkdir(parents=True, exist_ok=True)
            found = _PLACES.get(_type(volume), elsewhere.place)(volume, pod, source, directory)
            return Ready(found.path, changed=False, stands_in=found.stands_in)
        directory.mkdir(parents=True, exist_ok=True)
        if directory.stat().st_mode & ROOT_MODE != ROOT_MODE:
            atomic_writer.set_root_ownership(directory, ROOT_MODE, files.fs_group)
        changed = atomic_writer.write(directory, files.files, fs_group=files.fs_group)
    except (OSError, ValueError) as error:
        raise VolumeError(str(error)) from None
    return Ready(directory, changed, files.renew_at)


def references(volume: Object, pod: Object) -> frozenset[Reference]:
    """("configmaps" | "secrets" | "pods" | "persistentvolumeclaims", name) of all objects in the pod's namespace that the volume shows."""
    find = _REFERENCES.get(_type(volume))
    return frozenset(find(volume, pod)) if find is not None else frozenset()


def volume_named(pod: Object, name: str) -> Object | None:
    """The pod's volume of that name."""
    return next((volume for volume in pod["spec"].get("volumes") or () if volume["name"] == name), None)


def is_read_only(volume: Object) -> bool:
    """Whether the volume cannot be written, whatever its mounts say."""
    type = _type(volume)
    return type in _ALWAYS_READ_ONLY or bool((volume.get(type) or {}).get("readOnly"))


def _type(volume: Object) -> str:
    """`configMap`, `emptyDir` ...; a volume that names no source is an emptyDir."""
    return next((key for key in volume if key != "name"), "emptyDir")
