"""What lies in each kind of volume: a file per type, which says what the type's source becomes on the node.

https://kubernetes.io/docs/concepts/storage/volumes/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fakekube.kubelet import Object
from fakekube.kubelet.source import Source
from fakekube.kubelet.volumes.atomic_writer import File


class VolumeError(Exception):
    """The volume cannot be set up now. The message is what follows `MountVolume.SetUp failed for volume "V" : ` (FailedMount)."""


@dataclass(frozen=True, slots=True)
class Files:
    """The content of a volume that is written by the atomic writer."""

    files: Mapping[str, File]
    renew_at: datetime | None = None
    """When a token in it is due to be replaced; None: it holds none."""
    fs_group: int | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """A volume that can be mounted."""

    path: Path
    """What is to be bound: a directory, or whatever a hostPath names."""
    changed: bool
    """Whether anything in it was written just now."""
    renew_at: datetime | None = None
    """When `set_up` is to be called again at the latest, because of a token; None: only when an object changes."""


def files_of(volume: Object, pod: Object, source: Source) -> Files | None:
    """What the atomic writer is to write; None: the type is a directory of its own. Raises VolumeError."""
    raise NotImplementedError


def set_up(volume: Object, pod: Object, source: Source, directory: Path) -> Ready:
    """Make the volume ready, or bring it up to date: call it again whenever an object it refers to has changed.

    `directory` is the place for data of the volume's own; it is made if it is not there. Raises VolumeError.
    """
    raise NotImplementedError


def references(volume: Object, pod: Object) -> frozenset[tuple[str, str]]:
    """("configmaps" | "secrets" | "pods" | "persistentvolumeclaims", name) of all objects in the pod's namespace that the volume shows."""
    raise NotImplementedError
