from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakekube import FakeCluster
from fakekube.in_pod.ambassador import Ambassador, port_of
from fakekube.in_pod.cluster_source import ClusterSource
from fakekube.in_pod.connection import Connection
from fakekube.kubelet.source import Token


@pytest.mark.parametrize(
    ("container", "port"),
    [
        ({"image": "luksa/kubectl-proxy:1.6.2"}, 8001),
        ({"image": "docker.io/luksa/kubectl-proxy@sha256:0"}, 8001),
        ({"image": "registry:5000/luksa/kubectl-proxy"}, 8001),
        ({"image": "bitnami/kubectl", "command": ["kubectl", "proxy"]}, 8001),
        ({"image": "bitnami/kubectl", "command": ["kubectl"], "args": ["proxy", "--port=8080"]}, 8080),
        ({"image": "bitnami/kubectl", "args": ["/bin/sh", "-c", "exec kubectl --v=2 proxy -p 9000"]}, 9000),
        ({"image": "bitnami/kubectl", "command": ["kubectl", "get", "pods"]}, None),
        ({"image": "shop/proxy"}, None),
        ({"image": "shop/kubectl-proxy", "command": ["my-kubectl", "proxying"]}, None),
        ({"image": "mine/proxy:2"}, 8001),
    ],
)
def test_which_containers_are_a_kubectl_proxy(container: dict[str, Any], port: int | None) -> None:
    assert port_of(container, ["mine/proxy"]) == port


def test_it_asks_with_the_pods_service_account(kube: FakeCluster, connection: Connection) -> None:
    kube.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web"},
            "spec": {"containers": [{"name": "main", "image": "web"}]},
        }
    )
    ambassador = Ambassador(connection.endpoint, ClusterSource(connection), kube.get("pod", "web"))
    ambassador.start()
    try:
        body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}).encode()
        url = f"http://localhost:{ambassador.port}/apis/authentication.k8s.io/v1/selfsubjectreviews"
        asked = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked) as answer:
            user = json.load(answer)["status"]["userInfo"]
    finally:
        ambassador.stop()

    assert user["username"] == "system:serviceaccount:default:default"
    assert user["extra"]["authentication.kubernetes.io/pod-name"] == ["web"]


def test_its_token_is_replaced_when_it_is_time(
    kube: FakeCluster, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    asked = threading.Semaphore(0)

    def token(self: ClusterSource, *_: Any, **__: Any) -> Token:
        asked.release()
        now = datetime.now(UTC)
        return Token("a-token", now, now + timedelta(seconds=1))  # due at once

    monkeypatch.setattr(ClusterSource, "token", token)
    monkeypatch.setattr("fakekube.in_pod.ambassador.TRY_AGAIN_S", 0.01)
    ambassador = Ambassador(
        connection.endpoint,
        ClusterSource(connection),
        {"metadata": {"namespace": "default", "name": "web", "uid": "u"}, "spec": {}},
    )
    ambassador.start()
    try:
        for _ in range(4):
            assert asked.acquire(timeout=10)
    finally:
        ambassador.stop()
