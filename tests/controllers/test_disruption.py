from __future__ import annotations

from typing import Any

import pytest

from fakekube.controllers import disruption
from tests.controllers.clashes import ClashingCluster
from tests.controllers.in_memory import Cluster

BUDGETS = "poddisruptionbudgets.policy"
CONTROLLERS = (disruption.CONTROLLER,)
NUMBERS = ("expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed")


async def a_budget(cluster: Cluster, **spec: Any) -> None:
    selector = {"matchLabels": {"app": "web"}}
    await cluster.create(BUDGETS, {"metadata": metadata("web"), "spec": {"selector": selector, **spec}, "status": {}})


def metadata(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "namespace": "shop", **more}


async def some_pods(cluster: Cluster, count: int, *, ready: int, replicas: int = 3) -> None:
    """Pods `p0`, `p1` ... of a ReplicaSet that wants `replicas`."""
    owner = await cluster.create("replicasets.apps", {"metadata": metadata("rs"), "spec": {"replicas": replicas}})
    reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": owner["metadata"]["uid"]}
    for number in range(count):
        await a_pod(cluster, f"p{number}", number < ready, ownerReferences=[{**reference, "controller": True}])


async def a_pod(cluster: Cluster, name: str, ready: bool, **more: Any) -> None:
    conditions = [{"type": "Ready", "status": str(ready)}]
    pod = {
        "metadata": metadata(name, labels={"app": "web"}, **more),
        "spec": {"nodeName": "n", "containers": [{"name": "c"}]},
        "status": {"phase": "Running", "conditions": conditions},
    }
    await cluster.create("pods", pod)


def status(cluster: Cluster) -> dict[str, Any]:
    budget = cluster.get(BUDGETS, "shop", "web")
    assert budget is not None
    found: dict[str, Any] = budget["status"]
    return found


def numbers(cluster: Cluster) -> tuple[int, ...]:
    return tuple(status(cluster)[each] for each in NUMBERS)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"minAvailable": 1}, (2, 1, 2, 1)),
        ({"minAvailable": 2}, (2, 2, 2, 0)),
        ({"minAvailable": "40%"}, (3, 2, 2, 0)),
        ({"maxUnavailable": 2}, (3, 1, 2, 1)),
        ({"maxUnavailable": "40%"}, (3, 1, 2, 1)),
        ({"maxUnavailable": 5}, (3, 0, 2, 2)),
    ],
)
def test_a_number_counts_pods_and_a_part_counts_what_their_controllers_want(
    spec: dict[str, Any], expected: tuple[int, ...]
) -> None:
    async def scenario(cluster: Cluster) -> None:
        await some_pods(cluster, 2, ready=2)
        await a_budget(cluster, **spec)
        await cluster.settle()
        assert numbers(cluster) == expected
        reason = "SufficientPods" if expected[3] else "InsufficientPods"
        assert [each["reason"] for each in status(cluster)["conditions"]] == [reason]

    Cluster(CONTROLLERS).run(scenario)


def test_a_pod_that_is_about_to_go_is_expected_but_not_healthy() -> None:
    async def scenario(cluster: Cluster) -> None:
        await some_pods(cluster, 2, ready=2)
        await a_budget(cluster, minAvailable=1)
        await cluster.settle()
        await cluster.delete("pods", "shop", "p0")
        await cluster.settle()
        assert numbers(cluster) == (2, 1, 1, 0)

    Cluster(CONTROLLERS).run(scenario)


def test_an_evicted_pod_counts_as_gone_until_it_is_deleted_or_two_minutes_have_passed() -> None:
    async def scenario(cluster: Cluster) -> None:
        await some_pods(cluster, 2, ready=2)
        await a_budget(cluster, minAvailable=1)
        await cluster.settle()
        charged = {
            "disruptionsAllowed": 0,
            "disruptedPods": {"p0": cluster.clock.timestamp(), "gone": "2026-01-01T00:00:00Z"},
        }
        await cluster.patch(BUDGETS, "shop", "web", {"status": charged}, "status")
        await cluster.settle()
        assert numbers(cluster) == (2, 1, 1, 0)
        assert list(status(cluster)["disruptedPods"]) == ["p0"]
        await cluster.settle(121)
        assert numbers(cluster) == (2, 1, 2, 1)
        assert "disruptedPods" not in status(cluster)
        assert "NotDeleted" in {event["reason"] for event in cluster.list("events")}

    Cluster(CONTROLLERS).run(scenario)


def test_pods_without_a_controller_are_told_of() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_pod(cluster, "alone", True)
        await a_budget(cluster, maxUnavailable=1)
        await cluster.settle()
        assert numbers(cluster) == (0, 0, 1, 0)
        event = next(event for event in cluster.list("events") if event["reason"] == "UnmanagedPods")
        assert (
            "(selector: &LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:[]" in event["message"]
        )

    Cluster(CONTROLLERS).run(scenario)


def test_a_controller_without_scale_fails_the_sync() -> None:
    async def scenario(cluster: Cluster) -> None:
        job = await cluster.create("jobs.batch", {"metadata": metadata("j"), "spec": {}})
        reference = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": job["metadata"]["uid"]}
        await a_pod(cluster, "p", True, ownerReferences=[{**reference, "controller": True}])
        await a_budget(cluster, maxUnavailable=1)
        await cluster.settle()
        condition = status(cluster)["conditions"][0]
        assert (condition["reason"], condition["message"]) == (
            "SyncFailed",
            "jobs.batch does not implement the scale subresource",
        )

    Cluster(CONTROLLERS).run(scenario)


def test_a_controller_of_a_kind_that_nobody_knows_fails_the_sync_and_what_was_counted_stays() -> None:
    async def scenario(cluster: Cluster) -> None:
        reference = {"apiVersion": "example.com/v1", "kind": "Foo", "name": "f", "uid": "u", "controller": True}
        await a_pod(cluster, "p", True, ownerReferences=[reference])
        await a_budget(cluster, maxUnavailable=1)
        await cluster.settle()
        condition = status(cluster)["conditions"][0]
        assert condition["message"] == 'no matches for kind "Foo" in version "example.com/v1"'
        assert "observedGeneration" not in status(cluster).keys() | condition.keys()

    Cluster(CONTROLLERS).run(scenario)


@pytest.mark.parametrize("write", range(3))
def test_a_clash_at_any_write_leaves_the_same_status_and_a_second_look_writes_nothing(write: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        assert isinstance(cluster, ClashingCluster)
        await some_pods(cluster, 1, ready=1)
        await a_budget(cluster, minAvailable=1)
        cluster.clash_at = write
        await cluster.settle()
        cluster.clash_at = None
        await a_pod(cluster, "other", True)
        cluster.clash_at = write
        await cluster.settle()
        cluster.clash_at = None
        assert numbers(cluster) == (2, 1, 2, 1)
        assert await cluster.writes_of_a_second_look() == []

    ClashingCluster(CONTROLLERS).run(scenario)
