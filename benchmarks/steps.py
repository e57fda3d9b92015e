"""What the steps of one write cost, without a server around them: processor time, the best of several tries.

Pods of one template are decoded and judged once; here that is told apart from pods of which each is the first of its kind.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.pods import NAMESPACE, pod
from benchmarks.report import Row


@dataclass(frozen=True, slots=True)
class Tries:
    """How much is measured."""

    count: int = 9
    writes: int = 1_000
    """In each try."""


QUICK = Tries(3, 300)


def measure(tries: Tries) -> Iterator[Row]:
    """The rows, each as soon as it is known."""
    yield _validation(tries)
    yield from _writes(tries)


def _row(what: str, seconds: float, most_us: int | None = None) -> Row:
    row = Row(what, f"{seconds * 1e6:,.0f} µs")
    if most_us is not None:
        row.target, row.reached = f"at most {most_us} µs", seconds * 1e6 <= most_us
    return row


def _validation(tries: Tries) -> Row:
    """All that is asked of a new pod besides its metadata; nothing of it is remembered."""
    from fakekube.kinds.core.pod import validate_create
    from fakekube.objects.completion import complete

    obj = complete("core.v1.Pod", _pod_of_three(), kind="Pod", version="v1").object

    def once() -> float:
        start = time.process_time()
        for _ in range(tries.writes):
            errors = validate_create(obj)
        assert not errors
        return (time.process_time() - start) / tries.writes

    best = min(once() for _ in range(tries.count))
    return _row("validation of a pod with three containers", best, 150)


def _pod_of_three() -> dict[str, Any]:
    obj = pod("three")
    first = obj["spec"]["containers"][0]
    others = [{**first, "name": name, "ports": [{"containerPort": port}]} for name, port in (("log", 1), ("proxy", 2))]
    obj["spec"]["containers"] = [first, *others]
    return obj


def _deployment() -> dict[str, Any]:
    template = pod("")
    labels = template["metadata"]["labels"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": template["spec"]},
        },
    }


def _writes(tries: Tries) -> Iterator[Row]:
    """Through the functions that all doors lead to: admission, defaults, validation, the owners of fields, the store."""
    from fakekube.api import apply, create
    from fakekube.api.call import Call
    from fakekube.cluster import ADMINISTRATOR, FakeCluster

    with FakeCluster(nodes=0) as cluster:
        plane = cluster.plane
        cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        cluster.settle()
        numbers = itertools.count()

        def call(resource: str, name: str = "") -> Call:
            query = {"fieldManager": "bench"}
            return Call(ADMINISTRATOR, plane.kinds.named(resource), NAMESPACE, name, query=query)

        def of_one_template() -> bytes:
            return json.dumps(pod(f"same-{next(numbers)}")).encode()

        def like_no_other() -> bytes:
            number = next(numbers)
            obj = pod(f"other-{number}")
            obj["spec"]["containers"][0]["args"] = [f"--number={number}"]
            return json.dumps(obj).encode()

        def unchanged() -> bytes:
            return deployment

        deployment = json.dumps(_deployment()).encode()

        async def create_pod(body: bytes) -> None:
            await create.create(plane, call("pods"), body)

        async def apply_deployment(body: bytes) -> None:
            await apply.apply(plane, call("deployments.apps", "shop"), body)

        async def all_of(write: Callable[[bytes], Awaitable[None]], bodies: list[bytes]) -> float:
            start = time.thread_time()
            for body in bodies:
                await write(body)
            return (time.thread_time() - start) / len(bodies)

        for what, write, make, most_us in (
            ("create of a pod like the one before", create_pod, of_one_template, None),
            ("create of a pod like no other", create_pod, like_no_other, None),
            ("apply of a deployment that changes nothing", apply_deployment, unchanged, 600),
        ):
            best = float("inf")
            for _ in range(tries.count):
                bodies = [make() for _ in range(tries.writes)]
                # Nothing is left to do from those before.
                cluster.settle()
                best = min(best, cluster.server.call(all_of(write, bodies)))
            yield _row(what, best, most_us)
