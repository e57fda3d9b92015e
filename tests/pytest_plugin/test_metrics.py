"""What a test says that pods use, and what autoscalers make of it."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube import FakeCluster

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
