"""What tests of workload controllers share: manifests, a kubelet that makes pods ready at once, a cluster in which things go wrong."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

from fakekube.api.client import Client
from fakekube.controllers.loop import Context, Controller, Loop, Watch, own
from fakekube.errors import StatusError, conflict
from tests.controllers.in_memory import Cluster, Object

NAMESPACE = "shop"


def template(image: str = "x:1", **labels: str) -> Object:
    return {
        "metadata": {"labels": labels or {"app": "web"}},
        "spec": {"containers": [{"name": "main", "image": image}]},
    }


def workload(name: str, **spec: Any) -> Object:
    common = {"selector": {"matchLabels": {"app": "web"}}, "template": template()}
    return {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {**common, **spec}}


READY: Object = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": None}]}


async def _make_ready(context: Context, namespace: str, name: str) -> None:
    pod = context.client.get("pods", namespace, name)
    if pod is not None and pod["status"].get("phase") == "Pending":
        conditions = [{**READY["conditions"][0], "lastTransitionTime": context.clock.timestamp()}]
        await context.client.patch("pods", namespace, name, {"status": {**READY, "conditions": conditions}}, "status")


MAKES_READY = Controller(name="test-kubelet", watches=(Watch("pods", key=own),), reconcile=_make_ready)


async def make_ready(cluster: Cluster, *names: str) -> None:
    for name in names:
        await cluster.patch("pods", NAMESPACE, name, {"status": READY}, "status")
    await cluster.settle()


async def change(cluster: Cluster, resource: str, name: str, **spec: Any) -> None:
    await cluster.patch(resource, NAMESPACE, name, {"spec": spec})
    await cluster.settle()


def found(cluster: Cluster, resource: str, name: str) -> Object:
    object = cluster.get(resource, NAMESPACE, name)
    assert object is not None
    return object


def images(cluster: Cluster) -> list[str]:
    return [pod["spec"]["containers"][0]["image"] for pod in cluster.list("pods")]


def events(cluster: Cluster, about: str | None = None) -> list[str]:
    """`reason message`, the oldest first."""
    told = [each for each in cluster.list("events") if about in (None, each["involvedObject"]["name"])]
    told.sort(key=lambda each: int(each["metadata"]["resourceVersion"]))
    return [f"{each['reason']} {each['message']}" for each in told]


def file_of(controller: Controller) -> str:
    """The file that the controller is in, without its ending."""
    function = controller.reconcile
    whole = getattr(function, "func", function)
    if whole is not function:
        return controller.name.removesuffix("-controller")
    return str(function.__module__.rpartition(".")[2])


class As:
    """The cluster, which learns who writes."""

    def __init__(self, cluster: StormyCluster, name: str) -> None:
        self._cluster = cluster
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name in ("create", "update", "patch", "apply", "delete", "bind", "set_scale"):
            return lambda resource, *rest, **more: self._write(name, resource, *rest, **more)
        return getattr(self._cluster, name)

    async def _write(self, verb: str, resource: str, *rest: Any, **more: Any) -> Any:
        if resource != "events":
            self._cluster.writers.add(self._name)
        return await getattr(self._cluster, verb)(resource, *rest, **more)


@dataclass
class StormyCluster(Cluster):
    """A cluster in which one write of the controllers, counted from 0, is refused as a conflict, or they are all killed after one."""

    refused: int = -1
    last: int = -1
    quiet: bool = True
    """While it is set it is the test that writes."""
    counted: int = 0
    refusals: list[StatusError] = field(default_factory=list)
    restarts: int = 0
    writers: set[str] = field(default_factory=set)
    """The files of the controllers that have written anything but events."""
    _dead: bool = False

    def new_loop(self) -> None:
        self.loop = Loop(
            self.controllers,
            store=self.store,
            client_for=lambda controller: cast(Client, As(self, file_of(controller))),
            clock=self.clock,
            settings=self.settings,
        )

    def _wrote(self, verb: str, resource: str, object: Object) -> None:
        if self._dead:
            raise asyncio.CancelledError
        super()._wrote(verb, resource, object)
        if self.quiet or resource == "events":
            return
        number, self.counted = self.counted, self.counted + 1
        if number == self.refused:
            error = conflict("", resource, "it", "the object has been modified")
            self.refusals.append(error)
            raise error
        self._dead = number == self.last

    async def settle(self, seconds: float = 0.0) -> None:
        self.quiet = False
        self.clock.advance(seconds)
        for turn in range(1, 20_000):
            if self._dead:
                await self.loop.stop()
                self._dead = False
                self.restarts += 1
                self.new_loop()
                self.loop.start()
            if not self.loop.is_busy:
                self.quiet = True
                return
            await asyncio.sleep(0)
            if turn % 500 == 0:
                self.clock.advance(0.05)
        raise AssertionError("the controllers do not come to rest")
