"""Programs of their own in the view of a pod, as tests start them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakekube import FakeCluster
from fakekube.in_pod.errors import InPodError
from fakekube.testing.in_pod import InPod
from fakekube.testing.manifests import ManifestError
from tests.pytest_plugin.test_in_pod_here import POD, READER

CLIENTS = {
    "kubernetes": """
from kubernetes import client, config
config.load_incluster_config()
print([pod.metadata.name for pod in client.CoreV1Api().list_namespaced_pod("default").items])
""",
    "kubernetes_asyncio": """
import asyncio
from kubernetes_asyncio import client, config
async def main():
    config.load_incluster_config()
    async with client.ApiClient() as api:
        print([pod.metadata.name for pod in (await client.CoreV1Api(api).list_namespaced_pod("default")).items])
asyncio.run(main())
""",
    "lightkube": """
from lightkube import Client
from lightkube.resources.core_v1 import Pod
print([pod.metadata.name for pod in Client().list(Pod)])
""",
    "kr8s": """
import kr8s
print([pod.name for pod in kr8s.get("pods")])
""",
}


@pytest.fixture
def kube(running: FakeCluster) -> Iterator[FakeCluster]:
    running.reset()
    with running.environment():
        yield running


@pytest.fixture
def in_pod(kube: FakeCluster) -> InPod:
    kube.load(READER)
    return InPod(kube)


@pytest.mark.parametrize("name", CLIENTS)
def test_in_cluster_loaders_work_unchanged(in_pod: InPod, name: str) -> None:
    done = in_pod(POD).run([sys.executable, "-W", "ignore", "-c", CLIENTS[name]])

    assert (done.stdout, done.returncode) == ("['web']\n", 0), done.stderr


def test_output_input_and_exit_code_are_the_programs(in_pod: InPod) -> None:
    done = in_pod(POD).run("cat; echo no >&2; cat /etc/settings/colour; exit 7", input="given\n")

    assert (done.stdout, done.returncode) == ("given\nblue", 7)
    # On a machine that can show less of a view, what is missing is said before.
    assert done.stderr.endswith("no\n")


def test_the_pod_knows_of_the_program(kube: FakeCluster, in_pod: InPod) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "once"},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]},
    }

    in_pod(pod).run("exit 7")

    ended = kube.wait_for("pod", "once", lambda pod: pod["status"]["phase"] == "Failed")
    assert ended["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 7


def test_variables_of_the_test_lie_under_those_of_the_pod(in_pod: InPod, tmp_path: Path) -> None:
    done = in_pod(POD).exec("echo $MINE $COLOUR; pwd", env={"MINE": "yes", "COLOUR": "mine"}, cwd=tmp_path)

    assert done.stdout == f"yes blue\n{tmp_path}\n"


def test_a_failure_is_raised_for_those_who_want_it(in_pod: InPod) -> None:
    pod = in_pod(POD)

    with pytest.raises(subprocess.CalledProcessError):
        pod.exec(["false"], check=True)


def test_a_pod_that_cannot_start_says_so(in_pod: InPod) -> None:
    volumes = [{"name": "v", "secret": {"secretName": "gone"}}]
    spec = {"containers": [{"name": "c", "image": "i"}], "volumes": volumes}
    pod = in_pod({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "broken"}, "spec": spec})

    with pytest.raises(InPodError, match=r'pod "broken" cannot start: .*secret "gone" not found'):
        pod.run(["true"])


def test_a_program_that_is_not_there_is_told(in_pod: InPod) -> None:
    pod = in_pod(POD)

    with pytest.raises(InPodError, match=r"^no-such-program: no such program"):
        pod.exec(["no-such-program"])
    assert pod.exec("exit 127").returncode == 127


def test_a_running_program_sees_changes_and_is_entered(kube: FakeCluster, in_pod: InPod) -> None:
    pod = in_pod(POD)
    watcher = """
import pathlib, time
path, seen = pathlib.Path("/etc/settings/colour"), None
while True:
    if (text := path.read_text()) != seen:
        print(text, flush=True)
        seen = text
    time.sleep(0.01)
"""
    with pod.start([sys.executable, "-c", watcher]) as program:
        program.expect("blue\n")
        beside = pod.exec("cat /etc/settings/colour")
        kube.patch("configmap", "settings", {"data": {"colour": "red"}})
        seen = program.expect("red\n")

    assert (seen, beside.stdout) == ("blue\nred\n", "blue")


def test_a_program_that_ends_too_early_is_told_with_its_output(in_pod: InPod) -> None:
    pod = in_pod(POD)

    with (
        pod.start("echo almost; exit 3") as program,
        pytest.raises(RuntimeError, match=r"ended without 'ready'. stdout: 'almost\\n'"),
    ):
        program.expect("ready")

    assert program.wait() == 3


def test_a_program_that_says_nothing_is_not_waited_for_for_ever(in_pod: InPod) -> None:
    with (
        in_pod(POD).start(["sleep", "60"]) as program,
        pytest.raises(TimeoutError, match=r"^no 'ready' within 0.1 s"),
    ):
        program.expect("ready", timeout=0.1)


def test_a_file_name_is_told_from_the_name_of_a_pod(in_pod: InPod) -> None:
    with pytest.raises(ManifestError) as raised:
        in_pod("deploy.yaml")

    assert str(raised.value) == ("'deploy.yaml' is no pod: expected a name, a manifest, or pathlib.Path('deploy.yaml')")


def test_a_module_in_the_current_directory_is_not_taken_for_one_of_pythons(
    in_pod: InPod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tty.py").write_text("raise SystemExit('the wrong module')")
    monkeypatch.chdir(tmp_path)

    assert in_pod(POD).run("echo up").stdout == "up\n"
