"""The variables by which a container finds Services without DNS: `WEB_SERVICE_HOST`, `WEB_PORT_80_TCP_ADDR` ...

After pkg/kubelet/envvars and getServiceEnvVarMap. https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
"""

from __future__ import annotations

from collections.abc import Iterable

from fakekube.kubelet import Object
from fakekube.kubelet.source import Source

API_SERVICE_NAMESPACE, API_SERVICE_NAME = "default", "kubernetes"
"""The Service that every pod is told of."""


def visible_to(pod: Object, source: Source) -> list[Object] | None:
    """The Services that a pod is told of: that of the API server and, unless it wants none, those of its namespace.

    None before they have been read once.
    """
    namespace = pod["metadata"]["namespace"]
    api_services = source.services(API_SERVICE_NAMESPACE)
    own = source.services(namespace)
    if api_services is None or own is None:
        return None
    found = {
        service["metadata"]["name"]: service
        for service in api_services
        if service["metadata"]["name"] == API_SERVICE_NAME and _has_address(service)
    }
    if pod["spec"].get("enableServiceLinks"):
        found.update((service["metadata"]["name"], service) for service in own if _has_address(service))
    return list(found.values())


def variables_of(services: Iterable[Object]) -> dict[str, str]:
    """The variables of all `services` that have an address, in their order."""
    variables: dict[str, str] = {}
    for service in services:
        if _has_address(service):
            variables.update(_of_one(service))
    return variables


def _has_address(service: Object) -> bool:
    return service["spec"].get("clusterIP", "") not in ("", "None")


def _of_one(service: Object) -> dict[str, str]:
    prefix, spec = _in_capitals(service["metadata"]["name"]), service["spec"]
    address, ports = spec["clusterIP"], spec.get("ports") or []
    variables = {f"{prefix}_SERVICE_HOST": address}
    if not ports:
        return variables
    variables[f"{prefix}_SERVICE_PORT"] = str(ports[0]["port"])
    for port in ports:
        if port.get("name"):
            variables[f"{prefix}_SERVICE_PORT_{_in_capitals(port['name'])}"] = str(port["port"])
    variables[f"{prefix}_PORT"] = _url(address, ports[0])
    for port in ports:
        protocol = _protocol(port)
        of_port = f"{prefix}_PORT_{port['port']}_{protocol.upper()}"
        variables |= {
            of_port: _url(address, port),
            f"{of_port}_PROTO": protocol.lower(),
            f"{of_port}_PORT": str(port["port"]),
            f"{of_port}_ADDR": address,
        }
    return variables


def _url(address: str, port: Object) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"{_protocol(port).lower()}://{host}:{port['port']}"


def _protocol(port: Object) -> str:
    protocol: str = port.get("protocol") or "TCP"
    return protocol


def _in_capitals(name: str) -> str:
    return name.upper().replace("-", "_")
