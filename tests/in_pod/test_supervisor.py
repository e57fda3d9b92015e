"""`fakekube run` and `exec` as anyone starts them, on whatever rung this machine has."""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakekube import FakeCluster
from fakekube.sandbox import choose
from tests.sandbox.actors import OF_EVERYTHING

RUNG = choose()
if RUNG.redirects != "any" or RUNG.name not in OF_EVERYTHING:
    pytest.skip(f"this machine builds no view of everything, several at a time: {RUNG.why}", allow_module_level=True)

TIMEOUT_S = 30
ROOT = Path(__file__).parents[2]

Object = dict[str, Any]
Start = Callable[..., subprocess.Popen[str]]


def pod(name: str = "web", **spec: Any) -> Object:
    main = {"name": "main", "image": "web", **spec.pop("container", {})}
    containers = [main, *spec.pop("others", [])]
    metadata = {"name": name, "annotations": {"key1": "value1"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers, **spec}}


@pytest.fixture
def create(kube: FakeCluster) -> Callable[[Object], None]:
    """Create a pod and wait until its kubelet has taken it."""

    def create(manifest: Object) -> None:
        kube.create(manifest)
        kube.wait_for("pod", manifest["metadata"]["name"], lambda found: bool(found["status"].get("podIP")))

    return create


