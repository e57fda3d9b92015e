"""What a test does with the machines of a cluster: `kube.nodes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fakekube.api.client import Client
from fakekube.kubelet import node as machines
from fakekube.kubelet.node import Node
from fakekube.registry.user import service_account
from fakekube.testing.pods import KUBELET

if TYPE_CHECKING:
    from fakekube.testing.played import PlayedCluster

Object = dict[str, Any]

NODE_CONTROLLER_NAME = "node-controller"
NODE_CONTROLLER = service_account("kube-system", NODE_CONTROLLER_NAME)


class NodesHandle:
    """The nodes that fakekube runs.

    kube.nodes.add("gpu-0", labels={"gpu": "yes"}, capacity={"example.com/gpu": "2"})
    kube.nodes.fail("gpu-0")
    """

    def __init__(self, cluster: PlayedCluster) -> None:
        self._cluster = cluster

    def add(
        self,
        name: str = "",
        *,
        labels: Mapping[str, str] | None = None,
        taints: Sequence[Mapping[str, str]] = (),
        capacity: Mapping[str, str] | None = None,
    ) -> Object:
        """One more node, until the next reset; returns it. By default it is called as those that are there, with the next number."""
        template = self._cluster._node_template
        own: Object = {
            "metadata": {"labels": dict(labels or {})},
            "spec": {"taints": [dict(taint) for taint in taints]} if taints else {},
            "status": {"capacity": dict(capacity)} if capacity else {},
        }

        async def add() -> str:
            index = self._cluster._next_node()
            machine = Node(index, name, machines.laid_over(template, own))
            await self._cluster._add_node(machine)
            await self._cluster._settle()
            return machine.name

        return self._cluster.get("node", self._cluster._run(add))

    def cordon(self, name: str) -> None:
        """As `kubectl cordon`."""
        self._cluster.patch("node", name, {"spec": {"unschedulable": True}})
        self._cluster.settle()

    def uncordon(self, name: str) -> None:
        self._cluster.patch("node", name, {"spec": {"unschedulable": None}})
        self._cluster.settle()

    def fail(self, name: str, *, noticed: bool = True) -> None:
        """Nothing is heard of it any more, and the node controller has noticed: its conditions are Unknown, its pods are not ready. What
        follows of that (taints, evictions after their toleration) takes its time. Its pods neither live nor end.

        `noticed=False`: its Lease is not renewed from now on, and the node controller finds out by itself, 50 seconds later."""
        self._cluster.get("node", name)

        async def fail() -> None:
            cluster = self._cluster
            cluster._lives.silent.add(name)
            if not noticed:
                assert cluster._loop is not None
                cluster._loop.wake(("", name), name=NODE_CONTROLLER_NAME)
                await cluster._settle()
                return
            client, now = Client(cluster.plane, NODE_CONTROLLER, "kube-controller-manager"), cluster._time.timestamp()
            node = client.get("nodes", "", name)
            assert node is not None
            conditions = machines.silent(node["status"].get("conditions", []), now)
            await client.patch("nodes", "", name, {"status": {"conditions": conditions}}, "status")
            for pod in client.list("pods", field_selector=f"spec.nodeName={name}"):
                await _set_ready(client, pod, now, lost=True)
            await cluster._settle()

        self._cluster._run(fail)

    def recover(self, name: str) -> None:
        """It is heard of again."""
        self._cluster.get("node", name)

        async def recover() -> None:
            cluster = self._cluster
            cluster._lives.silent.discard(name)
            client = Client(cluster.plane, Node(0, name).user, KUBELET)
            assert cluster._heartbeats is not None
            await cluster._heartbeats.beat(name)
            conditions = machines.healthy(cluster._time.timestamp())
            await client.patch("nodes", "", name, {"status": {"conditions": conditions}}, "status")
            for pod in client.list("pods", field_selector=f"spec.nodeName={name}"):
                await _set_ready(client, pod, cluster._time.timestamp())
                assert cluster._loop is not None
                cluster._loop.wake((pod["metadata"]["namespace"], pod["metadata"]["name"]), name=KUBELET)
            await cluster._settle()

        self._cluster._run(recover)


async def _set_ready(client: Client, pod: Object, now: str, *, lost: bool = False) -> None:
    """Ready is what ContainersReady is, unless nothing is known of the pod."""
    present = pod["status"].get("conditions", [])
    known = {each["type"]: each["status"] for each in present}
    wanted = "False" if lost else known.get("ContainersReady")
    if wanted is None or known.get("Ready") in (None, wanted):
        return
    conditions = [
        {**each, "status": wanted, "lastTransitionTime": now} if each["type"] == "Ready" else each for each in present
    ]
    metadata = pod["metadata"]
    await client.patch(
        "pods", metadata["namespace"], metadata["name"], {"status": {"conditions": conditions}}, "status"
    )
