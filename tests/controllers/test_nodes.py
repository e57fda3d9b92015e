from __future__ import annotations

from typing import Any

import pytest

from fakekube.controllers import node_lifecycle, taint_eviction
from fakekube.controllers.loop import Settings
from tests.controllers.clashes import ClashingCluster
from tests.controllers.in_memory import Cluster

CONTROLLERS = (node_lifecycle.CONTROLLER, taint_eviction.CONTROLLER)
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"


async def a_node(cluster: Cluster, name: str, ready: str = "True") -> None:
    status = {"conditions": [{"type": "Ready", "status": ready}]}
    await cluster.create("nodes", {"metadata": {"name": name}, "spec": {}, "status": status})


async def turn(cluster: Cluster, name: str, ready: str) -> None:
    await cluster.patch("nodes", "", name, {"status": {"conditions": [{"type": "Ready", "status": ready}]}}, "status")
    await cluster.settle()


async def a_pod(cluster: Cluster, name: str, *tolerations: dict[str, Any]) -> None:
    spec = {"nodeName": "n", "containers": [{"name": "c"}], "tolerations": list(tolerations)}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    await cluster.create("pods", {"metadata": {"name": name, "namespace": "shop"}, "spec": spec, "status": status})


def toleration(seconds: int | None) -> dict[str, Any]:
    limit = {} if seconds is None else {"tolerationSeconds": seconds}
    return {"operator": "Exists", "effect": "NoExecute", **limit}


def taints(cluster: Cluster, name: str) -> set[tuple[str, str]]:
    node = cluster.get("nodes", "", name)
    assert node is not None
    return {(taint["key"], taint["effect"]) for taint in node["spec"].get("taints") or []}


def going(cluster: Cluster) -> set[str]:
    return {pod["metadata"]["name"] for pod in cluster.list("pods") if "deletionTimestamp" in pod["metadata"]}


