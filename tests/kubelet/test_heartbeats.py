"""How nodes show that they live."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from fakekube.api.client import Client
from fakekube.kubelet.heartbeats import Heartbeats
from fakekube.kubelet.node import nodes
from tests.controllers.in_memory import Cluster

LEASES = "leases.coordination.k8s.io"


def played(seconds: float, *, silent: set[str], with_status: bool = True) -> tuple[Cluster, list[tuple[str, str]]]:
    """A cluster of two nodes in which each was to beat once, so long after they had registered; and what was written then."""
    cluster = Cluster()
    machines = nodes(2)
    client = cast(Client, cluster)
    beats = Heartbeats(machines, silent, cluster.clock, lambda _: client, with_status=with_status)

    async def play() -> None:
        for machine in machines:
            await machine.register(client, cluster.clock)
            await beats.beat(machine.name)
        cluster.writes.clear()
        cluster.clock.advance(seconds)
        for machine in machines:
            await beats.beat(machine.name)

    asyncio.run(play())
    return cluster, [(resource, verb) for verb, resource, _ in cluster.writes]


def renewed(cluster: Cluster, name: str) -> str:
    lease = cluster.get(LEASES, "kube-node-lease", name)
    assert lease is not None
    time: str = lease["spec"]["renewTime"]
    return time


def test_a_lease_is_renewed_with_each_beat() -> None:
    cluster, writes = played(10, silent=set())
    assert writes == [(LEASES, "patch"), (LEASES, "patch")]
    assert renewed(cluster, "fakekube-1") == "2026-01-02T03:04:15.000000Z"


def test_a_silent_node_tells_nothing() -> None:
    cluster, writes = played(10, silent={"fakekube-1"})
    assert writes == [(LEASES, "patch")]
    assert renewed(cluster, "fakekube-1") == "2026-01-02T03:04:05.000000Z"


def test_after_five_minutes_the_conditions_tell_the_time_as_well() -> None:
    cluster, writes = played(300, silent=set())
    assert writes == [(LEASES, "patch"), ("nodes", "patch status")] * 2
    node = cluster.get("nodes", "", "fakekube-0")
    assert node is not None
    assert {each["lastHeartbeatTime"] for each in node["status"]["conditions"]} == {"2026-01-02T03:09:05Z"}


def test_where_stages_say_how_nodes_are_only_leases_are_renewed() -> None:
    _, writes = played(300, silent=set(), with_status=False)
    assert writes == [(LEASES, "patch"), (LEASES, "patch")]


def test_a_lease_that_somebody_has_deleted_is_made_again_and_a_node_that_is_gone_has_none() -> None:
    async def play() -> list[Any]:
        cluster, machines = Cluster(), nodes(2)
        client = cast(Client, cluster)
        beats = Heartbeats(machines, (), cluster.clock, lambda _: client)
        for machine in machines:
            await machine.register(client, cluster.clock)
            await cluster.delete(LEASES, "kube-node-lease", machine.name)
        await cluster.delete("nodes", "", "fakekube-1")
        for name in beats.names:
            await beats.beat(name)
        return cluster.list(LEASES)

    (lease,) = asyncio.run(play())
    assert lease["metadata"]["name"] == lease["metadata"]["ownerReferences"][0]["name"] == "fakekube-0"
