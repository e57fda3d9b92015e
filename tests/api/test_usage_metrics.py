from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fakekube.api import usage_metrics
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import NotFound
from fakekube.kinds.usage_metrics import kinds
from tests.api.conftest import MakeCall

Object = dict[str, Any]
Said = dict[tuple[str, str, str], Decimal]


class Usage:
    """(name of the pod, container, metric) -> amount; the container "" stands for the whole pod."""

    def __init__(self, said: Said) -> None:
        self.said = said

    def of_pod(self, pod: Object, metric: str, container: str = "") -> Decimal | None:
        name = pod["metadata"]["name"]
        whole = self.said.get((name, "", metric))
        if container:
            return self.said.get((name, container, metric), whole)
        parts = [amount for (of, part, what), amount in self.said.items() if (of, what) == (name, metric) and part]
        return sum(parts, Decimal(0)) if parts else whole


@pytest.fixture(autouse=True)
def _served(plane: ControlPlane) -> None:
    for kind in kinds():
        plane.kinds.add(kind)


def put_pod(plane: ControlPlane, name: str, *containers: str, phase: str = "Running", **labels: str) -> None:
    pod = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {"nodeName": "n", "containers": [{"name": each} for each in containers]},
        "status": {"phase": phase},
    }
    plane.store.create("pods", "shop", name, pod)


def used(plane: ControlPlane, call: MakeCall, said: Said, **query: str) -> dict[str, dict[str, tuple[str, str]]]:
    found = usage_metrics.many(plane, Usage(said), call("pods.metrics.k8s.io", **query))
    return {
        each.name: {one["name"]: (one["usage"]["cpu"], one["usage"]["memory"]) for one in each.value["containers"]}
        for each in found
    }


def test_each_container_has_what_was_said_of_it(plane: ControlPlane, call: MakeCall) -> None:
    put_pod(plane, "web", "main", "proxy")
    said = {("web", "main", "cpu"): Decimal("0.5"), ("web", "proxy", "memory"): Decimal(2**20)}
    assert used(plane, call, said) == {"web": {"main": ("500000000n", "0Ki"), "proxy": ("0n", "1024Ki")}}


def test_what_was_said_of_a_whole_pod_is_told_once(plane: ControlPlane, call: MakeCall) -> None:
    put_pod(plane, "web", "main", "proxy")
    said = {("web", "", "cpu"): Decimal("0.1")}
    assert used(plane, call, said) == {"web": {"main": ("100000000n", "0Ki"), "proxy": ("0n", "0Ki")}}


def test_pods_that_do_not_run_and_those_nobody_speaks_of_have_no_metrics(plane: ControlPlane, call: MakeCall) -> None:
    put_pod(plane, "pending", "c", phase="Pending")
    put_pod(plane, "unknown", "c")
    assert used(plane, call, {("pending", "", "cpu"): Decimal(1)}) == {}


def test_selectors_pick_pods(plane: ControlPlane, call: MakeCall) -> None:
    for name in ("a", "b"):
        put_pod(plane, name, "c", app=name)
    said = {(name, "", "cpu"): Decimal(1) for name in ("a", "b")}
    assert list(used(plane, call, said, labelSelector="app=b")) == ["b"]


def test_a_node_uses_what_its_pods_use(plane: ControlPlane, call: MakeCall) -> None:
    for name in ("n", "idle"):
        plane.store.create("nodes", "", name, {"kind": "Node", "apiVersion": "v1", "metadata": {"name": name}})
    for name in ("a", "b"):
        put_pod(plane, name, "c")
    usage = Usage({("a", "", "cpu"): Decimal("0.2"), ("b", "", "cpu"): Decimal("0.3")})

    found = usage_metrics.many(plane, usage, call("nodes.metrics.k8s.io"))
    assert {each.name: each.value["usage"]["cpu"] for each in found} == {"idle": "0n", "n": "500000000n"}
    assert usage_metrics.one(plane, usage, call("nodes.metrics.k8s.io", "n"))["kind"] == "NodeMetrics"
    with pytest.raises(NotFound, match=r'^nodemetrics\.metrics\.k8s\.io "gone" not found$'):
        usage_metrics.one(plane, usage, call("nodes.metrics.k8s.io", "gone"))
