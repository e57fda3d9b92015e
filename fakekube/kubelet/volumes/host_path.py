"""A file or directory of the node: here of this very machine. After pkg/volume/hostpath.

https://kubernetes.io/docs/concepts/storage/volumes/#hostpath
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fakekube.kubelet import Object
from fakekube.kubelet.source import Source
from fakekube.kubelet.volumes.content import Place, VolumeError

DIRECTORY_MODE, FILE_MODE = 0o755, 0o644

_CHECKS: dict[str, tuple[Callable[[Path], bool], str]] = {
    "Directory": (Path.is_dir, "directory"),
    "DirectoryOrCreate": (Path.is_dir, "directory"),
    "File": (Path.is_file, "file"),
    "FileOrCreate": (Path.is_file, "file"),
    "Socket": (Path.is_socket, "socket file"),
    "CharDevice": (Path.is_char_device, "character device"),
    "BlockDevice": (Path.is_block_device, "block device"),
}


def place(volume: Object, pod: Object, source: Source, directory: Path) -> Place:
    """The path itself, if it is of the type that the pod wants; the types that say so create it. Raises VolumeError."""
    text, type = volume["hostPath"]["path"], volume["hostPath"].get("type") or ""
    if ".." in text.split("/"):
        raise VolumeError(f"invalid HostPath `{text}`: must not contain '..'")
    path = Path(text)
    if not type:
        return Place(path)
    if type not in _CHECKS:
        raise VolumeError(f"{type} is an invalid volume type")
    try:
        if type == "DirectoryOrCreate" and not path.exists():
            path.mkdir(DIRECTORY_MODE, parents=True)
        elif type == "FileOrCreate" and not path.exists():
            path.touch(FILE_MODE)
        is_right, what = _CHECKS[type]
        if not is_right(path):
            raise VolumeError(f"hostPath type check failed: {text} is not a {what}")
    except OSError as error:
        raise VolumeError(f"hostPath {text}: {error.strerror}") from None
    return Place(path)
