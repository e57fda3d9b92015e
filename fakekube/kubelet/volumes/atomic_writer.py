"""How files reach a volume so that whoever reads them sees the old ones or the new ones, and never a mixture.

The files lie in a directory named after the time, `..data` points to it, and what users see are links through `..data`:

    podName -> ..data/podName
    ..data -> ..2026_01_02_03_04_05.1234567890
    ..2026_01_02_03_04_05.1234567890/podName

A change is one rename of `..data`, which is what programs watch. After pkg/volume/util/atomic_writer.go.
"""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from fakekube.kubelet.volumes import ownership

DATA = "..data"
NEW_DATA = "..data_tmp"
RESERVED = ".."
"""What the names of the writer's own begin with."""

MOST_NAME_BYTES = 255
MOST_PATH_BYTES = 4096

DIRECTORY_MODE = 0o755

_OWNER_READS = 0o400


@dataclass(frozen=True, slots=True)
class File:
    """One file of a volume."""

    data: bytes = field(repr=False)
    mode: int
    """Its permissions, exactly: 0o644."""
    uid: int | None = None
    """Its owner; None: whoever writes it."""


def write(directory: Path, files: Mapping[str, File], *, fs_group: int | None = None) -> bool:
    """Make `files` (relative path -> file) the content of `directory`, which must be there; False if it was so already.

    `fs_group` is the pod's fsGroup: files and directories become its, as far as this process may do that, and readable for it.
    Only one may write at a time. Raises ValueError for paths that no volume may have, and OSError; what was there before can then
    still be read as it was.
    """
    wanted = {_clean(path): file for path, file in files.items()}
    current = _current(directory)
    if current and _present(directory / current) == _with_parents(wanted) and _is_same(directory / current, wanted):
        # A writer that was killed may not have come to this.
        _tidy(directory, wanted, current)
        return False
    fresh = _new_directory(directory)
    try:
        _fill(fresh, wanted)
        if fs_group is not None:
            ownership.give_tree(fresh, fs_group, ownership.READABLE)
        _point_to(directory, fresh.name)
    except OSError:
        _remove_tree(fresh)
        raise
    _tidy(directory, wanted, fresh.name)
    return True


def set_root_ownership(directory: Path, mode: int, fs_group: int | None) -> None:
    """Give the volume's root exactly `mode`, and what fsGroup adds to it."""
    os.chmod(directory, mode)
    if fs_group is not None:
        ownership.give(directory, fs_group, ownership.READABLE)


def _clean(path: str) -> str:
    """The path without `.` and doubled slashes. Raises ValueError with the kubelet's text."""
    if not path:
        raise ValueError('invalid path: must not be empty: ""')
    if path.startswith("/"):
        raise ValueError(f"invalid path: must be relative path: {path}")
    if len(os.fsencode(path)) > MOST_PATH_BYTES:
        raise ValueError(f"invalid path: must be less than or equal to {MOST_PATH_BYTES} characters")
    steps = path.split("/")
    if RESERVED in steps:
        raise ValueError(f"invalid path: must not contain '..': {path}")
    if any(len(os.fsencode(step)) > MOST_NAME_BYTES for step in steps):
        raise ValueError(f"invalid path: filenames must be less than or equal to {MOST_NAME_BYTES} characters")
    if steps[0].startswith(RESERVED):
        raise ValueError(f"invalid path: must not start with '..': {path}")
    return str(PurePosixPath(path))


def _current(directory: Path) -> str:
    """The name of the directory that `..data` points to; empty before the first write."""
    try:
        return os.readlink(directory / DATA)
    except FileNotFoundError:
        return ""


def _with_parents(paths: Mapping[str, File]) -> set[str]:
    """All paths and the directories on the way to them."""
    found = set(paths)
    for path in paths:
        found.update(str(parent) for parent in PurePosixPath(path).parents[:-1])
    return found


