from __future__ import annotations

from typing import Any

from fakekube.controllers import pv_protection, pvc_protection
from tests.controllers.in_memory import Cluster

CONTROLLERS = (pvc_protection.CONTROLLER, pv_protection.CONTROLLER)
CLAIM = {"metadata": {"name": "disk", "namespace": "shop", "finalizers": ["kubernetes.io/pvc-protection"]}}
VOLUME: dict[str, Any] = {"metadata": {"name": "pv", "finalizers": ["kubernetes.io/pv-protection"]}}


def test_a_deleted_claim_goes_when_no_pod_uses_it_any_more() -> None:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "disk"}}]
    pod = {"metadata": {"name": "p", "namespace": "shop"}, "spec": {"nodeName": "n", "volumes": volumes}}

    async def scenario(cluster: Cluster) -> None:
        await cluster.create("persistentvolumeclaims", CLAIM)
        await cluster.create("pods", pod)
        await cluster.delete("persistentvolumeclaims", "shop", "disk")
        await cluster.settle()
        assert len(cluster.list("persistentvolumeclaims")) == 1
        await cluster.delete("pods", "shop", "p", grace_period_seconds=0)
        await cluster.settle()
        assert cluster.list("persistentvolumeclaims") == []

    Cluster(CONTROLLERS).run(scenario)


def test_a_deleted_volume_goes_when_it_is_not_bound() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("persistentvolumes", {**VOLUME, "status": {"phase": "Bound"}})
        await cluster.delete("persistentvolumes", "", "pv")
        await cluster.settle()
        assert len(cluster.list("persistentvolumes")) == 1
        await cluster.patch("persistentvolumes", "", "pv", {"status": {"phase": "Released"}}, "status")
        await cluster.settle()
        assert cluster.list("persistentvolumes") == []

    Cluster(CONTROLLERS).run(scenario)
