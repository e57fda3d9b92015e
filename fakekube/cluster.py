"""A whole cluster in one object: it builds, starts, resets and stops. The only file that knows every part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fakekube import bootstrap
from fakekube.access.authentication import Authenticator
from fakekube.access.authorization import Authorizer
from fakekube.admission import Chain
from fakekube.api.client import Client
from fakekube.api.control_plane import ControlPlane
from fakekube.controllers import CONTROLLERS
from fakekube.controllers.loop import Loop, Settings
from fakekube.kinds import Kinds
from fakekube.registry.allocators import Allocators
from fakekube.registry.clock import Chance, Clock
from fakekube.registry.create import complete_metadata
from fakekube.registry.kind import Object
from fakekube.registry.user import User
from fakekube.server.app import App
from fakekube.server.certificates import Certificates
from fakekube.server.discovery import Discovery
from fakekube.server.health import Health
from fakekube.server.metrics import Metrics
from fakekube.server.openapi import OpenApi
from fakekube.server.run import RunningServer
from fakekube.server.state import State
from fakekube.storage.store import Store

if TYPE_CHECKING:
    from fakekube.seeding import SeedFailure

ADMINISTRATOR = User("kubernetes-admin", ("system:masters",))


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What a cluster is to be like."""

    nodes: int = 1
    """Nodes that fakekube runs itself: pods placed on them come to life. With 0 pods stay Pending, as without any kubelet."""
    anonymous_auth: bool = True
    service_cidr: str = "10.96.0.0/16"
    host: str = "127.0.0.1"
    port: int = 0
    """0 takes any free one."""
    seed: int | None = None
    """Of uids, name suffixes and addresses; None is different each time."""


class FakeCluster:
    """A Kubernetes API server with its controllers, in a thread of its own.

    with FakeCluster() as kube:
        ...  # kube.url, kube.certificates
    """

    def __init__(
        self,
        *,
        nodes: int = 1,
        anonymous_auth: bool = True,
        service_cidr: str = "10.96.0.0/16",
        certificates: Certificates | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int | None = None,
    ) -> None:
        self.options = ClusterOptions(nodes, anonymous_auth, service_cidr, host, port, seed)
        self.certificates = certificates or Certificates.in_memory()
        self.app = App()
        self.server = RunningServer(
            self.app,
            certificates=self.certificates,
            host=host,
            port=port,
            on_start=self._begin,
            before_stop=self._end,
        )
        self._template: ControlPlane | None = None
        self._loop: Loop | None = None

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def plane(self) -> ControlPlane:
        return self.app.state.plane

    def start(self) -> None:
        """Serve in a thread of its own; returns when requests are answered. Raises ListenError."""
        self.server.start()

    def run_foreground(self, on_ready: Callable[[], None] | None = None) -> None:
        """Serve in this thread until Ctrl-C."""
        self.server.run(on_ready)

    def stop(self) -> None:
        self.server.stop()

    def reset(self) -> None:
        """A fresh cluster behind the same address, in milliseconds. Open watches end."""
        self.server.call(self._reset())

    def idle(self) -> None:
        """Wait until no controller has anything left to do."""
        assert self._loop is not None
        self.server.call(self._loop.idle())

    async def seed(self, paths: Sequence[Path]) -> list[SeedFailure]:
        """Send manifests to the cluster, as the administrator; returns what was refused."""
        from fakekube.seeding import FrontDoor, seed

        return await seed(FrontDoor(self.app, self.certificates.admin_token), paths)

    def client(self, user: User = ADMINISTRATOR) -> Client:
        """The verbs of the API as `user`, for use on the server's own loop."""
        return Client(self.plane, user)

    def __enter__(self) -> FakeCluster:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _begin(self) -> None:
        self._template = self._new_plane()
        await self._reset()

    async def _end(self) -> None:
        if self._loop is not None:
            await self._loop.stop()
        self.plane.store.close_watchers()

    async def _reset(self) -> None:
        assert self._template is not None
        if self._loop is not None:
            await self._end()
        plane = _fork(self._template, self.options.seed)
        self.app.state = self._state(plane)
        self._loop = Loop(
            CONTROLLERS,
            store=plane.store,
            client_for=lambda controller: Client(plane, controller.acts_as),
            clock=plane.clock,
            settings=Settings(ca_pem=self.certificates.ca.certificate, service_cidr=self.options.service_cidr),
        )
        self._loop.start()

    def _new_plane(self) -> ControlPlane:
        """A control plane that holds what a fresh cluster holds."""
        options = self.options
        clock, chance = Clock(), Chance(options.seed)
        store, kinds = Store(clock.monotonic), Kinds.builtin()
        for kind in kinds:
            if kind.is_stored and kind.is_stored_form:
                store.declare(kind.collection, kind.kind, kind.api_version)
        plane = ControlPlane(store, kinds, clock, chance, Allocators(options.service_cidr, chance.random), Chain())
        address = f"{options.host}:{self.server.port}"
        for obj in bootstrap.objects(
            ca_pem=self.certificates.ca.certificate,
            service_cidr=options.service_cidr,
            server_address=address,
            now=clock.now(),
        ):
            _put(plane, obj)
        store.forget_history()
        return plane

    def _state(self, plane: ControlPlane) -> State:
        address = f"{self.options.host}:{self.server.port}"
        return State(
            plane,
            Authenticator({self.certificates.admin_token: ADMINISTRATOR}, anonymous=self.options.anonymous_auth),
            Authorizer(plane.store),
            Discovery(plane.kinds, lambda: address),
            OpenApi(),
            Health(),
            Metrics(
                lambda: {each.name: len(each) for each in plane.store.collections()},
                lambda: _watchers(plane),
            ),
        )


def _put(plane: ControlPlane, obj: Object) -> None:
    """Store an object of a fresh cluster, which was recorded with its defaults."""
    group, _, version = obj["apiVersion"].rpartition("/")
    kind = plane.kinds.of_kind(group, version, obj["kind"])
    assert kind is not None, obj["kind"]
    operation = plane.operation(ADMINISTRATOR)
    generation = obj["metadata"].get("generation")
    if generation is None and kind.facts.generation == "1":
        obj["metadata"]["generation"] = 1
    complete_metadata(obj, operation)
    for address in obj.get("spec", {}).get("clusterIPs", ()) if kind.kind == "Service" else ():
        plane.allocators.cluster_ips.take(address)
    metadata = obj["metadata"]
    plane.store.create(kind.collection, metadata.get("namespace", ""), metadata["name"], obj)


def _fork(plane: ControlPlane, seed: int | None) -> ControlPlane:
    """A control plane of its own with the same objects."""
    chance = Chance(seed)
    return ControlPlane(
        plane.store.fork(),
        plane.kinds.fork(),
        plane.clock,
        chance,
        plane.allocators.fork(chance.random),
        plane.admission,
        plane.capabilities,
    )


def _watchers(plane: ControlPlane) -> dict[tuple[str, str, str], int]:
    counted = {}
    for kind in plane.kinds:
        if kind.is_stored and kind.is_stored_form:
            count = len(plane.store.collection(kind.collection).watchers)
            if count:
                counted[kind.group, kind.version, kind.kind] = count
    return counted
