"""How is a plan of mounts carried out, in a mount namespace of one's own? In some milliseconds; the host sees nothing of it."""

from __future__ import annotations

import os
import stat

from fakekube.sandbox import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fakekube.sandbox.mount_plan import Bind, Plan

_SCRATCH = ("/tmp", "/var/tmp", "/mnt", "/media", "/opt", "/srv", "/home", "/usr")
"""Directories to lay the contents of files on for a moment; nearly every system has them."""

_OLD_ROOT = "/.fakekube-old-root"


def carry_out(plan: Plan, *, keeps_owners: bool) -> None:
    """`keeps_owners`: rebuilt directories belong to whom they belonged to, which needs all ids to be mapped."""
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_SLAVE)
    # What is bound must be opened first: the mounts may cover it.
    sources = [os.open(bind.source, os.O_PATH) if isinstance(bind.source, str) else -1 for bind in plan.binds]
    for directory, left_out in plan.rebuilt.items():
        _rebuild(directory, left_out, keeps_owners)
    for path, is_directory in plan.made.items():
        if is_directory:
            os.mkdir(path, 0o755)
        else:
            _touch(path)
    scratch = _scratch(plan.binds)
    try:
        for number, (bind, source) in enumerate(zip(plan.binds, sources, strict=True)):
            _bind(bind, f"/proc/self/fd/{source}" if source >= 0 else f"{scratch}/{number}")
    finally:
        for source in sources:
            if source >= 0:
                os.close(source)
        if scratch:
            linux.unmount(scratch)
    if "/" in plan.rebuilt:
        # Not earlier: nothing can be bound from a mount that is gone.
        linux.unmount(_OLD_ROOT)
        os.rmdir(_OLD_ROOT)
    for directory in plan.hidden:
        linux.make_read_only(directory)


def _bind(bind: Bind, source: str) -> None:
    if isinstance(bind.source, bytes):
        with open(source, "wb") as file:
            file.write(bind.source)
        os.chmod(source, 0o644)
    linux.mount(source, bind.target, None, linux.MS_BIND | linux.MS_REC)
    if bind.read_only and not isinstance(bind.source, bytes):
        linux.make_read_only(bind.target)


def _scratch(binds: list[Bind]) -> str:
    """An empty directory in memory, where the contents of files are written to be bound from; "" when there are none."""
    if not any(isinstance(bind.source, bytes) for bind in binds):
        return ""
    free = (
        path
        for path in _SCRATCH
        if os.path.isdir(path) and not any(bind.target.startswith((path + "/", path)) for bind in binds)
    )
    path = next(free)
    linux.mount("tmpfs", path, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755")
    return path


def _rebuild(directory: str, left_out: set[str] | None, keeps_owners: bool) -> None:
    old = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        found = os.stat(old)
        options = f"mode={stat.S_IMODE(found.st_mode):o}"
        if keeps_owners:
            options += f",uid={found.st_uid},gid={found.st_gid}"
        if directory == "/":
            _rebuild_root(options, left_out or set())
            return
        linux.mount("tmpfs", directory, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)
        if left_out is not None:
            _fill(f"/proc/self/fd/{old}", directory, left_out)
    finally:
        os.close(old)


def _rebuild_root(options: str, left_out: set[str]) -> None:
    linux.mount("tmpfs", "/tmp", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)
    os.mkdir("/tmp" + _OLD_ROOT)
    linux.pivot_root("/tmp", "/tmp" + _OLD_ROOT)
    os.chdir("/")
    _fill(_OLD_ROOT, "", left_out)


def _fill(source: str, target: str, left_out: set[str]) -> None:
    """Everything that the directory `source` has, but the names left out. What may not be listed is left out as well."""
    try:
        names = os.listdir(source)
    except PermissionError:
        return
    for name in names:
        if name in left_out:
            continue
        old, new = f"{source}/{name}", f"{target}/{name}"
        try:
            mode = os.lstat(old).st_mode
            if stat.S_ISLNK(mode):
                os.symlink(os.readlink(old), new)
                continue
            if stat.S_ISDIR(mode):
                os.mkdir(new)
            else:
                _touch(new)
        except FileNotFoundError:
            continue  # Removed by somebody on the host meanwhile.
        # Recursive is a must: a mount below, made by the host, may not be uncovered in a user namespace.
        linux.mount(old, new, None, linux.MS_BIND | linux.MS_REC)


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
