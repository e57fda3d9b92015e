"""The test's own code in a pod: environment, files, service account; and everything as it was afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import kr8s
import kubernetes
import kubernetes_asyncio
import lightkube
import pytest
import trio
from lightkube.resources.core_v1 import Pod

from fakekube import FakeCluster, ManifestError, NotFound
from fakekube.in_pod.errors import InPodError
from fakekube.testing.in_pod import InPod

pytestmark = pytest.mark.usefixtures("forgotten_connections")

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"

POD = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue, size: large}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - name: main
    image: nginx
    env:
    - {name: COLOUR, valueFrom: {configMapKeyRef: {name: settings, key: colour}}}
    - {name: GREETING, value: "I am $(HOSTNAME_OF) on $(KUBERNETES_SERVICE_HOST)"}
    volumeMounts:
    - {name: settings, mountPath: /etc/settings}
    - {name: settings, mountPath: /etc/one-setting, subPath: size}
    - {name: self, mountPath: /etc/downward}
    - {name: scratch, mountPath: /scratch}
  - {name: side, image: busybox}
  volumes:
  - {name: settings, configMap: {name: settings}}
  - {name: self, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}
  - {name: scratch, emptyDir: {}}
"""

READER = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:serviceaccounts"}]
"""


@pytest.fixture
def kube(running: FakeCluster) -> Iterator[FakeCluster]:
    running.reset()
    with running.environment():
        yield running


@pytest.fixture
def in_pod(kube: FakeCluster) -> InPod:
    kube.load(READER)
    return InPod(kube)


class TestClients:
    """In-cluster loaders, as they are."""

    def who(self, kube: FakeCluster) -> str:
        """Who asked for the pods, beside those who keep the volumes."""
        asked = [each for each in kube.requests if each.path.endswith("/pods") and each.user != "kubernetes-admin"]
        assert [each.status for each in asked] == [200]
        return asked[0].user

    def test_the_official_client(self, kube: FakeCluster, in_pod: InPod) -> None:
        with in_pod(POD).here():
            kubernetes.config.load_incluster_config()
            with kubernetes.client.ApiClient() as api:
                found = kubernetes.client.CoreV1Api(api).list_namespaced_pod("default").items

        assert [pod.metadata.name for pod in found] == ["web"]
        assert self.who(kube) == "system:serviceaccount:default:default"

    def test_the_official_client_finds_no_kubeconfig(self, kube: FakeCluster, in_pod: InPod) -> None:
        with in_pod(POD).here():
            kubernetes.config.load_config()
            with kubernetes.client.ApiClient() as api:
                kubernetes.client.CoreV1Api(api).list_namespaced_pod("default")

        assert self.who(kube) == "system:serviceaccount:default:default"

    async def test_kubernetes_asyncio(self, kube: FakeCluster, in_pod: InPod) -> None:
        with in_pod(POD).here():
            kubernetes_asyncio.config.load_incluster_config()  # type: ignore[no-untyped-call]
            async with kubernetes_asyncio.client.ApiClient() as api:
                found = await kubernetes_asyncio.client.CoreV1Api(api).list_namespaced_pod("default")

        assert [pod.metadata.name for pod in found.items] == ["web"]
        assert self.who(kube) == "system:serviceaccount:default:default"

    @pytest.mark.parametrize("load", ["from_env", "from_service_account"])
    def test_lightkube(self, kube: FakeCluster, in_pod: InPod, load: str) -> None:
        with in_pod(POD).here():
            client = lightkube.Client(config=getattr(lightkube.KubeConfig, load)())
            found = list(client.list(Pod))
            client.close()

        assert [pod.metadata.name for pod in found if pod.metadata] == ["web"]
        assert self.who(kube) == "system:serviceaccount:default:default"

    @pytest.mark.filterwarnings("ignore:Kubernetes version")
    def test_kr8s(self, kube: FakeCluster, in_pod: InPod) -> None:
        from fakekube.testing.clients import close_kr8s

        with in_pod(POD).here():
            api = kr8s.api()
            found = [pod.name for pod in kr8s.get("pods")]
            close_kr8s(api)

        assert found == ["web"]
        assert self.who(kube) == "system:serviceaccount:default:default"

    def test_a_program_that_knows_only_the_name_of_the_service(self, in_pod: InPod) -> None:
        with in_pod(POD).here():
            context = ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt")
            token = Path(ACCOUNT, "token").read_text()
            with httpx.Client(verify=context, headers={"Authorization": f"Bearer {token}"}) as client:
                answers = [
                    client.get(f"https://{host}/api/v1/namespaces/default/pods").status_code
                    for host in ("kubernetes", "kubernetes.default.svc", "10.96.0.1")
                ]

        assert answers == [200, 200, 200]

    def test_an_ambassador_is_asked_in_plain_http(self, kube: FakeCluster, in_pod: InPod) -> None:
        containers = [{"name": "main", "image": "i"}, {"name": "ambassador", "image": "luksa/kubectl-proxy:1.6.2"}]
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": containers}}

        with in_pod(pod).here(), httpx.Client() as client:
            answer = client.get("http://localhost:8001/api/v1/namespaces/default/pods")

        assert [each["metadata"]["name"] for each in answer.json()["items"]] == ["p"]
        assert self.who(kube) == "system:serviceaccount:default:default"

    def test_what_the_account_may_not_is_refused(self, in_pod: InPod) -> None:
        with in_pod(POD).here():
            kubernetes.config.load_incluster_config()
            with kubernetes.client.ApiClient() as api, pytest.raises(kubernetes.client.ApiException) as refused:
                kubernetes.client.CoreV1Api(api).list_namespaced_secret("default")

        assert refused.value.status == 403


class TestSurroundings:
    """What code sees."""

    def test_variables_are_those_of_the_pod(self, kube: FakeCluster, in_pod: InPod) -> None:
        with in_pod(POD).here() as here:
            seen = dict(os.environ)

        assert (seen["COLOUR"], seen["HOSTNAME"]) == ("blue", "web")
        assert seen["GREETING"] == f"I am $(HOSTNAME_OF) on {kube.server.host}"
        assert (seen["KUBERNETES_SERVICE_HOST"], seen["KUBERNETES_SERVICE_PORT"]) == (
            kube.server.host,
            str(kube.server.port),
        )
        assert "KUBECONFIG" not in seen
        assert here.environment["COLOUR"] == "blue"
        assert "COLOUR" not in os.environ

    def test_files_are_found_however_python_looks_for_them(self, in_pod: InPod) -> None:
        with in_pod(POD).here():
            path = Path("/etc/settings/colour")
            with open(path) as file, open(b"/etc/settings/colour", "rb") as raw:
                texts = [
                    file.read(),
                    raw.read().decode(),
                    path.read_text(),
                    Path("/etc/settings/../settings/colour").read_text(),
                ]
            found = [
                path.exists(),
                os.path.isfile("/etc/settings/colour"),
                os.path.isdir("/etc/settings"),
                sorted(name for name in os.listdir("/etc/settings") if not name.startswith("..")) == ["colour", "size"],
                sorted(each.name for each in Path("/etc/settings").glob("[a-z]*")) == ["colour", "size"],
                os.path.realpath("/etc/settings/colour").startswith("/etc/settings/..2"),
                os.path.isfile(os.path.realpath(f"{ACCOUNT}/token")),
            ]
            walked = next(os.walk("/etc/downward"))

        assert texts == ["blue"] * 4
        assert all(found), found
        assert walked[0] == "/etc/downward"
        assert "labels" in walked[2]
        assert not path.exists()

    def test_what_is_written_stays_in_the_volume(self, in_pod: InPod) -> None:
        with in_pod(POD).here() as here:
            os.makedirs("/scratch/a/b")
            Path("/scratch/a/b/c").write_text("x")
            os.rename("/scratch/a/b/c", "/scratch/a/d")
            shutil.copy2("/scratch/a/d", "/scratch/e")
            os.symlink("d", "/scratch/a/link")
            os.symlink(src="d", dst="/scratch/a/named")
            linked = [Path("/scratch/a/link").read_text(), os.readlink("/scratch/a/named")]
            made = tempfile.mkdtemp(dir="/scratch")
            os.rmdir(made)
            shutil.rmtree("/scratch/a")
            seen, place = os.listdir("/scratch"), here.path("/scratch/e")
            assert place.read_text() == "x"

        assert (seen, os.path.dirname(made), linked) == (["e"], "/scratch", ["x", "d"])
        assert not place.exists()
        assert not os.path.exists("/scratch")

    def test_what_this_process_needs_itself_is_not_hidden(self, in_pod: InPod, tmp_path: Path) -> None:
        (tmp_path / "mine").touch()
        mounts = [{"name": "v", "mountPath": path} for path in ("/cache", tempfile.gettempdir())]
        container = {"name": "c", "image": "i", "volumeMounts": mounts}
        spec = {"containers": [container], "volumes": [{"name": "v", "emptyDir": {}}]}

        with in_pod({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}).here() as here:
            assert here.missing == (tempfile.gettempdir(),)
            assert (tmp_path / "mine").exists()
            assert os.path.isdir("/cache")

    def test_secrets_lie_where_nobody_else_can_look(self, in_pod: InPod) -> None:
        with in_pod(POD).here() as here:
            token = here.path(f"{ACCOUNT}/token")
            open_to_others = [each for each in token.parents if each != Path("/") and not each.stat().st_mode & 0o077]

        assert len(open_to_others) == 1
        assert not open_to_others[0].exists()

    def test_another_container_sees_its_own(self, in_pod: InPod) -> None:
        with in_pod(POD, container="side").here():
            assert "COLOUR" not in os.environ
            assert not os.path.exists("/etc/settings")
            assert os.path.exists(f"{ACCOUNT}/token")

    def test_everything_is_as_it_was(self, in_pod: InPod) -> None:
        def state() -> list[Any]:
            of_os = [getattr(os, name) for name in ("open", "stat", "listdir", "scandir", "rename")]
            of_libraries = [
                kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION,
                kubernetes.client.Configuration._default,
                vars(kubernetes_asyncio.client.Configuration)["_default"],
                vars(lightkube.KubeConfig)["from_env"].__func__.__defaults__,
            ]
            methods = [ssl.SSLContext.load_verify_locations, "load_verify_locations" in vars(ssl.SSLContext)]
            return [open, socket.getaddrinfo, *of_os, *of_libraries, *methods, dict(os.environ), set(os.supports_fd)]

        before = state()
        pod = in_pod(POD)

        def fail() -> None:
            kubernetes.config.load_incluster_config()
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError), pod.here():
            fail()

        assert state() == before

    def test_a_pod_that_cannot_start_says_so(self, in_pod: InPod) -> None:
        volumes = [{"name": "v", "configMap": {"name": "gone"}}]
        spec = {"containers": [{"name": "c", "image": "i"}], "volumes": volumes}
        pod = in_pod({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "broken"}, "spec": spec})

        with pytest.raises(InPodError) as refused, pod.here():
            pytest.fail("it has started")

        assert str(refused.value) == (
            'container "c" of pod "broken" cannot start: volume "v": configmap "gone" not found'
        )


class TestChanges:
    """Volumes follow the API while code runs."""

    def test_a_config_map_is_written_again(self, kube: FakeCluster, in_pod: InPod) -> None:
        with in_pod(POD).here() as here:
            kube.patch("configmap", "settings", {"data": {"colour": "red", "size": "small"}})

            assert here.wait_for("/etc/settings/colour", "red") == "red"
            assert Path("/etc/settings/size").read_text() == "small"
            # What came by a subPath or as a variable stays.
            assert Path("/etc/one-setting").read_text() == "large"
            assert os.environ["COLOUR"] == "blue"

    async def test_labels_of_the_pod_are_written_again(self, kube: FakeCluster, in_pod: InPod) -> None:
        with in_pod(POD).here() as here:
            kube.patch("pod", "web", {"metadata": {"labels": {"tier": "front"}}})

            text = await here.wait_for_async("/etc/downward/labels", lambda text: "tier" in text)

        assert text == 'app="web"\ntier="front"'

    def test_changes_are_awaited_with_trio_as_well(self, kube: FakeCluster, in_pod: InPod) -> None:
        with in_pod(POD).here() as here:
            kube.patch("configmap", "settings", {"data": {"colour": "red"}})

            assert trio.run(here.wait_for_async, "/etc/settings/colour", "red") == "red"

    def test_what_does_not_come_is_told_with_what_is_there(self, in_pod: InPod) -> None:
        with in_pod(POD).here() as here:
            with pytest.raises(TimeoutError, match=r"^/etc/settings/colour .* it holds 'blue'$"):
                here.wait_for("/etc/settings/colour", "red", timeout=0.05)
            with pytest.raises(TimeoutError, match=r"^/etc/settings/new .* it is not there$"):
                here.wait_for("/etc/settings/new", timeout=0.05)

    def test_why_a_change_does_not_come_is_told(self, kube: FakeCluster, in_pod: InPod) -> None:
        with in_pod(POD).here() as here:
            kube.delete("configmap", "settings")
            here.wait_for("/etc/settings/colour", lambda text: bool(here.failures))

            with pytest.raises(TimeoutError) as told:
                here.wait_for("/etc/settings/colour", "red", timeout=0.01)

        failure = 'MountVolume.SetUp failed for volume "settings" : configmap "settings" not found'
        assert str(told.value).endswith(f"it holds 'blue'. {failure}")


TWO_CONTAINERS: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]},
}


class TestPods:
    """How a pod is given."""

    def test_by_name(self, kube: FakeCluster, in_pod: InPod) -> None:
        kube.create(TWO_CONTAINERS)

        assert [in_pod(name).name for name in ("p", "pod/p")] == ["p", "p"]

    def test_as_what_the_server_made_of_it(self, kube: FakeCluster, in_pod: InPod) -> None:
        assert in_pod(kube.create(TWO_CONTAINERS)).object["spec"]["nodeName"]

    def test_in_a_file_in_a_namespace(self, kube: FakeCluster, in_pod: InPod, tmp_path: Path) -> None:
        kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        (tmp_path / "pod.yaml").write_text(POD)

        pod = in_pod(tmp_path / "pod.yaml", namespace="shop")

        assert (pod.name, pod.namespace, pod.container) == ("web", "shop", "main")
        with pod.here():
            assert Path(ACCOUNT, "namespace").read_text() == "shop"

    def test_the_container_is_the_first_unless_one_is_named(self, in_pod: InPod) -> None:
        assert in_pod(TWO_CONTAINERS).container == "a"
        assert in_pod("p", container="b").container == "b"
        with pytest.raises(ValueError, match='container "z" is not in pod "p": it has a, b'):
            in_pod("p", container="z")

    def test_what_is_no_pod(self, in_pod: InPod) -> None:
        with pytest.raises(NotFound):
            in_pod("nobody")
        with pytest.raises(ManifestError, match="expected a manifest with one Pod, found 0"):
            in_pod({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
        with pytest.raises(ManifestError, match="expected a name, a manifest, or"):
            in_pod("pods.d/web.yaml")


def test_the_pages_of_other_programs_are_not_touched(in_pod: InPod) -> None:
    """What is placed is placed in this process alone."""
    with in_pod(POD).here():
        seen = subprocess.run(
            [sys.executable, "-c", "import os; print(os.path.exists('/etc/settings'))"], capture_output=True
        )

    assert seen.stdout == b"False\n"
