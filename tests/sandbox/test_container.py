"""What docker or podman is asked to do, where a daemon answers: played by a program that writes down its arguments."""

from __future__ import annotations

import os
import pathlib

import pytest

from fakekube import sandbox

SCRIPT = """\
#!/bin/sh
{ echo "$#"; for word; do echo "$word"; done; echo "POD_NAME=$POD_NAME"; } >> "$0.calls"
case "$1" in run) exit 3;; esac
"""


@pytest.fixture
def docker(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    program = tmp_path / "docker"
    program.write_text(SCRIPT)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return program


def calls(docker: pathlib.Path) -> list[list[str]]:
    lines = iter((docker.parent / "docker.calls").read_text().splitlines())
    return [[next(lines) for _ in range(int(count) + 1)] for count in lines]


def test_view_is_given_as_options(docker: pathlib.Path, tmp_path: pathlib.Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1\tlocalhost\n10.1.2.3\tkubernetes kubernetes.default # API\n")
    view = sandbox.View(
        ("program", "argument"),
        {"POD_NAME": "secret value"},
        working_directory="/work",
        hostname="pod-0",
        mounts=(
            sandbox.Mount(tmp_path, "/etc/config", read_only=True),
            sandbox.Mount(tmp_path, "/data"),
            sandbox.Mount(hosts, "/etc/hosts"),
        ),
        uid=1000,
        gid=2000,
        groups=(3000,),
        image="example/image:1",
    )

    with sandbox.start(view, backend="container") as process:
        code = process.wait(10)

    run = next(call for call in calls(docker) if call[0] == "run")
    name = run[run.index("--name") + 1]
    assert (code, process.rung, process.record.container) == (3, "container", name)
    assert run == [
        *("run", "--rm", "--interactive", "--init", "--name", name, "--network", "host", "--hostname", "pod-0"),
        *("--user", "1000:2000", "--workdir", "/work", "--group-add", "3000"),
        *("--volume", f"{tmp_path}:/etc/config:ro", "--volume", f"{tmp_path}:/data"),
        *("--add-host", "kubernetes:10.1.2.3", "--add-host", "kubernetes.default:10.1.2.3"),
        *("--env", "POD_NAME", "--entrypoint", "program", "example/image:1", "argument"),
        "POD_NAME=secret value",
    ]
    assert ["rm", "--force", name, "POD_NAME="] in calls(docker)


def test_view_without_an_image_is_refused(docker: pathlib.Path) -> None:
    with pytest.raises(sandbox.SandboxError, match="give the container of the pod one"):
        sandbox.start(sandbox.View(("true",), {}), backend="container")


def test_container_is_never_taken_unless_asked_for(docker: pathlib.Path) -> None:
    rungs = sandbox.probe()

    assert rungs["container"].usable
    assert rungs["container"].why == "docker answers."
    assert rungs.best.name != "container"


def test_daemon_that_does_not_answer_is_said(docker: pathlib.Path) -> None:
    docker.write_text("#!/bin/sh\necho 'no daemon here.' >&2\nexit 1\n")

    rung = sandbox.probe()["container"]

    assert not rung.usable
    assert rung.why.startswith("docker does not answer (no daemon here) and podman ")
