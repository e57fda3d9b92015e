"""What pods and nodes use, in the form of metrics.k8s.io. Each read makes it anew from what somebody has said.

https://kubernetes.io/docs/reference/external-api/metrics.v1beta1/
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Protocol

from fakekube.api.call import Call
from fakekube.api.control_plane import ControlPlane
from fakekube.api.list_options import parse
from fakekube.errors import not_found
from fakekube.kinds.usage_metrics import GROUP, VERSION
from fakekube.registry.kind import Object
from fakekube.storage.store import Stored

WINDOW = "15s"
NOTHING = Decimal(0)


class Usage(Protocol):
    def of_pod(self, pod: Object, metric: str, container: str = "") -> Decimal | None:
        """What a pod, or one of its containers, uses; None when nobody has said so."""


def one(plane: ControlPlane, usage: Usage, call: Call) -> Object:
    """Of a pod or a node. Raises NotFound."""
    for metrics in _all(plane, usage, call):
        if metrics["metadata"]["name"] == call.name:
            return metrics
    name = f"{call.namespace}/{call.name}" if call.kind.namespaced else call.name
    raise not_found(GROUP, call.kind.kind.lower(), name)


def many(plane: ControlPlane, usage: Usage, call: Call) -> list[Stored]:
    """Those that the selectors pick, all on one page. Raises BadRequest, Invalid (options)."""
    selection = parse(call, watch=False).selection
    head = call.kind.head
    found = [
        Stored(each, head, each["metadata"].get("namespace", ""), each["metadata"]["name"], 0)
        for each in _all(plane, usage, call)
    ]
    return [each for each in found if selection.matches(each)]


def _all(plane: ControlPlane, usage: Usage, call: Call) -> Iterator[Object]:
    now = plane.clock.timestamp()
    if call.kind.namespaced:
        for pod in plane.list("", "pods", call.namespace):
            containers = list(_containers(pod, usage))
            if containers:
                yield _metrics("PodMetrics", pod, now, containers=containers)
        return
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for pod in plane.list("", "pods", ""):
        node = pod["spec"].get("nodeName", "")
        for processors, memory in _used_by(pod, usage).values():
            before = sums.get(node, (NOTHING, NOTHING))
            sums[node] = before[0] + processors, before[1] + memory
    for node in plane.list("", "nodes", ""):
        yield _metrics("NodeMetrics", node, now, usage=_shown(*sums.get(node["metadata"]["name"], (NOTHING, NOTHING))))


def _metrics(kind: str, about: Object, now: str, **more: object) -> Object:
    metadata = about["metadata"]
    shown = {key: metadata[key] for key in ("name", "namespace", "labels") if key in metadata}
    return {
        "kind": kind,
        "apiVersion": f"{GROUP}/{VERSION}",
        "metadata": {**shown, "creationTimestamp": now},
        "timestamp": now,
        "window": WINDOW,
        **more,
    }


def _containers(pod: Object, usage: Usage) -> Iterator[Object]:
    for name, amounts in _used_by(pod, usage).items():
        yield {"name": name, "usage": _shown(*amounts)}


def _used_by(pod: Object, usage: Usage) -> dict[str, tuple[Decimal, Decimal]]:
    """Processors and bytes of each container of a running pod; nothing when nobody has said anything. What is said of a whole pod of
    several containers is that of the first."""
    if pod["status"].get("phase") != "Running":
        return {}
    wholes = [usage.of_pod(pod, metric) for metric in ("cpu", "memory")]
    if wholes == [None, None]:
        return {}
    names = [container["name"] for container in pod["spec"]["containers"]]
    amounts = []
    for metric, whole in zip(("cpu", "memory"), wholes, strict=True):
        parts = [usage.of_pod(pod, metric, name) or NOTHING for name in names]
        if sum(parts, NOTHING) != (whole or NOTHING):
            parts = [whole or NOTHING, *(NOTHING for _ in names[1:])]
        amounts.append(parts)
    return {name: (amounts[0][place], amounts[1][place]) for place, name in enumerate(names)}


def _shown(processors: Decimal, memory: Decimal) -> Object:
    """As a metrics server writes them: billionths of a processor, and binary thousands of bytes."""
    return {"cpu": f"{int(processors * 10**9)}n", "memory": f"{int(memory) // 1024}Ki"}
