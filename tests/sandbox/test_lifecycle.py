"""How a view begins, is followed, and ends: nothing runs on and nothing stays behind, whoever is killed."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fakekube import sandbox
from fakekube.sandbox import placed_files
from tests.sandbox import actors
from tests.sandbox.actors import Actor, Place

everywhere = pytest.mark.parametrize("place", actors.places(), ids=str)
with_mounts = pytest.mark.parametrize("place", actors.with_mounts(), ids=str)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

DAEMONS = "(setsid sleep 7654 &) ; setsid sh -c 'sleep 7654; true' & echo up; exec sleep 7654"
"""A program that leaves children in sessions of their own, one of them an orphan."""


def sleepers(marker: str) -> list[int]:
    """Processes whose environment holds `marker`, other than the driver's."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if marker.encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
    return found


def wait_until_none(marker: str) -> list[int]:
    end = time.monotonic() + 10
    while (left := sleepers(marker)) and time.monotonic() < end:
        time.sleep(0.01)
    return left


@contextlib.contextmanager
def running(
    place: Place, marker: str, *argv: str, **view: Any
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    environment = {"PATH": os.environ["PATH"], "MARKER": marker}
    order = {"do": "start", "backend": place.rung, "view": {"argv": argv, "environment": environment, **view}}
    with actors.driven(place.actor, order, stdin=subprocess.PIPE) as (driver, told):
        started = next(told)
        assert "failed" not in started, started
        yield driver, started


@pytest.fixture
def marker(request: pytest.FixtureRequest) -> str:
    return f"{os.getpid()}-{request.node.name}"


@everywhere
@pytest.mark.parametrize("victim", ["caller", "monitor", "program"])
def test_nothing_runs_on_whoever_is_killed(place: Place, victim: str, marker: str) -> None:
    with running(place, marker, "sh", "-c", DAEMONS) as (driver, started):
        assert driver.stdout
        driver.stdout.readline()
        pid = {"caller": driver.pid, "monitor": started["monitor"], "program": started["pid"]}[victim]

        os.kill(pid, signal.SIGKILL)

        assert wait_until_none(marker) == []


@everywhere
def test_children_end_with_the_program(place: Place, marker: str) -> None:
    with running(place, marker, "sh", "-c", DAEMONS.replace("exec sleep 7654", "exit 3")) as (driver, _):
        driver.communicate(timeout=30)

        assert sleepers(marker) == []


@everywhere
@pytest.mark.parametrize("victim", ["caller", "monitor"])
def test_nothing_stays_on_the_host_whoever_is_killed(
    place: Place, victim: str, marker: str, public: pathlib.Path
) -> None:
    paths = ["/fakekube-data", "/etc/fakekube/deep", "/etc/hosts"]
    hosts = pathlib.Path("/etc/hosts").read_bytes()
    mounts = [(str(public), path, True) for path in paths[:2]]
    with running(place, marker, "sleep", "7654", mounts=mounts, files={"/etc/hosts": "x"}, hidden=[str(public)]) as (
        driver,
        started,
    ):
        os.kill(driver.pid if victim == "caller" else started["monitor"], signal.SIGKILL)
        if victim == "monitor":
            driver.wait(30)  # It sees the end, and where files are real it puts them back.
        wait_until_none(marker)
        _wait_until_absent(placed_files.STATE)

        assert [path for path in (*paths[:2], "/etc/fakekube", placed_files.STATE) if os.path.lexists(path)] == []
        assert pathlib.Path("/etc/hosts").read_bytes() == hosts
        assert not os.path.lexists(placed_files.CONTENTS)


def _wait_until_absent(path: str) -> None:
    end = time.monotonic() + 10
    while os.path.lexists(path) and time.monotonic() < end:
        time.sleep(0.01)


PLAIN_ROOT = [place for place in actors.places() if place.rung == "files" and place.actor.plain]


@pytest.mark.parametrize("place", PLAIN_ROOT, ids=str)
def test_next_view_undoes_what_a_killed_one_left(place: Place, public: pathlib.Path, marker: str) -> None:
    mounts = [(str(public), "/fakekube-data", True)]
    with running(place, marker, "sleep", "7654", mounts=mounts) as (driver, started):
        os.kill(driver.pid, signal.SIGSTOP)
        os.kill(started["monitor"], signal.SIGKILL)
        os.kill(driver.pid, signal.SIGKILL)
        wait_until_none(marker)
        assert os.path.lexists("/fakekube-data")

    done = actors.run(place, "ls", "/fakekube-data")

    assert "No such file" in done.stderr
    assert not os.path.lexists(placed_files.STATE)


@pytest.mark.parametrize("place", PLAIN_ROOT, ids=str)
def test_only_one_view_has_real_files_at_a_time(place: Place, marker: str) -> None:
    with running(place, marker, "sleep", "7654"):
        done = actors.run(place, "true")

    assert done.failed.startswith("another view has its files on this file system: ")


OWN = Place(Actor(is_root=os.geteuid() == 0), "")
OWN_RUNGS = [rung for rung in actors.probed(OWN.actor)["usable"] if rung not in ("sudo", "container")]
on_own_rungs = pytest.mark.parametrize("rung", OWN_RUNGS)


def view_of(*argv: str, **more: Any) -> sandbox.View:
    return sandbox.View(argv=argv, environment={"PATH": os.environ["PATH"]}, **more)


@on_own_rungs
def test_signals_reach_the_program(rung: sandbox.RungName) -> None:
    reading, writing = os.pipe()
    script = "trap 'echo got; exit 5' TERM; echo ready; sleep 20 & wait"
    with open(reading) as output, sandbox.start(view_of("sh", "-c", script), backend=rung, stdout=writing) as process:
        os.close(writing)
        output.readline()

        process.signal(signal.SIGTERM)

        assert process.wait(10) == 5
        assert output.read() == "got\n"


@on_own_rungs
def test_process_is_polled_awaited_and_waited_for(rung: sandbox.RungName) -> None:
    reading, writing = os.pipe()
    with sandbox.start(view_of("cat"), backend=rung, stdin=reading) as process:
        os.close(reading)
        assert process.poll() is None
        with pytest.raises(TimeoutError, match="still running after"):
            process.wait(0.01)

        os.close(writing)

        assert select.select([process], [], [], 10)[0]
        assert process.poll() == 0
        assert process.wait() == 0


@on_own_rungs
def test_pid_is_that_of_the_program_on_the_host(rung: sandbox.RungName) -> None:
    with sandbox.start(view_of("sleep", "7654"), backend=rung) as process:
        command = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()

    assert command.endswith(b"sleep\0007654\0")


@on_own_rungs
def test_closing_ends_everything(rung: sandbox.RungName, marker: str) -> None:
    view = sandbox.View(("sh", "-c", DAEMONS), {"PATH": os.environ["PATH"], "MARKER": marker})
    with sandbox.start(view, backend=rung, stdout=_null()):
        pass

    assert sleepers(marker) == []


def _null() -> int:
    return os.open(os.devnull, os.O_WRONLY)


@on_own_rungs
def test_terminal_controls_the_program(rung: sandbox.RungName) -> None:
    master, slave = pty.openpty()
    script = "tty; echo ready >/dev/tty; exec sleep 7654"
    with sandbox.start(
        view_of("sh", "-c", script), backend=rung, stdin=slave, stdout=slave, stderr=slave, tty=True
    ) as process:
        name = os.ttyname(slave)
        os.close(slave)
        printed = b""
        while b"ready" not in printed:
            printed += os.read(master, 1024)

        os.write(master, b"\x03")

        assert process.wait(10) == 130
    assert printed.decode().split() == [name, "ready"]
    os.close(master)


@on_own_rungs
def test_command_enters_a_running_view(rung: sandbox.RungName, public: pathlib.Path) -> None:
    (public / "file").write_text("content")
    view = view_of(
        "sleep", "7654", hostname="pod-0", mounts=(sandbox.Mount(public, "/fakekube-data", True),), uid=1234, gid=1234
    )
    public.chmod(0o755)
    reading, writing = os.pipe()
    with sandbox.start(view, backend=rung) as running_process, open(reading) as output:
        record = sandbox.Record.from_json(running_process.record.to_json())
        script = (
            "print(open('/fakekube-data/file').read(), __import__('os').uname().nodename, __import__('os').getuid())"
        )

        entered = sandbox.enter(record, [actors.python(), "-c", script], {}, "/", stdout=writing)

        os.close(writing)
        code = entered.wait(10)
        content, hostname, uid = output.read().split()
    assert (code, content) == (0, "content")
    if rung in ("root", "namespaces", "bubblewrap"):
        assert hostname == "pod-0"
    assert uid == ("1234" if rung != "python" else str(os.getuid()))


@on_own_rungs
def test_view_that_has_ended_cannot_be_entered(rung: sandbox.RungName) -> None:
    with sandbox.start(view_of("true"), backend=rung) as process:
        process.wait()

    with pytest.raises(sandbox.SandboxError, match="the view has ended: start it again"):
        sandbox.enter(process.record, ["true"], {}, "/")


@on_own_rungs
def test_command_in_a_view_ends_with_the_view(rung: sandbox.RungName) -> None:
    with sandbox.start(view_of("sleep", "7654"), backend=rung) as process:
        entered = sandbox.enter(process.record, ["sleep", "7654"], {"PATH": os.environ["PATH"]}, "/")
        process.close()

        assert entered.wait(10) == 137


def test_chosen_rung_is_not_tried_again() -> None:
    rung = sandbox.choose()

    with sandbox.start(view_of("true"), backend=rung) as process:
        assert (process.wait(), process.rung) == (0, rung.name)


def test_rung_that_is_not_usable_is_told_while_a_child_holds_the_socket_too() -> None:
    prepared = sandbox.Prepared("sudo" if os.geteuid() == 0 else "root")
    held = os.dup(prepared._control.socket.fileno())

    with pytest.raises(sandbox.SandboxError):
        _ = prepared.rung

    os.close(held)


@pytest.mark.parametrize("rung", OWN_RUNGS)
def test_view_in_the_hosts_network_lacks_none_of_its_own(rung: sandbox.RungName) -> None:
    with sandbox.start(view_of("true"), backend=rung) as process:
        process.wait()

    assert not [sentence for sentence in process.missing if 'Network "pod"' in sentence]


def pretend(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Lets the monitor find another kind of machine: the lines are run in it before it begins."""
    from fakekube.sandbox import process

    imports, _, main = process._BOOT.rpartition("main()")
    monkeypatch.setattr(process, "_BOOT", "\n".join(["import os, socket, sys", *lines, imports, "main()", main]))


MACOS = (
    "sys.platform = 'darwin'",
    "for name in ('SO_PASSCRED', 'SCM_CREDENTIALS'): delattr(socket, name)",
    "for name in ('memfd_create', 'pidfd_open', 'setresuid', 'setresgid'): delattr(os, name)",
)


def test_program_runs_and_ends_where_there_is_no_linux(monkeypatch: pytest.MonkeyPatch, marker: str) -> None:
    pretend(monkeypatch, *MACOS)
    script = "sleep 7654 & sh -c 'sleep 7654; true' & echo up; exec sleep 7654"
    view = sandbox.View(("sh", "-c", script), {"PATH": os.environ["PATH"], "MARKER": marker})
    reading, writing = os.pipe()

    with open(reading) as output, sandbox.start(view, stdout=writing) as process:
        os.close(writing)
        output.readline()
        assert len(sleepers(marker)) >= 2  # The third may not have been forked yet.
        process.signal(signal.SIGTERM)
        assert (process.wait(10), process.rung) == (143, "python")

    assert sleepers(marker) == []
    assert any("darwin has no seccomp" in sentence for sentence in process.missing)


def test_caller_that_dies_takes_the_program_along_where_there_is_no_linux(
    monkeypatch: pytest.MonkeyPatch, marker: str
) -> None:
    pretend(monkeypatch, *MACOS)
    view = sandbox.View(("sleep", "7654"), {"PATH": os.environ["PATH"], "MARKER": marker})
    process = sandbox.start(view)

    process._control.close()  # As the kernel does for a caller that dies.
    process._monitor.wait(10)

    assert sleepers(marker) == []


@pytest.mark.parametrize("rung", [rung for rung in OWN_RUNGS if rung in ("root", "namespaces")])
def test_view_is_had_without_processes_of_its_own_too(
    rung: sandbox.RungName, monkeypatch: pytest.MonkeyPatch, marker: str, public: pathlib.Path
) -> None:
    """As in podman, where user namespaces are allowed and a new /proc is not."""
    refuse = "def refuse(): raise OSError(1, 'mount proc on /proc: Operation not permitted')"
    boot = "from fakekube.sandbox import namespaces; namespaces.mount_proc = refuse"
    from fakekube.sandbox import process as process_module

    monkeypatch.setattr(process_module, "_BOOT", process_module._BOOT.replace("main()", f"{refuse}\n{boot}\nmain()"))
    view = sandbox.View(
        ("sh", "-c", f"test -d /fakekube-data && {DAEMONS}"),
        {"PATH": os.environ["PATH"], "MARKER": marker},
        mounts=(sandbox.Mount(public, "/fakekube-data"),),
    )
    reading, writing = os.pipe()

    with open(reading) as output, sandbox.start(view, backend=rung, stdout=writing) as process:
        os.close(writing)
        assert output.readline() == "up\n"
        os.kill(process._monitor.pid, signal.SIGKILL)

        assert process.wait(10) == 137
        assert wait_until_none(marker) == []
    assert process.missing == (
        "The processes are not numbered anew, because /proc cannot be mounted; those of the host are seen.",
    )


def test_closed_descriptor_is_refused_at_once() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)

    with pytest.raises(OSError, match="Bad file descriptor"):
        sandbox.start(view_of("true"), stdin=reading)


def test_unknown_rung_is_refused_with_the_names() -> None:
    with pytest.raises(sandbox.SandboxError, match="there is no rung 'cloud'; there are root, namespaces, "):
        sandbox.choose("cloud")  # type: ignore[arg-type]


@pytest.mark.parametrize("rung", [rung for rung in OWN_RUNGS if rung in actors.probed(OWN.actor)["catching"]][:1])
def test_redirects_change_while_the_program_runs(rung: sandbox.RungName) -> None:
    import socket

    script = (
        "import socket, sys\nfor line in sys.stdin: print(socket.socket().connect_ex(('192.0.2.1', 443)), flush=True)"
    )
    (inner, outer), (reading, writing) = os.pipe(), os.pipe()
    view = view_of(actors.python(), "-c", script, redirects={("192.0.2.1", 443): ("127.0.0.1", 1)})
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        open(reading) as output,
        open(outer, "w", buffering=1) as lines,
        sandbox.start(view, backend=rung, stdin=inner, stdout=writing) as process,
    ):
        lines.write("\n")
        before = output.readline()

        process.redirect({("192.0.2.1", 443): ("127.0.0.1", server.getsockname()[1])})
        # Told in order, but read by another thread: asking until it holds is all that can be had.
        end = time.monotonic() + 10
        after = ""
        while after != "0\n" and time.monotonic() < end:
            lines.write("\n")
            after = output.readline()
        os.close(inner)
        os.close(writing)

    assert (before, after) == ("111\n", "0\n")
