from __future__ import annotations

from typing import Any

import pytest

from fakekube.controllers import persistent_volume
from tests.controllers.in_memory import Cluster, Object
from tests.controllers.workloads import NAMESPACE, events, found

VOLUMES, CLAIMS, CLASSES = "persistentvolumes", "persistentvolumeclaims", "storageclasses.storage.k8s.io"
CONTROLLERS = (persistent_volume.CONTROLLER,)


async def a_volume(cluster: Cluster, name: str = "v", size: str = "5Gi", **spec: Any) -> None:
    labels = spec.pop("labels", {})
    common = {"accessModes": ["ReadWriteOnce", "ReadOnlyMany"], "storageClassName": "c"}
    await cluster.create(
        VOLUMES,
        {
            "metadata": {"name": name, "labels": labels},
            "spec": {**common, "capacity": {"storage": size}, "persistentVolumeReclaimPolicy": "Retain", **spec},
            "status": {"phase": "Pending"},
        },
    )
    await cluster.settle()


async def a_claim(cluster: Cluster, name: str = "mine", size: str = "1Gi", **spec: Any) -> None:
    common = {"accessModes": ["ReadWriteOnce"], "storageClassName": "c"}
    annotations = spec.pop("annotations", {})
    await cluster.create(
        CLAIMS,
        {
            "metadata": {"name": name, "namespace": NAMESPACE, "annotations": annotations},
            "spec": {**common, "resources": {"requests": {"storage": size}}, **spec},
            "status": {"phase": "Pending"},
        },
    )
    await cluster.settle()


def volume(cluster: Cluster, name: str = "v") -> Object:
    present = cluster.get(VOLUMES, "", name)
    assert present is not None
    return present


def claim(cluster: Cluster, name: str = "mine") -> Object:
    return found(cluster, CLAIMS, name)


def test_a_volume_that_nobody_has_is_available() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_volume(cluster)
        await a_volume(cluster, "meant", claimRef={"namespace": NAMESPACE, "name": "later"})
        assert [volume(cluster, name)["status"]["phase"] for name in ("v", "meant")] == ["Available"] * 2

    Cluster(CONTROLLERS).run(scenario)


@pytest.mark.parametrize("claim_first", [True, False])
def test_a_claim_and_a_volume_find_each_other_whoever_comes_first(claim_first: bool) -> None:
    async def scenario(cluster: Cluster) -> None:
        for each in (a_claim, a_volume) if claim_first else (a_volume, a_claim):
            await each(cluster)
        assert claim(cluster)["spec"]["volumeName"] == "v"
        assert claim(cluster)["metadata"]["annotations"] == {
            "pv.kubernetes.io/bind-completed": "yes",
            "pv.kubernetes.io/bound-by-controller": "yes",
        }
        assert claim(cluster)["status"] == {
            "phase": "Bound",
            "accessModes": ["ReadWriteOnce", "ReadOnlyMany"],
            "capacity": {"storage": "5Gi"},
        }
        assert volume(cluster)["status"]["phase"] == "Bound"
        assert volume(cluster)["metadata"]["annotations"] == {"pv.kubernetes.io/bound-by-controller": "yes"}
        reference = volume(cluster)["spec"]["claimRef"]
        assert (reference["name"], reference["uid"]) == ("mine", claim(cluster)["metadata"]["uid"])

    Cluster(CONTROLLERS).run(scenario)


def test_the_smallest_volume_that_does_is_taken() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_volume(cluster, "large", "9Gi")
        await a_volume(cluster, "small", "500Mi")
        await a_volume(cluster, "fits", "2Gi")
        await a_claim(cluster)
        assert claim(cluster)["spec"]["volumeName"] == "fits"

    Cluster(CONTROLLERS).run(scenario)


@pytest.mark.parametrize(
    "wish",
    [
        {"size": "9Gi"},
        {"storageClassName": "other"},
        {"accessModes": ["ReadWriteMany"]},
        {"volumeMode": "Block"},
        {"selector": {"matchLabels": {"kind": "ssd"}}},
    ],
)
def test_a_claim_waits_for_a_volume_that_does(wish: dict[str, Any]) -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_volume(cluster)
        await a_claim(cluster, **wish)
        assert claim(cluster)["status"] == {"phase": "Pending"}
        spec = {key: each for key, each in wish.items() if key in ("storageClassName", "accessModes", "volumeMode")}
        await a_volume(cluster, "better", "20Gi", labels={"kind": "ssd"}, **spec)
        assert claim(cluster)["spec"]["volumeName"] == "better"

    Cluster(CONTROLLERS).run(scenario)


