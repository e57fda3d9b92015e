"""Connections into a running pod: the checks of the API server, and who answers at the end of the way.

What a test has said of a command is its answer. Otherwise a program of this machine is run in the view of the container, or is there
already, since a process plays the container; both only where the server was told that it may (`--allow-exec`).
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fakekube.api.call import boolean
from fakekube.errors import BadRequest, Forbidden, InternalError, forbidden
from fakekube.objects.field_errors import go_quoted
from fakekube.registry.kind import Object
from fakekube.server.capabilities.kubelets import CONTAINER_LISTS, container_of, dial_error, kubelet_of, pod_named
from fakekube.server.capabilities.logs import status_of
from fakekube.server.capabilities.unavailable import unavailable
from fakekube.server.request import Request
from fakekube.server.resources import Exchange
from fakekube.server.responses import JSON, Response, Streaming

HOW = "start it with --allow-exec, which lets them run programs on this machine"
HOW_TO_ANSWER = f"{HOW}, or have a test say what they answer (kube.pods.set_exec)"
"""What to do about a connection that is not possible."""


async def run_command(exchange: Exchange) -> Response:
    """pods/NAME/exec."""
    way = _way(exchange)
    from fakekube.server.capabilities import commands

    call, state = exchange.call, exchange.state
    words = list(call.query_values("command"))
    answer = state.plane.commands.answer(way.pod, way.container, words)
    if answer is not None:
        _agree(exchange.request, "exec")
        return Streaming(commands.answered(exchange, words, answer), JSON)
    if state.launcher is None:
        raise unavailable("running commands in containers", HOW_TO_ANSWER)
    if not words:
        raise BadRequest("you must specify at least one word of a command")
    if not any(boolean(call.query, name) for name in ("stdin", "stdout", "stderr")):
        raise BadRequest("you must specify at least 1 of stdin, stdout, stderr")
    if "running" not in (status_of(way.pod, way.container).get("state") or {}):
        raise InternalError(f"container not found ({go_quoted(way.container)})", reason="")
    _agree(exchange.request, "exec")
    return Streaming(commands.run(exchange, state.launcher, way.pod, way.container, words), JSON)


async def attach(exchange: Exchange) -> Response:
    """pods/NAME/attach."""
    way = _way(exchange)
    if exchange.state.launcher is None:
        raise unavailable("attaching to containers", HOW)
    name = f"{exchange.call.namespace}/{exchange.call.name}"
    process = exchange.state.plane.processes.of(way.pod["metadata"]["uid"], way.container)
    if process is None or not process.is_started or process.exit is not None:
        raise BadRequest(
            f"container {way.container} of pod {name} is not played by a process: "
            f"start one with `fakekube run pod/{exchange.call.name} -c {way.container} -- COMMAND`"
        )
    _agree(exchange.request, "attach")
    from fakekube.server.capabilities import commands

    return Streaming(commands.attached(exchange, process, way.spec), JSON)


async def forward_ports(exchange: Exchange) -> Response:
    """pods/NAME/portforward."""
    _check_ports(exchange.call.query_values("ports"))
    way = _way(exchange, to_container=False)
    if exchange.state.launcher is None:
        raise unavailable("forwarding ports to pods", HOW)
    _agree(exchange.request, "portforward")
    from fakekube.server.capabilities import port_forward

    return Streaming(port_forward.forwarded(exchange, exchange.state.launcher, way.pod), JSON)


class _Way(NamedTuple):
    """Where a connection leads."""

    pod: Object
    container: str
    """"" where the pod as a whole is meant."""

    @property
    def spec(self) -> Object:
        """Of the container."""
        return next(
            each
            for key in CONTAINER_LISTS
            for each in self.pod["spec"].get(key) or ()
            if each["name"] == self.container
        )


def _way(exchange: Exchange, *, to_container: bool = True) -> _Way:
    """Raises what the way to the pod ends with, if it does not lead to a kubelet of this process."""
    plane, call, request = exchange.state.plane, exchange.call, exchange.request
    if request.method == "GET":
        _check_may_create(exchange)
    pod = pod_named(plane, call.namespace, call.name)
    container = container_of(pod, call.query.get("container", "")) if to_container else ""
    node_name = pod["spec"].get("nodeName", "")
    if not node_name:
        raise BadRequest(f"pod {call.name} does not have a host assigned")
    kubelet = kubelet_of(plane, node_name, "pods")
    if not _is_upgrade(request):
        raise BadRequest("Upgrade request required")
    if not kubelet.is_own:
        text = f"error dialing backend: {dial_error(kubelet.host, kubelet.address)}"
        raise InternalError(text, reason="")
    return _Way(pod, container)


def _agree(request: Request, door: str) -> None:
    """On the protocol of a client that does not come as a WebSocket. Raises BadRequest when there is none."""
    if request.scope["type"] == "websocket":
        return
    from fakekube.server.connection import UPGRADE
    from fakekube.server.spdy_channels import OF_COMMANDS, OF_PORTS, VERSION_HEADER

    if UPGRADE not in request.scope:
        raise BadRequest("unable to upgrade: expected WebSocket or SPDY/3.1")
    spoken = OF_PORTS if door == "portforward" else OF_COMMANDS
    offered = [each.strip() for value in request.header_values(VERSION_HEADER) for each in value.split(",")]
    agreed = next((each for each in offered if each in spoken), None)
    if agreed is None:
        raise BadRequest(
            f"unable to negotiate protocol: client supports [{' '.join(offered)}], server accepts [{' '.join(spoken)}]"
        )
    request.subprotocol = agreed


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
