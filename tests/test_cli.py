from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from click.testing import CliRunner, Result

from fakekube import cluster as cluster_module
from fakekube import remote as remote_module
from fakekube.cli import main, start_text, table_lines
from fakekube.remote import RemoteError, resources_of
from fakekube.server import kubeconfig
from fakekube.server.certificates import Certificates
from fakekube.server.kubeconfig import Endpoint
from fakekube.server.programs import Target
from fakekube.server.run import ListenError

DISCOVERY = {
    "items": [
        {
            "metadata": {"name": group},
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        {
                            "resource": resource,
                            "singularResource": kind.lower(),
                            "responseKind": {"kind": kind},
                            "scope": scope,
                            "shortNames": short_names,
                            "verbs": ["get"],
                        }
                    ],
                }
            ],
        }
        for group, resource, kind, scope, short_names in (
            ("", "configmaps", "ConfigMap", "Namespaced", ["cm"]),
            ("", "namespaces", "Namespace", "Cluster", ["ns"]),
            ("apps", "deployments", "Deployment", "Namespaced", ["deploy"]),
        )
    ]
}


class Server:
    """In place of a connection: a store of objects by path."""

    endpoint = Endpoint("https://127.0.0.1:6443")
    objects: ClassVar[dict[str, dict[str, Any]]]
    revision: ClassVar[int]

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        if method == "POST":
            path = f"{path}/{body['metadata'].get('name', 'generated-x7k2p')}"
            name = path.rpartition("/")[2]
            self.objects[path] = {
                **body,
                "metadata": {**body["metadata"], "name": name, "resourceVersion": "1", "uid": path},
            }
            return self.objects[path]
        if method == "GET" and path not in self.objects and any(key.startswith(f"{path}/") for key in self.objects):
            items = [value for key, value in self.objects.items() if key.startswith(f"{path}/")]
            return table(items) if "as=Table" in accept else {"items": items}
        if path not in self.objects:
            name = path.rpartition("/")[2]
            if method == "GET" and name in ("configmaps", "deployments", "namespaces"):
                return table([]) if "as=Table" in accept else {"items": []}
            raise RemoteError(f'configmaps "{name}" not found', "NotFound", 404)
        if method == "PATCH":
            old = self.objects[path]
            if {**old, **body, "metadata": old["metadata"]} != old:
                self.objects[path] = {**old, **body, "metadata": {**old["metadata"], "resourceVersion": "2"}}
        if method == "DELETE":
            return {"kind": "Status", "details": {"uid": self.objects.pop(path)["metadata"]["uid"]}}
        return table([self.objects[path]]) if "as=Table" in accept else self.objects[path]


