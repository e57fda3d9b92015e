"""How large a cluster it plays: rollouts, their end, what a cluster of many nodes holds and costs at rest, and who waits meanwhile.

The server runs as users start it, with nodes whose pods come to life. Times are from the first request until all is done, as a client sees
it that asks twenty times a second; a core that other programs use makes them longer, so the processor time stands beside them.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.client import Connection, Unexpected
from benchmarks.report import Row
from benchmarks.servers import Server, fakekube

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
PODS = "/api/v1/namespaces/default/pods"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
ASKED_EVERY_S = 0.05
PROBED_EVERY_S = 0.005
TIMEOUT_S = 600.0

PODS_OF_A_NODE = 100
"""Fewer than the 110 that a node takes."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    replicas: int = 5_000
    deployments: int = 100
    replicas_of_each: int = 10
    nodes: int = 200
    pods: int = 10_000
    rest_s: float = 20.0
    probed_replicas: int = 3_000
    probed_s: float = 10.0


QUICK = Size(
    replicas=500, deployments=10, nodes=20, pods=500, rest_s=3.0, probed_replicas=300, probed_s=2.0
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spent:
    """What something took: on the clock, and of the server's processor."""

    seconds: float
    cpu_seconds: float

    def __str__(self) -> str:
        cpu = f", {self.cpu_seconds:.1f} s of its processor" if self.cpu_seconds else ""
        return f"{self.seconds:.1f} s{cpu}"


def measure(size: Size) -> Iterator[Row]:
    """The rows, each as soon as it is known."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with fakekube(folder, "--nodes", _nodes_for(size.replicas)) as server:
            yield from _one_deployment(size, User(server))
        with fakekube(folder, "--nodes", _nodes_for(size.deployments * size.replicas_of_each)) as server:
            yield _many_deployments(size, User(server))
        with fakekube(folder, "--nodes", _nodes_for(size.probed_replicas)) as server:
            yield from _latency(size, User(server))
        with fakekube(folder, "--nodes", str(size.nodes)) as server:
            yield from _at_rest(size, User(server))


def _nodes_for(pods: int) -> str:
    return str(-(-pods // PODS_OF_A_NODE))


class User:
    """Somebody who makes Deployments and looks how far they are."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._connection = Connection(server.address)
        self.settle()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        return json.loads(self._connection.exchange(self.server.address.request(method, path, sent)))

    def deploy(self, name: str, replicas: int) -> None:
        self.ask("POST", DEPLOYMENTS, deployment(name, replicas))

    def ready(self, name: str) -> int:
        """How many replicas of a Deployment are ready."""
        return int(self.ask("GET", f"{DEPLOYMENTS}/{name}").get("status", {}).get("readyReplicas", 0))

    def all_ready(self) -> int:
        deployments = self.ask("GET", DEPLOYMENTS)["items"]
        return sum(each.get("status", {}).get("readyReplicas", 0) for each in deployments)

    def has_pods(self) -> bool:
        return bool(self.ask("GET", f"{PODS}?limit=1")["items"])

    def spent(self, begin: Callable[[], object], is_done: Callable[[], bool]) -> Spent:
        """What it takes from `begin` until it is done. Raises Unexpected after TIMEOUT_S."""
        start, cpu = time.perf_counter(), self.server.cpu_seconds()
        begin()
        while not is_done():
            if time.perf_counter() - start > TIMEOUT_S:
                raise Unexpected(f"not done after {TIMEOUT_S:.0f} s")
            time.sleep(ASKED_EVERY_S)
        return Spent(time.perf_counter() - start, self.server.cpu_seconds() - cpu)

    def settle(self) -> None:
        """Wait until the server has next to nothing to do; not for long where the system tells no times."""
        for _ in range(1_000):
            cpu = self.server.cpu_seconds()
            time.sleep(0.5)
            if self.server.cpu_seconds() - cpu <= 0.03:
                return

    def latencies(self, is_done: Callable[[float], bool]) -> list[float]:
        """Milliseconds that a GET of a small object took, again and again, sorted. `is_done` is asked for every twentieth."""
        connection = Connection(self.server.address)
        request = self.server.address.request("GET", f"{CONFIG_MAPS}/probed")
        taken: list[float] = []
        begin = time.perf_counter()
        while len(taken) % 20 or not is_done(time.perf_counter() - begin):
            start = time.perf_counter()
            connection.exchange(request)
            taken.append((time.perf_counter() - start) * 1e3)
            time.sleep(PROBED_EVERY_S)
        connection.close()
        return sorted(taken)


def deployment(name: str, replicas: int) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "web", "image": "nginx:1.27", "ports": [{"containerPort": 80}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def _one_deployment(size: Size, user: User) -> Iterator[Row]:
    _progress(f"a Deployment of {size.replicas:,} replicas")
    spent = user.spent(lambda: user.deploy("web", size.replicas), lambda: user.ready("web") == size.replicas)
    yield _row(f"a Deployment of {size.replicas:,} replicas, until all are ready", spent, 12)
    user.settle()
    spent = user.spent(lambda: user.ask("DELETE", f"{DEPLOYMENTS}/web"), lambda: not user.has_pods())
    yield _row("its deletion, until no pod is left", spent, 6)


def _many_deployments(size: Size, user: User) -> Row:
    _progress(f"{size.deployments} Deployments")
    names = [f"web{index}" for index in range(size.deployments)]

    def deploy() -> None:
        for name in names:
            user.deploy(name, size.replicas_of_each)

    spent = user.spent(deploy, lambda: user.all_ready() == size.deployments * size.replicas_of_each)
    return _row(f"{size.deployments} Deployments of {size.replicas_of_each} replicas, until all are ready", spent, 4)


def _row(what: str, spent: Spent, most_s: float) -> Row:
    return Row(what, str(spent), target=f"at most {most_s:.0f} s", reached=spent.seconds <= most_s)


def _latency(size: Size, user: User) -> Iterator[Row]:
    _progress("latency")
    user.ask("POST", CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probed"}, "data": {}})
    user.settle()
    idle = user.latencies(lambda seconds: seconds > size.probed_s)
    user.deploy("web", size.probed_replicas)
    growing = user.latencies(lambda _: user.ready("web") == size.probed_replicas)
    user.settle()
    user.ask("DELETE", f"{DEPLOYMENTS}/web")
    shrinking = user.latencies(lambda _: not user.has_pods())
    for what, busy in ("comes", growing), ("goes", shrinking):
        ratio = _percentile(busy, 99) / _percentile(idle, 99)
        yield Row(
            f"GET while a Deployment of {size.probed_replicas:,} replicas {what}, 99th percentile, beside that of an idle cluster",
            f"{_percentile(busy, 99):.1f} ms (median {_percentile(busy, 50):.1f}, longest {busy[-1]:.0f}), "
            f"idle {_percentile(idle, 99):.1f} ms (median {_percentile(idle, 50):.1f}, longest {idle[-1]:.0f})",
            result=f"{ratio:.1f}",
            target="at most 3",
            reached=ratio <= 3,
        )


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


def _at_rest(size: Size, user: User) -> Iterator[Row]:
    _progress(f"{size.nodes} nodes with {size.pods:,} pods")
    names = [f"web{index}" for index in range(10)]

    def deploy() -> None:
        for name in names:
            user.deploy(name, size.pods // len(names))

    spent = user.spent(deploy, lambda: user.all_ready() == size.pods)
    _progress(f"they run after {spent}")
    user.settle()
    what = f"{size.nodes} nodes with {size.pods:,} pods that run"
    gigabytes = user.server.memory_bytes() / 1e9
    if gigabytes:
        yield Row(f"memory (RSS) of {what}", f"{gigabytes:.2f} GB", target="at most 2 GB", reached=gigabytes <= 2)
    cpu = user.server.cpu_seconds()
    time.sleep(size.rest_s)
    percent = (user.server.cpu_seconds() - cpu) / size.rest_s * 100
    if cpu:
        yield Row(f"processor time of {what}, at rest", f"{percent:.2f} %", target="less than 1 %", reached=percent < 1)


def _progress(text: str) -> None:
    print(f"... {text}", file=sys.stderr, flush=True)
