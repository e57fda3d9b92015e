from __future__ import annotations

from typing import Any

import pytest

from fakekube.controllers import node_lifecycle, scheduler
from fakekube.controllers.loop import Settings
from tests.controllers.in_memory import Cluster

CONTROLLERS = (scheduler.CONTROLLER, node_lifecycle.CONTROLLER)
NOT_HELPFUL = "Preemption is not helpful for scheduling"


def a_node(name: str, cpu: str = "4", pods: str = "110", ready: str = "True", **spec: Any) -> dict[str, Any]:
    status = {"allocatable": {"cpu": cpu, "pods": pods}, "conditions": [{"type": "Ready", "status": ready}]}
    return {"metadata": {"name": name, "labels": {"disk": "ssd"}}, "spec": spec, "status": status}


def a_pod(name: str, cpu: str = "", **spec: Any) -> dict[str, Any]:
    resources = {"requests": {"cpu": cpu}} if cpu else {}
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"containers": [{"name": "c", "resources": resources}], **spec},
    }


def node_of(cluster: Cluster, name: str) -> str | None:
    pod = cluster.get("pods", "shop", name)
    assert pod is not None
    node: str | None = pod["spec"].get("nodeName")
    return node


def scheduled(cluster: Cluster, name: str) -> dict[str, Any]:
    pod = cluster.get("pods", "shop", name)
    assert pod is not None
    condition: dict[str, Any] = pod["status"]["conditions"][0]
    return condition


def test_without_nodes_a_pod_stays_pending_and_is_told_why() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("pods", a_pod("p"))
        await cluster.settle()
        assert scheduled(cluster, "p") == {
            "type": "PodScheduled",
            "observedGeneration": 1,
            "status": "False",
            "lastProbeTime": None,
            "lastTransitionTime": "2026-01-02T03:04:05Z",
            "reason": "Unschedulable",
            "message": "no nodes available to schedule pods",
        }
        event = cluster.list("events")[0]
        assert (event["reason"], event["action"], event["source"]) == ("FailedScheduling", "Scheduling", {})
        assert event["eventTime"] == "2026-01-02T03:04:05.000000Z"

    Cluster(CONTROLLERS).run(scenario)


def test_what_is_said_of_a_waiting_pod_is_no_reason_to_look_at_it_again() -> None:
    async def scenario(cluster: Cluster) -> None:
        cluster.loop.count_looks()
        await cluster.create("pods", a_pod("p"))
        await cluster.settle()
        assert cluster.loop.busiest() == [(1, scheduler.NAME, ("shop", "p"))]

    Cluster((scheduler.CONTROLLER,)).run(scenario)


def test_a_waiting_pod_is_placed_as_soon_as_a_node_is_fit() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("pods", a_pod("p"))
        await cluster.create("nodes", a_node("n", ready="False"))
        await cluster.settle()
        assert node_of(cluster, "p") is None
        await cluster.patch(
            "nodes", "", "n", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, "status"
        )
        await cluster.settle()
        assert node_of(cluster, "p") == "n"
        assert scheduled(cluster, "p")["status"] == "True"
        assert "Successfully assigned shop/p to n" in {event["message"] for event in cluster.list("events")}

    Cluster(CONTROLLERS).run(scenario)


def test_the_nodes_that_fakekube_runs_come_first_and_pods_are_spread_over_them() -> None:
    async def scenario(cluster: Cluster) -> None:
        for name in ("a-strangers", "fakekube-0", "fakekube-1"):
            await cluster.create("nodes", a_node(name))
        for name in ("p", "q"):
            await cluster.create("pods", a_pod(name))
        await cluster.settle()
        assert {node_of(cluster, "p"), node_of(cluster, "q")} == {"fakekube-0", "fakekube-1"}

    Cluster(CONTROLLERS, Settings(nodes=("fakekube-0", "fakekube-1"))).run(scenario)


