from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from fakekube.controllers import endpoint_slice, endpoint_slice_mirroring, endpoints
from fakekube.controllers.endpoints import Port, port_rank, port_rank_in_slices
from tests.controllers.clashes import ClashingCluster
from tests.controllers.in_memory import Cluster

CONTROLLERS = (endpoints.CONTROLLER, endpoint_slice.CONTROLLER, endpoint_slice_mirroring.CONTROLLER)
SLICES = "endpointslices.discovery.k8s.io"


def a_service(**spec: Any) -> dict[str, Any]:
    defaults = {"clusterIP": "10.96.0.9", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "main"}]}
    return {"metadata": {"name": "web", "namespace": "shop", "labels": {"team": "a"}}, "spec": {**defaults, **spec}}


def a_pod(name: str, ip: str, *, ready: str = "True", port: int = 8080, **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "ports": [{"name": "main", "containerPort": port, "protocol": "TCP"}]}
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": "web"}},
        "spec": {"nodeName": "n", "containers": [container], **spec},
        "status": {
            "phase": "Running",
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


def on_a_node(
    scenario: Callable[[Cluster], Coroutine[Any, Any, None]],
) -> Callable[[Cluster], Coroutine[Any, Any, None]]:
    """The scenario in a cluster that has the node of its pods."""

    async def prepared(cluster: Cluster) -> None:
        await cluster.create("nodes", {"metadata": {"name": "n"}})
        await scenario(cluster)

    return prepared


def subsets(cluster: Cluster, name: str = "web") -> list[tuple[list[str], list[str], list[int]]]:
    found = cluster.get("endpoints", "shop", name)
    assert found is not None
    return [
        (
            [address["ip"] for address in each.get("addresses", [])],
            [address["ip"] for address in each.get("notReadyAddresses", [])],
            [port["port"] for port in each.get("ports", [])],
        )
        for each in found.get("subsets") or []
    ]


def slices(cluster: Cluster) -> list[list[str]]:
    return sorted(
        [endpoint["addresses"][0] for endpoint in each.get("endpoints") or []] for each in cluster.list(SLICES)
    )


def the_endpoint(cluster: Cluster) -> dict[str, Any]:
    endpoint: dict[str, Any] = cluster.list(SLICES)[0]["endpoints"][0]
    return endpoint


def test_a_service_without_pods_has_empty_endpoints_and_one_empty_slice() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("services", a_service())
        await cluster.settle()
        made, slice = cluster.get("endpoints", "shop", "web"), cluster.list(SLICES)[0]
        assert made is not None
        assert made["metadata"]["labels"] == {"team": "a", "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
        assert slice["metadata"]["labels"] == {
            "team": "a",
            "kubernetes.io/service-name": "web",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        }
        assert (slice["endpoints"], slice["ports"], slice["addressType"]) == (None, None, "IPv4")

    Cluster(CONTROLLERS).run(scenario)


def test_ready_pods_and_others_stand_apart_and_each_port_with_those_that_have_it() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("services", a_service())
        await cluster.create("pods", a_pod("a", "10.0.0.1"))
        await cluster.create("pods", a_pod("b", "10.0.0.2", ready="False"))
        await cluster.create("pods", a_pod("c", "10.0.0.3", port=9090))
        await cluster.settle()
        assert sorted(subsets(cluster)) == [(["10.0.0.1"], ["10.0.0.2"], [8080]), (["10.0.0.3"], [], [9090])]
        assert slices(cluster) == [["10.0.0.1", "10.0.0.2"], ["10.0.0.3"]]

    Cluster(CONTROLLERS).run(on_a_node(scenario))


def test_a_terminating_pod_leaves_the_endpoints_and_still_serves_in_its_slice() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("services", a_service())
        await cluster.create("pods", a_pod("a", "10.0.0.1"))
        await cluster.settle()
        await cluster.delete("pods", "shop", "a")
        await cluster.settle()
        assert subsets(cluster) == []
        assert the_endpoint(cluster)["conditions"] == {"ready": False, "serving": True, "terminating": True}
        await cluster.delete("pods", "shop", "a", grace_period_seconds=0)
        await cluster.settle()
        assert slices(cluster) == [[]]

    Cluster(CONTROLLERS).run(on_a_node(scenario))


def test_a_headless_service_lists_hostnames_and_publishes_who_is_not_ready_if_told_to() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("services", a_service(clusterIP="None", ports=[], publishNotReadyAddresses=True))
        await cluster.create("pods", a_pod("a", "10.0.0.1", ready="False", hostname="a", subdomain="web"))
        await cluster.settle()
        assert subsets(cluster) == [(["10.0.0.1"], [], [])]
        assert the_endpoint(cluster)["hostname"] == "a"
        assert the_endpoint(cluster)["conditions"] == {"ready": True, "serving": False, "terminating": False}
        assert "service.kubernetes.io/headless" in cluster.list(SLICES)[0]["metadata"]["labels"]

    Cluster(CONTROLLERS).run(scenario)


def test_a_pod_whose_labels_change_goes_to_another_service() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("services", a_service())
        await cluster.create("services", {**a_service(selector={"app": "db"}), "metadata": named("db")})
        await cluster.create("pods", a_pod("a", "10.0.0.1"))
        await cluster.settle()
        await cluster.patch("pods", "shop", "a", {"metadata": {"labels": {"app": "db"}}})
        await cluster.settle()
        assert subsets(cluster) == []
        assert subsets(cluster, "db") == [(["10.0.0.1"], [], [8080])]

    Cluster(CONTROLLERS).run(scenario)


def named(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": "shop"}


def test_the_zone_of_an_endpoint_is_that_of_its_node() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("nodes", {"metadata": {"name": "n", "labels": {"topology.kubernetes.io/zone": "z"}}})
        await cluster.create("services", a_service(trafficDistribution="PreferClose"))
        await cluster.create("pods", a_pod("a", "10.0.0.1"))
        await cluster.settle()
        assert the_endpoint(cluster)["zone"] == "z"
        assert the_endpoint(cluster)["hints"] == {"forZones": [{"name": "z"}]}

    Cluster(CONTROLLERS).run(scenario)


def test_a_pod_on_no_node_is_in_no_slice_until_the_node_comes_unless_everybody_is_published() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("services", a_service())
        await cluster.create("pods", a_pod("a", "10.0.0.1"))
        await cluster.settle()
        assert slices(cluster) == [[]]
        text = (
            "Error updating Endpoint Slices for Service shop/web: skipping Pod a for Service shop/web: Node n Not Found"
        )
        assert [each["message"] for each in cluster.list("events")] == [text]
        await cluster.patch("services", "shop", "web", {"spec": {"publishNotReadyAddresses": True}})
        await cluster.settle()
        assert slices(cluster) == [["10.0.0.1"]]
        await cluster.patch("services", "shop", "web", {"spec": {"publishNotReadyAddresses": None}})
        await cluster.settle()
        assert slices(cluster) == [[]]
        await cluster.create("nodes", {"metadata": {"name": "n"}})
        await cluster.settle()
        assert slices(cluster) == [["10.0.0.1"]]

    Cluster(CONTROLLERS).run(scenario)


@pytest.mark.parametrize(
    ("rank", "expected"),
    [
        (port_rank, [("n", 9090, "TCP", "kubernetes.io/h2c"), ("w", 8080, "TCP", ""), ("d", 53, "UDP", "")]),
        (port_rank_in_slices, [("d", 53, "UDP", ""), ("n", 9090, "TCP", "kubernetes.io/h2c"), ("w", 8080, "TCP", "")]),
    ],
)
def test_ports_stand_in_the_order_of_a_hash(rank: Callable[[Port], int], expected: list[Port]) -> None:
    assert sorted(sorted(expected), key=rank) == expected


def test_a_mirrored_slice_becomes_another_when_its_ports_change() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("services", {"metadata": {"name": "web", "namespace": "shop"}, "spec": {}})
        subset = {"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}
        await cluster.create("endpoints", {"metadata": {"name": "web", "namespace": "shop"}, "subsets": [subset]})
        await cluster.settle()
        before = cluster.list(SLICES)[0]["metadata"]["uid"]
        await cluster.patch("endpoints", "shop", "web", {"subsets": [{"addresses": [{"ip": "192.0.2.1"}]}]})
        await cluster.settle()
        (after,) = cluster.list(SLICES)
        assert (after["metadata"]["uid"], after["ports"]) == (before, None)

    Cluster(CONTROLLERS).run(scenario)


def test_a_service_that_finds_others_now_tells_of_their_changes_alone() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("services", a_service())
        await cluster.settle()
        assert "annotations" in cluster.list("endpoints")[0]["metadata"]
        await cluster.create("pods", a_pod("a", "10.0.0.1"))
        await cluster.settle()
        await cluster.patch("services", "shop", "web", {"spec": {"selector": {"app": "other"}}})
        await cluster.settle()
        assert cluster.list("endpoints")[0]["metadata"]["annotations"] == {}

    Cluster(CONTROLLERS).run(on_a_node(scenario))


def test_slices_hold_a_hundred_endpoints_and_stay_when_one_of_them_goes() -> None:
    async def scenario(cluster: Cluster) -> None:
        for number in range(150):
            await cluster.create("pods", a_pod(f"p{number:03}", f"10.0.0.{number}"))
        await cluster.create("services", a_service())
        await cluster.settle(1)
        assert sorted(map(len, slices(cluster))) == [50, 100]
        writes = len(cluster.writes)
        await cluster.delete("pods", "shop", "p000", grace_period_seconds=0)
        await cluster.settle(1)
        assert sorted(map(len, slices(cluster))) == [50, 99]
        of_slices = [verb for verb, resource, _ in cluster.writes[writes:] if resource == SLICES]
        assert of_slices == ["update"]

    Cluster(CONTROLLERS).run(on_a_node(scenario))


def test_endpoints_that_somebody_writes_for_a_service_without_selector_are_mirrored() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("services", a_service(selector=None))
        address, other = {"ip": "203.0.113.1", "hostname": "h"}, {"ip": "203.0.113.2"}
        one = {"addresses": [address], "notReadyAddresses": [other], "ports": [{"port": 81, "protocol": "TCP"}]}
        await cluster.create("endpoints", {"metadata": named("web"), "subsets": [one]})
        await cluster.settle()
        assert cluster.list(SLICES)[0]["endpoints"] == [
            {"addresses": ["203.0.113.1"], "conditions": {"ready": True}, "hostname": "h"},
            {"addresses": ["203.0.113.2"], "conditions": {"ready": False}},
        ]
        await cluster.patch("endpoints", "shop", "web", {"subsets": None})
        await cluster.settle()
        assert cluster.list(SLICES) == []

    Cluster(CONTROLLERS).run(scenario)


def test_endpoints_go_with_their_service_even_if_nobody_looked_then() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("services", a_service())
        await cluster.settle()
        await cluster.loop.stop()
        await cluster.delete("services", "shop", "web")
        cluster.new_loop()
        cluster.loop.start()
        await cluster.create("services", {**a_service(), "metadata": named("other")})
        await cluster.settle()
        assert cluster.get("endpoints", "shop", "web") is None

    Cluster(CONTROLLERS).run(scenario)


@pytest.mark.parametrize("write", range(5))
def test_a_clash_at_any_write_leaves_the_same_endpoints_and_a_second_look_writes_nothing(write: int) -> None:
    async def scenario(cluster: Cluster) -> None:
        assert isinstance(cluster, ClashingCluster)
        await cluster.create("pods", a_pod("a", "10.0.0.1"))
        await cluster.create("pods", a_pod("b", "10.0.0.2", ready="False"))
        await cluster.create("services", a_service())
        cluster.clash_at = write
        await cluster.settle()
        cluster.clash_at = None
        await cluster.patch("pods", "shop", "b", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
        cluster.clash_at = write
        await cluster.settle()
        cluster.clash_at = None
        assert subsets(cluster) == [(["10.0.0.1", "10.0.0.2"], [], [8080])]
        assert slices(cluster) == [["10.0.0.1", "10.0.0.2"]]
        assert await cluster.writes_of_a_second_look() == []

    ClashingCluster(CONTROLLERS).run(on_a_node(scenario))
