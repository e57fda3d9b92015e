"""What is mounted where in a container: its volumeMounts, with subPath and subPathExpr.

After makeMounts of pkg/kubelet/kubelet_pods.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fakekube.kubelet import Object


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
    pod: Object, container: Object, environment: Mapping[str, str], directory_of_volume: Callable[[str], Path]
) -> list[Mount]:
    """The mounts of `container` in their order. A subPath that is not there becomes a directory. Raises ContainerConfigError.

    `directory_of_volume` is `volumes.Ready.path` of the pod's volume with that name.
    """
    raise NotImplementedError