def table(objects: list[dict[str, Any]]) -> dict[str, Any]:
    columns = [{"name": "Name", "priority": 0}, {"name": "Data", "priority": 0}, {"name": "More", "priority": 1}]
    rows = [{"cells": [one["metadata"]["name"], len(one.get("data", {})), "m"], "object": one} for one in objects]
    return {"kind": "Table", "columnDefinitions": columns, "rows": rows}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    """A server that the kubeconfig in the environment names."""
    in_memory = Certificates.in_memory()
    config = kubeconfig.kubeconfig("https://127.0.0.1:6443", in_memory.ca.certificate, in_memory.admin)
    (tmp_path / "kubeconfig").write_text(kubeconfig.to_yaml(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr(Server, "objects", {}, raising=False)
    monkeypatch.setattr(remote_module.Remote, "ask", Server.ask)
    monkeypatch.setattr(remote_module.Remote, "objects", Server.objects, raising=False)
    monkeypatch.setattr(remote_module.Remote, "resources", lambda self: list(resources_of(DISCOVERY)))
    return Server()


def invoke(*arguments: str, stdin: str | None = None, environment: Mapping[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=stdin, env=environment)


SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: red}\n"


def test_apply_creates_then_changes_then_leaves_alone(server: Server) -> None:
    assert invoke("apply", "-f", "-", stdin=SETTINGS).stdout == "configmap/settings created\n"
    blue = SETTINGS.replace("red", "blue")
    assert invoke("apply", "-f", "-", stdin=blue).stdout == "configmap/settings configured\n"
    assert invoke("apply", "-f", "-", stdin=blue).stdout == "configmap/settings unchanged\n"

    assert list(server.objects) == ["/api/v1/namespaces/default/configmaps/settings"]


def test_apply_reads_files_and_directories_namespaces_first(server: Server, tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "a.yaml").write_text(SETTINGS.replace("settings", "settings, namespace: shop"))
    (tmp_path / "manifests" / "b.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")

    result = invoke("apply", "-f", str(tmp_path / "manifests"))

    assert result.stdout == "namespace/shop created\nconfigmap/settings created\n"


def test_apply_of_a_generated_name_creates_each_time(server: Server) -> None:
    result = invoke("apply", "-f", "-", stdin="apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: generated-}\n")

    assert result.stdout == "configmap/generated-x7k2p created\n"


def test_apply_goes_on_after_a_refusal_and_fails_in_the_end(server: Server) -> None:
    result = invoke(
        "apply", "-f", "-", stdin="apiVersion: v1\nkind: Nothing\nmetadata: {name: thing}\n---\n" + SETTINGS
    )

    assert result.exit_code == 1
    assert result.stdout == "configmap/settings created\n"
    assert result.stderr == (
        'error: no matches for kind "Nothing" in version "v1": '
        "is it misspelt, or is its CustomResourceDefinition missing? (-:1: Nothing thing)\n"
    )


def test_apply_refuses_another_namespace_than_the_manifests(server: Server) -> None:
    result = invoke("apply", "-n", "other", "-f", "-", stdin=SETTINGS.replace("settings", "settings, namespace: shop"))

    assert result.exit_code == 1
    assert 'the namespace from the provided object "shop" does not match the namespace "other"' in result.stderr


def test_get_prints_the_servers_table(server: Server) -> None:
    invoke("apply", "-f", "-", stdin=SETTINGS)

    assert invoke("get", "cm").stdout == "NAME       DATA\nsettings   1\n"
    assert (
        invoke("get", "ConfigMap", "settings", "-o", "wide").stdout == "NAME       DATA   MORE\nsettings   1      m\n"
    )
    assert invoke("get", "configmap/settings", "-o", "name").stdout == "configmap/settings\n"


def test_get_of_all_namespaces_says_which(server: Server) -> None:
    server.objects["/api/v1/configmaps/settings"] = {"metadata": {"name": "settings", "namespace": "shop"}}

    assert invoke("get", "cm", "-A").stdout == "NAMESPACE   NAME       DATA\nshop        settings   0\n"


@pytest.mark.parametrize(("output", "read"), [("yaml", yaml.safe_load), ("json", json.loads)])
def test_get_prints_objects(server: Server, output: str, read: Callable[[str], Any]) -> None:
    invoke("apply", "-f", "-", stdin=SETTINGS)

    one = read(invoke("get", "cm", "settings", "-o", output).stdout)
    every = read(invoke("get", "cm", "-o", output).stdout)

    assert one["data"] == {"colour": "red"}
    assert every["kind"] == "List"
    assert every["items"] == [one]


def test_get_of_nothing_says_so(server: Server) -> None:
    result = invoke("get", "deploy")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No resources found in default namespace.\n")


def test_get_of_what_is_not_there_prints_the_servers_words(server: Server) -> None:
    result = invoke("get", "cm", "missing")

    assert (result.exit_code, result.stderr) == (1, 'Error from server (NotFound): configmaps "missing" not found\n')


def test_get_of_an_unknown_kind_says_so(server: Server) -> None:
    result = invoke("get", "cars")

    assert (result.exit_code, result.stderr) == (1, 'error: the server doesn\'t have a resource type "cars"\n')


def test_delete_by_name_and_by_manifest(server: Server) -> None:
    invoke("apply", "-f", "-", stdin=SETTINGS + "---\n" + SETTINGS.replace("settings", "others"))

    assert invoke("delete", "cm", "settings").stdout == 'configmap "settings" deleted from default namespace\n'
    assert invoke("delete", "-f", "-", stdin=SETTINGS.replace("settings", "others")).exit_code == 0
    assert server.objects == {}


def test_delete_of_what_is_not_there_fails(server: Server) -> None:
    result = invoke("delete", "cm", "settings")

    assert (result.exit_code, result.stderr) == (1, 'Error from server (NotFound): configmaps "settings" not found\n')


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["delete"], "error: what is to be deleted? Give a kind and names"),
        (["delete", "cm"], "error: which configmaps? Give names"),
        (["apply"], "error: which manifests? Give -f FILE"),
        (["apply", "-f", "nowhere.yaml"], "error: nowhere.yaml: there is no such file or directory"),
        (["get", "cm/a", "b"], "error: give one kind and its names"),
        (["get", "cm", "a", "-A"], "error: a name is of one namespace"),
    ],
)
def test_what_was_meant_is_asked(server: Server, arguments: list[str], error: str) -> None:
    result = invoke(*arguments)

    assert result.exit_code == 1
    assert result.stderr.startswith(error)


def test_without_a_server_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KUBECONFIG", raising=False)

    result = invoke("get", "pods")

    assert result.exit_code == 1
    assert result.stderr.startswith("error: which server? KUBECONFIG is not set and certs/kubeconfig does not exist.")


