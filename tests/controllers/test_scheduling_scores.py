"""Which of the nodes that a pod fits on it gets."""

from __future__ import annotations

from typing import Any

from fakekube.controllers import scheduler
from fakekube.controllers.loop import Settings
from tests.controllers.in_memory import Cluster
from tests.controllers.test_scheduler import node_of

GIGABYTE = 1024**3


def a_node(name: str, cpu: str = "4", memory: str = "8Gi", images: list[Any] | None = None, **labels: str) -> Any:
    status = {
        "allocatable": {"cpu": cpu, "memory": memory, "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True"}],
        "images": images or [],
    }
    return {"metadata": {"name": name, "labels": labels}, "spec": {}, "status": status}


def a_pod(
    name: str, cpu: str = "", memory: str = "", owner: str = "", labels: dict[str, str] | None = None, **spec: Any
) -> Any:
    asked = {resource: amount for resource, amount in (("cpu", cpu), ("memory", memory)) if amount}
    metadata: dict[str, Any] = {"name": name, "namespace": "shop", "labels": labels or {}}
    if owner:
        reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": owner, "controller": True}
        metadata["ownerReferences"] = [reference]
    containers = [{"name": "c", "image": "app", "resources": {"requests": asked}}]
    return {"metadata": metadata, "spec": {"containers": containers, **spec}}


def chosen(nodes: list[Any], pods: list[Any], settings: Settings | None = None) -> dict[str, str | None]:
    """Where the pods are placed, one after the other."""
    places: dict[str, str | None] = {}

    async def scenario(cluster: Cluster) -> None:
        for node in nodes:
            await cluster.create("nodes", node)
        await cluster.settle()
        for pod in pods:
            await cluster.create("pods", pod)
            await cluster.settle()
        places.update({pod["metadata"]["name"]: node_of(cluster, pod["metadata"]["name"]) for pod in pods})

    Cluster((scheduler.CONTROLLER,), settings or Settings()).run(scenario)
    return places


def preferred(kind: str, *terms: Any) -> dict[str, Any]:
    return {"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": list(terms)}}}


def about_pods(weight: int, **labels: str) -> dict[str, Any]:
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": labels}}
    return {"weight": weight, "podAffinityTerm": term}


def test_the_node_with_the_most_room_gets_the_pod() -> None:
    nodes = [a_node("a", cpu="4"), a_node("b", cpu="16")]
    assert chosen(nodes, [a_pod("p", cpu="2")]) == {"p": "b"}


def test_a_pod_on_a_large_node_leaves_more_room_than_one_on_a_small_node() -> None:
    nodes = [a_node("a", cpu="2", memory="2Gi"), a_node("b", cpu="32", memory="64Gi")]
    pods = [a_pod(f"p{number}", cpu="100m", memory="100Mi") for number in range(3)]
    assert set(chosen(nodes, pods).values()) == {"b"}


def test_processors_and_memory_are_used_alike() -> None:
    nodes = [a_node("a", cpu="10", memory="10Gi"), a_node("b", cpu="10", memory="10Gi")]
    pods = [
        a_pod("much-memory", memory="5Gi", cpu="1"),
        a_pod("much-cpu", memory="1Gi", cpu="5"),
        a_pod("next", memory="1Gi", cpu="4"),
    ]
    places = chosen(nodes, pods)
    assert places["much-memory"] != places["much-cpu"]
    assert places["next"] == places["much-memory"]


def test_pods_that_ask_for_nothing_are_spread_as_well() -> None:
    places = chosen([a_node("a"), a_node("b")], [a_pod(f"p{number}") for number in range(4)])
    assert sorted(str(node) for node in places.values()) == ["a", "a", "b", "b"]


def test_pods_of_one_controller_are_spread_over_nodes_before_room_counts() -> None:
    nodes = [a_node("a", cpu="2"), a_node("b", cpu="64")]
    places = chosen(nodes, [a_pod(f"p{number}", cpu="100m", owner="web") for number in range(4)])
    assert sorted(str(node) for node in places.values()) == ["a", "a", "b", "b"]


