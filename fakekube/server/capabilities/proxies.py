"""Requests that the API server would carry on to a pod, a service or a node: how far they get.

https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/
"""

from __future__ import annotations

from ipaddress import ip_address

from fakekube.api.control_plane import ControlPlane
from fakekube.errors import BadRequest, ServiceUnavailable, not_found
from fakekube.objects import fields
from fakekube.registry.kind import Object
from fakekube.server.capabilities.kubelets import OWN_NODES, dial_error, kubelet_of, pod_named
from fakekube.server.capabilities.unavailable import unavailable
from fakekube.server.resources import Exchange
from fakekube.server.responses import Response

SCHEMES = ("", "http", "https")
SERVICE_NAME = "kubernetes.io/service-name"


async def to_pod(exchange: Exchange) -> Response:
    """pods/[SCHEME:]NAME[:PORT]/proxy."""
    plane, call = exchange.state.plane, exchange.call
    scheme, name, port = _target(call.name, "pod")
    pod = pod_named(plane, call.namespace, name)
    host = fields.text_at(pod, "status.podIP")
    if not _is_proxyable(host):
        raise BadRequest("address not allowed")
    raise _end(plane, host, port or _first_port(pod) or _usual_port(scheme), pod["spec"].get("nodeName", ""), "pods")


async def to_service(exchange: Exchange) -> Response:
    """services/[SCHEME:]NAME[:PORT]/proxy."""
    plane, call = exchange.state.plane, exchange.call
    _, name, port = _target(call.name, "service")
    if port.isascii() and port.isdecimal():
        port = _name_of_port(plane, call.namespace, name, int(port))
    slices = [
        each
        for each in plane.list("discovery.k8s.io", "endpointslices", call.namespace)
        if (each["metadata"].get("labels") or {}).get(SERVICE_NAME) == name
    ]
    if not slices:
        raise not_found("", "services", name)
    if not any(each.get("endpoints") for each in slices):
        raise ServiceUnavailable(f'no endpoints available for service "{name}"')
    for each in slices:
        number = next((one["port"] for one in each.get("ports") or () if one.get("name", "") == port), None)
        endpoint = next((one for one in each.get("endpoints") or () if _is_ready(one)), None)
        if number is not None and endpoint is not None:
            host = endpoint["addresses"][0]
            raise _end(plane, host, str(number), endpoint.get("nodeName", ""), "services")
    raise ServiceUnavailable(f'no endpoints available for service "{call.name}"')


async def to_node(exchange: Exchange) -> Response:
    """nodes/[SCHEME:]NAME[:PORT]/proxy."""
    plane, call = exchange.state.plane, exchange.call
    _, name, port = _target(call.name, "node")
    kubelet = kubelet_of(plane, name, "nodes")
    raise _end(plane, kubelet.host, port or str(kubelet.port), name, "nodes")


def _target(text: str, what: str) -> tuple[str, str, str]:
    """Scheme, name and port. Raises BadRequest."""
    parts = text.split(":")
    if len(parts) > 3:
        parts = ["", "", ""]
    elif len(parts) < 3:
        parts = ["", *parts, ""][:3]
    scheme, name, port = parts
    if not name or scheme not in SCHEMES:
        raise BadRequest(f'invalid {what} request "{text}"')
    return scheme, name, port


def _name_of_port(plane: ControlPlane, namespace: str, name: str, number: int) -> str:
    """The name that the service gives to a port, by which slices know it."""
    service = plane.get("", "services", namespace, name)
    if service is None:
        raise not_found("", "services", name)
    for port in service["spec"].get("ports") or ():
        if port["port"] == number:
            return str(port.get("name", ""))
    raise ServiceUnavailable(f'no service port {number} found for service "{name}"')


def _is_ready(endpoint: Object) -> bool:
    return (endpoint.get("conditions") or {}).get("ready") is not False


def _is_proxyable(host: str) -> bool:
    """Whether it is an address of another machine."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified)


def _first_port(pod: Object) -> str:
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or ():
            return str(port["containerPort"])
    return ""


def _usual_port(scheme: str) -> str:
    return "443" if scheme == "https" else "80"


def _end(plane: ControlPlane, host: str, port: str, node_name: str, resource: str) -> Exception:
    """Nothing listens in the pods and on the nodes of this process; other machines are not there at all."""
    node = plane.get("", "nodes", "", node_name) if node_name else None
    if node is not None and str(node["spec"].get("providerID", "")).startswith(OWN_NODES):
        return unavailable(f"carrying requests on to {resource}")
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return ServiceUnavailable(f"error trying to reach service: {dial_error(host, address)}")
