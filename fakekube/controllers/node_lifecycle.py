"""Keeps the taints of nodes in step with their conditions, and doubts nodes of which nothing is heard any more.

What is not fit for new pods says so at once; what is not fit for those that are there says that as well, as long as there is a better node.
https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, own
from fakekube.controllers.pod_states import is_ready
from fakekube.errors import Conflict, NotFound
from fakekube.objects.conditions import with_condition

TAINTS = {
    ("Ready", "False"): "node.kubernetes.io/not-ready",
    ("Ready", "Unknown"): "node.kubernetes.io/unreachable",
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
}
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
OURS = {
    *((key, "NoSchedule") for key in (*TAINTS.values(), UNSCHEDULABLE)),
    *((TAINTS["Ready", status], "NoExecute") for status in ("False", "Unknown")),
}
"""(key, effect) of the taints that are kept here."""

TTL_ANNOTATION = "node.alpha.kubernetes.io/ttl"


LEASES = "leases.coordination.k8s.io"
LEASE_NAMESPACE = "kube-node-lease"
GRACE_S = 50.0
"""A node that has told nothing for so long is doubted."""
FIRST_GRACE_S = 60.0
"""The same for one that never told anything."""

DOUBTED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")


@dataclass(slots=True)
class Heard:
    """What a node's kubelet last told, and when that was seen."""

    told: object
    at: datetime


@dataclass(slots=True)
class Memory:
    nodes: dict[str, str] = field(default_factory=dict)
    """name -> uid of all nodes."""
    ready: set[str] = field(default_factory=set)
    heard: dict[str, Heard] = field(default_factory=dict)

    def note(self, name: str, node: Object | None) -> bool:
        """Look at a node as it is now; whether there was a ready node and is none any more, or the other way round."""
        before = bool(self.ready)
        if node is None:
            self.nodes.pop(name, None)
            self.heard.pop(name, None)
        else:
            self.nodes[name] = node["metadata"]["uid"]
        if node is not None and readiness(node) == "True":
            self.ready.add(name)
        else:
            self.ready.discard(name)
        return before != bool(self.ready)


async def reconcile(context: Context, _: str, name: str) -> float | None:
    memory = memory_of(context)
    node = context.client.get("nodes", "", name)
    gone = memory.nodes.get(name) if node is None else None
    if memory.note(name, node):
        for other in memory.nodes:
            context.wake(("", other))
    if node is None:
        if gone is not None:
            about = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": name, "uid": gone}}
            message = f"Node {name} event: Removing Node {name} from Controller"
            await context.recorder.normal(about, "RemovingNode", message)
        return None
    again_s = None
    if name in context.settings.nodes and name not in context.settings.silent:
        memory.heard.pop(name, None)
    else:
        again_s = silence_left_s(context, memory, node)
        if again_s <= 0:
            node = await doubt(context, node)
            again_s = None
    if node is not None:
        await write_taints(context, node, evicting=bool(memory.ready))
    return again_s


def memory_of(context: Context) -> Memory:
    memory: Memory | None = context.memory.get("nodes")
    if memory is None:
        memory = context.memory["nodes"] = Memory()
        for node in context.client.list("nodes"):
            memory.note(node["metadata"]["name"], node)
    return memory


def readiness(node: Object) -> str:
    """Of the condition Ready; "" when there is none."""
    conditions = node.get("status", {}).get("conditions", ())
    return next((each["status"] for each in conditions if each["type"] == "Ready"), "")


def silence_left_s(context: Context, memory: Memory, node: Object) -> float:
    """For how long the node may still be silent."""
    name, now = node["metadata"]["name"], context.clock.now()
    lease = context.client.get(LEASES, LEASE_NAMESPACE, name) or {}
    renewed = lease.get("spec", {}).get("renewTime")
    told = (renewed, node.get("status"))
    heard = memory.heard.get(name)
    if heard is None or heard.told != told:
        heard = memory.heard[name] = Heard(told, now)
    grace_s = GRACE_S if readiness(node) or renewed else FIRST_GRACE_S
    return grace_s - (now - heard.at).total_seconds()


