from __future__ import annotations

from typing import Any

from fakekube.controllers import resource_quota
from tests.controllers.in_memory import Cluster, Object
from tests.controllers.workloads import NAMESPACE, found

QUOTAS = "resourcequotas"
CONTROLLERS = (resource_quota.CONTROLLER,)


async def create(cluster: Cluster, hard: dict[str, str], **spec: Any) -> None:
    await cluster.create(QUOTAS, {"metadata": {"name": "q", "namespace": NAMESPACE}, "spec": {"hard": hard, **spec}})
    await cluster.settle()


async def a_pod(cluster: Cluster, name: str, cpu: str = "300m") -> None:
    container = {"name": "c", "resources": {"requests": {"cpu": cpu}}}
    await cluster.create(
        "pods", {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"containers": [container]}}
    )
    await cluster.settle()


def status(cluster: Cluster) -> Object:
    return found(cluster, QUOTAS, "q")["status"]  # type: ignore[no-any-return]


def used(cluster: Cluster) -> dict[str, str]:
    return status(cluster)["used"]  # type: ignore[no-any-return]


def test_what_is_there_is_counted_and_of_what_nobody_knows_nothing_is_told() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_pod(cluster, "a")
        hard = {"pods": "2", "requests.cpu": "1", "count/deployments.apps": "1", "count/widgets.example.com": "1"}
        await create(cluster, hard)
        assert status(cluster) == {
            "hard": hard,
            "used": {
                "pods": "1",
                "requests.cpu": "300m",
                "count/deployments.apps": "0",
            },
        }

    Cluster(CONTROLLERS).run(scenario)


def test_what_comes_goes_or_ends_is_counted_at_once() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, {"pods": "5", "cpu": "1", "count/pods": "5"})
        await a_pod(cluster, "a")
        await a_pod(cluster, "b", "1")
        assert used(cluster) == {"pods": "2", "cpu": "1300m", "count/pods": "2"}
        await cluster.patch("pods", NAMESPACE, "a", {"status": {"phase": "Failed"}}, "status")
        await cluster.settle()
        assert used(cluster) == {"pods": "1", "cpu": "1", "count/pods": "2"}
        await cluster.delete("pods", NAMESPACE, "b")
        await cluster.settle()
        assert used(cluster) == {"pods": "0", "cpu": "0", "count/pods": "1"}

    Cluster(CONTROLLERS).run(scenario)


def test_another_spec_is_counted_anew() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_pod(cluster, "a")
        await create(cluster, {"pods": "2"})
        await cluster.patch(QUOTAS, NAMESPACE, "q", {"spec": {"hard": {"pods": None, "cpu": "1"}}})
        await cluster.settle()
        assert status(cluster) == {"hard": {"cpu": "1"}, "used": {"cpu": "300m"}}

    Cluster(CONTROLLERS).run(scenario)


def test_only_what_is_in_scope_counts() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_pod(cluster, "a")
        await create(cluster, {"pods": "2"}, scopes=["BestEffort"])
        assert used(cluster) == {"pods": "0"}

    Cluster(CONTROLLERS).run(scenario)


def test_a_change_costs_as_much_as_one_object_whatever_else_is_there() -> None:
    looked_at: list[str] = []

    class Watched(Cluster):
        def list(self, resource: str, *arguments: Any, **options: Any) -> list[Object]:
            looked_at.append(resource)
            return super().list(resource, *arguments, **options)

    async def scenario(cluster: Cluster) -> None:
        await create(cluster, {"pods": "5"})
        await a_pod(cluster, "a")
        looked_at.clear()
        await a_pod(cluster, "b")
        assert set(looked_at) == {QUOTAS}
        assert used(cluster) == {"pods": "2"}

    Watched(CONTROLLERS).run(scenario)
