from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakekube.in_pod import pod_view
from fakekube.in_pod.errors import InPodError
from fakekube.in_pod.pod_view import LOOPBACK, Choices, Content, Server
from fakekube.kubelet.mounts import Mount as KubeletMount
from fakekube.sandbox import Mount, Rung, View

ADDRESS = ("127.0.0.1", 6443)
SERVER = Server(ADDRESS, "10.96.0.1", LOOPBACK)
RUNG = Rung("namespaces", True, "it works")
BOUND = Rung("python", True, "it works", redirects="bound")


def pod(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    containers = [{"name": "main", "image": "web", **(container or {})}]
    metadata = {"name": "web", "namespace": "shop", "uid": "u"}
    return {"metadata": metadata, "spec": {"containers": containers, **spec}, "status": {"podIP": "10.244.0.7"}}


def view_of(manifest: dict[str, Any], choices: Choices | None = None, **environ: str) -> View:
    content = Content(manifest, manifest["spec"]["containers"][0], {"HOSTNAME": "web", "COLOUR": "blue"}, ())
    return pod_view.view(["true"], content, SERVER, choices or Choices(), environ)


def test_programs_are_told_an_address_that_never_leaves_the_machine() -> None:
    assert Server.of(ADDRESS, "10.96.0.1", Choices(), RUNG) == SERVER
    assert SERVER.redirects() == {("127.96.0.1", 443): ADDRESS, ("10.96.0.1", 443): ADDRESS}


def test_in_a_network_of_the_pods_own_it_is_the_cluster_ip() -> None:
    assert Server.of(ADDRESS, "10.96.0.1", Choices(network="pod"), RUNG).advertised == ("10.96.0.1", 443)


def test_where_nothing_can_be_redirected_it_is_the_servers_own() -> None:
    assert Server.of(ADDRESS, "10.96.0.1", Choices(), BOUND).advertised == ADDRESS


def test_what_leads_to_another_cluster_is_left_out_and_the_pods_variables_win() -> None:
    view = view_of(
        pod(), PATH="/bin", COLOUR="red", KUBECONFIG="/x", KUBERNETES_SERVICE_HOST="1.2.3.4", FAKEKUBE_RUN_NET="pod"
    )

    assert view.environment == {"PATH": "/bin", "COLOUR": "blue", "HOSTNAME": "web"}


def test_the_shells_directory_is_not_told_for_the_containers() -> None:
    view = view_of(pod({"workingDir": "/app"}), PATH="/bin", PWD="/home/me/project", OLDPWD="/home/me")

    assert view.environment.keys() == {"PATH", "COLOUR", "HOSTNAME"}


def test_a_clean_environment_has_next_to_nothing_of_the_machine() -> None:
    view = view_of(pod(), Choices(clean_environment=True), PATH="/bin", HOME="/home/me", EDITOR="vi")

    assert view.environment == {"PATH": "/bin", "HOME": "/home/me", "COLOUR": "blue", "HOSTNAME": "web"}


def test_a_proxy_is_not_asked_for_the_server() -> None:
    view = view_of(pod(), HTTPS_PROXY="http://proxy:3128", no_proxy="intern")

    assert view.environment["no_proxy"].split(",")[:2] == ["intern", "kubernetes"]
    assert {"127.96.0.1", "10.96.0.1", "localhost", "kubernetes.default.svc"} <= set(
        view.environment["NO_PROXY"].split(",")
    )


def test_the_developers_kubeconfig_is_hidden() -> None:
    assert "/home/me/.kube" in view_of(pod(), HOME="/home/me").hidden


def test_the_hosts_file_leads_to_the_server_unless_something_is_mounted_there() -> None:
    hosts = view_of(pod()).files["/etc/hosts"].decode()
    assert "10.244.0.7\tweb\n" in hosts
    assert "127.96.0.1\tkubernetes.default\tkubernetes.default.svc\tkubernetes.default.svc.cluster.local\n" in hosts

    mounted = {"volumeMounts": [{"name": "own", "mountPath": "/etc/hosts"}]}
    assert view_of(pod(mounted)).files == {}


def test_pods_in_the_machines_network_keep_its_name() -> None:
    assert view_of(pod()).hostname == "web"
    assert view_of(pod(hostNetwork=True)).hostname is None


@pytest.mark.parametrize(
    ("contexts", "choices", "ids"),
    [
        (({}, {}), Choices(), (None, None, ())),
        (({}, {}), Choices(as_root=True), (0, 0, ())),
        (({"runAsUser": 1000, "runAsGroup": 2000, "fsGroup": 3000, "supplementalGroups": [4000, 3000]}, {}), Choices(),
         (1000, 2000, (3000, 4000))),
        (({"runAsUser": 1000, "runAsGroup": 2000}, {"runAsUser": 1}), Choices(), (1, 2000, ())),
        (({"runAsUser": 1000}, {}), Choices(as_root=True), (0, 0, ())),
    ],
)  # fmt: skip
def test_the_program_is_whom_the_security_contexts_say(contexts: Any, choices: Choices, ids: Any) -> None:
    view = view_of(pod({"securityContext": contexts[1]}, securityContext=contexts[0]), choices)

    assert (view.uid, view.gid, view.groups) == ids


def test_it_starts_where_the_container_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert (view_of(pod()).working_directory, view_of(pod()).mounts) == (str(tmp_path), ())
    there = view_of(pod({"workingDir": "/"}))
    assert (there.working_directory, there.mounts) == ("/", ())
    nowhere = view_of(pod({"workingDir": "/no/such/place"}))
    assert (nowhere.working_directory, nowhere.mounts) == ("/no/such/place", (Mount(tmp_path, "/no/such/place"),))
    said = view_of(pod({"workingDir": "/"}), Choices(workdir_from=tmp_path))
    assert said.mounts == (Mount(tmp_path, "/"),)


def test_the_termination_log_is_where_the_container_says(tmp_path: Path) -> None:
    def target(container: dict[str, Any], *mounts: KubeletMount) -> list[str]:
        manifest = pod(container)
        content = Content(manifest, manifest["spec"]["containers"][0], {}, mounts, tmp_path / "log")
        view = pod_view.view(["true"], content, SERVER, Choices(), {})
        return [mount.target for mount in view.mounts if mount.source == tmp_path / "log"]

    assert target({}) == ["/dev/termination-log"]
    assert target({"terminationMessagePath": "/tmp/last-words"}) == ["/tmp/last-words"]
    assert target({}, KubeletMount(tmp_path, "/dev/termination-log", False, False)) == []


def test_the_clusters_dns_knows_its_services() -> None:
    def service(name: str, address: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"clusterIP": address}}

    made = pod_view.resolver([service("web", "10.96.0.9"), service("headless", "None")], "shop")

    assert made.names == {"web.shop.svc.cluster.local": ("10.96.0.9",)}
    assert made.search == ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local")


def test_a_host_that_nobody_knows_is_told() -> None:
    assert pod_view.address_of("127.0.0.1", 6443) == ADDRESS
    with pytest.raises(InPodError, match=r"no-such-host\.invalid is no known host"):
        pod_view.address_of("no-such-host.invalid", 443)