async def doubt(context: Context, node: Object) -> Object | None:
    """Nothing that the node has told counts any more. Returns the node as it is now; None when it has gone."""
    name, now = node["metadata"]["name"], context.clock.timestamp()
    conditions = list(node.get("status", {}).get("conditions", ()))
    known = {each["type"]: each for each in conditions}
    for type in DOUBTED:
        present = known.get(type, {})
        if present.get("status") == "Unknown":
            continue
        never = not present
        condition = {
            "type": type,
            "status": "Unknown",
            "lastHeartbeatTime": node["metadata"]["creationTimestamp"] if never else present.get("lastHeartbeatTime"),
            "lastTransitionTime": now,
            "reason": "NodeStatusNeverUpdated" if never else "NodeStatusUnknown",
            "message": "Kubelet never posted node status." if never else "Kubelet stopped posting node status.",
        }
        conditions = with_condition(conditions, condition)
    if conditions == node.get("status", {}).get("conditions", []):
        return node
    patch = {"metadata": {"uid": node["metadata"]["uid"]}, "status": {"conditions": conditions}}
    try:
        written = await context.client.patch("nodes", "", name, patch, "status")
    except NotFound:
        return None
    memory_of(context).note(name, written)
    if known.get("Ready", {}).get("status") == "True":
        about = {**node, "metadata": {"name": name, "uid": node["metadata"]["uid"]}}
        await context.recorder.normal(about, "NodeNotReady", f"Node {name} status is now: NodeNotReady")
    await mark_pods(context, name)
    return written


async def mark_pods(context: Context, node: str) -> None:
    """The pods of a node in doubt are not ready."""
    for pod in context.client.list("pods"):
        if pod["spec"].get("nodeName") != node or not is_ready(pod):
            continue
        metadata, now = pod["metadata"], context.clock.timestamp()
        conditions = [
            {**each, "status": "False", "lastTransitionTime": now} if each["type"] == "Ready" else each
            for each in pod["status"]["conditions"]
        ]
        patch = {"metadata": {"uid": metadata["uid"]}, "status": {"conditions": conditions}}
        try:
            await context.client.patch("pods", metadata["namespace"], metadata["name"], patch, "status")
        except (NotFound, Conflict):
            continue
        await context.recorder.warning(pod, "NodeNotReady", "Node is not ready")


async def write_taints(context: Context, node: Object, *, evicting: bool) -> None:
    metadata, spec = node["metadata"], node.get("spec", {})
    name = metadata["name"]
    change: Object = {}
    if TTL_ANNOTATION not in metadata.get("annotations", {}):
        change["metadata"] = {"annotations": {TTL_ANNOTATION: "0"}}
    present = spec.get("taints", [])
    taints = taints_of(node, context.clock.timestamp(), evicting=evicting)
    if taints != present:
        change["spec"] = {"taints": taints or None}
    if not change:
        return
    # The whole list is replaced, so nobody may have changed it meanwhile.
    change.setdefault("metadata", {})["resourceVersion"] = metadata["resourceVersion"]
    try:
        await context.client.patch("nodes", "", name, change)
    except NotFound:
        return
    if "annotations" in change["metadata"]:
        about = {**node, "metadata": {"name": name, "uid": metadata["uid"]}}
        message = f"Node {name} event: Registered Node {name} in Controller"
        await context.recorder.normal(about, "RegisteredNode", message)


def taints_of(node: Object, now: str, *, evicting: bool = False) -> list[Object]:
    """The taints the node is to have: others' as they are, ours where a condition says so, with the time they came.

    `evicting`: whether pods are to leave a node that is not ready.
    """
    conditions = node.get("status", {}).get("conditions", [])
    wanted = {
        (TAINTS[condition["type"], condition["status"]], "NoSchedule")
        for condition in conditions
        if (condition["type"], condition["status"]) in TAINTS
    }
    ready = readiness(node)
    if not ready:
        wanted.add((TAINTS["Ready", "False"], "NoSchedule"))
    if node.get("spec", {}).get("unschedulable"):
        wanted.add((UNSCHEDULABLE, "NoSchedule"))
    if evicting and ("Ready", ready) in TAINTS:
        wanted.add((TAINTS["Ready", ready], "NoExecute"))
    taints = []
    for taint in node.get("spec", {}).get("taints", []):
        key = (taint["key"], taint["effect"])
        if key not in OURS or key in wanted:
            taints.append(taint)
            wanted.discard(key)
    taints.extend({"key": key, "effect": effect, "timeAdded": now} for key, effect in sorted(wanted))
    return taints


def without_heartbeats(node: Object) -> tuple[object, ...]:
    """What there is to know of a node but that it still lives: most that watch nodes have nothing to do because of that."""
    metadata, status = node["metadata"], node.get("status", {})
    conditions = [
        {key: value for key, value in each.items() if key != "lastHeartbeatTime"}
        for each in status.get("conditions", ())
    ]
    return (
        metadata["uid"],
        metadata.get("labels"),
        metadata.get("annotations"),
        metadata.get("deletionTimestamp"),
        node.get("spec"),
        conditions,
        {key: value for key, value in status.items() if key != "conditions"},
    )


def of_lease(lease: Object) -> tuple[Key, ...]:
    metadata = lease["metadata"]
    return (("", metadata["name"]),) if metadata["namespace"] == LEASE_NAMESPACE else ()


CONTROLLER = Controller(
    name="node-controller",
    watches=(Watch("nodes", key=own), Watch(LEASES, key=of_lease, types=("MODIFIED",))),
    reconcile=reconcile,
)
