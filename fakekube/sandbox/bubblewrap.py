"""How is a plan of mounts put to bubblewrap? It may make user namespaces where AppArmor keeps them from other programs."""

from __future__ import annotations

import os
import shutil
import stat

from fakekube.sandbox.errors import SandboxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fakekube.sandbox.mount_plan import Plan
    from fakekube.sandbox.orders import CommandOrder, ViewOrder


def command(view: ViewOrder, plan: Plan) -> tuple[CommandOrder, list[int]]:
    """The command that runs the view's one, and the descriptors that it must inherit. Raises SandboxError."""
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxError("bwrap is not installed: install the package bubblewrap")
    _refuse_missing(view, plan)
    descriptors: list[int] = []
    # What bwrap begins with is an empty directory: the whole host, or its directories one by one.
    arguments = [] if "/" in plan.rebuilt else ["--dev-bind", "/", "/"]
    arguments += ["--unshare-user", "--uid", str(view["uid"]), "--gid", str(view["gid"])]
    arguments += ["--unshare-uts", "--unshare-pid", "--die-with-parent"]
    if view["hostname"]:
        arguments += ["--hostname", view["hostname"]]
    for directory, left_out in plan.rebuilt.items():
        arguments += _rebuild(directory, left_out)
    for path, is_directory in plan.made.items():
        # Without --perms parents would be of mode 0700.
        arguments += ["--perms", "0755", "--dir", path] if is_directory else []
    for bind in plan.binds:
        if isinstance(bind.source, bytes):
            descriptors.append(_in_memory(bind.source))
            arguments += ["--perms", "0644", "--bind-data", str(descriptors[-1]), bind.target]
        else:
            arguments += ["--ro-bind" if bind.read_only else "--bind", os.path.realpath(bind.source), bind.target]
    for directory in plan.hidden:
        arguments += ["--remount-ro", directory]
    arguments += ["--proc", "/proc", "--chdir", view["working_directory"]]
    # Hundreds of words: by descriptor there is no limit, and nobody sees them in the list of processes.
    descriptors.append(_in_memory(b"\0".join(os.fsencode(word) for word in arguments) + b"\0"))
    argv = [program, "--args", str(descriptors[-1]), "--", *view["argv"]]
    return {"argv": argv, "environment": view["environment"], "working_directory": "/"}, descriptors


def _refuse_missing(view: ViewOrder, plan: Plan) -> None:
    """bwrap would say it too, but as if the program had, and with exit code 1."""
    program = view["argv"][0]
    if "/" in program and any(program.startswith(bind.target) for bind in plan.binds):
        return
    where = view["environment"].get("PATH", os.defpath)
    if shutil.which(program, path=where) is None and "/" not in program:
        raise SandboxError(f"{program}: no such program in PATH ({where})", 127)
    if os.path.isabs(program) and not os.path.exists(program):
        raise SandboxError(f"{program}: no such program", 127)


def _rebuild(directory: str, left_out: set[str] | None) -> list[str]:
    mode = f"{stat.S_IMODE(os.stat(directory).st_mode):04o}"
    arguments = ["--perms", mode, "--tmpfs", directory] if directory != "/" else []
    try:
        names = [] if left_out is None else [name for name in os.listdir(directory) if name not in left_out]
    except PermissionError:
        names = []
    for name in names:
        path = os.path.join(directory, name)
        if os.path.islink(path):
            arguments += ["--symlink", os.readlink(path), path]
        else:
            arguments += ["--dev-bind-try", path, path]
    return arguments


def _in_memory(content: bytes) -> int:
    descriptor = os.memfd_create("fakekube-view")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
