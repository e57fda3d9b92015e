from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakekube.controllers import horizontal_pod_autoscaler
from fakekube.controllers.scaling_behavior import History, normalized
from fakekube.objects.selectors import label_selector_of
from tests.controllers.clashes import ClashingCluster
from tests.controllers.in_memory import Cluster

RESOURCE = "horizontalpodautoscalers.autoscaling"
CONTROLLERS = (horizontal_pod_autoscaler.CONTROLLER,)
LABELS = {"app": "web"}


async def a_workload(cluster: Cluster, replicas: int, ready: str = "True") -> None:
    spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}}
    await cluster.create("replicasets.apps", {"metadata": metadata("web"), "spec": spec, "status": {}})
    for number in range(replicas):
        await cluster.create("pods", a_pod(f"p{number}", ready))


def a_pod(name: str, ready: str) -> dict[str, Any]:
    container = {"name": "c", "resources": {"requests": {"cpu": "100m"}}}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}
    return {"metadata": metadata(name, labels=LABELS), "spec": {"containers": [container]}, "status": status}


def metadata(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "namespace": "shop", **more}


def cpu(percent: int) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


async def an_autoscaler(cluster: Cluster, **spec: Any) -> None:
    target = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web"}
    whole = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 5, "metrics": [cpu(50)], **spec}
    status = {"desiredReplicas": 0, "currentMetrics": None}
    await cluster.create(RESOURCE, {"metadata": metadata("web"), "spec": whole, "status": status})
    await cluster.settle()


def use(cluster: Cluster, **usage: str) -> None:
    cluster.settings.metrics.set_pods("shop", label_selector_of({"matchLabels": LABELS}), usage)


def status(cluster: Cluster) -> dict[str, Any]:
    found = cluster.get(RESOURCE, "shop", "web")
    assert found is not None
    shown: dict[str, Any] = found["status"]
    return shown


def reasons(cluster: Cluster) -> dict[str, str]:
    return {each["type"]: each["reason"] for each in status(cluster)["conditions"]}


def replicas(cluster: Cluster) -> int:
    found = cluster.get("replicasets.apps", "shop", "web")
    assert found is not None
    number: int = found["spec"]["replicas"]
    return number


def test_without_metrics_it_says_so_and_leaves_the_target_alone() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_workload(cluster, 1)
        await an_autoscaler(cluster)
        assert reasons(cluster) == {"AbleToScale": "SucceededGetScale", "ScalingActive": "FailedGetResourceMetric"}
        assert (status(cluster)["currentMetrics"], status(cluster)["currentReplicas"]) == ([{"type": ""}], 1)
        told = [event["reason"] for event in cluster.list("events")]
        assert told == ["FailedGetResourceMetric", "FailedComputeMetricsReplicas"]

    Cluster(CONTROLLERS).run(scenario)


def test_a_target_that_is_not_there_is_told_of() -> None:
    async def scenario(cluster: Cluster) -> None:
        await an_autoscaler(cluster)
        assert [each["message"] for each in status(cluster)["conditions"]] == [
            'the HPA controller was unable to get the target\'s current scale: replicasets.apps "web" not found'
        ]

    Cluster(CONTROLLERS).run(scenario)


def test_a_target_of_no_replicas_is_left_alone() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_workload(cluster, 0)
        await an_autoscaler(cluster)
        assert reasons(cluster)["ScalingActive"] == "ScalingDisabled"

    Cluster(CONTROLLERS).run(scenario)


