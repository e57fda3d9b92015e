"""Connections into a running pod: the checks of the API server, and the end of the way.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.errors import BadRequest, Forbidden, InternalError, forbidden
from fakekube.objects.field_errors import go_quoted
from fakekube.server.capabilities.kubelets import container_of, dial_error, kubelet_of, pod_named
from fakekube.server.capabilities.unavailable import unavailable
from fakekube.server.request import Request
from fakekube.server.resources import Exchange
from fakekube.server.responses import Response


async def run_command(exchange: Exchange) -> Response:
    """pods/NAME/exec."""
    return _connect(exchange, "running commands in containers", to_container=True)


async def attach(exchange: Exchange) -> Response:
    """pods/NAME/attach."""
    return _connect(exchange, "attaching to containers", to_container=True)


async def forward_ports(exchange: Exchange) -> Response:
    """pods/NAME/portforward."""
    _check_ports(exchange.call.query_values("ports"))
    return _connect(exchange, "forwarding ports to pods", to_container=False)


def _connect(exchange: Exchange, what: str, *, to_container: bool) -> Response:
    """Raises what the way to the pod ends with: there is no pod yet whose end of it answers."""
    plane, call, request = exchange.state.plane, exchange.call, exchange.request
    if request.method == "GET":
        _check_may_create(exchange)
    pod = pod_named(plane, call.namespace, call.name)
    if to_container:
        container_of(pod, call.query.get("container", ""))
    node_name = pod["spec"].get("nodeName", "")
    if not node_name:
        raise BadRequest(f"pod {call.name} does not have a host assigned")
    kubelet = kubelet_of(plane, node_name, "pods")
    if not _is_upgrade(request):
        raise BadRequest("Upgrade request required")
    if not kubelet.is_own:
        text = f"error dialing backend: {dial_error(kubelet.host, kubelet.address)}"
        raise InternalError(text, reason="")
    raise unavailable(what)


def _check_may_create(exchange: Exchange) -> None:
    """A WebSocket can only be asked for by GET; whoever may only read shall not come in that way."""
    call = exchange.call
    try:
        call.may("create")
    except Forbidden:
        raise forbidden("", "pods", call.name, "") from None


def _is_upgrade(request: Request) -> bool:
    if request.scope["type"] == "websocket":
        return True
    return any("upgrade" in value.lower() for value in request.header_values("connection"))


def _check_ports(values: Sequence[str]) -> None:
    for value in values:
        for port in value.split(","):
            is_number = port.isascii() and port.isdecimal()
            if is_number and len(port) < 20 and int(port) < 1 << 16:
                continue
            why = "value out of range" if is_number else "invalid syntax"
            text = f"cannot convert to []int32: strconv.ParseUint: parsing {go_quoted(port)}: {why}"
            raise BadRequest(text)
