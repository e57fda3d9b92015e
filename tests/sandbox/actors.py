"""Who runs a view in the tests, and on what kind of machine: root or an ordinary user, free or as in a plain container."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from typing import Any

ORDINARY_UID = 61234
"""Nobody's on any usual system."""

DRIVER = pathlib.Path(__file__).with_name("driver.py")
ROOT = pathlib.Path(__file__).parents[2]
CANDIDATES = (
    sys.executable,
    "/usr/bin/python3",
    "/usr/local/bin/python3",
    "/usr/bin/python3.11",
    "/usr/bin/python3.12",
)
API = ("127.96.0.1", 443)

OF_EVERYTHING = ("root", "namespaces", "bubblewrap", "sudo")
"""Rungs whose views show everything to every program, and several of them at a time."""


@dataclasses.dataclass(frozen=True)
class Actor:
    """`plain`: what makes namespaces and mounts is refused, as in a container without further rights."""

    is_root: bool
    plain: bool = False

    @property
    def user(self) -> dict[str, Any]:
        if self.is_root or os.geteuid() != 0:
            return {}
        return {"user": ORDINARY_UID, "group": ORDINARY_UID, "extra_groups": []}

    @property
    def uid(self) -> int:
        return 0 if self.is_root else ORDINARY_UID if os.geteuid() == 0 else os.geteuid()

    def __str__(self) -> str:
        return ("root" if self.is_root else "user") + ("-plain" if self.plain else "")


@dataclasses.dataclass(frozen=True)
class Place:
    """A rung that an actor can have on this machine."""

    actor: Actor
    rung: str

    def __str__(self) -> str:
        return f"{self.actor}-{self.rung}"


@dataclasses.dataclass
class Done:
    exit_code: int
    signal: int | None
    stdout: str
    stderr: str
    rung: str = ""
    missing: tuple[str, ...] = ()
    failed: str = ""


@functools.cache
def python() -> str:
    """An interpreter that an ordinary user may execute; in a pinch a copy of ours."""
    for candidate in CANDIDATES:
        with contextlib.suppress(OSError):
            check = "import sys; sys.exit(sys.version_info < (3, 11))"
            user = Actor(is_root=False).user
            if subprocess.run([candidate, "-c", check], check=False, cwd="/", **user).returncode == 0:
                return candidate
    copy = public_directory() / "python"
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    shutil.copytree(
        library,
        copy / "lib" / library.name,
        ignore=shutil.ignore_patterns("site-packages", "test", "idlelib", "config-*"),
    )
    (copy / "bin").mkdir()
    shutil.copy(os.path.realpath(sys.executable), copy / "bin" / "python3")
    return str(copy / "bin" / "python3")


@functools.cache
def public_directory() -> pathlib.Path:
    """Readable by every user, unlike pytest's own; there from the collection of tests to the end of this process."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="fakekube-tests-"))
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # not a child that a test has forked
            shutil.rmtree(directory, ignore_errors=True)

    atexit.register(remove)
    directory.chmod(0o755)
    (directory / "fakekube").mkdir()
    (directory / "fakekube" / "__init__.py").touch()
    shutil.copytree(ROOT / "fakekube" / "sandbox", directory / "fakekube" / "sandbox")
    shutil.copy(DRIVER, directory)
    return directory


def command(actor: Actor, order: dict[str, Any], pipe: int) -> list[str]:
    order = {"plain": actor.plain, **order}
    return [python(), "-B", str(public_directory() / "driver.py"), json.dumps(order), str(pipe)]


@contextlib.contextmanager
def driven(
    actor: Actor, order: dict[str, Any], *, path: str = "", **popen: Any
) -> Iterator[tuple[subprocess.Popen[str], Iterator[dict[str, Any]]]]:
    """The driver as a process, and what it tells."""
    reading, writing = os.pipe()
    environment = {
        "PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"],
        "PYTHONPATH": str(public_directory()),
        "HOME": "/nonexistent",
    }
    options: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "cwd": "/",
    }
    options |= popen | actor.user
    with subprocess.Popen(
        command(actor, order, writing), env=environment, pass_fds=[writing], text=True, **options
    ) as driver:
        os.close(writing)
        with open(reading) as pipe:
            try:
                yield driver, (json.loads(line) for line in pipe)
            finally:
                driver.kill()


def run(place: Place, *argv: str, stdin: str = "", path: str = "", **view: Any) -> Done:
    order = {"do": "start", "backend": place.rung, "view": {"argv": argv, **view}}
    with driven(place.actor, order, path=path, stdin=subprocess.PIPE) as (driver, told):
        stdout, stderr = driver.communicate(stdin, timeout=30)
        answers = list(told)
    if not answers:
        raise AssertionError(f"the driver ended with {driver.returncode}: {stderr}")
    fields = {key: value for answer in answers for key, value in answer.items()}
    return Done(
        fields["exit_code"],
        fields.get("signal"),
        stdout,
        stderr,
        fields.get("rung", ""),
        tuple(fields.get("missing", ())),
        fields.get("failed", ""),
    )


@functools.cache
def probed(actor: Actor) -> dict[str, Any]:
    with driven(actor, {"do": "probe", "addresses": [API]}) as (driver, told):
        answers = list(told)
        stderr = driver.communicate(timeout=60)[1]
    if not answers:
        raise AssertionError(f"probing as {actor} failed: {stderr}")
    return answers[0]


ACTORS = tuple(
    Actor(is_root, plain)
    for is_root in ((True, False) if os.geteuid() == 0 else (False,))
    for plain in (False, True)
    if sys.platform == "linux" or not plain
)


STAND_ON = {
    # Of the rungs that each actor could have, those that differ: (root, plain) -> rungs
    (True, False): ("root", "namespaces", "files"),
    (True, True): ("files",),
    (False, False): ("namespaces", "bubblewrap", "python"),
    (False, True): ("python",),
}


@functools.cache
def places() -> tuple[Place, ...]:
    """All that this machine can have."""
    return tuple(
        Place(actor, rung)
        for actor in ACTORS
        for rung in STAND_ON[actor.is_root, actor.plain]
        if rung in probed(actor)["usable"]
    )


def with_mounts() -> tuple[Place, ...]:
    """Where every program sees files at their paths, and the host does not."""
    return tuple(place for place in places() if place.rung in ("root", "namespaces", "bubblewrap"))


def with_files() -> tuple[Place, ...]:
    """Where every program sees files at their paths."""
    return tuple(place for place in places() if place.rung != "python")


def catching() -> tuple[Place, ...]:
    """Where the connections of every program are caught."""
    return tuple(place for place in places() if place.rung in probed(place.actor)["catching"])
