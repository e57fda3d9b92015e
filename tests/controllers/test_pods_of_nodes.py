from __future__ import annotations

from typing import Any

import pytest

from fakekube.controllers import ephemeral_volume, pod_garbage_collector
from tests.controllers.clashes import ClashingCluster
from tests.controllers.in_memory import Cluster, named


def a_pod(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {"nodeName": "n", "containers": [{"name": "c"}], **spec},
        "status": {"phase": "Running"},
    }


EPHEMERAL = {
    "name": "scratch",
    "ephemeral": {
        "volumeClaimTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    },
}


@pytest.mark.parametrize("write", range(3))
def test_pods_of_a_node_that_is_gone_for_forty_seconds_go_too(write: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        assert isinstance(cluster, ClashingCluster)
        await cluster.create("nodes", {"metadata": {"name": "n"}})
        await cluster.create("pods", a_pod())
        await cluster.settle(3600)
        await cluster.delete("nodes", "", "n")
        await cluster.settle(39)
        assert named(cluster.list("pods")) == ["p"]
        cluster.clash_at = write
        await cluster.settle(40)
        assert cluster.list("pods") == []
        reasons = [
            each["reason"]
            for verb, _, patch in cluster.writes
            if verb == "patch status"
            for each in patch["status"]["conditions"]
        ]
        assert reasons[0] == "DeletionByPodGC"

    ClashingCluster((pod_garbage_collector.CONTROLLER,)).run(scenario)


def test_a_pod_that_goes_without_ever_having_had_a_node_has_failed() -> None:
    async def scenario(cluster: Cluster) -> None:
        pod = a_pod()
        pod["metadata"]["finalizers"] = ["example.com/held"]
        del pod["spec"]["nodeName"]
        await cluster.create("pods", pod)
        await cluster.delete("pods", "shop", "p", grace_period_seconds=0)
        await cluster.settle()
        assert cluster.list("pods")[0]["status"]["phase"] != "Failed"
        await cluster.settle(21)
        (gone,) = cluster.list("pods")
        assert gone["status"]["phase"] == "Failed"
        assert "conditions" not in gone["status"]

    Cluster((pod_garbage_collector.CONTROLLER,)).run(scenario)


def test_a_node_that_comes_back_in_time_keeps_its_pods() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("pods", a_pod())
        await cluster.settle(30)
        await cluster.create("nodes", {"metadata": {"name": "n"}})
        await cluster.settle(3600)
        assert named(cluster.list("pods")) == ["p"]

    Cluster((pod_garbage_collector.CONTROLLER,)).run(scenario)


@pytest.mark.parametrize("write", range(2))
def test_an_ephemeral_volume_gets_a_claim_that_the_pod_owns(write: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        assert isinstance(cluster, ClashingCluster)
        await cluster.create("pods", a_pod(volumes=[EPHEMERAL]))
        cluster.clash_at = write
        await cluster.settle()
        claim = cluster.list("persistentvolumeclaims")[0]
        assert (claim["metadata"]["name"], claim["metadata"]["labels"]) == ("p-scratch", {"a": "b"})
        assert claim["metadata"]["ownerReferences"][0]["name"] == "p"
        cluster.clash_at = None
        assert await cluster.writes_of_a_second_look() == []

    ClashingCluster((ephemeral_volume.CONTROLLER,)).run(scenario)


def test_a_claim_of_that_name_which_is_not_the_pods_is_told_of_and_left_alone() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create(
            "persistentvolumeclaims", {"metadata": {"name": "p-scratch", "namespace": "shop"}, "spec": {}}
        )
        await cluster.create("pods", a_pod(volumes=[EPHEMERAL]))
        await cluster.settle()
        assert [event["message"] for event in cluster.list("events")] == [
            "PVC shop/p-scratch was not created for pod shop/p (pod is not owner)"
        ]

    Cluster((ephemeral_volume.CONTROLLER,)).run(scenario)
