"""A whole cluster in one object: it builds, starts, resets and stops. The only file that knows every part.

What a test does with it stands in `fakekube.testing`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fakekube import bootstrap
from fakekube.access import token_file
from fakekube.access.authentication import Authenticator
from fakekube.access.authorization import Authorizer
from fakekube.access.bootstrap_tokens import BootstrapTokens
from fakekube.access.modes import ALWAYS_ALLOW, NODE, authorizers
from fakekube.access.node import NodeAuthorizer
from fakekube.access.signing_keys import KeyRing
from fakekube.admission import Chain
from fakekube.api import custom_resources
from fakekube.api.client import Client
from fakekube.api.container_processes import ContainerProcesses
from fakekube.api.control_plane import ControlPlane
from fakekube.api.legacy_tokens import LegacyTokenUse
from fakekube.controllers import chosen
from fakekube.controllers.loop import Context, Controller, Loop, Settings, Watch, own
from fakekube.controllers.volume_provisioner import ALL_CLAIMS
from fakekube.kinds import Kinds
from fakekube.kubelet import StageError
from fakekube.kubelet.heartbeats import LEASE_EVERY_S, Heartbeats
from fakekube.kubelet.lives import Lives
from fakekube.kubelet.node import Node, healthy, nodes, read_template
from fakekube.kubelet.pods import Kubelet
from fakekube.kubelet.prerequisites import Wanting
from fakekube.options import ClusterOptions
from fakekube.registry.allocators import Allocators
from fakekube.registry.clock import Chance, SteeredClock
from fakekube.registry.create import complete_metadata
from fakekube.registry.expiry import Expiry, time_to_live_s
from fakekube.registry.kind import Object
from fakekube.registry.user import User
from fakekube.registry.webhook_calls import ClientConfig
from fakekube.server.app import Answered, App
from fakekube.server.capabilities import CAPABILITIES
from fakekube.server.certificates import Certificates
from fakekube.server.discovery import Discovery
from fakekube.server.health import Health
from fakekube.server.issuer import Issuer
from fakekube.server.metrics import Metrics
from fakekube.server.openapi import OpenApi
from fakekube.server.run import RunningServer
from fakekube.server.state import State
from fakekube.storage.store import Store
from fakekube.testing.asgi_door import AsgiDoor
from fakekube.testing.client_access import ClientAccess
from fakekube.testing.clock import ClockHandle, settle
from fakekube.testing.handle import TIMEOUT_S, Handle
from fakekube.testing.identities import Identities
from fakekube.testing.mailbox import run_in
from fakekube.testing.metrics import MetricsHandle
from fakekube.testing.nodes import NodesHandle
from fakekube.testing.pods import PodsHandle
from fakekube.testing.webhooks import WebhooksHandle

if TYPE_CHECKING:
    from typing import Self

    from fakekube.kubelet.stage_player import StagePlayer
    from fakekube.kubelet.stages import Stage
    from fakekube.seeding import SeedFailure
    from fakekube.server.programs import Launcher

HEARTBEATS = "node-heartbeats"

ADMINISTRATOR = User("kubernetes-admin", ("system:masters",), "admin-uid")


class FakeCluster(Identities, MetricsHandle, Handle):
    """A Kubernetes API server with its controllers, in a thread of its own; and what a test does with it (see Handle).

        with FakeCluster() as kube:  # or `async with`
            kube.create({"apiVersion": "v1", "kind": "Pod", ...})
            kube.wait_for("pod", "web", "condition=Ready")

    It may be started once. Raises ValueError for an authorization mode that is none, TokenFileError, UnknownController,
    NodeTemplateError, StageError, TimeToLiveError.
    """

    def __init__(
        self,
        *,
        nodes: int = ClusterOptions.nodes,
        anonymous_auth: bool = ClusterOptions.anonymous_auth,
        authorization_mode: str = ClusterOptions.authorization_mode,
        token_auth_file: str = ClusterOptions.token_auth_file,
        service_account_signing_algorithm: str = ClusterOptions.service_account_signing_algorithm,
        service_cidr: str = ClusterOptions.service_cidr,
        controllers: str = ClusterOptions.controllers,
        node_template: str = ClusterOptions.node_template,
        run_any_node: bool = ClusterOptions.run_any_node,
        stages: str = ClusterOptions.stages,
        event_ttl: str = ClusterOptions.event_ttl,
        allow_exec: bool = ClusterOptions.allow_exec,
        certificates: Certificates | None = None,
        host: str = ClusterOptions.host,
        port: int = ClusterOptions.port,
        seed: int | None = ClusterOptions.seed,
    ) -> None:
        self.options = ClusterOptions(
            nodes=nodes,
            anonymous_auth=anonymous_auth,
            authorization_mode=authorization_mode,
            token_auth_file=token_auth_file,
            service_account_signing_algorithm=service_account_signing_algorithm,
            service_cidr=service_cidr,
            controllers=controllers,
            node_template=node_template,
            run_any_node=run_any_node,
            stages=stages,
            event_ttl=event_ttl,
            allow_exec=allow_exec,
            host=host,
            port=port,
            seed=seed,
        )
        self._controllers = chosen(controllers)
        self._node_template = read_template(Path(node_template)) if node_template else {}
        self._authorizers = authorizers(authorization_mode)
        self._static_tokens = token_file.read(Path(token_auth_file)) if token_auth_file else {}
        self.certificates = certificates or Certificates.in_memory(service_account_signing_algorithm)
        self._application = App()
        self.server = RunningServer(
            self._application,
            certificates=self.certificates,
            host=host,
            port=port,
            on_start=self._begin,
            before_stop=self._end,
        )
        authorization = f"Bearer {self.certificates.admin_token}".encode()
        headers = [(b"authorization", authorization), (b"user-agent", b"fakekube")]
        Handle.__init__(self, self.server, self._application, headers)
        ClientAccess.__init__(self)
        self.records_permissions = False
        """Set before the start: whether everything that is permitted is recorded, in `recorder`."""
        self.launcher: Launcher | None = self._launcher() if allow_exec else None
        """Set before the start: how commands in containers are started on this machine; None: not at all."""
        self.explains_refusals = False
        """Set before the start: whether the log tells what was missing whenever somebody may not."""
        self.app = AsgiDoor(self._application, lambda: self.server.loop, self.certificates.admin_token)
        self._time = SteeredClock()
        self.clock = ClockHandle(self._time, self._settle, self._run)
        self._stages = _read_stages(stages)
        self._players: list[StagePlayer] = []
        self._lives = Lives()
        self._wanting = Wanting()
        self.pods = PodsHandle(self)
        self.nodes = NodesHandle(self)
        self.webhooks = WebhooksHandle()
        self._node_names: list[str] = []
        self._template: ControlPlane | None = None
        self._loop: Loop | None = None
        self._event_ttl_s = time_to_live_s(event_ttl)
        self._expiry: Expiry | None = None
        self._heartbeats: Heartbeats | None = None

    @property
    def plane(self) -> ControlPlane:
        return self._application.state.plane

    @property
    def requests(self) -> list[Answered]:
        """The last thousand requests since the reset, oldest first, those of the test's own verbs (user agent `fakekube`) as well."""
        return list(self._application.answered)

    def start(self) -> None:
        """Serve in a thread of its own; returns when requests are answered. Raises ListenError."""
        self.server.start()

    def run_foreground(self, on_ready: Callable[[], None] | None = None) -> None:
        """Serve in this thread until Ctrl-C. The process is the server's own: its memory is tuned for many objects that stay."""

        def ready() -> None:
            # What is there now lives as long as the process; stored objects form no cycles. Without this a full collection walks over
            # all of them every few hundred writes. Those of young objects are small, since while one lasts nobody is answered, and so
            # that what it walks over is still at hand: what counts is how many objects more there are, and where each write lets old
            # ones go for its new ones, there may be ten times as many young ones.
            gc.freeze()
            gc.set_threshold(300, 8_000, 100)
            if on_ready is not None:
                on_ready()

        try:
            self.server.run(ready)
        finally:
            self._remove_files()

    def stop(self) -> None:
        """End within 0.3 s, whatever clients do; files that clients were given go as well."""
        self.close_clients()
        self.server.stop()
        self._remove_files()

    def reset(self) -> None:
        """A fresh cluster behind the same address, in milliseconds. Open watches end."""
        self.close_clients()
        self._run(self._reset)
        self._application.answered.clear()
        self._restore_files()

    def settle(self, timeout: float = TIMEOUT_S) -> None:
        """Wait until no controller and no pod has anything left to do that is due within a second; with the clock frozen, anything at all
        before the next `clock.advance`. Raises TimeoutError, which says what keeps happening."""
        self._run(lambda: self._settle(timeout))

    async def settle_async(self, timeout: float = TIMEOUT_S) -> None:
        """`settle` while the caller's event loop, asyncio's or trio's, goes on."""
        await run_in(self.server.loop, self._settle(timeout))

    idle = settle
    idle_async = settle_async

    async def seed(self, paths: Sequence[Path]) -> list[SeedFailure]:
        """Send manifests to the cluster, as the administrator; returns what was refused. For use on the server's own loop."""
        from fakekube.seeding import FrontDoor, seed

        return await seed(FrontDoor(self._application, self.certificates.admin_token), paths)

    def client(self, user: User = ADMINISTRATOR) -> Client:
        """The verbs of the API as `user`, for use on the server's own loop."""
        return Client(self.plane, user)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        from anyio import to_thread

        await to_thread.run_sync(self.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        from anyio import CancelScope, to_thread

        with CancelScope(shield=True):
            await to_thread.run_sync(self.stop)

    async def _settle(self, timeout_s: float = TIMEOUT_S) -> None:
        assert self._loop is not None
        await settle(self._loop, timeout_s)

    async def _begin(self) -> None:
        self._template = await self._new_plane()
        await self._reset()

    async def _end(self) -> None:
        if self._expiry is not None:
            self._expiry.stop()
        if self._loop is not None:
            self.plane.processes.wake = None
            await self._loop.stop()
            self.plane.store.close_watchers()
            await self._application.state.sessions.end()

    async def _reset(self) -> None:
        assert self._template is not None
        if self._loop is not None:
            await self._end()
        self._time.restore()
        self._lives.clear()
        plane = _fork(self._template, self.options.seed)
        self.webhooks.clear()
        plane.webhooks.call = partial(self._call_webhook, plane)
        custom_resources.follow(plane)
        self._application.state = self._state(plane)
        if self.records_permissions:
            plane.recorder = self.new_recorder()
        self._expiry = Expiry(plane.store, plane.clock, self._event_ttl_s)
        self._expiry.start()
        self._loop = self._controllers_of(plane)
        if not any(player.resource == "pods" for player in self._players):
            plane.processes.wake = partial(self._wake_kubelet, self._loop)
        assert self._heartbeats is not None
        for name in self._heartbeats.names:
            # The template may be as old as the process.
            await self._heartbeats.beat(name)
        self._time.every(LEASE_EVERY_S, self._let_nodes_tell)
        self._loop.start()

    def _controllers_of(self, plane: ControlPlane) -> Loop:
        """The controllers and the kubelets of our own nodes, not started."""
        machines = nodes(self.options.nodes, self._node_template)
        self._node_names = [machine.name for machine in machines]
        heartbeats = self._heartbeats = Heartbeats(
            machines,
            self._lives.silent,
            plane.clock,
            lambda user: Client(plane, user, "kubelet"),
            with_status=not any((stage.group, stage.kind) == ("", "Node") for stage in self._stages),
        )
        tellers = [
            Controller(name=HEARTBEATS, watches=(), reconcile=heartbeats.reconcile, user=ADMINISTRATOR),
            self._bringer_of_sources(),
        ]
        if self.options.run_any_node:
            tellers.append(self._runner_of_nodes())
        return Loop(
            [*self._controllers, *self._kubelets(plane, machines), *tellers],
            store=plane.store,
            client_for=lambda controller: Client(plane, controller.acts_as, controller.field_manager),
            clock=plane.clock,
            settings=Settings(
                ca_pem=self.certificates.ca.certificate,
                ca_key_pem=self.certificates.ca.key,
                service_cidr=self.options.service_cidr,
                nodes=self._node_names,
                silent=self._lives.silent,
            ),
        )

    def _let_nodes_tell(self) -> None:
        assert self._loop is not None
        assert self._heartbeats is not None
        for name in self._heartbeats.names:
            self._loop.wake(("", name), name=HEARTBEATS)

    def _kubelets(self, plane: ControlPlane, machines: Sequence[Node]) -> list[Controller]:
        """Those who have pods live: a kubelet for each node, or the stages. Raises StageError for a kind that is not served."""
        if not self._stages:
            return [self._kubelet(machine, plane.processes) for machine in machines]
        from fakekube.kubelet.stage_player import StagePlayer

        self._players.clear()
        kinds: dict[tuple[str, str], list[Stage]] = {}
        for stage in self._stages:
            kinds.setdefault((stage.group, stage.kind), []).append(stage)
        players = []
        for (group, name), stages in kinds.items():
            resource = next((kind.collection for kind in plane.kinds if (kind.group, kind.kind) == (group, name)), None)
            if resource is None:
                raise StageError(f"the stage {stages[0].name} is for {name} of group {group!r}, which is not served")
            any_node = self.options.run_any_node
            player = StagePlayer(resource, stages, machines, plane.chance.random, plane.chance.uid, any_node=any_node)
            self._players.append(player)
            players.append(
                Controller(
                    name="kubelet",
                    watches=(Watch(resource, key=player.keys),),
                    reconcile=player.reconcile,
                    user=ADMINISTRATOR,
                    field_manager="kwok",
                    events_from="kwok",
                )
            )
        if ("", "Pod") not in kinds:
            players += [self._kubelet(machine, plane.processes) for machine in machines]
        return players

    def _kubelet(self, machine: Node, processes: ContainerProcesses) -> Controller:
        kubelet = Kubelet(machine, self._lives, processes, self._wanting)
        return Controller(
            name="kubelet",
            watches=(Watch("pods", key=kubelet.keys, where=("spec.nodeName", machine.name)),),
            reconcile=kubelet.reconcile,
            user=machine.user,
            field_manager="kubelet",
            host=machine.name,
        )

    def _bringer_of_sources(self) -> Controller:
        """Has pods looked at that wait for a ConfigMap or a Secret when that has come."""
        wanting = self._wanting = Wanting()

        def wanted(resource: str) -> Callable[[Object], list[tuple[str, str]]]:
            def key(found: Object) -> list[tuple[str, str]]:
                metadata = found["metadata"]
                return wanting.pods_for(resource, metadata["namespace"], metadata["name"])

            return key

        async def wake(_: Context, namespace: str, name: str) -> None:
            assert self._loop is not None
            self._loop.wake((namespace, name), name="kubelet")

        types = ("ADDED", "MODIFIED")
        watches = tuple(Watch(each, key=wanted(each), types=types) for each in ("configmaps", "secrets"))
        return Controller(name="kubelet-sources", watches=watches, reconcile=wake, user=ADMINISTRATOR)

    def _wake_kubelet(self, loop: Loop, namespace: str, name: str) -> None:
        loop.wake((namespace, name), name="kubelet")

    def _next_node(self) -> int:
        return len(self._node_names)

    async def _add_node(self, machine: Node) -> None:
        """One more machine, until the next reset."""
        assert self._loop is not None
        await machine.register(Client(self.plane, machine.user, "kubelet"), self._time)
        self._run_node(machine)

    def _run_node(self, machine: Node) -> None:
        assert self._loop is not None
        assert self._heartbeats is not None
        self._node_names.append(machine.name)
        self._heartbeats.add(machine)
        self._loop.wake(ALL_CLAIMS, name="volume-provisioner")
        for player in self._players:
            player.add(machine)
        if any(player.resource == "pods" for player in self._players):
            return
        controller = self._kubelet(machine, self.plane.processes)
        self._loop.add(controller, Client(self.plane, controller.acts_as, controller.field_manager))

    def _runner_of_nodes(self) -> Controller:
        """Gives a kubelet to each Node that a client has created."""

        async def run(context: Context, _: str, name: str) -> None:
            node = context.client.get("nodes", "", name)
            if node is None or name in self._node_names:
                return
            machine = Node(self._next_node(), name)
            if self._stages:  # they say themselves what becomes of it
                self._run_node(machine)
                return
            now = context.clock.timestamp()
            said = {**machine.object(now)["status"], "conditions": healthy(now)}
            status = {key: value for key, value in said.items() if key == "conditions" or not node["status"].get(key)}
            if "providerID" not in node["spec"]:
                await context.client.patch("nodes", "", name, {"spec": {"providerID": f"fakekube://{name}"}})
            await context.client.patch("nodes", "", name, {"status": status}, "status")
            self._run_node(machine)

        return Controller(
            name="node-runner", watches=(Watch("nodes", key=own),), reconcile=run, user=ADMINISTRATOR, host="fakekube"
        )

    async def _new_plane(self) -> ControlPlane:
        """A control plane that holds what a fresh cluster holds once its controllers have come to rest."""
        options = self.options
        clock, chance = self._time, Chance(options.seed)
        store, kinds = Store(clock.real.monotonic), Kinds.builtin()
        for kind in kinds:
            if kind.is_stored and kind.is_stored_form:
                store.declare(kind.collection, kind.kind, kind.api_version)
        plane = ControlPlane(
            store,
            kinds,
            clock,
            chance,
            Allocators(options.service_cidr, chance.random),
            Chain(),
            dict(CAPABILITIES),
            KeyRing(lambda: [self.certificates.service_account_key]),
        )
        address = f"{options.host}:{self.server.port}"
        for obj in bootstrap.objects(
            ca_pem=self.certificates.ca.certificate,
            service_cidr=options.service_cidr,
            server_address=address,
            now=clock.now(),
        ):
            _put(plane, obj)
        if options.nodes:
            _put(plane, bootstrap.default_storage_class())
        for machine in nodes(options.nodes, self._node_template):
            await machine.register(Client(plane, machine.user, "kubelet"), clock)
        controllers = self._controllers_of(plane)
        controllers.start()
        await controllers.idle()
        await controllers.stop()
        store.forget_history()
        return plane

    async def _call_webhook(self, plane: ControlPlane, config: ClientConfig, review: bytes, timeout_s: int) -> bytes:
        from fakekube.server.webhook_client import WebhookClient

        client = WebhookClient(plane.get, plane.list, self.webhooks.in_process, partial(_local_port, plane))
        return await client(config, review, timeout_s)

    def _state(self, plane: ControlPlane) -> State:
        address = f"{self.options.host}:{self.server.port}"
        authorizer = Authorizer(plane.store, node=NodeAuthorizer(plane.store) if NODE in self._authorizers else None)
        always_allow = ALWAYS_ALLOW in self._authorizers
        if not always_allow:
            plane.authorizer = authorizer
        return State(
            plane,
            Authenticator(
                {**self._static_tokens, self.certificates.admin_token: ADMINISTRATOR},
                plane.service_account_tokens,
                BootstrapTokens(plane.get, plane.clock.now),
                anonymous=self.options.anonymous_auth,
                legacy_token_used=LegacyTokenUse(plane).note,
            ),
            authorizer,
            Discovery(plane.kinds, lambda: address),
            OpenApi(kinds=plane.kinds),
            Health(),
            Metrics(
                lambda: {each.name: len(each) for each in plane.store.collections()},
                lambda: _watchers(plane),
            ),
            Issuer(plane.keys, lambda: address),
            always_allow=always_allow,
            explains_refusals=self.explains_refusals,
            launcher=self.launcher,
        )

    def _launcher(self) -> Launcher:
        from fakekube.server.programs import fakekube_exec

        return fakekube_exec(lambda: str(self.kubeconfig))


def _read_stages(directory: str) -> tuple[Stage, ...]:
    if not directory:
        return ()
    from fakekube.kubelet.stages import read

    return read(Path(directory))


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
        plane.keys,
    )


def _local_port(plane: ControlPlane, namespace: str, pod: str, port: int) -> int | None:
    """Where a port of a pod is on this machine: a process that plays one of its containers in this machine's network has it itself."""
    playing = (each for each in plane.processes.of_name(namespace, pod) if not each.is_gone)
    return port if any(each.network == "host" for each in playing) else None


def _watchers(plane: ControlPlane) -> dict[tuple[str, str, str], int]:
    counted = {}
    for kind in plane.kinds:
        if kind.is_stored and kind.is_stored_form:
            count = len(plane.store.collection(kind.collection).watchers)
            if count:
                counted[kind.group, kind.version, kind.kind] = count
    return counted
