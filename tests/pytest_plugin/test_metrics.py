"""What a test says that pods use, and what autoscalers make of it."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube import FakeCluster
from fakekube.errors import NotFound

CONTAINER = {"name": "main", "image": "nginx", "resources": {"requests": {"cpu": "100m"}}}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [CONTAINER]}}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE},
}


def an_autoscaler(*metrics: dict[str, Any]) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"maxReplicas": 5, "scaleTargetRef": target, "metrics": list(metrics)},
    }


def utilization(percent: int) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def replicas(kube: FakeCluster) -> int:
    kube.settle()
    number: int = kube.get("deployment", "web")["spec"]["replicas"]
    return number


@pytest.mark.parametrize("target", ["deployment/web", {"app": "web"}])
def test_metrics_of_a_workload_or_of_labels_scale_it(kube: FakeCluster, target: Any) -> None:
    kube.create(DEPLOYMENT)
    kube.create(an_autoscaler(utilization(50)))
    kube.settle()
    kube.set_metrics(target, cpu="100m")
    assert replicas(kube) == 4


def test_metrics_of_the_world_outside_scale_it_too(kube: FakeCluster) -> None:
    kube.create(DEPLOYMENT)
    queue = {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "10"}}
    kube.create(an_autoscaler({"type": "External", "external": queue}))
    kube.settle()
    kube.set_external_metric("queue", "30")
    assert replicas(kube) == 3


def test_a_target_that_is_not_there_is_refused(kube: FakeCluster) -> None:
    with pytest.raises(LookupError, match='there is no deployments "nope" in the namespace default'):
        kube.set_metrics("deployment/nope", cpu="1")


def test_the_metrics_api_is_there_once_something_is_said(kube: FakeCluster) -> None:
    with pytest.raises(NotFound):
        kube.list("nodes.metrics.k8s.io")
    kube.create(DEPLOYMENT)
    kube.settle()
    kube.set_metrics("deployment/web", cpu="250m", memory="64Mi")

    names = [pod["metadata"]["name"] for pod in kube.list("pods")]
    pods = kube.list("pods.metrics.k8s.io")
    assert [(each["metadata"]["name"], each["window"]) for each in pods] == [(name, "15s") for name in names]
    assert pods[0]["containers"] == [{"name": "main", "usage": {"cpu": "250000000n", "memory": "65536Ki"}}]
    assert kube.get("pods.metrics.k8s.io", names[0])["kind"] == "PodMetrics"
    (node,) = kube.list("nodes.metrics.k8s.io")
    assert node["usage"] == {"cpu": "500000000n", "memory": "131072Ki"}
    with pytest.raises(NotFound, match=r'podmetrics\.metrics\.k8s\.io "default/nope" not found'):
        kube.get("pods.metrics.k8s.io", "nope")
    assert {each["kind"] for each in kube.list("pods")} == {"Pod"}

    kube.reset()
    with pytest.raises(NotFound):
        kube.list("nodes.metrics.k8s.io")