def test_a_claim_may_name_its_volume_and_is_told_when_that_is_taken_or_does_not_do() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_claim(cluster, volumeName="v")
        await a_volume(cluster)
        assert claim(cluster)["metadata"]["annotations"] == {"pv.kubernetes.io/bind-completed": "yes"}
        assert volume(cluster)["metadata"]["annotations"] == {"pv.kubernetes.io/bound-by-controller": "yes"}
        await a_claim(cluster, "late", volumeName="v")
        assert events(cluster, "late") == ['FailedBinding volume "v" already bound to a different claim.']
        await a_volume(cluster, "tiny", "1Mi")
        await a_claim(cluster, "wrong", volumeName="tiny")
        text = 'VolumeMismatch Cannot bind to requested volume "tiny": requested PV is too small'
        assert events(cluster, "wrong") == [text]

    Cluster(CONTROLLERS).run(scenario)


def test_a_volume_that_is_meant_for_a_claim_is_taken_before_others() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_volume(cluster, "other", "1Gi")
        await a_volume(cluster, "meant", claimRef={"namespace": NAMESPACE, "name": "mine"})
        await a_claim(cluster)
        assert claim(cluster)["spec"]["volumeName"] == "meant"
        assert "annotations" not in volume(cluster, "meant")["metadata"]

    Cluster(CONTROLLERS).run(scenario)


@pytest.mark.parametrize(
    ("class_name", "told"),
    [
        ("c", 'ProvisioningFailed storageclass.storage.k8s.io "c" not found'),
        ("", "FailedBinding no persistent volumes available for this claim and no storage class is set"),
        ("late", "WaitForFirstConsumer waiting for first consumer to be created before binding"),
        ("driven", "ExternalProvisioning Waiting for a volume to be created either by the external provisioner 'd'"),
        ("by-hand", "ProvisioningFailed no volume plugin matched name: kubernetes.io/no-provisioner"),
        (
            "local",
            'ProvisioningFailed Failed to create provisioner: provisioning in volume plugin "kubernetes.io/host-path" is',
        ),
        (
            "cloudy",
            "ExternalProvisioning Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws",
        ),
    ],
)
def test_a_claim_says_what_it_waits_for(class_name: str, told: str) -> None:
    async def scenario(cluster: Cluster) -> None:
        for name, mode in (("late", "WaitForFirstConsumer"), ("driven", "Immediate")):
            await cluster.create(CLASSES, {"metadata": {"name": name}, "provisioner": "d", "volumeBindingMode": mode})
        for name, provisioner in (("by-hand", "no-provisioner"), ("local", "host-path"), ("cloudy", "aws-ebs")):
            await cluster.create(CLASSES, {"metadata": {"name": name}, "provisioner": f"kubernetes.io/{provisioner}"})
        await a_claim(cluster, storageClassName=class_name)
        assert events(cluster, "mine")[0].startswith(told)

    Cluster(CONTROLLERS).run(scenario)


def test_a_claim_whose_pod_is_there_says_that_it_waits_for_its_node() -> None:
    async def scenario(cluster: Cluster) -> None:
        late = {"metadata": {"name": "late"}, "provisioner": "d", "volumeBindingMode": "WaitForFirstConsumer"}
        await cluster.create(CLASSES, late)
        for name, node in (("a", {}), ("b", {}), ("placed", {"nodeName": "n"})):
            volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "mine"}}]
            spec = {"volumes": volumes, **node}
            await cluster.create("pods", {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec})
        await a_claim(cluster, storageClassName="late")
        assert events(cluster) == ["WaitForPodScheduled waiting for pods a,b to be scheduled"]

    Cluster(CONTROLLERS).run(scenario)


def test_a_volume_that_does_not_help_is_nothing_to_tell_of() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_claim(cluster, storageClassName="")
        await a_volume(cluster, storageClassName="other")
        assert [each["count"] for each in cluster.list("events")] == [1]

    Cluster(CONTROLLERS).run(scenario)


