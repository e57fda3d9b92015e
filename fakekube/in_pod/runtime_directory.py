"""Where the volumes of views lie on this machine, for how long, and which views run.

    $XDG_RUNTIME_DIR/fakekube/          or, without it, $TMPDIR/fakekube-UID; 0700, of this user
        claims/UID/                     the data of a PersistentVolumeClaim; stays
        server-NAME/                    a server of the command's own, with claims/ of its own
        pods/UID/                       as long as a view of the pod runs; `lock` is held by each of them
            volumes/NAME/               emptyDirs, which all containers of the pod share
            views/CONTAINER.PID/
                volumes/NAME/           what the API says, written anew by each view
                view.json               what `fakekube exec` must know to enter it

Tokens and Secrets lie here, so nobody else may look in, whatever the modes of the volumes themselves. Whoever is killed cannot
clean up: a child that does nothing but wait for the end of its parent does it instead.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

DIRECTORY_MODE = 0o700


class RuntimeDirectoryError(Exception):
    """The directory cannot be used; the message says why and what to do."""


def root() -> Path:
    """Made if it is not there. Raises RuntimeDirectoryError when it is somebody else's, or cannot be made."""
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    if given and os.access(given, os.W_OK | os.X_OK):
        path = Path(given, "fakekube")
    else:
        import tempfile

        path = Path(tempfile.gettempdir(), f"fakekube-{os.getuid()}")
    try:
        path.mkdir(DIRECTORY_MODE, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise RuntimeDirectoryError(
            f"{path} cannot be made: {error.strerror}. Name another place with TMPDIR"
        ) from None
    # In a directory that everybody may write to, somebody else could have made it first, to read the tokens in it.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise RuntimeDirectoryError(
            f"{path} is not a directory of this user. Remove it, or name another place with TMPDIR"
        )
    if stat.S_IMODE(found.st_mode) != DIRECTORY_MODE:
        path.chmod(DIRECTORY_MODE)
    return path


def claim_directory(uid: str, kubeconfig: Path | None = None) -> Path:
    """Of a PersistentVolumeClaim, by its uid. Raises RuntimeDirectoryError.

    `kubeconfig` is the server's: what belongs to a server of the command's own goes with it, as nobody finds it afterwards.
    """
    place = root()
    if kubeconfig is not None and kubeconfig.parent.parent == place:
        place = kubeconfig.parent
    path = place / "claims" / uid
    path.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
    return path


class ViewDirectory:
    """The place of one view of one pod, until `remove`, or until this process ends in whatever way."""

    def __init__(self, pod_uid: str, container: str) -> None:
        """Raises RuntimeDirectoryError."""
        pods = root() / "pods"
        pods.mkdir(DIRECTORY_MODE, exist_ok=True)
        remove_abandoned(pods)
        self.pod = pods / pod_uid
        self._lock = _hold(self.pod)
        self.path = self.pod / "views" / f"{container}.{os.getpid()}"
        for each in (self.pod / "volumes", self.path.parent, self.path, self.path / "volumes"):
            each.mkdir(DIRECTORY_MODE, exist_ok=True)
        self._end_of_parent = when_this_process_is_gone(lambda: _remove(self.path, self.pod, self._lock))

    def volume(self, name: str, *, is_shared: bool) -> Path:
        """Where a volume of this name lies; shared ones are the same for all containers of the pod."""
        return (self.pod if is_shared else self.path) / "volumes" / name

    def write_record(self, record: Mapping[str, Any]) -> None:
        """From now on `views` tells of it."""
        new = self.path / "view.json.new"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(record, file)
        new.rename(self.path / "view.json")

    def remove(self) -> None:
        _remove(self.path, self.pod, self._lock)
        os.close(self._end_of_parent)


def when_this_process_is_gone(clean: Callable[[], None]) -> int:
    """Have a child do something when this process has ended in whatever way; the descriptor whose closing tells it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(reading)
        os.waitpid(child, 0)
        return writing
    try:
        # Out of reach of whatever ends the terminal's other programs, and nobody's child.
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        if os.fork():
            os._exit(0)
        os.close(writing)
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        os.read(reading, 1)
        clean()
    finally:
        os._exit(0)


def views(pod_uid: str) -> Iterator[dict[str, Any]]:
    """What was written of each running view of a pod, the newest first. Raises RuntimeDirectoryError."""
    found = []
    directory = root() / "pods" / pod_uid / "views"
    # Any of them may end at any moment.
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            with contextlib.suppress(OSError, ValueError):
                path = directory / name / "view.json"
                found.append((path.stat().st_mtime, json.loads(path.read_text())))
    for _, record in sorted(found, key=lambda pair: -pair[0]):
        yield record


def remove_tree(directory: Path) -> None:
    """As far as that is possible."""
    import shutil  # with what it imports for archives it would slow down every start, and it is needed at the end

    shutil.rmtree(directory, ignore_errors=True)


def remove_abandoned(pods: Path) -> None:
    """Directories of pods whose views have all ended without anybody to clean up."""
    for pod in pods.iterdir():
        with contextlib.suppress(OSError):
            lock = os.open(pod / "lock", os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(pod)
            finally:
                os.close(lock)


def _hold(pod: Path) -> int:
    """A shared lock on the directory, which is made if it is not there."""
    while True:
        pod.mkdir(DIRECTORY_MODE, exist_ok=True)
        try:
            lock = os.open(pod / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue  # somebody is just removing it
        fcntl.flock(lock, fcntl.LOCK_SH)
        try:
            if os.stat(pod / "lock").st_ino == os.fstat(lock).st_ino:
                return lock
        except FileNotFoundError:
            pass
        os.close(lock)


def _remove(view: Path, pod: Path, lock: int) -> None:
    remove_tree(view)
    with contextlib.suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove_tree(pod)
