from __future__ import annotations

from typing import Any

import pytest

from fakekube.controllers import daemon_set
from fakekube.controllers.daemon_set import daemon_tolerations, node_of
from tests.controllers.in_memory import Cluster, Object, named
from tests.controllers.workloads import (
    MAKES_READY,
    NAMESPACE,
    change,
    events,
    found,
    images,
    make_ready,
    template,
    workload,
)

SETS = "daemonsets.apps"
CONTROLLERS = (daemon_set.CONTROLLER,)
WITH_KUBELET = (*CONTROLLERS, MAKES_READY)
GENERATION = "deprecated.daemonset.template.generation"


def a_set(surge: int | str = 0, unavailable: int | str = 1, **spec: Any) -> Object:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    manifest = workload("agent", **{"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling}, **spec})
    manifest["metadata"]["annotations"] = {GENERATION: "1"}
    return manifest


async def a_node(cluster: Cluster, name: str, *, labels: dict[str, str] | None = None, **spec: Any) -> None:
    await cluster.create("nodes", {"metadata": {"name": name, "labels": labels or {}}, "spec": spec})
    await cluster.settle()


async def create(cluster: Cluster, *nodes: str, **spec: Any) -> None:
    for name in nodes:
        await a_node(cluster, name)
    await cluster.create(SETS, a_set(**spec))
    await cluster.settle()


async def update(cluster: Cluster, image: str) -> None:
    """Another template, and the number that the API server would give it."""
    number = int(found(cluster, SETS, "agent")["metadata"]["annotations"][GENERATION]) + 1
    patch = {"metadata": {"annotations": {GENERATION: str(number)}}, "spec": {"template": template(image)}}
    await cluster.patch(SETS, NAMESPACE, "agent", patch)
    await cluster.settle()


def nodes_with_pods(cluster: Cluster) -> list[str]:
    return sorted(node_of(pod) for pod in cluster.list("pods"))


def status(cluster: Cluster) -> Object:
    return found(cluster, SETS, "agent")["status"]  # type: ignore[no-any-return]


def test_that_a_node_is_gone_is_told_when_its_pod_is() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "a", "b")
        await cluster.delete("nodes", "", "a")
        await cluster.settle()
        assert status(cluster)["desiredNumberScheduled"] == 2
        (lost,) = [pod["metadata"]["name"] for pod in cluster.list("pods") if node_of(pod) == "a"]
        await cluster.delete("pods", NAMESPACE, lost, grace_period_seconds=0)
        await cluster.settle()
        assert status(cluster)["desiredNumberScheduled"] == 1

    Cluster(CONTROLLERS).run(scenario)


def test_each_node_gets_a_pod_that_no_other_node_takes() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "a", "b")
        await a_node(cluster, "c")
        assert nodes_with_pods(cluster) == ["a", "b", "c"]
        pod = cluster.list("pods")[0]
        assert pod["metadata"]["labels"]["pod-template-generation"] == "1"
        assert status(cluster) == {
            "currentNumberScheduled": 3,
            "numberMisscheduled": 0,
            "desiredNumberScheduled": 3,
            "numberReady": 0,
            "observedGeneration": 1,
            "updatedNumberScheduled": 3,
            "numberUnavailable": 3,
        }
        await make_ready(cluster, *named(cluster.list("pods")))
        assert (status(cluster)["numberAvailable"], status(cluster).get("numberUnavailable")) == (3, None)

    Cluster(CONTROLLERS).run(scenario)


def test_the_tolerations_of_daemon_pods_follow_those_of_the_template() -> None:
    mine = {"key": "dedicated", "operator": "Exists"}

    added = daemon_tolerations({"tolerations": [mine], "hostNetwork": True})

    assert added[0] == mine
    assert [(each["key"].removeprefix("node.kubernetes.io/"), each["effect"]) for each in added[1:]] == [
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
        ("network-unavailable", "NoSchedule"),
    ]
    assert len(daemon_tolerations({})) == 6