def test_a_node_that_is_not_ready_drives_pods_away_as_long_as_another_is_ready() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_node(cluster, "n")
        await a_node(cluster, "m")
        await turn(cluster, "n", "False")
        assert taints(cluster, "n") == {(NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute")}
        await turn(cluster, "m", "False")
        assert taints(cluster, "n") == {(NOT_READY, "NoSchedule")}
        await turn(cluster, "n", "True")
        assert taints(cluster, "n") == set()
        assert taints(cluster, "m") == {(NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute")}

    Cluster(CONTROLLERS).run(scenario)


def test_pods_leave_when_their_toleration_ends() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_node(cluster, "n")
        await a_node(cluster, "m")
        await a_pod(cluster, "never", toleration(None))
        await a_pod(cluster, "later", toleration(300))
        await a_pod(cluster, "at-once")
        await turn(cluster, "n", "False")
        assert going(cluster) == {"at-once"}
        await cluster.settle(299)
        assert going(cluster) == {"at-once"}
        await cluster.settle(2)
        assert going(cluster) == {"at-once", "later"}
        pod = cluster.get("pods", "shop", "later")
        assert pod is not None
        condition = pod["status"]["conditions"][-1]
        assert (condition["type"], condition["reason"]) == ("DisruptionTarget", "DeletionByTaintManager")
        assert {event["message"] for event in cluster.list("events") if event["reason"] == "TaintManagerEviction"} == {
            "Marking for deletion Pod shop/at-once",
            "Marking for deletion Pod shop/later",
        }

    Cluster(CONTROLLERS, Settings(nodes=("n", "m"))).run(scenario)


def test_of_a_taint_that_does_not_say_since_when_the_time_counts_from_when_it_was_seen() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_node(cluster, "n")
        await a_pod(cluster, "later", {"key": "mine", "operator": "Exists", "tolerationSeconds": 5})
        await cluster.patch("nodes", "", "n", {"spec": {"taints": [{"key": "mine", "effect": "NoExecute"}]}})
        await cluster.settle()
        await cluster.settle(4)
        assert going(cluster) == set()
        await cluster.settle(2)
        assert going(cluster) == {"later"}

    Cluster(CONTROLLERS, Settings(nodes=("n",))).run(scenario)


def test_a_node_that_is_ready_again_in_time_keeps_its_pods() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_node(cluster, "n")
        await a_node(cluster, "m")
        await a_pod(cluster, "p", toleration(20))
        await turn(cluster, "n", "False")
        await turn(cluster, "n", "True")
        await cluster.settle(30)
        assert going(cluster) == set()
        assert "Cancelling deletion of Pod shop/p" in {event["message"] for event in cluster.list("events")}

    Cluster(CONTROLLERS).run(scenario)


def test_a_node_that_is_silent_is_doubted_and_its_pods_are_not_ready() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_node(cluster, "n")
        await a_pod(cluster, "p")
        lease = {"metadata": {"name": "n", "namespace": "kube-node-lease"}, "spec": {"renewTime": "1"}}
        await cluster.create("leases.coordination.k8s.io", lease)
        await cluster.settle(40)
        await cluster.patch("leases.coordination.k8s.io", "kube-node-lease", "n", {"spec": {"renewTime": "2"}})
        await cluster.settle()
        await cluster.settle(40)
        assert taints(cluster, "n") == set()
        await cluster.settle(11)
        assert taints(cluster, "n") == {(UNREACHABLE, "NoSchedule")}
        node = cluster.get("nodes", "", "n")
        pod = cluster.get("pods", "shop", "p")
        assert node is not None
        assert pod is not None
        assert [each["status"] for each in node["status"]["conditions"]] == ["Unknown"] * 4
        assert node["status"]["conditions"][0]["message"] == "Kubelet stopped posting node status."
        assert pod["status"]["conditions"][0]["status"] == "False"

    Cluster(CONTROLLERS).run(scenario)


def test_nodes_of_our_own_are_never_doubted() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_node(cluster, "n")
        await cluster.settle(3600)
        assert taints(cluster, "n") == set()

    Cluster(CONTROLLERS, Settings(nodes=("n",))).run(scenario)


@pytest.mark.parametrize("write", range(5))
def test_a_clash_at_any_write_leaves_the_same_taints_and_a_second_look_writes_nothing(write: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        assert isinstance(cluster, ClashingCluster)
        await a_node(cluster, "n")
        await a_node(cluster, "m")
        await a_pod(cluster, "p")
        cluster.clash_at = write + 1  # the first one is the test's
        await turn(cluster, "n", "False")
        cluster.clash_at = None
        assert taints(cluster, "n") == {(NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute")}
        assert going(cluster) == {"p"}
        assert await cluster.writes_of_a_second_look() == []

    ClashingCluster(CONTROLLERS, Settings(nodes=("n", "m"))).run(scenario)


def test_a_node_of_our_own_that_falls_silent_is_doubted_like_any_other() -> None:
    silent = {"n"}

    async def scenario(cluster: Cluster) -> None:
        silent.clear()
        await a_node(cluster, "n")
        await a_node(cluster, "m")
        await cluster.settle(600)
        assert taints(cluster, "n") == set()
        silent.add("n")
        cluster.loop.wake(("", "n"), name="node-controller")
        await cluster.settle()
        await cluster.settle(49)
        assert taints(cluster, "n") == set()
        await cluster.settle(1)
        assert taints(cluster, "n") == {(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")}
        assert taints(cluster, "m") == set()

    Cluster(CONTROLLERS, Settings(nodes=("n", "m"), silent=silent)).run(scenario)


def test_a_heartbeat_changes_nothing_for_those_who_watch_what_a_node_is() -> None:
    def node(**changes: Any) -> dict[str, Any]:
        condition = {"type": "Ready", "status": "True", "lastHeartbeatTime": "1", **changes}
        return {"metadata": {"name": "n", "uid": "u"}, "status": {"conditions": [condition]}}

    seen = node_lifecycle.without_heartbeats
    assert seen(node()) == seen(node(lastHeartbeatTime="2"))
    assert seen(node()) != seen(node(status="False"))
