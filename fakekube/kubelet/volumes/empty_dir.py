"""A directory that lives as long as its pod; where it is in memory in Kubernetes, it is an ordinary one here.

https://kubernetes.io/docs/concepts/storage/volumes/#emptydir
"""

from __future__ import annotations

import os
from pathlib import Path

from fakekube.kubelet import Object
from fakekube.kubelet.source import Source
from fakekube.kubelet.volumes import ownership
from fakekube.kubelet.volumes.content import Place

MODE = 0o777


def place(volume: Object, pod: Object, source: Source, directory: Path) -> Place:
    """`directory`, for everyone to write in; what lies in it stays."""
    os.chmod(directory, MODE)
    ownership.give_volume(directory, pod)
    return Place(directory)
