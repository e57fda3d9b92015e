from __future__ import annotations

from typing import Any

import pytest

from fakekube.controllers import persistent_volume, scheduler, volume_provisioner
from fakekube.controllers.loop import Settings
from tests.controllers.in_memory import Cluster

CONTROLLERS = (persistent_volume.CONTROLLER, scheduler.CONTROLLER, volume_provisioner.CONTROLLER)
WITH_MACHINES = Settings(ca_pem="PEM", nodes=("n1",))
SELECTED = "volume.kubernetes.io/selected-node"
READY = {
    "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
    "conditions": [{"type": "Ready", "status": "True"}],
}
POD = {
    "metadata": {"name": "db", "namespace": "shop"},
    "spec": {
        "containers": [{"name": "db", "image": "db"}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "disk"}}],
    },
}


def storage_class(**more: Any) -> dict[str, Any]:
    return {"metadata": {"name": "standard"}, "provisioner": "example.com/disks", **more}


def claim() -> dict[str, Any]:
    spec = {"storageClassName": "standard", "accessModes": ["ReadWriteOnce"]}
    resources = {"requests": {"storage": "3Gi"}}
    return {"metadata": {"name": "disk", "namespace": "shop"}, "spec": {**spec, "resources": resources}}


def phase(cluster: Cluster) -> str:
    found = cluster.get("persistentvolumeclaims", "shop", "disk")
    assert found is not None
    return str(found["status"].get("phase", "Pending"))


def test_a_claim_of_an_immediate_class_gets_its_volume_at_once() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("storageclasses.storage.k8s.io", storage_class(reclaimPolicy="Retain"))
        made = await cluster.create("persistentvolumeclaims", claim())
        await cluster.settle()

        (volume,) = cluster.list("persistentvolumes")
        assert phase(cluster) == "Bound"
        assert volume["metadata"]["name"] == f"pvc-{made['metadata']['uid']}"
        assert volume["metadata"]["annotations"]["pv.kubernetes.io/provisioned-by"] == "example.com/disks"
        assert volume["spec"]["capacity"] == {"storage": "3Gi"}
        assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
        assert volume["status"]["phase"] == "Bound"

    Cluster(CONTROLLERS, WITH_MACHINES).run(scenario)


def test_a_claim_that_waits_for_a_consumer_gets_it_with_the_first_pod() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", {"metadata": {"name": "n1"}, "spec": {}, "status": READY})
        await cluster.create("storageclasses.storage.k8s.io", storage_class(volumeBindingMode="WaitForFirstConsumer"))
        await cluster.create("persistentvolumeclaims", claim())
        await cluster.settle()
        assert phase(cluster) == "Pending"

        await cluster.create("pods", POD)
        await cluster.settle()

        bound, pod = cluster.get("persistentvolumeclaims", "shop", "disk"), cluster.get("pods", "shop", "db")
        assert bound is not None
        assert pod is not None
        assert phase(cluster) == "Bound"
        assert bound["metadata"]["annotations"][SELECTED] == "n1"
        assert pod["spec"]["nodeName"] == "n1"

    Cluster(CONTROLLERS, WITH_MACHINES).run(scenario)


def test_a_volume_goes_with_its_claim() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("storageclasses.storage.k8s.io", storage_class(reclaimPolicy="Delete"))
        await cluster.create("persistentvolumeclaims", claim())
        await cluster.settle()

        await cluster.delete("persistentvolumeclaims", "shop", "disk")
        await cluster.settle()

        assert cluster.list("persistentvolumes") == []

    Cluster(CONTROLLERS, WITH_MACHINES).run(scenario)


@pytest.mark.parametrize(
    ("settings", "provisioner"),
    [(Settings(ca_pem="PEM"), "example.com/disks"), (WITH_MACHINES, "kubernetes.io/no-provisioner")],
    ids=["no machines", "no provisioner"],
)
def test_nobody_provisions(settings: Settings, provisioner: str) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("storageclasses.storage.k8s.io", storage_class() | {"provisioner": provisioner})
        await cluster.create("persistentvolumeclaims", claim())
        await cluster.settle()

        assert cluster.list("persistentvolumes") == []
        assert phase(cluster) == "Pending"

    Cluster(CONTROLLERS, settings).run(scenario)


def test_a_volume_that_is_there_is_taken_first() -> None:
    async def scenario(cluster: Cluster) -> None:
        spec = {"capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "standard"}
        await cluster.create("persistentvolumes", {"metadata": {"name": "there"}, "spec": spec})
        await cluster.create("storageclasses.storage.k8s.io", storage_class())
        await cluster.settle()
        await cluster.create("persistentvolumeclaims", claim())
        await cluster.settle()

        assert [each["metadata"]["name"] for each in cluster.list("persistentvolumes")] == ["there"]
        assert phase(cluster) == "Bound"

    Cluster(CONTROLLERS, WITH_MACHINES).run(scenario)
