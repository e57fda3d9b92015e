"""What a program sees of one container: from the kubelet's rules to a `View` of the sandbox. Nothing is asked or written here."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fakekube.in_pod.errors import InPodError
from fakekube.kubelet import Object, hostname, hosts_file
from fakekube.kubelet.mounts import Mount as KubeletMount
from fakekube.sandbox import API_ADDRESS, Address, Mount, Resolver, Rung, View

LOOPBACK = API_ADDRESS
"""Where programs in the host's network find the API server. All of 127/8 is this machine, so that nothing leaves it even if the way to
the server breaks; the ClusterIP could be anybody's."""

CLUSTER_DOMAIN = "cluster.local"

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_LEFT_OUT = ("KUBECONFIG", "PWD", "OLDPWD")
"""What leads to another cluster, and what programs would take for the container's workingDir: both are the same directory there."""
_CLEAN = ("PATH", "HOME", "TERM", "LANG")
"""What a program needs of the host even if it is to see nothing of it."""


@dataclass(frozen=True)
class Choices:
    """What the command line says about a view."""

    network: Literal["host", "pod"] = "host"
    as_root: bool = False
    workdir_from: Path | None = None
    """What is seen at the container's workingDir; None: the current directory, if this machine has no such path."""
    clean_environment: bool = False
    proxy_images: tuple[str, ...] = ()
    """Images that are a kubectl proxy."""
    sync_period_s: float = 0.0


@dataclass(frozen=True)
class Server:
    """Where the API server is for a view: its own `address`, the ClusterIP, and what programs are told."""

    address: Address
    cluster_ip: str
    advertised: Address

    @classmethod
    def of(cls, address: Address, cluster_ip: str, choices: Choices, rung: Rung) -> Server:
        """As far as this machine's rung allows."""
        if choices.network == "pod":
            return cls(address, cluster_ip, (cluster_ip, LOOPBACK[1]))
        return cls(address, cluster_ip, LOOPBACK if rung.reaches(LOOPBACK) else address)

    def redirects(self) -> dict[Address, Address]:
        return {LOOPBACK: self.address, (self.cluster_ip, LOOPBACK[1]): self.address}


@dataclass(frozen=True)
class Content:
    """What the kubelet's rules have made of a container."""

    pod: Object
    container: Object
    environment: Mapping[str, str]
    mounts: Sequence[KubeletMount]
    termination_log: Path | None = None
    redirects: Mapping[Address, Address] = field(default_factory=dict)
    """Beyond the server's."""


def address_of(host: str, port: int) -> Address:
    """Where a server is, as an address of IPv4 if it has one. Raises InPodError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise InPodError(f"{host} is no known host: {error}") from None
    found.sort(key=lambda each: each[0] != socket.AF_INET)
    address = found[0][4]
    return str(address[0]), int(address[1])


def view(
    argv: Sequence[str],
    content: Content,
    server: Server,
    choices: Choices,
    environ: Mapping[str, str],
    resolver: Resolver | None = None,
) -> View:
    """`environ` is this process's own environment."""
    pod, container = content.pod, content.container
    directory, work_mounts = _working_directory(container, choices)
    uid, gid, groups = _ids(pod, container, choices)
    mounts = [Mount(each.source, each.target, each.read_only) for each in content.mounts]
    targets = {mount.target for mount in mounts}
    if content.termination_log is not None:
        path = container.get("terminationMessagePath") or "/dev/termination-log"
        if path not in targets:
            mounts.append(Mount(content.termination_log, path))
    return View(
        argv=tuple(argv),
        environment=environment(environ, content.environment, server, clean=choices.clean_environment),
        working_directory=directory,
        hostname=hostname.hostname(pod) if not pod["spec"].get("hostNetwork") else None,
        mounts=(*work_mounts, *mounts),
        files=_files(pod, container, server),
        hidden=tuple(dict.fromkeys(_kube_directories(environ))),
        redirects={**server.redirects(), **content.redirects},
        network=choices.network,
        resolver=resolver,
        uid=uid,
        gid=gid,
        groups=groups,
    )