@pytest.mark.parametrize(("before", "after"), [(7, 5), (1, 2)])
def test_a_number_out_of_range_is_mended_without_metrics(before: int, after: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_workload(cluster, before)
        await an_autoscaler(cluster, minReplicas=2)
        assert replicas(cluster) == after
        assert (status(cluster)["currentReplicas"], status(cluster)["desiredReplicas"]) == (before, after)
        assert reasons(cluster) == {"AbleToScale": "SucceededRescale"}

    Cluster(CONTROLLERS).run(scenario)


def test_metrics_that_a_test_sets_scale_up_at_once() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_workload(cluster, 2)
        await an_autoscaler(cluster)
        use(cluster, cpu="90m")
        await cluster.settle()
        assert replicas(cluster) == 4
        metric = status(cluster)["currentMetrics"][0]["resource"]
        assert metric == {"name": "cpu", "current": {"averageUtilization": 90, "averageValue": "90m"}}
        assert reasons(cluster)["ScalingActive"] == "ValidMetricFound"
        text = "New size: 4; reason: cpu resource utilization (percentage of request) above target"
        assert text in {event["message"] for event in cluster.list("events")}

    Cluster(CONTROLLERS).run(scenario)


def test_scaling_down_waits_until_nothing_higher_was_recommended_for_five_minutes() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_workload(cluster, 4)
        use(cluster, cpu="50m")
        await an_autoscaler(cluster)
        use(cluster, cpu="10m")
        await cluster.settle()
        assert (replicas(cluster), reasons(cluster)["AbleToScale"]) == (4, "ScaleDownStabilized")
        for _ in range(21):
            await cluster.settle(15)
        assert replicas(cluster) == 1

    Cluster(CONTROLLERS).run(scenario)


def test_a_behavior_limits_the_rate() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_workload(cluster, 1)
        policy = {"type": "Pods", "value": 1, "periodSeconds": 60}
        await an_autoscaler(cluster, behavior={"scaleUp": {"selectPolicy": "Max", "policies": [policy]}})
        use(cluster, cpu="500m")
        await cluster.settle()
        assert (replicas(cluster), reasons(cluster)["ScalingLimited"]) == (2, "ScaleUpLimit")

    Cluster(CONTROLLERS).run(scenario)


def test_pods_that_are_not_ready_count_as_using_nothing_when_it_would_scale_up() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_workload(cluster, 2)
        await cluster.patch("pods", "shop", "p0", {"status": {"conditions": [{"type": "Ready", "status": "False"}]}})
        use(cluster, cpu="90m")
        await an_autoscaler(cluster)
        assert replicas(cluster) == 2

    Cluster(CONTROLLERS).run(scenario)


def test_the_metric_that_asks_for_most_counts() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_workload(cluster, 1)
        requests = {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": "10"}}
        queue = {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "10"}}
        metrics = [{"type": "Pods", "pods": requests}, {"type": "External", "external": queue}]
        use(cluster, requests="20")
        cluster.settings.metrics.set_external("shop", "queue", "30")
        await an_autoscaler(cluster, metrics=metrics)
        assert replicas(cluster) == 3
        assert status(cluster)["currentMetrics"][1]["external"]["current"] == {"averageValue": "30"}

    Cluster(CONTROLLERS).run(scenario)


def test_it_looks_every_fifteen_seconds_and_its_own_writes_are_no_reason_to_look() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_workload(cluster, 1)
        await an_autoscaler(cluster)
        assert {event["count"] for event in cluster.list("events")} == {1}
        await cluster.settle(15)
        assert {event["count"] for event in cluster.list("events")} == {2}

    Cluster(CONTROLLERS).run(scenario)


@pytest.mark.parametrize("write", range(3))
def test_a_clash_at_any_write_leaves_the_same_scale_and_a_second_look_changes_nothing(write: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        assert isinstance(cluster, ClashingCluster)
        await a_workload(cluster, 2)
        use(cluster, cpu="50m")
        cluster.clash_at = write + 1  # the first one is the test's
        await an_autoscaler(cluster, minReplicas=3)
        cluster.clash_at = None
        await cluster.create("pods", a_pod("p2", "True"))
        await cluster.settle(15)
        assert (replicas(cluster), status(cluster)["desiredReplicas"]) == (3, 3)
        assert await cluster.writes_of_a_second_look() == []

    ClashingCluster(CONTROLLERS).run(scenario)


def test_two_autoscalers_of_the_same_pods_do_nothing() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_workload(cluster, 1)
        target = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web"}
        other = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3, "metrics": [cpu(50)]}
        await cluster.create(RESOURCE, {"metadata": metadata("other"), "spec": other, "status": {}})
        use(cluster, cpu="500m")
        await an_autoscaler(cluster)
        await cluster.settle(15)
        condition = next(each for each in status(cluster)["conditions"] if each["type"] == "ScalingActive")
        text = "pods by selector app=web are controlled by multiple HPAs: [shop/other shop/web]"
        assert (condition["status"], condition["reason"], condition["message"]) == ("False", "AmbiguousSelector", text)
        told = [event["reason"] for event in cluster.list("events") if event["involvedObject"]["name"] == "web"]
        assert sorted(told)[:2] == ["AmbiguousSelector", "FailedComputeMetricsReplicas"]

    Cluster(CONTROLLERS).run(scenario)


def test_a_rate_counts_from_what_there_was_when_its_period_began() -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    history = History()
    history.scaled(now - timedelta(seconds=90), 1, 3)  # over before the period of a minute began
    history.scaled(now - timedelta(seconds=30), 3, 7)
    history.scaled(now - timedelta(seconds=20), 7, 5)
    assert history.at_start(5, now, 60) == 3

    policy = {"type": "Pods", "value": 4, "periodSeconds": 60}
    spec = {"maxReplicas": 50, "behavior": {"scaleUp": {"policies": [policy], "stabilizationWindowSeconds": 0}}}
    wanted, findings = normalized(spec, history, 5, 20, now)
    assert (wanted, findings[-1][2]) == (7, "ScaleUpLimit")


def test_a_rate_that_is_used_up_never_takes_back_what_was_done() -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    history = History()
    history.scaled(now - timedelta(seconds=30), 1, 9)
    policy = {"type": "Pods", "value": 2, "periodSeconds": 60}
    spec = {"maxReplicas": 50, "behavior": {"scaleUp": {"policies": [policy], "stabilizationWindowSeconds": 0}}}
    wanted, findings = normalized(spec, history, 9, 20, now)
    assert (wanted, findings[-1][2]) == (9, "ScaleUpLimit")


def test_its_creator_reads_an_autoscaler_before_it_is_looked_at() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_workload(cluster, replicas=1)
        whole = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web"},
            "minReplicas": 2,
            "maxReplicas": 5,
            "metrics": [cpu(50)],
        }
        await cluster.create(RESOURCE, {"metadata": metadata("web"), "spec": whole, "status": {}})
        for _ in range(20):
            await asyncio.sleep(0)
        assert "conditions" not in status(cluster)

        await cluster.settle()

        assert replicas(cluster) == 2

    Cluster(CONTROLLERS).run(scenario)


def test_metrics_of_a_test_are_looked_at_at_once_however_new_the_autoscaler_is() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_workload(cluster, replicas=1)
        whole = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web"},
            "minReplicas": 1,
            "maxReplicas": 5,
            "metrics": [cpu(50)],
        }
        await cluster.create(RESOURCE, {"metadata": metadata("web"), "spec": whole, "status": {}})
        for _ in range(20):
            await asyncio.sleep(0)

        use(cluster, cpu="100m")
        for _ in range(200):
            await asyncio.sleep(0)

        assert replicas(cluster) == 2

    Cluster(CONTROLLERS).run(scenario)