def test_a_server_that_has_gone_is_told(tmp_path: Path) -> None:
    config = kubeconfig.kubeconfig("http://127.0.0.1:1", Certificates.in_memory().ca.certificate, "token")
    (tmp_path / "kubeconfig").write_text(kubeconfig.to_yaml(config))

    result = invoke("get", "pods", "--certs-dir", str(tmp_path))

    assert result.exit_code == 1
    assert re.match(
        r"error: http://127\.0\.0\.1:1 cannot be reached: .*Is `fakekube serve` running\?\n$", result.stderr
    )


def test_a_table_shows_texts_as_kubectl_does() -> None:
    columns = [{"name": "Name", "priority": 0}, {"name": "Suspend", "priority": 0}]
    rows: list[dict[str, Any]] = [{"cells": ["a", True]}, {"cells": ["longer", None]}, {"cells": ["c", "two\nlines"]}]

    assert table_lines(columns, rows) == [
        "NAME     SUSPEND",
        "a        true",
        "longer   <none>",
        "c        two...",
    ]


def test_kubeconfig_is_the_administrators(tmp_path: Path) -> None:
    result = invoke("kubeconfig", "--certs-dir", str(tmp_path), "-n", "shop")

    config = yaml.safe_load(result.stdout)
    assert config["current-context"] == "kubernetes-admin@fakekube"
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    assert config["contexts"][0]["context"]["namespace"] == "shop"


def test_kubeconfig_of_a_user_is_signed_by_the_same_authority(tmp_path: Path) -> None:
    made = Certificates.load_or_create(tmp_path)

    (tmp_path / "jane").write_text(
        invoke("kubeconfig", "--certs-dir", str(tmp_path), "--user", "jane", "--group", "dev").stdout
    )

    endpoint = kubeconfig.read(tmp_path / "jane")
    assert endpoint.ca_certificate == made.ca.certificate
    assert endpoint.client is not None


def test_kubeconfig_can_hold_the_token(tmp_path: Path) -> None:
    made = Certificates.load_or_create(tmp_path)

    (tmp_path / "k").write_text(
        invoke("kubeconfig", "--certs-dir", str(tmp_path), "--token", "--server", "https://h:1").stdout
    )

    assert kubeconfig.read(tmp_path / "k") == Endpoint("https://h:1", made.ca.certificate, token=made.admin_token)


@pytest.mark.parametrize("arguments", [["--group", "dev"], ["--token", "--user", "jane"]])
def test_kubeconfig_refuses_what_contradicts(tmp_path: Path, arguments: list[str]) -> None:
    assert invoke("kubeconfig", "--certs-dir", str(tmp_path), *arguments).exit_code == 1


class Cluster:
    """In place of the real one: is ready at once and ends."""

    options: ClassVar[dict[str, Any]]
    url = "https://127.0.0.1:7777"

    def __init__(self, **options: Any) -> None:
        if options["port"] == 1:
            raise ListenError("port 1 of 127.0.0.1 is not allowed to this user")
        type(self).options = options

    def run_foreground(self, on_ready: Callable[[], None]) -> None:
        on_ready()


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> type[Cluster]:
    monkeypatch.setattr(cluster_module, "FakeCluster", Cluster)
    return Cluster


def test_serve_says_the_three_lines_that_come_next(cluster: type[Cluster], tmp_path: Path) -> None:
    result = invoke("serve", "--certs-dir", str(tmp_path / "my certs"))

    assert result.stdout == start_text("https://127.0.0.1:7777", tmp_path / "my certs") + "\n"
    assert f"export KUBECONFIG='{tmp_path}/my certs/kubeconfig'" in result.stdout
    assert (tmp_path / "my certs" / "admin.token").read_text() not in result.stdout


def test_serve_leaves_a_kubeconfig_for_its_address(cluster: type[Cluster], tmp_path: Path) -> None:
    invoke("serve", "--certs-dir", str(tmp_path), "--quiet")

    assert kubeconfig.read(tmp_path / "kubeconfig").url == "https://127.0.0.1:7777"
    assert yaml.safe_load(invoke("kubeconfig", "--certs-dir", str(tmp_path)).stdout)["clusters"][0]["cluster"][
        "server"
    ] == ("https://127.0.0.1:7777")