def test_with_a_class_that_waits_a_volume_is_taken_once_a_node_is_chosen() -> None:
    async def scenario(cluster: Cluster) -> None:
        late = {"metadata": {"name": "c"}, "provisioner": "d", "volumeBindingMode": "WaitForFirstConsumer"}
        await cluster.create(CLASSES, late)
        await a_volume(cluster)
        await a_claim(cluster)
        assert claim(cluster)["status"]["phase"] == "Pending"
        chosen = {"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "n"}}}
        await cluster.patch(CLAIMS, NAMESPACE, "mine", chosen)
        await cluster.settle()
        assert claim(cluster)["status"]["phase"] == "Bound"

    Cluster(CONTROLLERS).run(scenario)


@pytest.mark.parametrize(("policy", "left"), [("Retain", ["Released"]), ("Delete", [])])
def test_a_volume_whose_claim_is_gone_is_released_or_goes_as_well(policy: str, left: list[str]) -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_volume(cluster, persistentVolumeReclaimPolicy=policy, hostPath={"path": "/tmp/v"})
        await a_claim(cluster)
        await cluster.delete(CLAIMS, NAMESPACE, "mine")
        await cluster.settle()
        assert [each["status"]["phase"] for each in cluster.list(VOLUMES)] == left
        assert all(each["spec"]["claimRef"]["name"] == "mine" for each in cluster.list(VOLUMES))

    Cluster(CONTROLLERS).run(scenario)


UNMATCHED = 'error getting deleter volume plugin for volume "v": no'


@pytest.mark.parametrize(
    ("policy", "source", "provisioner", "message"),
    [
        (
            "Delete",
            {"hostPath": {"path": "/v"}},
            "",
            "host_path deleter only supports /tmp/.+ but received provided /v",
        ),
        ("Delete", {"nfs": {"server": "s", "path": "/"}}, "", f"{UNMATCHED} deletable volume plugin matched"),
        ("Delete", {"local": {"path": "/v"}}, "", f"{UNMATCHED} volume plugin matched"),
        ("Delete", {"local": {}}, "kubernetes.io/gone", "no volume plugin matched name: kubernetes.io/gone"),
        ("Recycle", {"csi": {"driver": "d"}}, "", "No recycler plugin found for the volume!"),
        ("Delete", {"csi": {"driver": "d"}}, "", None),
        ("Delete", {"hostPath": {"path": "/v"}}, "example.com/x", None),
    ],
)
def test_a_volume_that_cannot_be_deleted_has_failed_and_one_of_a_driver_waits_for_it(
    policy: str, source: Object, provisioner: str, message: str | None
) -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_volume(cluster, persistentVolumeReclaimPolicy=policy, **source)
        annotations = {"pv.kubernetes.io/provisioned-by": provisioner} if provisioner else {}
        await cluster.patch(VOLUMES, "", "v", {"metadata": {"annotations": annotations}})
        await a_claim(cluster)
        await cluster.delete(CLAIMS, NAMESPACE, "mine")
        await cluster.settle()
        status = volume(cluster)["status"]
        assert (status["phase"], status.get("message")) == ("Failed" if message else "Released", message)
        failed = "VolumeFailedRecycle" if policy == "Recycle" else "VolumeFailedDelete"
        assert events(cluster, "v") == ([f"{failed} {message}"] if message else [])

    Cluster(CONTROLLERS).run(scenario)


def test_a_released_volume_is_available_again_when_somebody_takes_the_claim_out() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_volume(cluster)
        await a_claim(cluster)
        await cluster.delete(CLAIMS, NAMESPACE, "mine")
        await cluster.settle()
        await cluster.patch(VOLUMES, "", "v", {"spec": {"claimRef": None}})
        await cluster.settle()
        assert volume(cluster)["status"]["phase"] == "Available"

    Cluster(CONTROLLERS).run(scenario)


def test_a_claim_whose_volume_is_gone_is_lost() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_volume(cluster)
        await a_claim(cluster)
        await cluster.delete(VOLUMES, "", "v")
        await cluster.settle()
        assert claim(cluster)["status"]["phase"] == "Lost"
        assert events(cluster, "mine")[-1].startswith("ClaimLost Bound claim has lost its PersistentVolume.")

    Cluster(CONTROLLERS).run(scenario)
