"""Programs that were written for pods, unchanged, under `fakekube run`: as whoever runs the tests, and as an ordinary user beside root."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.sandbox import actors

from .conftest import Cluster
from .suites import Suite

RUN_TIMEOUT_S = 60
ROOT = pathlib.Path(__file__).parents[2]
SITE_PACKAGES = sysconfig.get_path("purelib")
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
POD = "curl"

SERVICE_ACCOUNT_WITHIN_S = 10.0


@dataclass(frozen=True)
class Runner:
    """`fakekube run` as one user, in a pod that may edit its namespace. `python` is what runs fakekube, and the pod's programs."""

    python: str
    kubeconfig: pathlib.Path
    namespace: str
    home: pathlib.Path
    user: dict[str, Any]

    def __call__(self, *command: str, stdin: str = "", options: tuple[str, ...] = ()) -> str:
        """What a program prints."""
        fakekube = [self.python, "-P", "-m", "fakekube", "run", f"pod/{POD}", "-n", self.namespace, *options, "--"]
        environment = {
            "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT}:{SITE_PACKAGES}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "KUBECONFIG": str(self.kubeconfig),
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(
            [*fakekube, *command],
            env=environment,
            cwd=self.home,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
            check=False,
            **self.user,
        )
        assert not done.returncode, done.stdout + done.stderr
        printed: str = done.stdout
        return printed

    def program(self, text: str) -> Any:
        """What a Python program prints last, which is JSON."""
        printed = self(self.python, "-W", "ignore", "-c", textwrap.dedent(text))
        return json.loads(printed.splitlines()[-1])


@functools.cache
def other_python() -> str | None:
    """One for an ordinary user with the libraries of this one; None where that is not to be had, has no view of
    everything, or tests run as one anyway."""
    other = actors.Actor(is_root=False)
    if os.geteuid() != 0 or not set(actors.probed(other)["usable"]) & set(actors.OF_EVERYTHING):
        return None
    python = actors.python()
    check = "import sys; sys.path[:0] = sys.argv[1:]; import fakekube.in_pod, kubernetes; print(sys.version_info[:2])"
    done = subprocess.run(
        [python, "-B", "-c", check, str(ROOT), SITE_PACKAGES],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        **other.user,
    )
    return python if done.stdout.strip() == str(sys.version_info[:2]) else None


@pytest.fixture(params=["me", "ordinary user"])
def run(request: pytest.FixtureRequest, cluster: Cluster, namespace: str) -> Iterator[Runner]:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD},
        "spec": {"containers": [{"name": "main", "image": "curlimages/curl", "command": ["sleep", "9999999"]}]},
    }
    binding = {
        "metadata": {"name": "administrator"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
    }
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings"
    cluster.http.post(path, json=binding).raise_for_status()
    deadline = time.monotonic() + SERVICE_ACCOUNT_WITHIN_S
    while (answer := cluster.http.post(f"/api/v1/namespaces/{namespace}/pods", json=pod)).status_code == 403:
        # The namespace is new, and its service account comes in a moment.
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.02)
    answer.raise_for_status()
    user: dict[str, Any] = {}
    python: str | None = sys.executable
    if request.param != "me":
        python, user = other_python(), actors.Actor(is_root=False).user
        if python is None or not user:
            pytest.xfail(
                "there is no other user to be, or none that can read this Python and its libraries, or has a view of everything"
            )
    home = pathlib.Path(tempfile.mkdtemp(prefix="fakekube-home-"))
    try:
        kubeconfig = home / "kubeconfig"
        kubeconfig.write_bytes(cluster.kubeconfig.read_bytes())
        # A kubeconfig of another cluster, which no program may find.
        (home / ".kube").mkdir()
        (home / ".kube" / "config").write_text(cluster.kubeconfig.read_text().replace("127.0.0.1", "192.0.2.1"))
        if user:
            for each in (home, kubeconfig, home / ".kube", home / ".kube" / "config"):
                os.chown(each, user["user"], user["group"])
        assert python is not None
        yield Runner(python, kubeconfig, namespace, home, user)
    finally:
        shutil.rmtree(home)


def test_curl_asks_as_in_the_tutorial(run: Runner) -> None:
    script = f"""
        set -e
        curl -sS https://kubernetes.default 2>&1 | head -1
        curl -sS --cacert {ACCOUNT}/ca.crt https://kubernetes.default | grep message
        for name in kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local; do
            curl -sS --cacert {ACCOUNT}/ca.crt -H "Authorization: Bearer $(cat {ACCOUNT}/token)" \\
                https://$name/api/v1/namespaces/$(cat {ACCOUNT}/namespace)/pods | grep '"kind": "PodList"'
        done
        curl -sS --cacert {ACCOUNT}/ca.crt https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/version | grep '"major"'
    """

    first, forbidden, *lists, version = run("sh", "-c", script).splitlines()

    assert first.startswith("curl: (60) SSL certificate problem")
    assert 'User \\"system:anonymous\\" cannot get path \\"/\\"' in forbidden
    assert lists == ['  "kind": "PodList",'] * 3
    assert version == '  "major": "1",'


def test_a_static_go_binary_uses_the_in_cluster_configuration(run: Runner) -> None:
    """kubectl, without any kubeconfig to be found."""
    assert run("kubectl", "get", "pods", "-o", "name") == "pod/curl\n"
    who = json.loads(run("kubectl", "auth", "whoami", "-o", "json"))["status"]["userInfo"]
    assert who["username"] == f"system:serviceaccount:{run.namespace}:default"
    assert who["extra"]["authentication.kubernetes.io/pod-name"] == [POD]


