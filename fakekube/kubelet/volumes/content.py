"""What the types of volumes have in common: the files they consist of, and the error that keeps a pod from starting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from fakekube.kubelet import Object
from fakekube.kubelet.volumes import ownership
from fakekube.kubelet.volumes.atomic_writer import File

DEFAULT_MODE = 0o644
"""What the API server fills in for defaultMode."""

Payload = dict[str, File]
"""The files of a volume by their paths in it."""

Reference = tuple[str, str]
"""("configmaps", name): an object in the pod's namespace."""


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
class Place:
    """Where a volume that is no set of files lies."""

    path: Path
    stands_in: str = ""
    """What the path takes the place of, if it is not what the pod asks for: an empty directory for an nfs volume."""


@dataclass(slots=True)
class Collected:
    """What the sources of a volume give together; each may fail, and all that failed is told."""

    files: Payload = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    renew_at: datetime | None = None

    def renew_by(self, moment: datetime) -> None:
        self.renew_at = moment if self.renew_at is None else min(self.renew_at, moment)

    def done(self, pod: Object) -> Files:
        """Raises VolumeError with everything that went wrong."""
        if self.errors:
            raise VolumeError(aggregate(self.errors))
        return Files(self.files, self.renew_at, ownership.group_of(pod))


def aggregate(errors: Iterable[str]) -> str:
    """Several errors as one, each told once, as Kubernetes' NewAggregate prints them."""
    told = list(dict.fromkeys(errors))
    return told[0] if len(told) == 1 else f"[{', '.join(told)}]"


def default_mode(source: Object) -> int:
    mode: int | None = source.get("defaultMode")
    return DEFAULT_MODE if mode is None else mode


def picked(
    data: Mapping[str, bytes], items: Iterable[Object] | None, mode: int, *, optional: bool, complaint: str
) -> Payload:
    """The files of a ConfigMap's or Secret's `data`: all of it, or the `items`.

    `complaint` is what a key that is not there is told with; raises VolumeError.
    """
    if not items:
        return {key: File(value, mode) for key, value in data.items()}
    files: Payload = {}
    for item in items:
        key = item["key"]
        if key in data:
            own_mode = item.get("mode")
            files[item["path"]] = File(data[key], mode if own_mode is None else own_mode)
        elif not optional:
            raise VolumeError(f"{complaint}: {key}")
    return files
