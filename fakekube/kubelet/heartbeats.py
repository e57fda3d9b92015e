"""How the nodes that fakekube runs show that they live: a Lease that is renewed, and a time in their conditions.

https://kubernetes.io/docs/reference/node/node-status/#heartbeats
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from fakekube.errors import AlreadyExists, Conflict, NotFound
from fakekube.kubelet.node import HEALTH, LEASE_NAMESPACE, Node, lease_time

if TYPE_CHECKING:
    from fakekube.api.client import Client
    from fakekube.kubelet import Surroundings
    from fakekube.registry.clock import Clock
    from fakekube.registry.user import User

LEASES = "leases.coordination.k8s.io"
LEASE_EVERY_S = 10.0
STATUS_EVERY_S = 300.0


class Heartbeats:
    """Of the machines of one cluster, but those that are silent."""

    def __init__(
        self,
        machines: Iterable[Node],
        silent: Collection[str],
        clock: Clock,
        client_of: Callable[[User], Client],
        *,
        with_status: bool = True,
    ) -> None:
        """`silent`: names, which may change. `with_status`: whether nobody else says how the machines are."""
        self._machines = {machine.name: machine for machine in machines}
        self._silent = silent
        self._clock = clock
        self._client_of = client_of
        self._with_status = with_status
        self._status_told: dict[str, float] = {}

    def add(self, machine: Node) -> None:
        self._machines[machine.name] = machine

    @property
    def names(self) -> Collection[str]:
        return self._machines.keys()

    async def reconcile(self, _: Surroundings, __: str, name: str) -> None:
        await self.beat(name)

    async def beat(self, name: str) -> None:
        """Renew the lease of one node; every few minutes tell its status as well."""
        machine = self._machines.get(name)
        if machine is None or name in self._silent:
            return
        client = self._client_of(machine.user)
        node = client.get("nodes", "", name)
        if node is None:
            return
        now = self._clock.now()
        with suppress(NotFound, AlreadyExists):  # its namespace is gone, or somebody was faster
            if client.get(LEASES, LEASE_NAMESPACE, name) is None:
                await client.create(LEASES, machine.lease(node["metadata"]["uid"], now))
            else:
                await client.patch(LEASES, LEASE_NAMESPACE, name, {"spec": {"renewTime": lease_time(now)}})
        now_s = self._clock.monotonic()
        told = self._status_told.get(name)
        if not self._with_status or (told is not None and now_s < told + STATUS_EVERY_S - 1e-6):
            return
        self._status_told[name] = now_s
        # What somebody has made of the conditions stays: a test may say that memory is short.
        ours, now_text = {type for type, *_ in HEALTH}, self._clock.timestamp()
        conditions = [
            {**each, "lastHeartbeatTime": now_text} if each["type"] in ours else each
            for each in node["status"].get("conditions", ())
        ]
        if conditions:
            version = {"resourceVersion": node["metadata"]["resourceVersion"]}
            with suppress(NotFound, Conflict):
                await client.patch(
                    "nodes", "", name, {"metadata": version, "status": {"conditions": conditions}}, "status"
                )
