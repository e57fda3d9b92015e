"""Volumes whose data lie on other machines or in images, none of which are here: an empty directory stands in for them."""

from __future__ import annotations

from pathlib import Path

from fakekube.kubelet import Object
from fakekube.kubelet.source import Source
from fakekube.kubelet.volumes import empty_dir
from fakekube.kubelet.volumes.content import Place


def place(volume: Object, pod: Object, source: Source, directory: Path) -> Place:
    """An empty directory, and the name of what it stands in for."""
    type = next((key for key in volume if key != "name"), "emptyDir")
    return Place(empty_dir.place(volume, pod, source, directory).path, stands_in=type)
