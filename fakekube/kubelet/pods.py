"""Lives the lives of the pods that are placed on one node: up to Running, a Job's pods to their end, deleted ones out of the cluster.

Nothing really runs: containers do what the rules in `lives.py` say, unless a process of this machine plays one. Each step is reported by a
write of its own, as a kubelet's are, so that whoever watches sees the same sequence. A status that somebody else writes to a running pod is
left as it is.
"""

from __future__ import annotations

from contextlib import suppress
from signal import SIGKILL, SIGTERM
from typing import TYPE_CHECKING

from fakekube.errors import Conflict, NotFound
from fakekube.kubelet import Object, Surroundings, pod_status
from fakekube.kubelet.containers import NOW, PATHS
from fakekube.kubelet.lives import Lives, containers_of
from fakekube.kubelet.pod_life import Memories, PodLife, overdue_by
from fakekube.kubelet.prerequisites import Prerequisites, Wanting

if TYPE_CHECKING:
    from fakekube.api.client import Client
    from fakekube.api.container_processes import ContainerProcess, ContainerProcesses
    from fakekube.kubelet.node import Node

FIRST_ADDRESS, LAST_ADDRESS = 2, 254
"""Of the pods of a node; the first is the node's own."""


class Kubelet:
    """The kubelet of one node, in one cluster."""

    def __init__(
        self,
        node: Node,
        lives: Lives | None = None,
        processes: ContainerProcesses | None = None,
        wanting: Wanting | None = None,
    ) -> None:
        """`wanting` is told who waits for what; whoever has it wakes them."""
        self.node = node
        self.lives = lives or Lives()
        self.processes = processes
        """By which containers are played; None: there are none."""
        self._addresses: dict[tuple[str, str], tuple[str, int]] | None = None
        """(namespace, name) -> uid and last byte of the address of each pod that has one."""
        self._next = FIRST_ADDRESS
        self._memories: dict[str, Memories] = {}
        """By uid of the pod, of those for whom something is still to come."""
        self._stopping: dict[str, float] = {}
        """uid of a pod that is told to end -> when it was."""
        self._wanting = wanting or Wanting()
        self._held_up: dict[tuple[str, str], str] = {}
        """(namespace, name) of the pods of this node that wait for a ConfigMap or a Secret -> what has been told of their volumes."""

    def keys(self, pod: Object) -> tuple[tuple[str, str], ...]:
        """The pod, if it is on this node."""
        if pod["spec"].get("nodeName") != self.node.name:
            return ()
        return ((pod["metadata"]["namespace"], pod["metadata"]["name"]),)

    async def reconcile(self, context: Surroundings, namespace: str, name: str) -> float | None:
        """Take the pod one step further."""
        pod = context.client.get("pods", namespace, name)
        self._end_processes_of_others(namespace, name, pod)
        if pod is None or pod["spec"].get("nodeName") != self.node.name:
            self._release(namespace, name)
            return None
        if self.node.name in self.lives.silent:
            return None
        status = pod["status"]
        if "deletionTimestamp" in pod["metadata"]:
            return await self._end(context, pod)
        if pod_status.is_finished(status):
            self._release(namespace, name, pod["metadata"]["uid"])
            for process in self._processes_of(pod):
                self._end_process(process, SIGTERM, float(pod["spec"].get("terminationGracePeriodSeconds", 0)))
            return None
        if "startTime" not in status:
            await self._report(context, pod, pod_status.seen(pod, self.node.address, context.clock.timestamp()))
            return NOW
        if self._rests(pod):
            return None
        return await self._live(context, pod)

    def _rests(self, pod: Object) -> bool:
        """Whether a running pod goes on as it is: nothing is to come, and what somebody else has written to its status stays."""
        status, metadata = pod["status"], pod["metadata"]
        return (
            status.get("phase") == "Running"
            and metadata["uid"] not in self._memories
            and status.get("observedGeneration") == metadata.get("generation")
            and not pod["spec"].get("readinessGates")
            and self.lives.is_endless(pod)
            and not self._processes_of(pod)
        )

    def _processes_of(self, pod: Object) -> list[ContainerProcess]:
        return self.processes.of_pod(pod["metadata"]["uid"]) if self.processes is not None else []

    def _end_processes_of_others(self, namespace: str, name: str, pod: Object | None) -> None:
        """Pods that had this name and are gone at once, without any grace, leave processes behind."""
        uid = pod["metadata"]["uid"] if pod is not None else ""
        for process in self.processes.of_name(namespace, name) if self.processes is not None else ():
            if process.uid != uid:
                self._end_process(process, SIGKILL, 0)

    def _end_process(self, process: ContainerProcess, signal: int, grace_s: float) -> None:
        """Nobody is interested any more in how it ends."""
        assert self.processes is not None
        process.ask_to_end(signal, grace_s)
        self.processes.leave(process)

    async def _tell_happenings(self, context: Surroundings, pod: Object) -> None:
        for process in self._processes_of(pod):
            happenings, process.happenings = process.happenings, []
            for each in happenings:
                tell = context.recorder.warning if each.type == "Warning" else context.recorder.normal
                await tell(pod, each.reason, each.message)

    async def _live(self, context: Surroundings, pod: Object) -> float | None:
        uid = pod["metadata"]["uid"]
        memories = self._memories.setdefault(uid, {})
        processes = {each.container: each for each in self._processes_of(pod)}
        await self._tell_happenings(context, pod)
        needs = Prerequisites(context.client, pod)
        now = context.clock.now()
        overdue_s = overdue_by(pod, now)
        is_overdue = overdue_s is not None and overdue_s >= 0
        if not processes and not is_overdue and await self._waits_for_volume(context, pod, needs):
            return None if overdue_s is None else -overdue_s
        address = self.address_of(context.client, pod)
        look = PodLife(pod, self.lives, memories, address, now, processes, needs.container_trouble).look()
        if look.waits_for_variables:
            self._wait(pod, needs, "")
        else:
            self._go_on(_key(pod))
        await self._report(context, pod, look.status)
        for process in look.over:
            assert self.processes is not None
            self.processes.leave(process)
        for told in look.events:
            tell = context.recorder.warning if told.type == "Warning" else context.recorder.normal
            await tell(pod, told.reason, told.message, field_path=told.field_path)
        if look.again_s is None and (look.is_over or look.is_well):
            del self._memories[uid]
        return look.again_s

    async def _waits_for_volume(self, context: Surroundings, pod: Object, needs: Prerequisites) -> bool:
        """Whether a volume of a pod that has not started cannot be set up yet; what is wrong is told once."""
        if pod["status"].get("phase") != "Pending" or pod_status.is_ready_to_start(pod["status"]):
            return False
        trouble = needs.volume_trouble()
        if trouble is None or self._ignores_missing(pod):
            return False
        volume, reason = trouble
        text = f'MountVolume.SetUp failed for volume "{volume}" : {reason}'
        is_new = self._held_up.get(_key(pod)) != text
        self._wait(pod, needs, text)
        if is_new:
            await context.recorder.warning(pod, "FailedMount", text)
        # It has its address before it has its sandbox, so that a process that plays it can begin, and tell what is wrong.
        await self._report(context, pod, pod_status.addresses(self.address_of(context.client, pod)))
        return True

    def _ignores_missing(self, pod: Object) -> bool:
        return any(self.lives.of(pod, container, role).life.ignores_missing for container, role in containers_of(pod))

    def _wait(self, pod: Object, needs: Prerequisites, told: str) -> None:
        """To be looked at again when something has come that it refers to."""
        self._held_up[_key(pod)] = told
        self._wanting.note(_key(pod), needs.wanted())

    def _go_on(self, key: tuple[str, str]) -> None:
        if self._held_up.pop(key, None) is not None:
            self._wanting.note(key, ())

    async def _end(self, context: Surroundings, pod: Object) -> float | None:
        """Stop what runs, say how it ended, and only then let the pod go. The answer: seconds until it will have ended."""
        metadata = pod["metadata"]
        uid, grace_s = metadata["uid"], float(metadata.get("deletionGracePeriodSeconds", 0))
        if grace_s == 0:
            return None  # all that keeps it now is somebody's finalizer
        processes = {each.container: each for each in self._processes_of(pod) if each.is_started}
        lives = {
            container["name"]: self.lives.of(pod, container, role).life
            for container, role in containers_of(pod)
            if _runs(pod["status"], container)
        }
        if lives or processes:
            if uid not in self._stopping:
                self._stopping[uid] = context.clock.monotonic()
                for container, role in containers_of(pod):
                    if container["name"] in lives:
                        path = f"spec.{PATHS[role]}{{{container['name']}}}"
                        text = f"Stopping container {container['name']}"
                        await context.recorder.normal(pod, "Killing", text, field_path=path)
            needed_s = max((life.stops_after_s for name, life in lives.items() if name not in processes), default=0.0)
            for process in processes.values():
                if process.exit is None:
                    process.ask_to_end(SIGTERM, grace_s)
                    needed_s = grace_s
            left_s = self._stopping[uid] + min(needed_s, grace_s) - context.clock.monotonic()
            if left_s > 0:
                return left_s
            for process in processes.values():
                if process.exit is None:
                    process.ask_to_end(SIGKILL, 0)
                    process.end(pod_status.KILLED)

            def exit_code(container: Object) -> int:
                process = processes.get(container["name"])
                if process is not None and process.exit is not None:
                    return process.exit.code
                life = lives[container["name"]]
                return pod_status.KILLED if life.stops_after_s > grace_s else life.stop_exit_code

            await self._report(context, pod, pod_status.stopped(pod, context.clock.timestamp(), exit_code))
            for process in processes.values():
                assert self.processes is not None
                self.processes.leave(process)
        with suppress(NotFound, Conflict):  # it is gone, and so is what was to be done
            await context.client.delete(
                "pods", metadata["namespace"], metadata["name"], uid=uid, grace_period_seconds=0
            )
        return None

    async def _report(self, context: Surroundings, pod: Object, status: Object) -> None:
        """A patch of what changed; with the uid, since a pod of the same name is another pod."""
        metadata = pod["metadata"]
        changed = {key: value for key, value in status.items() if pod["status"].get(key) != value}
        if changed:
            patch = {"metadata": {"uid": metadata["uid"]}, "status": changed}
            await context.client.patch("pods", metadata["namespace"], metadata["name"], patch, "status")

    def address_of(self, client: Client, pod: Object) -> str:
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
        first = self._next - FIRST_ADDRESS
        candidates = (FIRST_ADDRESS + (first + step) % count for step in range(count))
        number = next((each for each in candidates if each not in taken), FIRST_ADDRESS + first % count)
        self._next = number + 1
        return number

    def _release(self, namespace: str, name: str, uid: str = "") -> None:
        """The pod is over: its address is free, and nothing more is to come."""
        if self._addresses is not None:
            uid = self._addresses.pop((namespace, name), (uid, 0))[0]
        self._memories.pop(uid, None)
        self._stopping.pop(uid, None)
        self._go_on((namespace, name))


def _key(pod: Object) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def _runs(status: Object, container: Object) -> bool:
    return any(
        each["name"] == container["name"] and "running" in each["state"]
        for key in pod_status.LISTS
        for each in status.get(key) or ()
    )