@pytest.mark.parametrize(
    ("pod", "text"),
    [
        (
            a_pod("p", nodeSelector={"disk": "hdd"}),
            "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated "
            f"taint(s). no new claims to deallocate, preemption: 0/2 nodes are available: 2 {NOT_HELPFUL}.",
        ),
        (
            a_pod("p", cpu="5", tolerations=[{"operator": "Exists"}]),
            "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, "
            f"preemption: 0/2 nodes are available: 2 {NOT_HELPFUL}.",
        ),
        (
            a_pod("p", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "nope"}}]),
            '0/2 nodes are available: persistentvolumeclaim "nope" not found. not found',
        ),
    ],
)
def test_a_pod_that_fits_nowhere_is_told_what_keeps_it_from_each_node(pod: dict[str, Any], text: str) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", a_node("n"))
        taints = [{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]
        await cluster.create("nodes", a_node("m", taints=taints))
        await cluster.create("pods", pod)
        await cluster.settle()
        assert scheduled(cluster, "p")["message"] == text

    Cluster(CONTROLLERS).run(scenario)


def test_a_full_node_takes_the_next_pod_when_one_has_gone() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", a_node("n", cpu="1"))
        await cluster.create("pods", a_pod("first", cpu="600m"))
        await cluster.create("pods", a_pod("second", cpu="600m"))
        await cluster.settle()
        assert node_of(cluster, "second") is None
        assert "No preemption victims found" in scheduled(cluster, "second")["message"]
        await cluster.delete("pods", "shop", "first", grace_period_seconds=0)
        await cluster.settle()
        assert node_of(cluster, "second") == "n"

    Cluster(CONTROLLERS).run(scenario)


def test_a_cordoned_node_takes_no_pods_until_it_is_uncordoned() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", a_node("n", unschedulable=True))
        await cluster.create("pods", a_pod("p"))
        await cluster.settle()
        assert "1 node(s) were unschedulable" in scheduled(cluster, "p")["message"]
        taints = cluster.list("nodes")[0]["spec"]["taints"]
        assert [taint["key"] for taint in taints] == ["node.kubernetes.io/unschedulable"]
        await cluster.patch("nodes", "", "n", {"spec": {"unschedulable": None}})
        await cluster.settle()
        assert node_of(cluster, "p") == "n"

    Cluster(CONTROLLERS).run(scenario)


@pytest.mark.parametrize("spec", [{"schedulerName": "mine"}, {"schedulingGates": [{"name": "example.com/wait"}]}])
def test_pods_of_other_schedulers_and_gated_ones_are_not_looked_at(spec: dict[str, Any]) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", a_node("n"))
        await cluster.create("pods", a_pod("p", **spec))
        await cluster.settle()
        assert node_of(cluster, "p") is None
        assert [event for event in cluster.list("events") if event["involvedObject"]["kind"] == "Pod"] == []

    Cluster(CONTROLLERS).run(scenario)


def test_an_unchanged_verdict_is_not_written_again() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("pods", a_pod("p", nodeSelector={"disk": "none"}))
        await cluster.create("nodes", a_node("n"))
        await cluster.settle()
        before = len(cluster.writes)
        await cluster.patch("nodes", "", "n", {"metadata": {"labels": {"a": "b"}}})
        await cluster.settle()
        assert len(cluster.writes) == before + 1

    Cluster(CONTROLLERS).run(scenario)


def test_a_new_node_is_registered_once() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", a_node("n"))
        await cluster.settle()
        node = cluster.list("nodes")[0]
        assert node["metadata"]["annotations"] == {"node.alpha.kubernetes.io/ttl": "0"}
        events = [each for each in cluster.list("events") if each["reason"] == "RegisteredNode"]
        assert [each["message"] for each in events] == ["Node n event: Registered Node n in Controller"]

    Cluster((node_lifecycle.CONTROLLER,)).run(scenario)
