"""What is mounted where in a container: its volumeMounts, with subPath and subPathExpr.

After makeMounts of pkg/kubelet/kubelet_pods.go. https://kubernetes.io/docs/concepts/storage/volumes/#using-subpath
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fakekube.kubelet import Object, volumes
from fakekube.kubelet.environment import ContainerConfigError, DirectoryOfVolume
from fakekube.kubelet.expansion import substitute
from fakekube.objects.go_text import quoted


@dataclass(frozen=True, slots=True)
class Mount:
    """One bind mount."""

    source: Path
    """On this machine; with a subPath free of symbolic links, so that it stays what it is now."""
    target: str
    """In the container, absolute."""
    read_only: bool
    is_subpath: bool
    """A mount that does not follow the volume's updates."""


def mounts(
    pod: Object, container: Object, environment: Mapping[str, str], directory_of_volume: DirectoryOfVolume
) -> list[Mount]:
    """The mounts of `container` in their order. A subPath that is not there becomes a directory. Raises ContainerConfigError.

    `directory_of_volume` gives the `volumes.Ready.path` of the pod's volume with that name; `environment` is the container's, and only
    what it holds can be named in a subPathExpr.
    """
    return [
        _mount(each, pod, container, environment, directory_of_volume) for each in container.get("volumeMounts") or ()
    ]


def _mount(
    mount: Object,
    pod: Object,
    container: Object,
    environment: Mapping[str, str],
    directory_of_volume: DirectoryOfVolume,
) -> Mount:
    name: str = mount["name"]
    volume = volumes.volume_named(pod, name)
    if volume is None:
        raise ContainerConfigError(
            f"cannot find volume {quoted(name)} to mount into container {quoted(container['name'])}"
        )
    sub_path = _sub_path(mount, environment)
    path = directory_of_volume(name)
    if sub_path:
        where = f"for volumeMount {quoted(name)} of container {quoted(container['name'])}"
        path = _inside(path, sub_path, where)
    target = mount["mountPath"] if mount["mountPath"].startswith("/") else f"/{mount['mountPath']}"
    read_only = bool(mount.get("readOnly")) or volumes.is_read_only(volume)
    return Mount(path, target, read_only, is_subpath=bool(sub_path))


def _sub_path(mount: Object, environment: Mapping[str, str]) -> str:
    sub_path: str = mount.get("subPath") or ""
    if expression := mount.get("subPathExpr"):
        sub_path = _expanded(expression, environment)
    if sub_path.startswith("/"):
        raise ContainerConfigError(f"error SubPath `{sub_path}` must not be an absolute path")
    if ".." in sub_path.split("/"):
        raise ContainerConfigError(f"unable to provision SubPath `{sub_path}`: must not contain '..'")
    return sub_path


def _expanded(expression: str, environment: Mapping[str, str]) -> str:
    missing: set[str] = set()

    def value_of(name: str) -> str:
        value = environment.get(name, "")
        if not value:
            missing.add(name)
        return value

    expanded = substitute(expression, value_of)
    if missing:
        raise ContainerConfigError(f"missing value for {', '.join(sorted(missing))}")
    return expanded


def _inside(volume: Path, sub_path: str, where: str) -> Path:
    """The place of `sub_path`, without links, and never outside of the volume; made if it is not there.

    Details of what went wrong would tell about this machine, so they are not told.
    """
    try:
        root = volume.resolve(strict=True)
        if not (root / sub_path).exists():
            _make(root, sub_path)
    except (OSError, RuntimeError):
        raise ContainerConfigError(f"failed to create subPath directory {where}") from None
    try:
        found = (root / sub_path).resolve(strict=True)
    except (OSError, RuntimeError):
        found = Path("/")
    if not found.is_relative_to(root):
        raise ContainerConfigError(f"failed to prepare subPath {where}")
    return found


def _make(root: Path, sub_path: str) -> None:
    """Make the directories that are missing, with the mode of the volume's root. Raises OSError."""
    mode = stat.S_IMODE(root.stat().st_mode)
    place = root
    for step in Path(sub_path).parts:
        place = place / step
        if not os.path.lexists(place):
            place.mkdir()
            place.chmod(mode)
        place = place.resolve(strict=True)
        if not place.is_relative_to(root):
            raise NotADirectoryError(place)
