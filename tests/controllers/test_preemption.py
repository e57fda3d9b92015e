from __future__ import annotations

from typing import Any

import pytest

from fakekube.controllers import scheduler
from tests.controllers.clashes import ClashingCluster
from tests.controllers.in_memory import Cluster
from tests.controllers.test_scheduler import a_node, node_of, scheduled

CONTROLLERS = (scheduler.CONTROLLER,)


def a_pod(name: str, cpu: str = "", labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "c", "resources": {"requests": {"cpu": cpu}} if cpu else {}}
    if "host_port" in spec:
        container["ports"] = [{"containerPort": 1, "hostPort": spec.pop("host_port")}]
    metadata = {"name": name, "namespace": "shop", "labels": labels or {}}
    return {"metadata": metadata, "spec": {"containers": [container], **spec}}


def a_labelled_node(name: str, **labels: str) -> dict[str, Any]:
    node = a_node(name)
    node["metadata"]["labels"] = labels
    return node


def message(cluster: Cluster, name: str) -> str:
    text: str = scheduled(cluster, name)["message"]
    return text


def term(key: str = "zone", **labels: str) -> dict[str, Any]:
    return {"topologyKey": key, "labelSelector": {"matchLabels": labels}}


def required(kind: str, *terms: dict[str, Any]) -> dict[str, Any]:
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}}


async def place(cluster: Cluster, *pods: dict[str, Any]) -> None:
    for pod in pods:
        await cluster.create("pods", pod)
        await cluster.settle()


def test_a_pod_of_higher_priority_drives_the_least_important_away_and_gets_their_node() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", a_node("n", cpu="4"))
        await place(cluster, a_pod("low", "2", priority=0), a_pod("middle", "2", priority=5))
        await place(cluster, a_pod("vip", "2", priority=10))
        vip, low = cluster.get("pods", "shop", "vip"), cluster.get("pods", "shop", "low")
        assert vip is not None
        assert low is not None
        assert vip["status"]["nominatedNodeName"] == "n"
        assert message(cluster, "vip") == "0/1 nodes are available: 1 Insufficient cpu."
        assert low["status"]["conditions"][-1]["reason"] == "PreemptionByScheduler"
        assert "deletionTimestamp" in low["metadata"]
        assert "deletionTimestamp" not in cluster.get("pods", "shop", "middle")["metadata"]  # type: ignore[index]
        events = [event["message"] for event in cluster.list("events") if event["reason"] == "Preempted"]
        assert events == [f"Preempted by pod {vip['metadata']['uid']} on node n"]
        await cluster.delete("pods", "shop", "low", grace_period_seconds=0)
        await cluster.settle()
        assert node_of(cluster, "vip") == "n"

    Cluster(CONTROLLERS).run(scenario)


def test_the_room_that_is_being_made_is_not_to_be_had_by_others() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", a_node("n", cpu="4"))
        await place(cluster, a_pod("low", "4"), a_pod("vip", "4", priority=10), a_pod("late", "4"))
        await cluster.delete("pods", "shop", "low", grace_period_seconds=0)
        await cluster.settle()
        assert (node_of(cluster, "vip"), node_of(cluster, "late")) == ("n", None)

    Cluster(CONTROLLERS).run(scenario)


def test_a_pod_that_never_preempts_says_so() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", a_node("n", cpu="4"))
        await place(cluster, a_pod("low", "4"), a_pod("calm", "4", priority=10, preemptionPolicy="Never"))
        assert message(cluster, "calm").endswith("preemption: not eligible due to preemptionPolicy=Never.")

    Cluster(CONTROLLERS).run(scenario)


@pytest.mark.parametrize(
    ("pod", "reason", "helps"),
    [
        (a_pod("p", host_port=9000), "1 node(s) didn't have free ports for the requested pod ports", True),
        (
            a_pod("p", **required("podAntiAffinity", term(app="db"))),
            "1 node(s) didn't match pod anti-affinity rules",
            True,
        ),
        (a_pod("p", **required("podAffinity", term(app="none"))), "1 node(s) didn't match pod affinity rules", False),
        (
            a_pod("p", labels={"app": "shunned"}),
            "1 node(s) didn't satisfy existing pods anti-affinity rules",
            True,
        ),
        (
            a_pod(
                "p", topologySpreadConstraints=[{"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", **term("room")}]
            ),
            "1 node(s) didn't match pod topology spread constraints (missing required label)",
            False,
        ),
    ],
)
def test_other_pods_may_keep_a_pod_from_a_node(pod: dict[str, Any], reason: str, helps: bool) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", a_labelled_node("n", zone="a"))
        away = required("podAntiAffinity", term(app="shunned"))
        await place(cluster, a_pod("db", labels={"app": "db"}, host_port=9000, **away))
        await place(cluster, pod)
        preemption = (
            "No preemption victims found for incoming pod" if helps else "Preemption is not helpful for scheduling"
        )
        assert message(cluster, "p") == (
            f"0/1 nodes are available: {reason}. no new claims to deallocate, "
            f"preemption: 0/1 nodes are available: 1 {preemption}."
        )

    Cluster(CONTROLLERS).run(scenario)


