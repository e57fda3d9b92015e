"""Connections into a running pod: the checks of the API server, and the end of the way.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import orjson

from fakekube.api.call import boolean
from fakekube.api.command_answers import CommandResult
from fakekube.errors import BadRequest, Forbidden, InternalError, forbidden
from fakekube.objects.field_errors import go_quoted
from fakekube.registry.kind import Object
from fakekube.server.capabilities.kubelets import container_of, dial_error, kubelet_of, pod_named
from fakekube.server.capabilities.unavailable import unavailable
from fakekube.server.request import Request
from fakekube.server.resources import Exchange
from fakekube.server.responses import JSON, Header, Response, Send, Streaming

STDOUT, STDERR, ERROR = 1, 2, 3
"""Channels of a WebSocket into a container."""


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
    if exchange.call.subresource == "exec" and request.scope["type"] == "websocket":
        command = list(call.query_values("command"))
        result = plane.commands.result(pod, container_of(pod, call.query.get("container", "")), command)
        if result is not None:
            return Streaming(_answered(exchange, command, result), JSON)
    raise unavailable(what)


def _answered(
    exchange: Exchange, command: list[str], result: CommandResult
) -> Callable[[Send, list[Header]], Awaitable[None]]:
    """The answer of a command as frames of a WebSocket: a byte for the channel, then what goes through it.

    https://kubernetes.io/docs/reference/using-api/websockets/
    """
    query = exchange.call.query

    async def run(send: Send, _: list[Header]) -> None:
        is_terminal = bool(boolean(query, "tty"))
        for channel, name, text in ((STDOUT, "stdout", result.stdout), (STDERR, "stderr", result.stderr)):
            if text and boolean(query, name):
                # A terminal has one way out.
                number = STDOUT if is_terminal else channel
                await send({"type": "websocket.send", "bytes": bytes((number,)) + text.encode()})
        status = orjson.dumps(_status(command, result.exit_code))
        await send({"type": "websocket.send", "bytes": bytes((ERROR,)) + status})
        await send({"type": "websocket.close", "code": 1000})

    return run


def _status(command: list[str], exit_code: int) -> Object:
    if not exit_code:
        return {"metadata": {}, "status": "Success"}
    words = " ".join(command)
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: error executing command [{words}], exit code {exit_code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(exit_code)}]},
    }


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
