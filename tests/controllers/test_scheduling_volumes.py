"""What volumes have to say about the node a pod runs on."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.controllers import persistent_volume, scheduler, volume_provisioner
from fakekube.controllers.loop import Settings
from fakekube.controllers.scheduling_filters import Machine, Share
from fakekube.controllers.scheduling_volumes import in_zone
from tests.controllers.clashes import ClashingCluster
from tests.controllers.in_memory import Cluster
from tests.controllers.test_scheduler import node_of, scheduled

CONTROLLERS = (persistent_volume.CONTROLLER, scheduler.CONTROLLER, volume_provisioner.CONTROLLER)
CLAIMS, VOLUMES, CLASSES = "persistentvolumeclaims", "persistentvolumes", "storageclasses.storage.k8s.io"
HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
SELECTED = "volume.kubernetes.io/selected-node"
NOT_HELPFUL = "Preemption is not helpful for scheduling"


def a_node(name: str, zone: str = "") -> dict[str, Any]:
    labels = {HOSTNAME: name, **({ZONE: zone} if zone else {})}
    status = {
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    return {"metadata": {"name": name, "labels": labels}, "spec": {}, "status": status}


def a_class(provisioner: str = "kubernetes.io/no-provisioner", **more: Any) -> dict[str, Any]:
    mode = {"volumeBindingMode": "WaitForFirstConsumer"}
    return {"metadata": {"name": "local"}, "provisioner": provisioner, **mode, **more}


def a_volume(name: str, node: str = "", size: str = "5Gi", **labels: str) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "capacity": {"storage": size},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "local",
    }
    if node:
        expression = {"key": HOSTNAME, "operator": "In", "values": [node]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


def a_claim(name: str = "data", mode: str = "ReadWriteOnce", **spec: Any) -> dict[str, Any]:
    wanted = {"storageClassName": "local", "accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": wanted}


def a_pod(name: str = "db", *claims: str, **spec: Any) -> dict[str, Any]:
    volumes = [{"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims or ("data",)]
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"containers": [{"name": "db", "image": "db"}], "volumes": volumes, **spec},
    }


async def create(cluster: Cluster, resource: str, *objects: dict[str, Any]) -> None:
    for each in objects:
        await cluster.create(resource, each)
    await cluster.settle()


def message(cluster: Cluster, name: str = "db") -> str:
    text: str = scheduled(cluster, name)["message"]
    return text


def test_a_pod_runs_where_its_volume_is() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "nodes", a_node("a"), a_node("b"))
        await create(cluster, CLASSES, a_class(volumeBindingMode="Immediate"))
        await create(cluster, VOLUMES, a_volume("v", "b"))
        await create(cluster, CLAIMS, a_claim())
        await create(cluster, "pods", a_pod())
        assert node_of(cluster, "db") == "b"

    Cluster(CONTROLLERS).run(scenario)


def test_a_pod_whose_volume_is_elsewhere_is_told_so() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "nodes", a_node("a"), a_node("b"))
        await create(cluster, CLASSES, a_class(volumeBindingMode="Immediate"))
        await create(cluster, VOLUMES, a_volume("v", "b"))
        await create(cluster, CLAIMS, a_claim())
        await create(cluster, "pods", a_pod(nodeSelector={HOSTNAME: "a"}))
        assert message(cluster) == (
            "0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, "
            "1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: "
            f"0/2 nodes are available: 2 {NOT_HELPFUL}."
        )

    Cluster(CONTROLLERS).run(scenario)


def test_a_claim_that_waited_for_a_pod_is_bound_to_the_smallest_volume_of_its_node() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "nodes", a_node("a"), a_node("b"))
        await create(cluster, CLASSES, a_class())
        await create(
            cluster, VOLUMES, a_volume("elsewhere", "a", "1Gi"), a_volume("large", "b", "9Gi"), a_volume("fit", "b")
        )
        await create(cluster, CLAIMS, a_claim())
        assert cluster.list(CLAIMS)[0]["status"].get("phase", "Pending") == "Pending"

        await create(cluster, "pods", a_pod(nodeSelector={HOSTNAME: "b"}))

        (claim,) = cluster.list(CLAIMS)
        assert (claim["status"]["phase"], claim["spec"]["volumeName"]) == ("Bound", "fit")
        assert node_of(cluster, "db") == "b"

    Cluster(CONTROLLERS).run(scenario)


def test_a_pod_waits_until_there_is_a_volume_for_its_claim() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "nodes", a_node("a"))
        await create(cluster, CLASSES, a_class())
        await create(cluster, CLAIMS, a_claim())
        await create(cluster, "pods", a_pod())
        reason = "1 node(s) didn't find available persistent volumes to bind"
        assert message(cluster).startswith(f"0/1 nodes are available: {reason}. ")
        await create(cluster, VOLUMES, a_volume("v", "a"))
        assert node_of(cluster, "db") == "a"

    Cluster(CONTROLLERS).run(scenario)


def test_while_a_volume_is_made_for_it_a_pod_says_where_it_is_going() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "nodes", a_node("a"))
        await create(cluster, CLASSES, a_class("example.com/disks"))
        await create(cluster, CLAIMS, a_claim())
        await create(cluster, "pods", a_pod())
        (pod,) = cluster.list("pods")
        assert (pod["status"]["nominatedNodeName"], pod["spec"].get("nodeName")) == ("a", None)

    Cluster(CONTROLLERS).run(scenario)


def test_two_claims_of_one_pod_get_two_volumes() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "nodes", a_node("a"))
        await create(cluster, CLASSES, a_class())
        await create(cluster, VOLUMES, a_volume("v", "a"))
        await create(cluster, CLAIMS, a_claim("data"), a_claim("log"))
        await create(cluster, "pods", a_pod("db", "data", "log"))
        assert node_of(cluster, "db") is None
        await create(cluster, VOLUMES, a_volume("w", "a"))
        assert node_of(cluster, "db") == "a"
        assert {claim["spec"]["volumeName"] for claim in cluster.list(CLAIMS)} == {"v", "w"}

    Cluster(CONTROLLERS).run(scenario)


def test_a_volume_is_made_where_the_class_allows_it() -> None:
    async def scenario(cluster: Cluster) -> None:
        topologies = [{"matchLabelExpressions": [{"key": ZONE, "values": ["2"]}]}]
        await create(cluster, "nodes", a_node("a", "1"), a_node("b", "2"))
        await create(cluster, CLASSES, a_class("example.com/disks", allowedTopologies=topologies))
        await create(cluster, CLAIMS, a_claim())
        await create(cluster, "pods", a_pod())
        assert cluster.list(CLAIMS)[0]["metadata"]["annotations"][SELECTED] == "b"
        assert node_of(cluster, "db") == "b"

    Cluster(CONTROLLERS, Settings(nodes=("a", "b"))).run(scenario)


def test_a_pod_waits_for_a_provisioner_that_somebody_else_runs() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "nodes", a_node("a"))
        await create(cluster, CLASSES, a_class("example.com/disks"))
        await create(cluster, CLAIMS, a_claim())
        await create(cluster, "pods", a_pod())
        assert cluster.list(CLAIMS)[0]["metadata"]["annotations"][SELECTED] == "a"
        assert node_of(cluster, "db") is None
        made = a_volume("made", "a")
        made["spec"]["claimRef"] = {
            "namespace": "shop",
            "name": "data",
            "uid": cluster.list(CLAIMS)[0]["metadata"]["uid"],
        }
        await create(cluster, VOLUMES, made)
        assert node_of(cluster, "db") == "a"

    Cluster(CONTROLLERS).run(scenario)


def test_a_claim_for_one_pod_alone_is_not_shared() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "nodes", a_node("a"))
        await create(cluster, CLASSES, a_class("example.com/disks"))
        await create(cluster, CLAIMS, a_claim(mode="ReadWriteOncePod"))
        await create(cluster, "pods", a_pod("first"))
        assert node_of(cluster, "first") == "a"
        await create(cluster, "pods", a_pod("second"))
        assert message(cluster, "second") == (
            "0/1 nodes are available: 1 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode "
            "already in-use by another pod. no new claims to deallocate, preemption: 0/1 nodes are available: "
            "1 No preemption victims found for incoming pod."
        )
        await cluster.delete("pods", "shop", "first", grace_period_seconds=0)
        await cluster.settle()
        assert node_of(cluster, "second") == "a"

    Cluster(CONTROLLERS, Settings(nodes=("a",))).run(scenario)


@pytest.mark.parametrize(
    ("labels", "fits"),
    [
        ({}, True),
        ({ZONE: "1"}, True),
        ({ZONE: "2"}, False),
        ({ZONE: "2__1"}, True),
        ({"failure-domain.beta.kubernetes.io/zone": "2"}, False),
    ],
)
def test_zones_of_volumes_and_nodes(labels: dict[str, str], fits: bool) -> None:
    assert in_zone(a_volume("v", **labels), Machine(a_node("a", "1"), Share())) is fits


def test_a_node_in_no_zone_takes_volumes_of_any() -> None:
    assert in_zone(a_volume("v", **{ZONE: "2"}), Machine({"metadata": {"name": "a"}}, Share()))


def test_claims_that_cannot_be_used_are_named() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "nodes", a_node("a"))
        lost = {**a_claim("lost", volumeName="gone"), "status": {"phase": "Lost"}}
        lost["metadata"]["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
        going = a_claim("going")
        going["metadata"]["finalizers"] = ["kubernetes.io/pvc-protection"]
        await create(cluster, CLAIMS, lost, going)
        await cluster.delete(CLAIMS, "shop", "going")
        await create(cluster, "pods", a_pod("p", "lost"), a_pod("q", "going"))
        assert 'persistentvolumeclaim "lost" bound to non-existent persistentvolume "gone"' in message(cluster, "p")
        assert 'persistentvolumeclaim "going" is being deleted' in message(cluster, "q")

    Cluster((scheduler.CONTROLLER,)).run(scenario)


def test_claims_that_waited_get_their_volumes_when_the_first_machine_comes() -> None:
    machines: list[str] = []

    async def scenario(cluster: Cluster) -> None:
        await create(cluster, CLASSES, a_class("example.com/disks", volumeBindingMode="Immediate"))
        await create(cluster, CLAIMS, a_claim())
        assert cluster.list(VOLUMES) == []
        machines.append("a")
        cluster.loop.wake(volume_provisioner.ALL_CLAIMS, name="volume-provisioner")
        await cluster.settle()
        assert cluster.list(CLAIMS)[0]["status"]["phase"] == "Bound"

    Cluster(CONTROLLERS, Settings(nodes=machines)).run(scenario)


@pytest.mark.parametrize("write", range(7))
def test_a_clash_at_any_write_of_a_binding_changes_nothing_about_the_end(write: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        assert isinstance(cluster, ClashingCluster)
        await create(cluster, "nodes", a_node("a"))
        await create(cluster, CLASSES, a_class())
        await create(cluster, VOLUMES, a_volume("v", "a"))
        await create(cluster, CLAIMS, a_claim())
        await cluster.create("pods", a_pod())
        cluster.clash_at = write
        await cluster.settle()
        cluster.clash_at = None
        await cluster.settle()
        assert node_of(cluster, "db") == "a"
        assert cluster.list(CLAIMS)[0]["spec"]["volumeName"] == "v"
        assert await cluster.writes_of_a_second_look() == []

    ClashingCluster(CONTROLLERS).run(scenario)