def _present(data: Path) -> set[str]:
    """The paths of all files and directories in a directory of data."""
    return {
        os.path.relpath(os.path.join(place, name), data)
        for place, directories, names in os.walk(data)
        for name in (*directories, *names)
    }


def _is_same(data: Path, files: Mapping[str, File]) -> bool:
    """Whether the files hold what they are to hold; modes do not count, as in Kubernetes."""
    return all(_content(data / path) == file.data for path, file in files.items())


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except PermissionError:
        # A mode that shuts out its owner, who is not root as a kubelet is.
        mode = stat.S_IMODE(os.stat(path).st_mode)
        os.chmod(path, mode | _OWNER_READS)
        try:
            return path.read_bytes()
        finally:
            os.chmod(path, mode)


def _new_directory(directory: Path) -> Path:
    stamp = datetime.now(UTC).strftime("..%Y_%m_%d_%H_%M_%S.")
    while True:
        fresh = directory / f"{stamp}{random.randrange(10**10)}"
        try:
            os.mkdir(fresh, 0o700)
        except FileExistsError:
            continue
        os.chmod(fresh, DIRECTORY_MODE)
        return fresh


def _fill(fresh: Path, files: Mapping[str, File]) -> None:
    made: set[str] = set()
    for path, file in files.items():
        for parent in reversed(PurePosixPath(path).parents[:-1]):
            if str(parent) not in made:
                os.mkdir(fresh / parent, DIRECTORY_MODE)
                os.chmod(fresh / parent, DIRECTORY_MODE)
                made.add(str(parent))
        _write_file(fresh / path, file)


def _write_file(path: Path, file: File) -> None:
    # Nobody may read it before it has the mode that it is to have.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        rest = memoryview(file.data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        if file.uid is not None and file.uid != os.geteuid():
            # An ordinary user can give nothing away; in a pod's view it is the owner all the same.
            with suppress(PermissionError):
                os.fchown(handle, file.uid, -1)
        os.fchmod(handle, file.mode)
    finally:
        os.close(handle)


def _point_to(directory: Path, name: str) -> None:
    """The one step by which the new files take the place of the old ones."""
    try:
        os.symlink(name, directory / NEW_DATA)
    except FileExistsError:
        # Left by a writer that was killed.
        os.unlink(directory / NEW_DATA)
        os.symlink(name, directory / NEW_DATA)
    try:
        os.rename(directory / NEW_DATA, directory / DATA)
    except OSError:
        with suppress(OSError):
            os.unlink(directory / NEW_DATA)
        raise


def _tidy(directory: Path, files: Mapping[str, File], current: str) -> None:
    """What follows the change: whoever reads in the meantime finds the new data already."""
    _link(directory, files)
    _unlink_stale(directory, files)
    _remove_others(directory, current)


def _link(directory: Path, files: Mapping[str, File]) -> None:
    """Let everything that is in the data be seen in the volume."""
    for name in sorted({PurePosixPath(path).parts[0] for path in files}):
        with suppress(FileExistsError):
            os.symlink(f"{DATA}/{name}", directory / name)


def _unlink_stale(directory: Path, files: Mapping[str, File]) -> None:
    wanted = {PurePosixPath(path).parts[0] for path in files}
    for name in sorted(os.listdir(directory)):
        if name not in wanted and not name.startswith(RESERVED):
            os.unlink(directory / name)


def _remove_others(directory: Path, current: str) -> None:
    """Remove the old data, and what a writer that was killed has left."""
    for name in sorted(os.listdir(directory)):
        if name.startswith(RESERVED) and name not in (DATA, current):
            if (directory / name).is_symlink():
                os.unlink(directory / name)
            else:
                _remove_tree(directory / name)


def _remove_tree(root: Path) -> None:
    for place, directories, names in os.walk(root, topdown=False):
        for name in sorted(names):
            os.unlink(os.path.join(place, name))
        for name in directories:
            os.rmdir(os.path.join(place, name))
    os.rmdir(root)
