"""What a pod's fsGroup does to a volume: everything in it becomes the group's, and can be used by it. After pkg/volume/volume_linux.go.

https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#configure-volume-permission-and-ownership-change-policy-for-pods
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from fakekube.kubelet import Object

READABLE, WRITABLE = 0o440, 0o660
"""What the group may do with files: those that the API gives are for reading only."""
DIRECTORY = 0o2110
"""What directories get on top of that, so that new files belong to the group as well."""

ON_ROOT_MISMATCH = "OnRootMismatch"


def group_of(pod: Object) -> int | None:
    group: int | None = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    return group


def give_volume(root: Path, pod: Object) -> None:
    """A volume that can be written, for the pod's fsGroup; with fsGroupChangePolicy OnRootMismatch only if its root is not so already."""
    group = group_of(pod)
    if group is None:
        return
    policy = (pod["spec"].get("securityContext") or {}).get("fsGroupChangePolicy")
    found, wanted = os.stat(root), WRITABLE | DIRECTORY
    if policy == ON_ROOT_MISMATCH and found.st_gid == group and found.st_mode & wanted == wanted:
        return
    give_tree(root, group, WRITABLE)


def give_tree(root: Path, group: int, bits: int) -> None:
    """All below `root`, and at last itself, so that it tells whether all is done."""
    for place, directories, names in os.walk(root):
        for name in (*names, *directories):
            give(Path(place, name), group, bits)
    give(root, group, bits)


def give(path: Path, group: int, bits: int) -> None:
    """One file or directory; links have no modes."""
    mode = os.lstat(path).st_mode
    # An ordinary user can give nothing to a group that it is not in; in a pod's view it is the owner all the same.
    with suppress(PermissionError):
        os.chown(path, -1, group, follow_symlinks=False)
    if not stat.S_ISLNK(mode):
        os.chmod(path, stat.S_IMODE(mode) | bits | (DIRECTORY if stat.S_ISDIR(mode) else 0))
