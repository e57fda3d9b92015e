"""How are files placed where nothing can be mounted? By links on the real file system, in a container run by root.

Each step is written to a journal before it is done, so that the next view can undo what a killed one left behind; a lock
keeps views apart, because they share the file system.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time

from fakekube.sandbox.errors import SandboxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from fakekube.sandbox.mount_plan import Bind, Plan

STATE = "/run/fakekube-placed-files" if os.path.isdir("/run") else "/tmp/fakekube-placed-files"
"""Lock and journal in one file."""
CONTENTS = STATE + ".contents"
_ASIDE = ".fakekube-aside"
_PATIENCE_S = 1.0


def make_parent(path: str, _is_directory: bool) -> None:
    """For `mount_plan.plan`: a link is made at the mount point, so it must not exist."""
    os.makedirs(os.path.dirname(path), exist_ok=True)


@contextlib.contextmanager
def placed(plan: Plan) -> Iterator[list[str]]:
    """The plan's files at their targets; yields what could not be done as wanted. Raises SandboxError."""
    with _locked() as journal:
        _undo(journal)
        try:
            yield [missing for number, bind in enumerate(plan.binds) if (missing := _place(journal, bind, number))]
        except OSError as error:
            raise SandboxError(f"the files of the view cannot be placed: {error}") from None
        finally:
            _undo(journal)
            os.unlink(STATE)


def heal() -> None:
    """Undoes what a killed view left behind, unless another one runs."""
    if os.path.exists(STATE):
        with contextlib.suppress(SandboxError), _locked() as journal:
            _undo(journal)
            os.unlink(STATE)


@contextlib.contextmanager
def _locked() -> Iterator[int]:
    journal = _try_lock()
    # What a killed monitor started holds the lock too, for the moment until it has ended.
    end = time.monotonic() + _PATIENCE_S
    while journal is None and time.monotonic() < end:
        time.sleep(0.01)
        journal = _try_lock()
    if journal is None:
        raise SandboxError(
            "another view has its files on this file system: wait for its end, or see `fakekube doctor` for a rung on "
            "which several can run"
        )
    try:
        yield journal
    finally:
        os.close(journal)


def _try_lock() -> int | None:
    try:
        journal = os.open(STATE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise SandboxError(f"{STATE} cannot be opened: {error.strerror}. Remove it") from None
    # What it says is undone with our rights, and where there is no /run anybody could have written it.
    if os.fstat(journal).st_uid != os.geteuid():
        os.close(journal)
        raise SandboxError(f"{STATE} is somebody else's: remove it")
    try:
        fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its last owner removes the file: then this lock is on nothing that others see.
        if os.fstat(journal).st_ino == os.stat(STATE).st_ino:
            return journal
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(journal)
    return None


def _note(journal: int, *step: str) -> None:
    os.write(journal, json.dumps(step).encode() + b"\n")
    os.fsync(journal)


def _place(journal: int, bind: Bind, number: int) -> str:
    """ "", or a sentence about what is not as wanted."""
    missing_parents = []
    parent = os.path.dirname(bind.target)
    while not os.path.isdir(parent):
        missing_parents.append(parent)
        parent = os.path.dirname(parent)
    for path in reversed(missing_parents):
        _note(journal, "made", path)
        os.mkdir(path, 0o755)
    source = bind.source if isinstance(bind.source, str) else _content(journal, bind.source, number)
    if os.path.lexists(bind.target):
        _note(journal, "moved", bind.target)
        try:
            os.rename(bind.target, bind.target + _ASIDE)
        except OSError:
            # A container runtime mounts /etc/hosts and /etc/resolv.conf: they can be written, but not replaced.
            return _overwrite(journal, source, bind.target)
    _note(journal, "linked", bind.target, source)
    os.symlink(source, bind.target)
    return ""


def _content(journal: int, content: bytes, number: int) -> str:
    if not os.path.isdir(CONTENTS):
        _note(journal, "made", CONTENTS)
        os.mkdir(CONTENTS, 0o755)
    path = os.path.join(CONTENTS, str(number))
    _note(journal, "wrote", path)
    with open(path, "wb") as file:
        file.write(content)
    return path


def _overwrite(journal: int, source: str, target: str) -> str:
    if os.path.isdir(target):
        raise SandboxError(f"{target} is a mount of this container and cannot be replaced: choose another mountPath")
    with open(target, "rb") as file:
        before = file.read()
    _note(journal, "overwrote", target, before.decode("latin-1"))
    with open(source, "rb") as file:
        content = file.read()
    with open(target, "wb") as file:
        file.write(content)
    return f"{target} is a mount of this container, so it holds a copy that does not follow changes."


def _undo(journal: int) -> None:
    """Backwards; each step may not have been done any more, or have been undone already."""
    os.lseek(journal, 0, os.SEEK_SET)
    content = b""
    while part := os.read(journal, 65536):
        content += part
    for line in reversed(content.splitlines()):
        try:
            step = json.loads(line)
        except ValueError:
            continue  # Cut off while it was written, so not done.
        with contextlib.suppress(OSError):
            _undo_step(*step)
    os.ftruncate(journal, 0)
    os.lseek(journal, 0, os.SEEK_SET)


def _undo_step(action: str, path: str, more: str = "") -> None:
    match action:
        case "made":
            os.rmdir(path)
        case "wrote":
            os.unlink(path)
        case "linked" if os.path.islink(path) and os.readlink(path) == more:
            os.unlink(path)
        case "moved" if os.path.lexists(path + _ASIDE) and not os.path.lexists(path):
            os.rename(path + _ASIDE, path)
        case "overwrote":
            with open(path, "wb") as file:
                file.write(more.encode("latin-1"))