def test_every_option_of_serve_can_be_an_environment_variable(cluster: type[Cluster], tmp_path: Path) -> None:
    environment = {
        "FAKEKUBE_SERVE_PORT": "0",
        "FAKEKUBE_SERVE_HOST": "127.0.0.2",
        "FAKEKUBE_SERVE_NODES": "3",
        "FAKEKUBE_SERVE_ANONYMOUS_AUTH": "false",
        "FAKEKUBE_SERVE_SERVICE_CIDR": "10.0.0.0/24",
        "FAKEKUBE_SERVE_AUTHORIZATION_MODE": "RBAC",
        "FAKEKUBE_SERVE_TOKEN_AUTH_FILE": "tokens.csv",
        "FAKEKUBE_SERVE_SERVICE_ACCOUNT_SIGNING_ALGORITHM": "RS256",
        "FAKEKUBE_SERVE_CONTROLLERS": "*,-job",
        "FAKEKUBE_SERVE_NODE_TEMPLATE": "node.yaml",
        "FAKEKUBE_SERVE_RUN_ANY_NODE": "1",
        "FAKEKUBE_SERVE_STAGES": "stages",
        "FAKEKUBE_SERVE_EVENT_TTL": "30m",
        "FAKEKUBE_SERVE_ALLOW_EXEC": "1",
        "FAKEKUBE_SERVE_QUIET": "1",
        "FAKEKUBE_SERVE_CERTS_DIR": str(tmp_path),
    }

    result = invoke("serve", environment=environment)

    assert result.output == ""
    assert {name: value for name, value in cluster.options.items() if name != "certificates"} == {
        "nodes": 3, "anonymous_auth": False, "service_cidr": "10.0.0.0/24", "host": "127.0.0.2", "port": 0,
        "authorization_mode": "RBAC", "token_auth_file": "tokens.csv", "service_account_signing_algorithm": "RS256",
        "controllers": "*,-job", "node_template": "node.yaml", "run_any_node": True, "stages": "stages",
        "event_ttl": "30m", "allow_exec": True,
    }  # fmt: skip


def test_commands_in_pods_find_the_server_by_the_kubeconfig_of_the_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[Any] = []

    class Kept(Cluster):
        launcher: Any = None

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            made.append(self)

    monkeypatch.setattr(cluster_module, "FakeCluster", Kept)
    monkeypatch.chdir(tmp_path)

    invoke("serve", "--certs-dir", "here", "--allow-exec")
    invoke("serve", "--certs-dir", "here")

    launch = made[0].launcher(Target("default", "p", "c"), ["ls"], False, False)
    assert launch.environment["KUBECONFIG"] == str(tmp_path / "here" / "kubeconfig")
    assert made[1].launcher is None


def test_new_ca_replaces_the_certificates(cluster: type[Cluster], tmp_path: Path) -> None:
    old = Certificates.load_or_create(tmp_path)

    invoke("serve", "--certs-dir", str(tmp_path), "--new-ca")

    assert cluster.options["certificates"].ca != old.ca


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--port", "1"], "error: port 1 of 127.0.0.1 is not allowed to this user\n"),
        (
            ["--service-cidr", "ten"],
            "error: --service-cidr 'ten' is not a range of addresses: expected one as 10.96.0.0/16\n",
        ),
        (
            ["--service-cidr", "10.0.0.0/32"],
            "error: --service-cidr '10.0.0.0/32' has no room for services: expected at least 4",
        ),
        (["--seed", "nowhere"], "error: nowhere: there is no such file or directory\n"),
        (["--seed", "bad.yaml"], "error: bad.yaml:2: this is not YAML: "),
    ],
)
def test_serve_says_what_is_wrong(
    cluster: type[Cluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], error: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text("a: 1\nb: {\n")

    result = invoke("serve", "--certs-dir", "certs", *arguments)

    assert result.exit_code == 1
    assert result.stderr.startswith(error)


def test_serve_says_which_certificate_is_bad(cluster: type[Cluster], tmp_path: Path) -> None:
    Certificates.load_or_create(tmp_path)
    (tmp_path / "ca.crt").write_text("damaged")

    result = invoke("serve", "--certs-dir", str(tmp_path))

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {tmp_path}/ca.crt does not hold a PEM certificate.")


def test_the_command_serves_with_its_seeds_and_ends_at_once_on_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "seed.yaml").write_text(SETTINGS)
    command = [sys.executable, "-m", "fakekube", "serve", "--port", "0", "--certs-dir", "certs", "--seed", "seed.yaml"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": ""},
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3]
        endpoint = kubeconfig.read(tmp_path / "certs" / "kubeconfig")
        assert endpoint.url == url
        context = endpoint.context()
        assert isinstance(context, ssl.SSLContext)
        with urllib.request.urlopen(
            f"{url}/api/v1/namespaces/default/configmaps/settings", context=context, timeout=10
        ) as found:
            assert json.load(found)["data"] == {"colour": "red"}
        with urllib.request.urlopen(f"{url}/api/v1/configmaps?watch=1", context=context, timeout=10) as watch:
            assert watch.readline()
            started = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=10)
            took = time.monotonic() - started
    finally:
        process.kill()
        process.wait()

    assert (process.returncode, errors) == (0, "")
    assert took < 0.6  # 0.3 s of ours, and the end of an interpreter on a busy machine
