"""Deletes the pods of nodes that are not there: nobody else would, since no kubelet is left to end them.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-garbage-collection
"""

from __future__ import annotations

from datetime import datetime

from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, own
from fakekube.controllers.pod_states import is_finished, time_of
from fakekube.errors import Conflict, NotFound
from fakekube.objects.conditions import with_condition

PERIOD_S = 20.0
"""Pods are looked at so often."""
QUARANTINE_S = 40.0
"""A node may be away for so long before its pods are given up."""


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    if namespace:
        return await look_at_unplaced(context, namespace, name)
    return await look_at_node(context, name)


async def look_at_node(context: Context, node: str) -> float | None:
    missing: dict[str, datetime] = context.memory.setdefault("missing", {})
    if context.client.get("nodes", "", node) is not None:
        missing.pop(node, None)
        return None
    now = context.clock.now()
    since = missing.setdefault(node, now)
    left_s = QUARANTINE_S - (now - since).total_seconds()
    if left_s > 0:
        return left_s
    for pod in context.client.list("pods"):
        if pod["spec"].get("nodeName") == node:
            await collect(context, pod)
    del missing[node]
    return None


async def look_at_unplaced(context: Context, namespace: str, name: str) -> float | None:
    """A pod that goes and never had a node: nobody will say how it ended."""
    pod = context.client.get("pods", namespace, name)
    if pod is None or not is_unplaced_and_going(pod):
        return None
    left_s = PERIOD_S - (context.clock.now() - time_of(pod["metadata"]["deletionTimestamp"])).total_seconds()
    if left_s > 0:
        return left_s
    await collect(context, pod)
    return None


def is_unplaced_and_going(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"] and not pod["spec"].get("nodeName") and not is_finished(pod)


async def collect(context: Context, pod: Object) -> None:
    metadata = pod["metadata"]
    namespace, name, uid = metadata["namespace"], metadata["name"], metadata["uid"]
    try:
        if not is_finished(pod):
            generation = metadata.get("generation", 1)
            status: Object = {"phase": "Failed", "observedGeneration": generation}
            if pod["spec"].get("nodeName"):
                condition = {
                    "type": "DisruptionTarget",
                    "observedGeneration": generation,
                    "status": "True",
                    "lastProbeTime": None,
                    "lastTransitionTime": context.clock.timestamp(),
                    "reason": "DeletionByPodGC",
                    "message": "PodGC: node no longer exists",
                }
                status["conditions"] = with_condition(pod["status"].get("conditions"), condition)
            await context.client.patch("pods", namespace, name, {"metadata": {"uid": uid}, "status": status}, "status")
        await context.client.delete("pods", namespace, name, uid=uid, grace_period_seconds=0)
    except NotFound:
        return
    except Conflict:
        present = context.client.get("pods", namespace, name)
        if present is not None and present["metadata"]["uid"] == uid:
            raise


def node_of(pod: Object) -> tuple[Key, ...]:
    node = pod["spec"].get("nodeName")
    if not node:
        return own(pod) if is_unplaced_and_going(pod) else ()
    return (("", node),)


CONTROLLER = Controller(
    name="pod-garbage-collector",
    watches=(Watch("nodes", key=own), Watch("pods", key=node_of, types=("ADDED", "MODIFIED"), of=node_of)),
    reconcile=reconcile,
)