def environment(
    environ: Mapping[str, str], pods: Mapping[str, str], server: Server, *, clean: bool = False
) -> dict[str, str]:
    """This machine's own variables, without those that lead to another cluster or directory, and the pod's over them."""
    if clean:
        kept = {name: environ[name] for name in _CLEAN if name in environ}
    else:
        kept = {
            name: value
            for name, value in environ.items()
            if name not in _LEFT_OUT and not name.startswith(("KUBERNETES_", "FAKEKUBE_"))
        }
    merged = {**kept, **pods}
    if any(merged.get(name) for name in _PROXIES):
        # Whoever asks a proxy for everything must not ask it for this server.
        ours = [
            hosts_file.SHORT_API_NAME,
            *hosts_file.API_NAMES,
            server.advertised[0],
            server.cluster_ip,
            "localhost",
            "127.0.0.1",
        ]
        for name in ("no_proxy", "NO_PROXY"):
            merged[name] = ",".join(filter(None, [merged.get(name, ""), *ours]))
    return merged


def resolver(services: Sequence[Object], namespace: str) -> Resolver:
    """The cluster's DNS, for a network of the pod's own: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/"""
    names = {}
    for service in services:
        address = service["spec"].get("clusterIP", "")
        if address and address != "None":
            metadata = service["metadata"]
            names[f"{metadata['name']}.{metadata['namespace']}.svc.{CLUSTER_DOMAIN}"] = (address,)
    search = (f"{namespace}.svc.{CLUSTER_DOMAIN}", f"svc.{CLUSTER_DOMAIN}", CLUSTER_DOMAIN)
    return Resolver(names, search, CLUSTER_DOMAIN)


def _working_directory(container: Object, choices: Choices) -> tuple[str, list[Mount]]:
    """Where the program starts, and what is to be seen there."""
    here = choices.workdir_from or Path.cwd()
    wanted = container.get("workingDir")
    if not wanted:
        return str(here), []
    if choices.workdir_from is None and os.path.isdir(wanted):
        return wanted, []
    return wanted, [Mount(here.resolve(), wanted)]


def _ids(pod: Object, container: Object, choices: Choices) -> tuple[int | None, int | None, tuple[int, ...]]:
    """Whom the program sees itself as; one's own ids where nobody says anything."""
    if choices.as_root:
        return 0, 0, ()
    of_pod = pod["spec"].get("securityContext") or {}
    own = container.get("securityContext") or {}
    uid = own.get("runAsUser", of_pod.get("runAsUser"))
    gid = own.get("runAsGroup", of_pod.get("runAsGroup"))
    groups = [of_pod[name] for name in ("fsGroup",) if name in of_pod] + list(of_pod.get("supplementalGroups") or ())
    return uid, gid, tuple(dict.fromkeys(groups))


def _files(pod: Object, container: Object, server: Server) -> dict[str, bytes]:
    if not hosts_file.is_managed(container):
        return {}
    of_node = ""
    if pod["spec"].get("hostNetwork"):
        try:
            of_node = Path(hosts_file.PATH).read_text(encoding="utf-8", errors="replace")
        except OSError:
            of_node = ""
    namespace = pod["metadata"]["namespace"]
    text = hosts_file.with_api_names(hosts_file.content(pod, of_node), server.advertised[0], namespace=namespace)
    return {hosts_file.PATH: text.encode()}


def _kube_directories(environ: Mapping[str, str]) -> list[str]:
    """Where the developer's own kubeconfig lies: a client that finds one would talk to a real cluster."""
    homes = [environ.get("HOME", "")]
    with contextlib.suppress(KeyError):
        homes.append(pwd.getpwuid(os.getuid()).pw_dir)
    return [str(Path(home, ".kube")) for home in homes if home]
