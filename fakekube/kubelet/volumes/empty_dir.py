"""A directory that lives as long as its pod; where it is in memory in Kubernetes, it is an ordinary one here.

https://kubernetes.io/docs/concepts/storage/volumes/#emptydir
"""

from __future__ import annotations

import os
from pathlib import Path

from fakekube.kubelet import Object
from fakekube.kubelet.source import Source
from fakekube.kubelet.volumes.content import Place, fs_group

MODE = 0o777
FOR_GROUP = 0o2770


def place(volume: Object, pod: Object, source: Source, directory: Path) -> Place:
    """`directory`, for everyone to write in; what lies in it stays."""
    os.chmod(directory, MODE)
    give_to_group(directory, fs_group(pod))
    return Place(directory)


def give_to_group(directory: Path, group: int | None) -> None:
    """What the pod's fsGroup does to the root of a volume that can be written, as far as this process may do that."""
    if group is None:
        return
    try:
        os.chown(directory, -1, group)
    except PermissionError:
        return
    os.chmod(directory, (os.stat(directory).st_mode & 0o7777) | FOR_GROUP)
