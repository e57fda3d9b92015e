"""What a program sees in a view, as root and as an ordinary user, on every rung that this machine can have."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess

import pytest

from tests.sandbox import actors
from tests.sandbox.actors import Place

HOSTS = "127.0.0.1\tlocalhost\n127.96.0.1\tkubernetes kubernetes.default\n"
SECRETS = "/var/run/secrets/kubernetes.io/serviceaccount"

everywhere = pytest.mark.parametrize("place", actors.places(), ids=str)
with_files = pytest.mark.parametrize("place", actors.with_files(), ids=str)
with_mounts = pytest.mark.parametrize("place", actors.with_mounts(), ids=str)


@pytest.fixture
def volume(public: pathlib.Path) -> pathlib.Path:
    """As the atomic writer lays it out."""
    directory = public / "volume"
    (directory / "..1").mkdir(parents=True)
    (directory / "..1" / "token").write_text("first")
    (directory / "..data").symlink_to("..1")
    (directory / "token").symlink_to("..data/token")
    directory.chmod(0o777)
    return directory


@everywhere
def test_exit_code_is_the_programs(place: Place) -> None:
    done = actors.run(place, "sh", "-c", "exit 7")

    assert (done.exit_code, done.signal, done.rung) == (7, None, place.rung)


@everywhere
def test_signal_that_ends_the_program_is_told(place: Place) -> None:
    done = actors.run(place, "sh", "-c", "kill -TERM $$")

    assert (done.exit_code, done.signal) == (143, 15 if place.rung != "bubblewrap" else None)


@everywhere
def test_program_that_does_not_exist_is_127(place: Place) -> None:
    done = actors.run(place, "no-such-program")

    assert done.exit_code == 127
    assert done.failed.startswith("no-such-program: no such program in PATH (")


@everywhere
def test_missing_working_directory_is_named(place: Place) -> None:
    done = actors.run(place, "true", working_directory="/no/such/directory")

    if place.rung == "bubblewrap":
        assert "/no/such/directory" in done.stderr
    else:
        assert done.exit_code == 126
        assert done.failed.startswith("the working directory /no/such/directory cannot be entered in the view: ")


@everywhere
def test_environment_is_the_views_alone(place: Place) -> None:
    done = actors.run(place, "/usr/bin/env", environment={"PATH": "/usr/bin:/bin", "A": "ä b\nc"})

    lines = done.stdout.splitlines()
    assert lines[:3] == ["PATH=/usr/bin:/bin", "A=ä b", "c"]
    assert [line.partition("=")[0] for line in lines[3:]] in (
        [],
        ["PWD"],  # bwrap's own
        ["PYTHONPATH", "FAKEKUBE_PYTHON_VIEW"],
    )


@everywhere
def test_standard_input_reaches_the_program(place: Place) -> None:
    done = actors.run(place, "cat", stdin="line\n")

    assert done.stdout == "line\n"


@everywhere
def test_descriptors_of_the_caller_stay_out(place: Place) -> None:
    done = actors.run(place, "sh", "-c", "ls /proc/$$/fd")

    assert set(done.stdout.split()) <= {"0", "1", "2", "10"}


@everywhere
def test_signals_are_at_their_defaults(place: Place) -> None:
    done = actors.run(place, "grep", "-E", "Sig(Blk|Ign)", "/proc/self/status")

    assert [int(line.split()[1], 16) for line in done.stdout.splitlines()] == [0, 0]


@with_files
def test_files_are_at_paths_that_the_host_does_not_have(place: Place, volume: pathlib.Path) -> None:
    mounts = [
        (str(volume), SECRETS, True),
        (str(volume), "/etc/fakekube-downward", True),
        (str(volume), "/fakekube/data", False),
    ]

    done = actors.run(
        place, "cat", f"{SECRETS}/token", "/etc/fakekube-downward/token", "/fakekube/data/token", mounts=mounts
    )

    assert (done.stdout, done.stderr) == ("first" * 3, "")
    assert not any(
        os.path.lexists(path) for path in ("/run/secrets/kubernetes.io", "/etc/fakekube-downward", "/fakekube")
    )


@with_mounts
def test_host_never_sees_the_files(place: Place, volume: pathlib.Path) -> None:
    order = {
        "do": "start",
        "backend": place.rung,
        "view": {"argv": ["cat"], "mounts": [(str(volume), "/etc/fakekube-downward", True)]},
    }
    with actors.driven(place.actor, order, stdin=subprocess.PIPE) as (driver, told):
        next(told)

        assert not os.path.lexists("/etc/fakekube-downward")
        assert "fakekube-downward" not in pathlib.Path("/proc/self/mountinfo").read_text()

        driver.communicate("", timeout=30)


@with_mounts
def test_rest_of_a_rebuilt_directory_stays(place: Place, volume: pathlib.Path) -> None:
    mounts = [(str(volume), "/etc/fakekube-downward", True), (str(volume), "/fakekube-data", False)]

    done = actors.run(place, "sh", "-c", "ls -A /etc; echo; ls -A /", mounts=mounts)

    etc, _, root = done.stdout.partition("\n\n")
    assert set(etc.splitlines()) == {*os.listdir("/etc"), "fakekube-downward"}
    assert set(root.split()) == {*os.listdir("/"), "fakekube-data"}


@with_mounts
def test_read_only_mount_refuses_writing(place: Place, volume: pathlib.Path) -> None:
    done = actors.run(place, "sh", "-c", "echo x > /fakekube-data/new", mounts=[(str(volume), "/fakekube-data", True)])

    assert "Read-only file system" in done.stderr
    assert not (volume / "new").exists()


@with_files
def test_writable_mount_is_the_hosts_directory(place: Place, volume: pathlib.Path) -> None:
    actors.run(place, "sh", "-c", "echo x > /fakekube-data/new", mounts=[(str(volume), "/fakekube-data", False)])

    assert (volume / "new").read_text() == "x\n"


@with_files
def test_existing_directory_is_covered(place: Place, volume: pathlib.Path, public: pathlib.Path) -> None:
    covered = public / "covered"
    covered.mkdir(mode=0o777)
    (covered / "old").touch()

    done = actors.run(place, "ls", str(covered), mounts=[(str(volume), str(covered), True)])

    assert done.stdout == "token\n"
    assert os.listdir(covered) == ["old"]


@with_files
def test_mounts_lie_in_one_another(place: Place, volume: pathlib.Path, public: pathlib.Path) -> None:
    inner = public / "inner"
    inner.mkdir()
    (inner / "file").write_text("inner")
    mounts = [(str(inner), "/fakekube-data/deep/inner", True), (str(volume), "/fakekube-data", False)]

    done = actors.run(place, "cat", "/fakekube-data/token", "/fakekube-data/deep/inner/file", mounts=mounts)

    assert done.stdout == "firstinner"


@with_files
def test_single_file_is_mounted_over_a_file_and_where_none_is(place: Place, volume: pathlib.Path) -> None:
    mounts = [(str(volume / "token"), "/etc/hostname", True), (str(volume / "token"), "/etc/fakekube/token", True)]

    done = actors.run(place, "cat", "/etc/hostname", "/etc/fakekube/token", mounts=mounts)

    assert done.stdout == "firstfirst"


@with_files
def test_update_of_a_volume_is_seen_while_the_program_runs(place: Place, volume: pathlib.Path) -> None:
    script = "cat /fakekube-data/token; echo; read line; cat /fakekube-data/token"
    order = {
        "do": "start",
        "backend": place.rung,
        "view": {"argv": ["sh", "-c", script], "mounts": [(str(volume), "/fakekube-data", True)]},
    }
    with actors.driven(place.actor, order, stdin=subprocess.PIPE) as (driver, _):
        assert driver.stdout
        before = driver.stdout.readline()
        (volume / "..2").mkdir()
        (volume / "..2" / "token").write_text("second")
        (volume / "..data_tmp").symlink_to("..2")
        (volume / "..data_tmp").rename(volume / "..data")

        after, _ = driver.communicate("\n", timeout=30)

    assert (before, after) == ("first\n", "second")


@with_mounts
def test_hidden_directory_is_empty_and_read_only(place: Place, public: pathlib.Path) -> None:
    kube = public / ".kube"
    kube.mkdir(mode=0o777)
    (kube / "config").write_text("real")

    done = actors.run(place, "sh", "-c", f"ls -A {kube}; touch {kube}/new", hidden=[str(kube), "/no/such/directory"])

    assert done.stdout == ""
    assert "Read-only file system" in done.stderr
    assert os.listdir(kube) == ["config"]


@with_mounts
def test_mount_within_a_hidden_directory_is_seen(place: Place, public: pathlib.Path, volume: pathlib.Path) -> None:
    kube = public / ".kube"
    kube.mkdir(mode=0o777)
    (kube / "config").write_text("real")

    done = actors.run(
        place,
        "sh",
        "-c",
        f"cd {kube}; echo *; cat mine/token",
        hidden=[str(kube)],
        mounts=[(str(volume), f"{kube}/mine", True)],
    )

    assert done.stdout == "mine\nfirst"


@pytest.mark.parametrize("place", [place for place in actors.places() if place.rung in ("files", "python")], ids=str)
def test_kubeconfig_names_nothing_where_directories_cannot_be_hidden(place: Place, public: pathlib.Path) -> None:
    done = actors.run(place, "sh", "-c", "echo $KUBECONFIG", hidden=[str(public)])

    assert not os.path.exists(done.stdout.strip())
    assert done.stdout.strip()


@with_files
def test_names_come_from_the_views_hosts_file(place: Place) -> None:
    done = actors.run(place, "getent", "ahostsv4", "kubernetes.default", files={"/etc/hosts": HOSTS})

    assert done.stdout.split()[0] == "127.96.0.1"


@with_mounts
def test_hostname_is_the_views_alone(place: Place) -> None:
    done = actors.run(place, "uname", "-n", hostname="pod-0")

    assert done.stdout == "pod-0\n"
    assert socket.gethostname() != "pod-0"


@with_mounts
def test_processes_of_the_host_are_not_seen(place: Place) -> None:
    done = actors.run(place, "sh", "-c", "echo $$; ls -d /proc/[0-9]*")

    own, *listed = done.stdout.split()
    assert own == "2"
    assert listed[:2] == ["/proc/1", "/proc/2"]
    assert len(listed) <= 3


@everywhere
def test_ids_are_the_callers_own_by_default(place: Place) -> None:
    done = actors.run(place, "sh", "-c", "id -u; id -g")

    assert done.stdout.split() == [str(place.actor.uid)] * 2


@pytest.mark.parametrize(
    "place",
    [place for place in actors.places() if place.rung in ("root", "namespaces", "bubblewrap", "files")],
    ids=str,
)
@pytest.mark.parametrize("uid", [0, 1234])
def test_ids_are_those_that_the_view_asks_for(place: Place, uid: int) -> None:
    done = actors.run(place, "sh", "-c", "id -u; id -g", uid=uid, gid=uid)

    assert done.stdout.split() == [str(uid)] * 2


@with_mounts
def test_program_that_is_not_root_has_no_capabilities(place: Place) -> None:
    done = actors.run(place, "grep", "CapEff", "/proc/self/status", uid=1234, gid=1234)

    assert int(done.stdout.split()[1], 16) == 0


@pytest.mark.parametrize("place", [place for place in actors.places() if place.rung in ("root", "files")], ids=str)
def test_root_gives_the_program_its_groups(place: Place) -> None:
    done = actors.run(place, "id", "-G", uid=1234, gid=1234, groups=[2000, 3000])

    assert set(done.stdout.split()) == {"1234", "2000", "3000"}


@pytest.mark.parametrize("place", [place for place in actors.places() if place.rung == "python"], ids=str)
def test_python_programs_find_the_files_without_any_permission(place: Place, volume: pathlib.Path) -> None:
    script = (
        "import os, pathlib, socket; print(open('/fakekube-data/token').read(), pathlib.Path('/fakekube-data/token').read_text(),"
        "os.path.exists('/fakekube-data'), sorted(os.listdir('/fakekube-data')), os.stat('/fakekube-data/token').st_size,"
        "os.path.isfile('/fakekube-data/token'), open('/etc/fakekube-file').read(), open('/etc/hosts').readline().strip(),"
        "socket.gethostbyname('localhost'), socket.getaddrinfo('kubernetes', 443)[0][4])"
    )

    done = actors.run(
        place,
        actors.python(),
        "-c",
        script,
        mounts=[(str(volume), "/fakekube-data", True)],
        files={"/etc/hosts": HOSTS, "/etc/fakekube-file": "content"},
    )

    assert done.stderr == ""
    assert done.stdout.strip() == (
        "first first True ['..1', '..data', 'token'] 5 True content 127.0.0.1\tlocalhost 127.0.0.1 ('127.96.0.1', 443)"
    )


@pytest.mark.parametrize("place", [place for place in actors.places() if place.rung == "python"], ids=str)
def test_python_rung_lets_another_sitecustomize_run(place: Place, public: pathlib.Path) -> None:
    (public / "sitecustomize.py").write_text("import builtins; builtins.marked = True")

    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(public)}
    done = actors.run(place, actors.python(), "-c", "print(marked)", environment=environment)

    assert (done.stdout, done.stderr) == ("True\n", "")


@everywhere
def test_what_cannot_be_mounted_is_named(place: Place) -> None:
    done = actors.run(place, "true", mounts=[("/no/such/source", "/fakekube-data", True)])

    if place.rung == "python":
        assert done.exit_code == 0  # A path that leads nowhere harms only who opens it.
    else:
        assert done.failed == "cannot mount /no/such/source at /fakekube-data: there is no such file or directory"
        assert done.exit_code == 125


@pytest.mark.parametrize("root", [place for place in actors.places() if place.rung == "root"], ids=str)
def test_user_who_may_be_root_by_sudo_stays_itself_in_the_view(
    root: Place, public: pathlib.Path, volume: pathlib.Path
) -> None:
    """As on a hosted runner: no namespaces for users, but sudo without a password. It drops the ids after the mounts."""
    shutil.copy(shutil.which("setpriv") or "", public / "setpriv")
    (public / "setpriv").chmod(0o4755)
    (public / "sudo").write_text(f'#!/bin/sh\nshift\nexec {public}/setpriv --reuid 0 --regid 0 --clear-groups "$@"\n')
    (public / "sudo").chmod(0o755)

    done = actors.run(
        Place(actors.Actor(is_root=False), "sudo"),
        *("sh", "-c", "cat /fakekube-data/token; id -u; grep CapEff /proc/self/status; uname -n"),
        path=str(public),
        mounts=[(str(volume), "/fakekube-data", True)],
        hostname="pod-0",
    )

    assert done.failed == ""
    uid, _, capabilities, hostname = done.stdout.removeprefix("first").split()
    assert (done.rung, uid, int(capabilities, 16), hostname) == ("sudo", str(actors.ORDINARY_UID), 0, "pod-0")