def test_pods_of_one_controller_are_spread_over_zones() -> None:
    zone = "topology.kubernetes.io/zone"
    nodes = [a_node(name) for name in ("a", "b", "c")]
    for node, value in zip(nodes, ("1", "1", "2"), strict=True):
        node["metadata"]["labels"][zone] = value
    places = chosen(nodes, [a_pod(f"p{number}", owner="web") for number in range(2)])
    assert "c" in places.values()


def test_a_taint_that_only_advises_is_heeded_where_there_is_another_node() -> None:
    advised = a_node("a", cpu="64")
    advised["spec"]["taints"] = [{"key": "spot", "value": "yes", "effect": "PreferNoSchedule"}]
    assert chosen([advised, a_node("b")], [a_pod("p")]) == {"p": "b"}
    assert chosen([advised], [a_pod("p")]) == {"p": "a"}
    tolerant = a_pod("p", tolerations=[{"key": "spot", "operator": "Exists"}])
    assert chosen([advised, a_node("b")], [tolerant]) == {"p": "a"}


def test_the_dearest_node_that_a_pod_fits_on_is_chosen() -> None:
    terms = [
        {"weight": weight, "preference": {"matchExpressions": [{"key": "disk", "operator": "In", "values": [disk]}]}}
        for weight, disk in ((80, "nvme"), (20, "ssd"))
    ]
    nodes = [a_node("a"), a_node("b", disk="ssd"), a_node("c", disk="nvme", cpu="1")]
    pods = [a_pod(name, cpu="600m", **preferred("nodeAffinity", *terms)) for name in ("first", "second")]
    assert chosen(nodes, pods) == {"first": "c", "second": "b"}


def test_pods_are_placed_near_those_they_would_like_to_be_near() -> None:
    nodes = [a_node("a", zone="1"), a_node("b", zone="2"), a_node("c", zone="2", cpu="64")]
    pods = [
        a_pod("cache", labels={"app": "cache"}, nodeSelector={"zone": "1"}),
        a_pod("web", **preferred("podAffinity", about_pods(100, app="cache"))),
    ]
    assert chosen(nodes, pods)["web"] == "a"


def test_pods_are_placed_away_from_those_they_would_rather_not_meet() -> None:
    nodes = [a_node("a", zone="1", cpu="64"), a_node("b", zone="2")]
    pods = [
        a_pod(name, labels={"app": "web"}, **preferred("podAntiAffinity", about_pods(100, app="web")))
        for name in ("first", "second")
    ]
    assert chosen(nodes, pods) == {"first": "a", "second": "b"}


def test_what_a_pod_that_is_there_would_like_counts_for_those_that_come() -> None:
    nodes = [a_node("a", zone="1", cpu="64"), a_node("b", zone="2")]
    pods = [
        a_pod("shy", **preferred("podAntiAffinity", about_pods(100, app="web"))),
        a_pod("web", labels={"app": "web"}),
    ]
    assert chosen(nodes, pods) == {"shy": "a", "web": "b"}


def test_constraints_that_need_not_hold_spread_pods_as_far_as_they_can() -> None:
    constraint = {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    nodes = [a_node("a", zone="1", cpu="64"), a_node("b", zone="2", cpu="1")]
    pods = [
        a_pod(f"p{number}", cpu="400m", labels={"app": "web"}, topologySpreadConstraints=[constraint])
        for number in range(6)
    ]
    places = chosen(nodes, pods)
    assert sorted(str(node) for node in places.values()) == ["a"] * 4 + ["b"] * 2  # there is room for no more on b


def test_a_node_that_has_the_image_already_is_better_than_one_that_has_not() -> None:
    images = [{"names": ["app:latest"], "sizeBytes": GIGABYTE}]
    assert chosen([a_node("a"), a_node("b", images=images)], [a_pod("p")]) == {"p": "b"}


def test_nodes_of_our_own_come_first_whatever_they_score() -> None:
    nodes = [a_node("a", cpu="64"), a_node("ours", cpu="1")]
    assert chosen(nodes, [a_pod("p")], Settings(nodes=("ours",))) == {"p": "ours"}
