"""Deletes the pods that a node's NoExecute taints drive away: at once, or when their toleration ends.

https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, own
from fakekube.controllers.pod_states import is_finished, time_of
from fakekube.controllers.tolerations import tolerates
from fakekube.errors import Conflict, NotFound
from fakekube.objects.conditions import with_condition
from fakekube.registry.user import service_account

REASON = "TaintManagerEviction"


@dataclass(slots=True)
class Memory:
    taints: dict[str, list[Object]] = field(default_factory=dict)
    """The NoExecute taints of each node that has some."""
    pods: dict[str, set[Key]] = field(default_factory=dict)
    """The pods on each node."""
    nodes: dict[Key, str] = field(default_factory=dict)
    began: dict[Key, datetime] = field(default_factory=dict)
    """Since when the pods are seen on nodes that have such taints: not every taint says when it was put there."""
    due: dict[Key, datetime] = field(default_factory=dict)
    """When the pods that wait for their end will be deleted."""


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    memory: Memory = context.memory.setdefault("taints", Memory())
    if not namespace:
        note_node(context, memory, name)
        return None
    key = (namespace, name)
    pod = context.client.get("pods", namespace, name)
    node = pod["spec"].get("nodeName") if pod is not None else None
    place(memory, key, node)
    taints = memory.taints.get(node, []) if node else []
    if pod is None or not taints or "deletionTimestamp" in pod["metadata"] or is_finished(pod):
        if pod is not None and memory.due.pop(key, None) is not None and "deletionTimestamp" not in pod["metadata"]:
            await tell(context, pod, f"Cancelling deletion of Pod {namespace}/{name}")
        memory.due.pop(key, None)
        memory.began.pop(key, None)
        return None
    now = context.clock.now()
    due = due_at(pod, taints, memory.began.setdefault(key, now), now)
    if due is None:
        memory.due.pop(key, None)
        return None
    if due > now:
        memory.due[key] = due
        return (due - now).total_seconds()
    memory.due.pop(key, None)
    await evict(context, pod)
    return None


def on_node(pod: Object) -> tuple[Key, ...]:
    """The pod, once it is on a node."""
    return own(pod) if pod["spec"].get("nodeName") else ()


def stay(pod: Object) -> tuple[object, ...]:
    """All of a pod that matters to whether it may stay where it is."""
    spec = pod["spec"]
    return spec.get("nodeName"), spec.get("tolerations"), "deletionTimestamp" in pod["metadata"], is_finished(pod)


def note_node(context: Context, memory: Memory, name: str) -> None:
    """Look at a node as it is now; when its taints have changed, all its pods are looked at."""
    node = context.client.get("nodes", "", name)
    spec = node.get("spec", {}) if node is not None else {}
    taints = [taint for taint in spec.get("taints", ()) if taint["effect"] == "NoExecute"]
    if taints == memory.taints.get(name, []):
        return
    if taints:
        memory.taints[name] = taints
    else:
        del memory.taints[name]
    for key in memory.pods.get(name, ()):
        context.wake(key)


def place(memory: Memory, key: Key, node: str | None) -> None:
    before = memory.nodes.pop(key, None)
    if before is not None:
        memory.pods[before].discard(key)
    if node:
        memory.nodes[key] = node
        memory.pods.setdefault(node, set()).add(key)


def due_at(pod: Object, taints: Iterable[Object], began: datetime, now: datetime) -> datetime | None:
    """When the pod has to go; None for never. `began` stands for the time of taints that have none."""
    ends: list[datetime] = []
    for taint in taints:
        matching = [each for each in pod["spec"].get("tolerations", ()) if tolerates(each, taint)]
        if not matching:
            return now
        limits = [each["tolerationSeconds"] for each in matching if each.get("tolerationSeconds") is not None]
        if limits:
            since = time_of(taint["timeAdded"]) if taint.get("timeAdded") else began
            ends.append(since + timedelta(seconds=max(min(limits), 0)))
    return min(ends, default=None)


async def evict(context: Context, pod: Object) -> None:
    metadata = pod["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    await tell(context, pod, f"Marking for deletion Pod {namespace}/{name}")
    condition = {
        "type": "DisruptionTarget",
        "observedGeneration": metadata.get("generation", 1),
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": context.clock.timestamp(),
        "reason": "DeletionByTaintManager",
        "message": "Taint manager: deleting due to NoExecute taint",
    }
    conditions = with_condition(pod["status"].get("conditions"), condition)
    patch = {"metadata": {"uid": metadata["uid"]}, "status": {"conditions": conditions}}
    try:
        await context.client.patch("pods", namespace, name, patch, "status")
        await context.client.delete("pods", namespace, name, uid=metadata["uid"])
    except NotFound:
        return
    except Conflict:
        present = context.client.get("pods", namespace, name)
        if present is not None and present["metadata"]["uid"] == metadata["uid"]:
            raise


async def tell(context: Context, pod: Object, message: str) -> None:
    """These events know a pod by its name alone."""
    metadata = {key: pod["metadata"][key] for key in ("namespace", "name")}
    about = {"kind": "Pod", "apiVersion": "v1", "metadata": metadata}
    await context.recorder.normal(about, REASON, message)


CONTROLLER = Controller(
    name="taint-eviction-controller",
    user=service_account("kube-system", "node-controller"),
    watches=(Watch("nodes", key=own), Watch("pods", key=on_node, of=stay)),
    reconcile=reconcile,
)