def test_pods_are_spread_over_domains_as_evenly_as_they_ask() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", a_labelled_node("n", zone="a"))
        await cluster.create("nodes", {**a_labelled_node("m", zone="b"), "spec": {"unschedulable": True}})
        constraint = {"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", **term(app="x")}
        for name in ("p", "q"):
            await place(cluster, a_pod(name, labels={"app": "x"}, topologySpreadConstraints=[constraint]))
        assert node_of(cluster, "p") == "n"
        assert "1 node(s) didn't match pod topology spread constraints" in message(cluster, "q")
        await cluster.patch("nodes", "", "m", {"spec": {"unschedulable": None}})
        await cluster.settle()
        assert node_of(cluster, "q") == "m"

    Cluster(CONTROLLERS).run(scenario)


def test_a_pod_follows_those_it_wants_to_be_near_and_the_first_of_its_kind_goes_anywhere() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", a_labelled_node("n", zone="a"))
        await cluster.create("nodes", a_labelled_node("m", zone="b"))
        near = required("podAffinity", term(app="x"))
        for name in ("p", "q", "r"):
            await place(cluster, a_pod(name, labels={"app": "x"}, **near))
        assert len({node_of(cluster, name) for name in ("p", "q", "r")} - {None}) == 1

    Cluster(CONTROLLERS).run(scenario)


@pytest.mark.parametrize("write", range(5))
def test_a_clash_at_any_write_leaves_the_same_nodes_and_a_second_look_writes_nothing(write: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        assert isinstance(cluster, ClashingCluster)
        await cluster.create("nodes", a_node("n", cpu="4"))
        await place(cluster, a_pod("low", "4"))
        cluster.clash_at = write + 1  # the first one is the test's
        await place(cluster, a_pod("vip", "4", priority=10))
        cluster.clash_at = None
        assert "deletionTimestamp" in cluster.get("pods", "shop", "low")["metadata"]  # type: ignore[index]
        assert await cluster.writes_of_a_second_look() == []
        await cluster.delete("pods", "shop", "low", grace_period_seconds=0)
        await cluster.settle()
        assert node_of(cluster, "vip") == "n"

    ClashingCluster(CONTROLLERS).run(scenario)


async def a_budget(cluster: Cluster, name: str, allowed: int, selector: dict[str, Any], **status: Any) -> None:
    budget = {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"minAvailable": 1, "selector": selector},
        "status": {"disruptionsAllowed": allowed, **status},
    }
    await cluster.create("poddisruptionbudgets.policy", budget)


def leaving(cluster: Cluster) -> list[str]:
    return [pod["metadata"]["name"] for pod in cluster.list("pods") if "deletionTimestamp" in pod["metadata"]]


def test_pods_that_a_budget_keeps_stay_where_others_can_go() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", a_node("n", cpu="4"))
        await a_budget(cluster, "b", 0, {"matchLabels": {"app": "kept"}})
        await place(cluster, a_pod("kept", "2", {"app": "kept"}), a_pod("other", "2", priority=5))
        await place(cluster, a_pod("vip", "2", priority=10))
        assert leaving(cluster) == ["other"]

    Cluster(CONTROLLERS).run(scenario)


def test_the_node_on_which_no_budget_is_broken_is_chosen() -> None:
    async def scenario(cluster: Cluster) -> None:
        for name in ("a", "b"):
            await cluster.create("nodes", a_node(name, cpu="2"))
        await a_budget(cluster, "budget", 0, {"matchLabels": {"app": "kept"}})
        await place(cluster, a_pod("kept", "2", {"app": "kept"}), a_pod("other", "2", priority=5))
        await place(cluster, a_pod("vip", "2", priority=10))
        assert leaving(cluster) == ["other"]

    Cluster(CONTROLLERS).run(scenario)


@pytest.mark.parametrize(
    ("allowed", "selector", "disrupted", "gone"),
    [
        pytest.param(
            1, {"matchLabels": {"app": "kept"}}, {}, ["more"], id="one may go: the more important one is asked first"
        ),
        pytest.param(0, {}, {}, ["less"], id="an empty selector is none for the scheduler"),
        pytest.param(
            0, {"matchLabels": {"app": "kept"}}, {"less": "2026-01-02T03:04:05Z"}, ["less"], id="it goes already"
        ),
    ],
)
def test_what_a_budget_says_to_preemption(
    allowed: int, selector: dict[str, Any], disrupted: dict[str, str], gone: list[str]
) -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", a_node("n", cpu="4"))
        await a_budget(cluster, "b", allowed, selector, disruptedPods=disrupted)
        await place(cluster, a_pod("more", "2", {"app": "kept"}, priority=5), a_pod("less", "2", {"app": "kept"}))
        await place(cluster, a_pod("vip", "2", priority=10))
        assert leaving(cluster) == gone

    Cluster(CONTROLLERS).run(scenario)


def test_a_budget_that_must_be_broken_is_broken() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", a_node("n", cpu="2"))
        await a_budget(cluster, "b", 0, {"matchLabels": {"app": "kept"}})
        await place(cluster, a_pod("kept", "2", {"app": "kept"}), a_pod("vip", "2", priority=10))
        assert leaving(cluster) == ["kept"]

    Cluster(CONTROLLERS).run(scenario)