@pytest.fixture
def start(kube: FakeCluster, tmp_path: Path) -> Iterator[Start]:
    """Start a command of fakekube's; whatever still runs is killed at the end."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "fakekube", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "KUBECONFIG": str(kube.kubeconfig), **environment},
            start_new_session=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


@pytest.fixture
def run(start: Start) -> Callable[..., tuple[int, str, str]]:
    """Run a command to its end: exit code, stdout, stderr."""

    def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
        process = start(*arguments, **environment)
        out, err = process.communicate(timeout=TIMEOUT_S)
        return process.returncode, out, err

    return run


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def state(kube: FakeCluster, name: str = "web", container: int = 0) -> Object:
    status: Object = kube.get("pod", name)["status"]["containerStatuses"][container]
    return status


def test_the_container_runs_as_long_as_the_program_and_ends_as_it_does(
    kube: FakeCluster, create: Callable[[Object], None], start: Start
) -> None:
    create(pod(restartPolicy="Never"))

    process = start("run", "web", "--", "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done")
    assert line(process) == "ready"
    eventually(lambda: "running" in state(kube)["state"])
    process.send_signal(signal.SIGTERM)

    assert process.wait(TIMEOUT_S) == 9
    ended = kube.wait_for("pod", "web", lambda found: found["status"]["phase"] == "Failed")
    assert ended["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 9


def test_the_exit_code_and_the_termination_message_are_the_programs(
    kube: FakeCluster, create: Callable[[Object], None], run: Callable[..., tuple[int, str, str]]
) -> None:
    create(pod(restartPolicy="Never"))

    assert run("run", "pod/web", "--", "sh", "-c", "echo sorry > /dev/termination-log; exit 9") == (9, "", "")

    terminated = kube.wait_for("pod", "web", lambda found: found["status"]["phase"] == "Failed")["status"][
        "containerStatuses"
    ][0]["state"]
    assert (terminated["terminated"]["exitCode"], terminated["terminated"]["message"]) == (9, "sorry\n")


def test_without_a_command_the_containers_own_runs_with_its_variables(
    create: Callable[[Object], None], run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    container = {
        "command": ["sh", "-c", "echo $(GREETING) '$$(GREETING)' $1; pwd; ls", "sh"],
        "args": ["$(GREETING)s"],
        "workingDir": "/srv/shop",
        "env": [{"name": "GREETING", "value": "hello"}],
    }
    create(pod(container=container))
    (tmp_path / "from-here").touch()

    code, out, err = run("run", "pod/web")

    assert (code, err) == (0, "")
    assert out.splitlines()[:2] == ["hello $(GREETING) hellos", "/srv/shop"]
    assert "from-here" in out.splitlines()


def test_files_follow_the_api_and_those_of_a_subpath_do_not(
    kube: FakeCluster, create: Callable[[Object], None], start: Start
) -> None:
    kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "colours"}, "data": {"sky": "blue"}})
    mounts = [
        {"name": "colours", "mountPath": "/etc/colours"},
        {"name": "colours", "mountPath": "/etc/once", "subPath": "sky"},
    ]
    create(pod(container={"volumeMounts": mounts}, volumes=[{"name": "colours", "configMap": {"name": "colours"}}]))
    script = "echo $(cat /etc/colours/sky); until grep -q grey /etc/colours/sky; do sleep 0.02; done; cat /etc/colours/sky /etc/once"

    process = start("run", "web", "--", "sh", "-c", script)
    assert line(process) == "blue"
    kube.patch("configmap", "colours", {"data": {"sky": "grey"}})

    assert process.communicate(timeout=TIMEOUT_S) == ("greyblue", "")
    assert not Path("/etc/colours").exists()


@pytest.mark.parametrize(
    ("spec", "reason", "message", "event"),
    [
        (
            {"container": {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "k"}}}]}},
            "CreateContainerConfigError",
            'configmap "none" not found',
            ("Failed", 'Error: configmap "none" not found'),
        ),
        (
            {"volumes": [{"name": "keys", "secret": {"secretName": "none"}}]},
            "ContainerCreating",
            'MountVolume.SetUp failed for volume "keys" : secret "none" not found',
            ("FailedMount", 'MountVolume.SetUp failed for volume "keys" : secret "none" not found'),
        ),
    ],
    ids=["variable", "volume"],
)
def test_what_is_missing_is_told_as_a_kubelet_tells_it(
    kube: FakeCluster,
    create: Callable[[Object], None],
    run: Callable[..., tuple[int, str, str]],
    spec: Object,
    reason: str,
    message: str,
    event: tuple[str, str],
) -> None:
    create(pod(**spec))

    code, out, err = run("run", "pod/web", "--", "echo", "never")

    assert (code, out) == (125, "")
    assert err.startswith("error: ")
    assert err.endswith(f"{message}\n")
    eventually(lambda: state(kube)["state"].get("waiting", {}).get("reason") == reason)
    eventually(lambda: event in [(each["reason"], each["message"]) for each in kube.events("pod", "web")])


def test_exec_enters_the_view_that_runs(
    create: Callable[[Object], None], start: Start, run: Callable[..., tuple[int, str, str]]
) -> None:
    mounts = [{"name": "scratch", "mountPath": "/scratch"}]
    create(
        pod(
            container={"volumeMounts": mounts, "env": [{"name": "COLOUR", "value": "blue"}]},
            volumes=[{"name": "scratch", "emptyDir": {}}],
        )
    )

    process = start(
        "run",
        "web",
        "--",
        "sh",
        "-c",
        "echo kept > /scratch/file; echo ready; until [ -e /scratch/end ]; do sleep 0.02; done",
    )
    assert line(process) == "ready"

    assert run("exec", "web", "--", "sh", "-c", "cat /scratch/file; echo $COLOUR; uname -n; exit 4") == (
        4,
        "kept\nblue\nweb\n",
        "",
    )
    run("exec", "web", "--", "touch", "/scratch/end")  # which the end of the view may overtake
    assert process.wait(TIMEOUT_S) == 0


def test_exec_without_a_program_has_a_view_of_its_own(
    kube: FakeCluster, create: Callable[[Object], None], run: Callable[..., tuple[int, str, str]]
) -> None:
    create(pod())

    assert run(
        "exec", "web", "--", "sh", "-c", "uname -n; ls /var/run/secrets/kubernetes.io/serviceaccount; exit 3"
    ) == (
        3,
        "web\nca.crt\nnamespace\ntoken\n",
        "",
    )
    assert state(kube)["restartCount"] == 0


def test_a_container_that_is_played_already_is_not_played_twice(
    create: Callable[[Object], None], start: Start, run: Callable[..., tuple[int, str, str]]
) -> None:
    create(pod())
    process = start("run", "web", "--", "sh", "-c", "echo ready; exec sleep 60")
    assert line(process) == "ready"

    code, _, err = run("run", "web", "--", "true")

    assert code == 125
    assert "`fakekube exec pod/web -c main -- COMMAND` runs another program beside it" in err
    assert err.count("fakekube exec") == 1


def test_a_deleted_pod_ends_its_program(kube: FakeCluster, create: Callable[[Object], None], start: Start) -> None:
    create(pod())
    process = start(
        "run", "web", "--", "sh", "-c", "trap 'echo told; exit 0' TERM; echo ready; while :; do sleep 0.02; done"
    )
    assert line(process) == "ready"

    kube.delete("pod", "web")

    assert process.communicate(timeout=TIMEOUT_S) == ("told\n", "")
    assert process.returncode == 0


def test_nothing_stays_when_the_command_is_killed(
    kube: FakeCluster, create: Callable[[Object], None], start: Start, runtime: Path
) -> None:
    kube.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "door"},
            "data": {"key": base64.b64encode(b"x").decode()},
        }
    )
    mounts = [{"name": "door", "mountPath": "/etc/door"}]
    create(pod(container={"volumeMounts": mounts}, volumes=[{"name": "door", "secret": {"secretName": "door"}}]))
    process = start("run", "web", "--", "sh", "-c", "echo $$; exec sleep 60")
    line(process)
    [view] = runtime.glob("pods/*/views/*")
    for directory in (runtime, *view.parents[:3], view):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((view / "view.json").stat().st_mode) == 0o600
    program = json.loads((view / "view.json").read_text())["record"]["pid"]

    process.kill()

    eventually(lambda: not list(runtime.glob("pods/*")))
    eventually(lambda: not Path(f"/proc/{program}").exists())
    eventually(
        lambda: (
            (state(kube)["lastState"].get("terminated") or state(kube)["state"].get("terminated", {})).get("exitCode")
            == 137
        )
    )


def test_an_ambassador_answers_with_the_pods_service_account(
    kube: FakeCluster, create: Callable[[Object], None], run: Callable[..., tuple[int, str, str]]
) -> None:
    create(pod(others=[{"name": "ambassador", "image": "luksa/kubectl-proxy:1.6.2"}]))
    ask = "import urllib.request, json; print(json.load(urllib.request.urlopen('http://localhost:8001/api/v1/namespaces/default/pods'))['kind'])"
    admin = {"kind": "ClusterRole", "name": "cluster-admin", "apiGroup": "rbac.authorization.k8s.io"}
    account = {"kind": "ServiceAccount", "name": "default", "namespace": "default"}

    code, _, err = run("run", "web", "-c", "main", "--", sys.executable, "-c", ask)
    assert (code, "403: Forbidden" in err) == (1, True)
    kube.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "all"},
            "roleRef": admin,
            "subjects": [account],
        }
    )
    assert run("run", "web", "-c", "main", "--", sys.executable, "-c", ask)[:2] == (0, "PodList\n")


def test_sidecars_run_beside_in_containers_of_their_own(
    kube: FakeCluster, create: Callable[[Object], None], run: Callable[..., tuple[int, str, str]]
) -> None:
    mounts = [{"name": "scratch", "mountPath": "/scratch"}]
    side = {"name": "side", "image": "side", "env": [{"name": "WHO", "value": "sidecar"}], "volumeMounts": mounts}
    create(pod(container={"volumeMounts": mounts}, others=[side], volumes=[{"name": "scratch", "emptyDir": {}}]))

    code, out, err = run(
        "run", "web", "--sidecar", "side=echo $WHO | tee /scratch/from-side; exec sleep 60",
        "--", "sh", "-c", "until [ -s /scratch/from-side ]; do sleep 0.02; done; cat /scratch/from-side",
    )  # fmt: skip

    assert (code, out, err) == (0, "sidecar\n", "side: sidecar\n")
    eventually(lambda: state(kube, container=1)["restartCount"] == 1)


def test_a_manifest_without_a_server_gets_one_that_ends_with_the_program(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, runtime: Path
) -> None:
    (tmp_path / "web.yaml").write_text(
        json.dumps(pod())
        + "\n---\n"
        + json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    )

    code, out, err = run("run", "-f", "web.yaml", "--", "sh", "-c", "uname -n; exit 5", KUBECONFIG="")

    assert (code, out, err) == (5, "web\n", "")
    assert [each.name for each in runtime.iterdir()] == ["pods"]
    assert list((runtime / "pods").iterdir()) == []


def test_a_manifest_without_a_server_may_go_to_a_namespace_of_its_own(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "web.yaml").write_text(json.dumps(pod()))
    show = "cat /var/run/secrets/kubernetes.io/serviceaccount/namespace"

    assert run("run", "-f", "web.yaml", "-n", "shop", "--", "sh", "-c", show, KUBECONFIG="") == (0, "shop", "")


def test_a_manifest_that_is_refused_or_holds_no_pod_is_told(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "wrong.yaml").write_text(json.dumps(pod(restartPolicy="Sometimes")))
    (tmp_path / "none.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")

    code, _, err = run("run", "-f", "wrong.yaml", "--", "true", KUBECONFIG="")
    assert (code, "spec.restartPolicy: Unsupported value" in err) == (125, True)
    assert run("run", "-f", "wrong.yaml", "--", "true")[0] == 125
    assert run("run", "-f", "none.yaml", "--", "true") == (125, "", "error: there is no Pod in none.yaml\n")
    assert run("run", "-f", "missing.yaml", "--", "true")[0] == 125


def test_sidecars_end_when_the_command_is_killed(create: Callable[[Object], None], start: Start, runtime: Path) -> None:
    create(pod(others=[{"name": "side", "image": "side"}]))
    process = start("run", "web", "--sidecar", "side=exec sleep 60", "--", "sh", "-c", "echo ready; exec sleep 60")
    assert line(process) == "ready"
    eventually(lambda: bool(list(runtime.glob("pods/*/views/side.*/view.json"))))

    process.kill()

    eventually(lambda: not list(runtime.glob("pods/*")))


def test_programs_are_told_when_nobody_reads_them(
    create: Callable[[Object], None], run: Callable[..., tuple[int, str, str]]
) -> None:
    create(pod())

    assert run("run", "web", "--", "sh", "-c", "yes | head -1") == (0, "y\n", "")


def test_a_manifest_with_a_server_is_applied_to_it(
    kube: FakeCluster, run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "web.yaml").write_text(json.dumps(pod()))

    assert run("run", "-f", "web.yaml", "--", "uname", "-n") == (0, "web\n", "")
    assert run("run", "-f", "web.yaml", "--", "uname", "-n") == (0, "web\n", "")
    assert kube.get("pod", "web")["metadata"]["name"] == "web"


def test_pods_that_cannot_be_are_told_with_what_to_do(
    kube: FakeCluster, create: Callable[[Object], None], run: Callable[..., tuple[int, str, str]]
) -> None:
    create(pod())

    assert run("run", "pod/none", "--", "true")[2].startswith(
        'error: pod "none" is not in namespace "default". Create it first'
    )
    assert (
        run("run", "web", "-c", "none", "--", "true")[2] == 'error: container "none" is not in pod "web": it has main\n'
    )
    assert run("run", "web", "--", "no-such-program")[0] == 127
    kube.create(pod("lost", nodeSelector={"planet": "mars"}))
    assert 'pod "lost" is not scheduled: 0/1 nodes are available' in run("run", "lost", "--", "true")[2]


def test_what_is_rendered_is_what_a_view_shows(
    kube: FakeCluster, run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    container = {"env": [{"name": "COLOUR", "value": "blue"}, {"name": "POEM", "value": "two\nlines"}]}
    (tmp_path / "web.yaml").write_text(json.dumps(pod(container=container)))

    code, out, _ = run("render", "web.yaml", "made")

    assert code == 0
    assert out.splitlines()[:2] == ["--network host --hostname web", f"--env-file {tmp_path}/made/environment"]
    assert "-e 'POEM=two\nlines'\n" in out
    assert "COLOUR=blue\n" in (tmp_path / "made/environment").read_text()
    assert "/made/volumes/kube-api-access-" in out
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o700


def test_rendering_into_a_directory_that_is_there_closes_what_is_rendered_alone(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "web.yaml").write_text(json.dumps(pod()))
    there = tmp_path / "there"
    there.mkdir()
    there.chmod(0o755)

    code, _, _ = run("render", "web.yaml", "there")

    assert code == 0
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (there, *there.iterdir())}
    assert modes == {"there": 0o755, "volumes": 0o700, "environment": 0o600, "hosts": 0o644}


def test_the_doctor_tells_of_the_machine_and_of_the_server(
    kube: FakeCluster, run: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, _ = run("doctor")

    assert code == 0
    assert "All that was tried, best first:" in out
    assert f"Server: {kube.url} answers (v1.36" in out