def test_the_official_client_of_python(run: Runner) -> None:
    assert run.program("""
        import json
        from kubernetes import client, config

        config.load_incluster_config()
        here = open("/var/run/secrets/kubernetes.io/serviceaccount/namespace").read()
        print(json.dumps([pod.metadata.name for pod in client.CoreV1Api().list_namespaced_pod(here).items]))
    """) == [POD]


def test_the_official_clients_own_choice_does_not_find_the_developers_cluster(run: Runner) -> None:
    assert (
        run.program("""
        import json
        from kubernetes import client, config

        config.load_config()
        print(json.dumps(client.Configuration.get_default_copy().host))
    """)
        == "https://127.96.0.1:443"
    )


def test_kubernetes_asyncio(run: Runner) -> None:
    assert run.program("""
        import asyncio, json
        from kubernetes_asyncio import client, config

        async def main():
            config.load_incluster_config()
            here = open("/var/run/secrets/kubernetes.io/serviceaccount/namespace").read()
            async with client.ApiClient() as api:
                pods = await client.CoreV1Api(api).list_namespaced_pod(here)
            print(json.dumps([pod.metadata.name for pod in pods.items]))

        asyncio.run(main())
    """) == [POD]


def test_lightkube(run: Runner) -> None:
    assert run.program("""
        import json
        from lightkube import Client
        from lightkube.resources.core_v1 import Pod

        client = Client()
        print(json.dumps([client.namespace, *(pod.metadata.name for pod in client.list(Pod))]))
    """) == [run.namespace, POD]


def test_kr8s(run: Runner) -> None:
    assert run.program("""
        import json, kr8s

        api = kr8s.api()
        here = open("/var/run/secrets/kubernetes.io/serviceaccount/namespace").read()
        print(json.dumps([pod.name for pod in kr8s.get("pods", namespace=here, api=api)]))
    """) == [POD]


OPERATOR = """\
import asyncio, json, sys
import kopf

stop = None

@kopf.on.create("configmaps", labels={"operated": "yes"})
def made(name, namespace, patch, **_):
    patch.setdefault("data", {})["seen"] = "by kopf"
    print(json.dumps([namespace, name]), flush=True)
    stop.set()

@kopf.on.login()
def login(**kwargs):
    return kopf.login_with_service_account(**kwargs)

async def main():
    global stop
    stop = asyncio.Event()
    await kopf.operator(namespaces=[sys.argv[1]], standalone=True, stop_flag=stop)

asyncio.run(main())
"""


def test_an_operator_of_kopf_logs_in_by_its_service_account(run: Runner, cluster: Cluster) -> None:
    if run.user:
        pytest.xfail("kopf lies in a virtual environment of root's")
    name = f"operated-{secrets.token_hex(2)}"
    config_map = {"metadata": {"name": name, "labels": {"operated": "yes"}}, "data": {"colour": "red"}}
    cluster.http.post(f"/api/v1/namespaces/{run.namespace}/configmaps", json=config_map).raise_for_status()
    python = str(Suite("kopf", "1.45.2").prepare().python)

    printed = run("env", "-u", "PYTHONPATH", python, "-c", OPERATOR, run.namespace)

    assert json.loads(printed.splitlines()[-1]) == [run.namespace, name]


def test_nodes_own_resolver_finds_the_server(run: Runner) -> None:
    if shutil.which("node") is None:
        pytest.skip("there is no node")
    program = f"""
        process.env.X; const fs = require("fs"), https = require("https");
        const read = name => fs.readFileSync("{ACCOUNT}/" + name, "utf8");
        https.get({{host: "kubernetes.default.svc", path: "/api/v1/namespaces/" + read("namespace") + "/pods",
                   ca: read("ca.crt"), headers: {{Authorization: "Bearer " + read("token")}}}}, answer => {{
            let text = ""; answer.on("data", piece => text += piece);
            answer.on("end", () => console.log(JSON.stringify(JSON.parse(text).items.map(pod => pod.metadata.name))));
        }});
    """

    assert json.loads(run("node", "-e", program)) == [POD]


JAVA = """\
import java.net.URI;
import java.net.http.*;
import java.nio.file.*;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.*;

public class Pods {
    public static void main(String[] arguments) throws Exception {
        Path account = Path.of("/var/run/secrets/kubernetes.io/serviceaccount");
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null);
        try (var in = Files.newInputStream(account.resolve("ca.crt"))) {
            trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(trusted);
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(null, managers.getTrustManagers(), null);
        String namespace = Files.readString(account.resolve("namespace")), token = Files.readString(account.resolve("token"));
        HttpRequest request = HttpRequest.newBuilder(URI.create("https://kubernetes.default.svc/api/v1/namespaces/" + namespace + "/pods"))
            .header("Authorization", "Bearer " + token).build();
        HttpResponse<String> answer = HttpClient.newBuilder().sslContext(tls).build()
            .send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.statusCode() + " " + answer.body().contains("PodList"));
    }
}
"""


def test_javas_own_resolver_finds_the_server(run: Runner) -> None:
    if shutil.which("java") is None or shutil.which("javac") is None:
        pytest.skip("there is no java, or no javac")
    (run.home / "Pods.java").write_text(JAVA)

    assert run("java", "Pods.java") == "200 true\n"
