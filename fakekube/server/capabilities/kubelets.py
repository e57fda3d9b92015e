"""The way from a pod to the kubelet of its node, as far as it goes: which container is meant, where its node is, who answers there."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from fakekube.api.control_plane import ControlPlane
from fakekube.errors import BadRequest, InternalError, not_found
from fakekube.objects import fields
from fakekube.registry.kind import Object

PREFERRED_ADDRESSES = ("Hostname", "InternalDNS", "InternalIP", "ExternalDNS", "ExternalIP")
"""Types of addresses in the order in which the server tries them."""

KUBELET_PORT = 10250
OWN_NODES = "fakekube://"
"""How spec.providerID of the nodes begins that this process runs itself."""

CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True, slots=True)
class Kubelet:
    host: str
    port: int
    is_own: bool
    """Whether it is a node of this process. All others are names of machines that are not there."""

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def pod_named(plane: ControlPlane, namespace: str, name: str) -> Object:
    """Raises NotFound."""
    pod = plane.get("", "pods", namespace, name)
    if pod is None:
        raise not_found("", "pods", name)
    return pod


def container_of(pod: Object, asked: str) -> str:
    """The container that is meant: the one asked for, or the only one. Raises BadRequest."""
    spec, pod_name = pod["spec"], pod["metadata"]["name"]
    names = [container["name"] for key in CONTAINER_LISTS for container in spec.get(key) or ()]
    if asked:
        if asked not in names:
            raise BadRequest(f"container {asked} is not valid for pod {pod_name}")
        return asked
    if len(spec["containers"]) > 1:
        raise BadRequest(f"a container name must be specified for pod {pod_name}, choose one of: [{' '.join(names)}]")
    name: str = spec["containers"][0]["name"]
    return name


def kubelet_of(plane: ControlPlane, node_name: str, resource: str) -> Kubelet:
    """Where the kubelet of a node listens. `resource` is that of the request, which a missing node is said to be.

    Raises NotFound, and InternalError for a node without an address.
    """
    node = plane.get("", "nodes", "", node_name)
    if node is None:
        raise not_found("", resource, node_name)
    addresses = fields.at(node, "status.addresses") or []
    host = next(
        (each["address"] for type in PREFERRED_ADDRESSES for each in addresses if each.get("type") == type), None
    )
    if host is None:
        known = " ".join(f"{{{each.get('type', '')} {each.get('address', '')}}}" for each in addresses)
        raise InternalError(f"no preferred addresses found; known addresses: [{known}]", reason="")
    port = fields.at(node, "status.daemonEndpoints.kubeletEndpoint.Port") or KUBELET_PORT
    return Kubelet(host, port, str(node["spec"].get("providerID", "")).startswith(OWN_NODES))


def dial_error(host: str, address: str) -> str:
    """What Go says about a machine at which nobody listens, or that has no such name."""
    try:
        ip_address(host)
    except ValueError:
        return f"dial tcp: lookup {host}: no such host"
    return f"dial tcp {address}: connect: connection refused"
