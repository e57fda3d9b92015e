"""ServiceCIDRs are ready, and stay as long as addresses need them."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.controllers import service_cidr as controller
from tests.controllers.clashes import ClashingCluster
from tests.controllers.in_memory import Cluster, Object

OURS = {controller.MANAGED_BY: controller.OF_SERVICES}


def a_range(name: str, *cidrs: str, **metadata: Any) -> Object:
    return {"metadata": {"name": name, **metadata}, "spec": {"cidrs": list(cidrs)}, "status": {}}


def an_address(name: str, labels: dict[str, str] = OURS) -> Object:
    owner = {"resource": "services", "namespace": "default", "name": "s"}
    return {"metadata": {"name": name, "labels": labels}, "spec": {"parentRef": owner}}


async def make(cluster: Cluster, *objects: Object) -> None:
    for each in objects:
        await cluster.create(controller.RESOURCE if "cidrs" in each["spec"] else controller.IP_ADDRESSES, each)
    await cluster.settle()


async def mark_deleted(cluster: Cluster, name: str) -> None:
    patch = {"metadata": {"deletionTimestamp": cluster.clock.timestamp()}}
    await cluster.patch(controller.RESOURCE, "", name, patch)
    await cluster.settle()


def ready(cluster: Cluster, name: str) -> tuple[str, str, str]:
    found = cluster.get(controller.RESOURCE, "", name)
    assert found is not None
    (condition,) = found["status"]["conditions"]
    return condition["status"], condition["reason"], condition["message"]


def is_held(cluster: Cluster, name: str) -> bool:
    found = cluster.get(controller.RESOURCE, "", name)
    return found is not None and controller.FINALIZER in found["metadata"].get("finalizers", ())


@pytest.mark.parametrize("write", range(3))
def test_a_range_gets_a_finalizer_and_is_ready(write: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        assert isinstance(cluster, ClashingCluster)
        await cluster.create(controller.RESOURCE, a_range("a", "10.77.0.0/24", finalizers=["example.com/mine"]))
        cluster.clash_at = write
        await cluster.settle()
        cluster.clash_at = None

        found = cluster.get(controller.RESOURCE, "", "a")

        assert found is not None
        assert found["metadata"]["finalizers"] == ["example.com/mine", controller.FINALIZER]
        assert ready(cluster, "a") == ("True", "", "Kubernetes Service CIDR is ready")
        assert await cluster.writes_of_a_second_look() == []

    ClashingCluster((controller.CONTROLLER,)).run(scenario)


def test_a_deleted_range_that_nobody_needs_stays_for_ten_seconds() -> None:
    async def scenario(cluster: Cluster) -> None:
        await make(cluster, a_range("a", "10.77.0.0/24"), an_address("10.77.0.5", {}), an_address("10.78.0.5"))
        await mark_deleted(cluster, "a")
        await cluster.settle(9)
        before = is_held(cluster, "a")
        await cluster.settle(1.5)

        assert before
        assert not is_held(cluster, "a")

    Cluster((controller.CONTROLLER,)).run(scenario)


def test_a_deleted_range_stays_while_a_service_has_an_address_of_it() -> None:
    async def scenario(cluster: Cluster) -> None:
        await make(cluster, a_range("a", "10.77.0.0/24"), an_address("10.77.0.5"))
        await mark_deleted(cluster, "a")
        await cluster.settle(60)
        assert is_held(cluster, "a")
        assert ready(cluster, "a") == controller.HELD

        await cluster.delete(controller.IP_ADDRESSES, "", "10.77.0.5")
        await cluster.settle()

        assert not is_held(cluster, "a")

    Cluster((controller.CONTROLLER,)).run(scenario)


def test_a_wider_range_frees_one_that_is_held() -> None:
    async def scenario(cluster: Cluster) -> None:
        await make(cluster, a_range("a", "10.77.0.0/24"), an_address("10.77.0.5"))
        await mark_deleted(cluster, "a")
        await cluster.settle(60)

        await make(cluster, a_range("narrow", "10.77.0.128/25"))
        narrow = is_held(cluster, "a")
        await make(cluster, a_range("wide", "10.77.0.0/16"))

        assert narrow
        assert not is_held(cluster, "a")

    Cluster((controller.CONTROLLER,)).run(scenario)


def test_both_families_of_a_range_must_be_covered() -> None:
    async def scenario(cluster: Cluster) -> None:
        await make(cluster, a_range("a", "10.77.0.0/24", "fd00:77::/112"), an_address("fd00:77::5"))
        await make(cluster, a_range("four", "10.77.0.0/16"))
        await mark_deleted(cluster, "a")
        await cluster.settle(60)

        assert ready(cluster, "a") == controller.HELD

    Cluster((controller.CONTROLLER,)).run(scenario)