@pytest.mark.parametrize(
    ("spec", "may_come", "may_stay"),
    [
        ({}, True, True),
        ({"unschedulable": True}, True, True),
        ({"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]}, True, True),
        ({"taints": [{"key": "dedicated", "effect": "PreferNoSchedule"}]}, True, True),
        ({"taints": [{"key": "dedicated", "effect": "NoSchedule"}]}, False, True),
        ({"taints": [{"key": "dedicated", "effect": "NoExecute"}]}, False, False),
    ],
)
def test_taints_keep_daemon_pods_away_and_those_without_execution_drive_them_out(
    spec: Object, may_come: bool, may_stay: bool
) -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_node(cluster, "tainted", **spec)
        await create(cluster, "plain")
        assert ("tainted" in nodes_with_pods(cluster)) is may_come
        await cluster.patch("nodes", "", "plain", {"spec": spec})
        await cluster.settle()
        assert ("plain" in nodes_with_pods(cluster)) is may_stay

    Cluster(CONTROLLERS).run(scenario)


def test_a_node_that_no_longer_fits_the_selector_loses_its_pod() -> None:
    async def scenario(cluster: Cluster) -> None:
        await a_node(cluster, "a", labels={"disk": "ssd"})
        spec = {**template()["spec"], "nodeSelector": {"disk": "ssd"}}
        await create(cluster, "b", template={**template(), "spec": spec})
        assert nodes_with_pods(cluster) == ["a"]
        await cluster.patch("nodes", "", "a", {"metadata": {"labels": {"disk": None}}})
        await cluster.settle()
        assert nodes_with_pods(cluster) == []
        assert events(cluster)[-1].startswith("SuccessfulDelete Deleted pod: agent-")

    Cluster(CONTROLLERS).run(scenario)


def test_a_failed_pod_is_replaced_at_once_the_first_time_and_later_after_a_pause() -> None:
    async def fail(cluster: Cluster) -> str:
        (name,) = named(cluster.list("pods"))
        await cluster.patch("pods", NAMESPACE, name, {"status": {"phase": "Failed"}}, "status")
        await cluster.settle()
        return name

    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "a")
        first = await fail(cluster)
        text = f"Found failed daemon pod {NAMESPACE}/{first} on node a, will try to kill it"
        assert f"FailedDaemonPod {text}" in events(cluster)
        second = await fail(cluster)
        assert named(cluster.list("pods")) == [second]
        await cluster.settle(1)
        assert named(cluster.list("pods")) != [second]

    Cluster(CONTROLLERS).run(scenario)


def test_available_pods_are_replaced_while_no_more_than_allowed_are_missing() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "a", "b", "c")
        await make_ready(cluster, *named(cluster.list("pods")))
        await update(cluster, "x:2")
        assert sorted(images(cluster)) == ["x:1", "x:1", "x:2"]
        new = named(pod for pod in cluster.list("pods") if pod["spec"]["containers"][0]["image"] == "x:2")
        await make_ready(cluster, *new)
        assert sorted(images(cluster)) == ["x:1", "x:2", "x:2"]

    Cluster(CONTROLLERS).run(scenario)


def test_pods_that_are_not_available_are_replaced_at_once() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "a", "b", "c")
        await update(cluster, "x:2")
        assert images(cluster) == ["x:2"] * 3

    Cluster(CONTROLLERS).run(scenario)


def test_with_a_surge_the_new_pod_comes_first_and_the_old_one_goes_when_it_is_available() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "a", "b", surge=1, unavailable=0)
        await make_ready(cluster, *named(cluster.list("pods")))
        await update(cluster, "x:2")
        assert sorted(images(cluster)) == ["x:1", "x:1", "x:2"]
        new = named(pod for pod in cluster.list("pods") if pod["spec"]["containers"][0]["image"] == "x:2")
        await make_ready(cluster, *new)
        assert sorted(images(cluster)) == ["x:1", "x:2", "x:2"]

    Cluster(CONTROLLERS).run(scenario)


def test_a_surge_in_percent_is_of_the_nodes_that_should_have_a_pod() -> None:
    async def scenario(cluster: Cluster) -> None:
        for name in ("a", "b", "c", "d"):
            await a_node(cluster, name, labels={"run": "yes"} if name in "ab" else {})
        pod = template()
        pod["spec"]["nodeSelector"] = {"run": "yes"}
        await create(cluster, surge="50%", unavailable=0, template=pod)
        await make_ready(cluster, *named(cluster.list("pods")))
        changed = template("x:2")
        changed["spec"]["nodeSelector"] = {"run": "yes"}
        patch = {"metadata": {"annotations": {GENERATION: "2"}}, "spec": {"template": changed}}
        await cluster.patch(SETS, NAMESPACE, "agent", patch)
        await cluster.settle()
        assert sorted(images(cluster)) == ["x:1", "x:1", "x:2"]

    Cluster(CONTROLLERS).run(scenario)


@pytest.mark.parametrize("amounts", [{"surge": 0, "unavailable": "50%"}, {"surge": 1, "unavailable": 0}])
def test_an_update_comes_to_an_end(amounts: dict[str, Any]) -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "a", "b", "c", **amounts)
        await update(cluster, "x:2")
        assert images(cluster) == ["x:2"] * 3
        assert status(cluster)["updatedNumberScheduled"] == status(cluster)["numberAvailable"] == 3

    Cluster(WITH_KUBELET).run(scenario)


def test_on_delete_only_what_somebody_deletes_is_replaced() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "a", "b", updateStrategy={"type": "OnDelete"})
        await update(cluster, "x:2")
        assert images(cluster) == ["x:1", "x:1"]
        await cluster.delete("pods", NAMESPACE, named(cluster.list("pods"))[0], grace_period_seconds=0)
        await cluster.settle()
        assert sorted(images(cluster)) == ["x:1", "x:2"]

    Cluster(WITH_KUBELET).run(scenario)


def test_old_revisions_are_kept_as_many_as_are_to_be_remembered() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, "a", revisionHistoryLimit=1)
        for image in ("x:2", "x:3", "x:4"):
            await update(cluster, image)
        assert sorted(each["revision"] for each in cluster.list("controllerrevisions.apps")) == [3, 4]
        await change(cluster, SETS, "agent", minReadySeconds=5)
        assert status(cluster).get("numberAvailable") is None
        await cluster.settle(5)
        assert status(cluster)["numberAvailable"] == 1

    Cluster(WITH_KUBELET).run(scenario)
