"""Keeps the NoSchedule taints of a node in step with its conditions: what is not fit for pods says so.

https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller
"""

from __future__ import annotations

from fakekube.controllers.loop import Context, Controller, Object, Watch, own
from fakekube.errors import NotFound

TAINTS = {
    ("Ready", "False"): "node.kubernetes.io/not-ready",
    ("Ready", "Unknown"): "node.kubernetes.io/unreachable",
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
}
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
OURS = {*TAINTS.values(), UNSCHEDULABLE}

TTL_ANNOTATION = "node.alpha.kubernetes.io/ttl"


async def reconcile(context: Context, _: str, name: str) -> None:
    node = context.client.get("nodes", "", name)
    if node is None:
        return
    metadata, spec = node["metadata"], node.get("spec", {})
    change: Object = {}
    if TTL_ANNOTATION not in metadata.get("annotations", {}):
        change["metadata"] = {"annotations": {TTL_ANNOTATION: "0"}}
    present = spec.get("taints", [])
    taints = taints_of(node, context.clock.timestamp())
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
    if "metadata" in change and "annotations" in change["metadata"]:
        about = {**node, "metadata": {"name": name, "uid": metadata["uid"]}}
        message = f"Node {name} event: Registered Node {name} in Controller"
        await context.recorder.normal(about, "RegisteredNode", message)


def taints_of(node: Object, now: str) -> list[Object]:
    """The taints the node is to have: others' as they are, ours where a condition says so, with the time they came."""
    wanted = {
        TAINTS[condition["type"], condition["status"]]
        for condition in node.get("status", {}).get("conditions", [])
        if (condition["type"], condition["status"]) in TAINTS
    }
    if not any(condition["type"] == "Ready" for condition in node.get("status", {}).get("conditions", [])):
        wanted.add(TAINTS["Ready", "False"])
    if node.get("spec", {}).get("unschedulable"):
        wanted.add(UNSCHEDULABLE)
    taints = []
    for taint in node.get("spec", {}).get("taints", []):
        is_ours = taint["key"] in OURS and taint["effect"] == "NoSchedule"
        if not is_ours or taint["key"] in wanted:
            taints.append(taint)
            if is_ours:
                wanted.discard(taint["key"])
    taints.extend({"key": key, "effect": "NoSchedule", "timeAdded": now} for key in sorted(wanted))
    return taints


CONTROLLER = Controller(name="node-controller", watches=(Watch("nodes", key=own),), reconcile=reconcile)
