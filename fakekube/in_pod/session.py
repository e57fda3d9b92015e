"""A view of one container while it is prepared and while it lives: its place on this machine, volumes, environment, ambassador."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fakekube.in_pod import pod_view
from fakekube.in_pod.cluster_source import API_SERVICE, ClusterSource
from fakekube.in_pod.connection import Connection
from fakekube.in_pod.errors import InPodError
from fakekube.in_pod.live_volumes import LiveVolumes
from fakekube.in_pod.pod_view import Choices, Content, Server
from fakekube.in_pod.runtime_directory import ViewDirectory
from fakekube.kubelet import Object
from fakekube.kubelet import environment as environments
from fakekube.kubelet import mounts as kubelet_mounts
from fakekube.sandbox import Address, Prepared, View

if TYPE_CHECKING:
    from fakekube.in_pod.ambassador import Ambassador

TERMINATION_MESSAGE_BYTES = 4096


class Session:
    """Made for a pod that was found; `prepare` asks and writes, `view` says what is to be started, `remove` leaves nothing behind."""

    def __init__(
        self,
        connection: Connection,
        pod: Object,
        container: Object,
        choices: Choices,
        sandbox: Prepared,
    ) -> None:
        """Raises SandboxError for a backend that this machine does not have, RuntimeDirectoryError."""
        endpoint = connection.endpoint
        self.connection = connection
        self.pod = pod
        self.container = container
        self.choices = choices
        self.sandbox = sandbox
        self.source = ClusterSource(connection)
        address = pod_view.address_of(endpoint.host, endpoint.port)
        self.server = Server.of(address, self._cluster_ip(), choices, sandbox.rung)
        self.source.api_address = self.server.advertised
        self.source.kubeconfig = endpoint.file
        self.directory = ViewDirectory(pod["metadata"]["uid"], container["name"])
        self._failed: Callable[[str, str], None] = lambda volume, message: None
        self.volumes = LiveVolumes(
            pod,
            self.source,
            lambda name, is_shared: self.directory.volume(name, is_shared=is_shared),
            lambda volume, message: self._failed(volume, message),
            sync_period_s=choices.sync_period_s,
        )
        self.termination_log: Path | None = None
        self.ambassadors: list[Ambassador] = []
        self._content: Content | None = None

    def prepare(self) -> None:
        """Raises SetUpFailed and ContainerConfigError with the kubelet's messages, RemoteError."""
        self.volumes.set_up()
        environment = environments.environment(self.pod, self.container, self.source, self._path)
        mounts = kubelet_mounts.mounts(self.pod, self.container, environment, self._path)
        self.termination_log = self.directory.path / "termination-log"
        self.termination_log.touch(0o666)
        redirects = self._ambassadors()
        self._content = Content(self.pod, self.container, environment, mounts, self.termination_log, redirects)

    def own_command(self) -> list[str]:
        """What the pod's manifest says is to run; empty where the image decides. After `prepare`."""
        assert self._content is not None
        return environments.command_line(self.container, self._content.environment)

    def view(self, argv: Sequence[str], environ: dict[str, str]) -> View:
        """What is to be started; after `prepare`. `environ` is this process's own environment."""
        assert self._content is not None
        resolver = None
        if self.choices.network == "pod":
            services = self.connection.ask("GET", "/api/v1/services")["items"]
            resolver = pod_view.resolver(services, self.pod["metadata"]["namespace"])
        return pod_view.view(argv, self._content, self.server, self.choices, environ, resolver)

    def follow(self, failed: Callable[[str, str], None]) -> None:
        """Keep the volumes as the API says; `failed(volume, message)` hears where that is not possible."""
        self._failed = failed
        self.volumes.follow(self.connection)

    def termination_message(self) -> str:
        """What the program has left in its terminationMessagePath."""
        if self.termination_log is None:
            return ""
        try:
            with self.termination_log.open("rb") as file:
                return file.read(TERMINATION_MESSAGE_BYTES).decode("utf-8", "replace")
        except OSError:
            return ""

    def remove(self) -> None:
        self.volumes.stop()
        for ambassador in self.ambassadors:
            ambassador.stop()
        self.directory.remove()

    def _path(self, volume: str) -> Path:
        return self.volumes.path(volume)

    def _cluster_ip(self) -> str:
        namespace, name = API_SERVICE
        for service in self.source.services(namespace):
            if service["metadata"]["name"] == name:
                address: str = service["spec"]["clusterIP"]
                return address
        raise InPodError(
            f"the Service {name} is not in namespace {namespace}: programs in pods find the API server by it"
        )

    def _ambassadors(self) -> dict[Address, Address]:
        """Start those of the pod's other containers that are kubectl proxies; where their ports lead."""
        from fakekube.in_pod.ambassador import Ambassador, port_of

        redirects: dict[Address, Address] = {}
        ports = [
            port_of(container, self.choices.proxy_images)
            for container in [*self.pod["spec"]["containers"], *(self.pod["spec"].get("initContainers") or ())]
            if container["name"] != self.container["name"]
        ]
        for port in ports:
            if port is not None:
                ambassador = Ambassador(self.connection.endpoint, self.source, self.pod)
                self.ambassadors.append(ambassador)
                ambassador.start()
                for localhost in ("127.0.0.1", "::1"):
                    redirects[localhost, port] = ("127.0.0.1", ambassador.port)
        return redirects
