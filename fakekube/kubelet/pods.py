"""Lives the lives of the pods that are placed on one node: up to Running, a Job's pods to their end, deleted ones out of the cluster.

Nothing really runs: containers start at once, are ready, and end when asked to. Each step is reported by a write of its own, as a kubelet's
are, so that whoever watches sees the same sequence. A status that somebody else writes to a running pod is left as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakekube.errors import Conflict, NotFound
from fakekube.kubelet import Object, Surroundings, pod_status

if TYPE_CHECKING:
    from fakekube.api.client import Client
    from fakekube.kubelet.node import Node

NOW = 0.0
"""As an answer: look at the pod again at once."""

FIRST_ADDRESS, LAST_ADDRESS = 2, 254
"""Of the pods of a node; the first is the node's own."""


class Kubelet:
    """The kubelet of one node, in one cluster."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._addresses: dict[tuple[str, str], tuple[str, int]] | None = None
        """(namespace, name) -> uid and last byte of the address of each pod that has one."""
        self._next = FIRST_ADDRESS

    def keys(self, pod: Object) -> tuple[tuple[str, str], ...]:
        """The pod, if it is on this node."""
        if pod["spec"].get("nodeName") != self.node.name:
            return ()
        return ((pod["metadata"]["namespace"], pod["metadata"]["name"]),)

    async def reconcile(self, context: Surroundings, namespace: str, name: str) -> float | None:
        """Take the pod one step further."""
        pod = context.client.get("pods", namespace, name)
        if pod is None or pod["spec"].get("nodeName") != self.node.name:
            self._release(namespace, name)
            return None
        phase = pod["status"].get("phase")
        if "deletionTimestamp" in pod["metadata"]:
            await self._end(context, pod)
            return None
        if phase in ("Succeeded", "Failed"):
            self._release(namespace, name)
            return None
        now = context.clock.timestamp()
        if "startTime" not in pod["status"]:
            await self._report(context, pod, pod_status.seen(pod, self.node.address, now))
            return NOW
        address = self._address(context.client, pod)
        initial = pod["spec"].get("initContainers", [])
        if initial and "podIP" not in pod["status"]:
            await self._report(context, pod, pod_status.initialized(pod, address, now))
            await self._tell_started(context, pod, "initContainers")
            return NOW
        if phase == "Pending":
            await self._report(context, pod, pod_status.running(pod, address, now))
            await self._tell_started(context, pod, "containers")
            return NOW
        if is_of_job(pod):
            await self._report(context, pod, pod_status.completed(pod, now))
            return None
        if pod["status"].get("observedGeneration") != pod["metadata"].get("generation") or _waits_at_gate(pod):
            await self._report(context, pod, pod_status.running(pod, address, now))
        return None

    async def _end(self, context: Surroundings, pod: Object) -> None:
        """Stop what runs, say how it ended, and only then let the pod go."""
        metadata = pod["metadata"]
        if metadata.get("deletionGracePeriodSeconds") == 0:
            return  # all that keeps it now is somebody's finalizer
        if pod_status.is_running(pod["status"]):
            for container in pod["spec"]["containers"]:
                path = f"spec.containers{{{container['name']}}}"
                text = f"Stopping container {container['name']}"
                await context.recorder.normal(pod, "Killing", text, field_path=path)
            await self._report(context, pod, pod_status.stopped(pod, context.clock.timestamp()))
        try:
            await context.client.delete(
                "pods", metadata["namespace"], metadata["name"], uid=metadata["uid"], grace_period_seconds=0
            )
        except (NotFound, Conflict):
            return  # it is gone, and so is what was to be done

    async def _report(self, context: Surroundings, pod: Object, status: Object) -> None:
        """A patch of what changed; with the uid, since a pod of the same name is another pod."""
        metadata = pod["metadata"]
        changed = {key: value for key, value in status.items() if pod["status"].get(key) != value}
        if changed:
            patch = {"metadata": {"uid": metadata["uid"]}, "status": changed}
            await context.client.patch("pods", metadata["namespace"], metadata["name"], patch, "status")

    async def _tell_started(self, context: Surroundings, pod: Object, key: str) -> None:
        for container in pod["spec"][key]:
            path = f"spec.{key}{{{container['name']}}}"
            image = container["image"]
            present = f'Container image "{image}" already present on machine and can be accessed by the pod'
            await context.recorder.normal(pod, "Pulled", present, field_path=path)
            await context.recorder.normal(pod, "Created", "Container created", field_path=path)
            await context.recorder.normal(pod, "Started", "Container started", field_path=path)

    def _address(self, client: Client, pod: Object) -> str:
        """The pod's address, given to it at the first question."""
        if pod["spec"].get("hostNetwork"):
            return self.node.address
        if self._addresses is None:
            self._addresses = {}
            for other in client.list("pods"):
                address = other["status"].get("podIP", "")
                if address.startswith(self.node.pod_network) and other["status"]["phase"] in ("Pending", "Running"):
                    self._take(other, int(address.rpartition(".")[2]))
        metadata = pod["metadata"]
        known = self._addresses.get((metadata["namespace"], metadata["name"]))
        if known is None or known[0] != metadata["uid"]:
            known = self._take(pod, self._free())
        return f"{self.node.pod_network}{known[1]}"

    def _take(self, pod: Object, number: int) -> tuple[str, int]:
        assert self._addresses is not None
        metadata = pod["metadata"]
        taken = self._addresses[metadata["namespace"], metadata["name"]] = (metadata["uid"], number)
        return taken

    def _free(self) -> int:
        """The next number that no pod has; with all taken, numbers are given twice."""
        assert self._addresses is not None
        taken = {number for _, number in self._addresses.values()}
        count = LAST_ADDRESS - FIRST_ADDRESS + 1
        candidates = [FIRST_ADDRESS + (self._next - FIRST_ADDRESS + step) % count for step in range(count)]
        number = next((each for each in candidates if each not in taken), candidates[0])
        self._next = number + 1
        return number

    def _release(self, namespace: str, name: str) -> None:
        if self._addresses is not None:
            self._addresses.pop((namespace, name), None)


def is_of_job(pod: Object) -> bool:
    """Only such pods come to an end by themselves."""
    references = pod["metadata"].get("ownerReferences", [])
    return any(each.get("controller") and each["kind"] == "Job" for each in references)


def _waits_at_gate(pod: Object) -> bool:
    """Whether the pod has readiness gates whose conditions may have changed."""
    return bool(pod["spec"].get("readinessGates"))
