from __future__ import annotations

from typing import Any

import pytest

from fakekube import FakeCluster
from fakekube.in_pod import pods
from fakekube.in_pod.connection import Connection
from fakekube.in_pod.errors import InPodError
from fakekube.in_pod.pods import container_of, find


def pod(*names: str, **metadata: Any) -> dict[str, Any]:
    containers = [{"name": name, "image": name} for name in names]
    return {
        "metadata": {"name": "web", **metadata},
        "spec": {"containers": containers, "initContainers": [{"name": "setup"}]},
    }


def test_the_container_is_the_one_that_kubectl_takes() -> None:
    assert container_of(pod("main", "side"), None)["name"] == "main"
    assert container_of(pod("main", "side"), "side")["name"] == "side"
    assert container_of(pod("main"), "setup")["name"] == "setup"
    annotated = pod("main", "side", annotations={"kubectl.kubernetes.io/default-container": "side"})
    assert container_of(annotated, None)["name"] == "side"


def test_a_container_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(InPodError, match='container "none" is not in pod "web": it has main, side, setup'):
        container_of(pod("main", "side"), "none")


def manifest(**spec: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "main", "image": "web"}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}


def test_a_pod_that_was_created_a_moment_ago_is_waited_for(kube: FakeCluster, connection: Connection) -> None:
    kube.create(manifest())

    found = find(connection, "default", "web")

    assert found["status"]["podIP"]
    assert found["spec"]["nodeName"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"nodeSelector": {"planet": "mars"}}, 'pod "web" is not scheduled: 0/1 nodes are available'),
        ({"nodeName": "elsewhere"}, 'pod "web" has no address: no kubelet of node "elsewhere" has taken it'),
    ],
)
def test_a_pod_that_nobody_runs_is_told(
    kube: FakeCluster, connection: Connection, monkeypatch: pytest.MonkeyPatch, spec: dict[str, Any], message: str
) -> None:
    monkeypatch.setattr(pods, "PLACED_WITHIN_S", 0.3)
    kube.create(manifest(**spec))

    with pytest.raises(InPodError, match=message):
        find(connection, "default", "web")


def test_a_pod_that_has_ended_is_told(kube: FakeCluster, connection: Connection) -> None:
    kube.create(manifest(restartPolicy="Never"))
    kube.wait_for("pod", "web", "condition=Ready")
    kube.patch("pod", "web", {"status": {"phase": "Succeeded"}}, subresource="status")

    with pytest.raises(InPodError, match=r'pod "web" has ended \(Succeeded\): delete it and create it again'):
        find(connection, "default", "web")
