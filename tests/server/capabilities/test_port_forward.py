"""Connections to ports of pods, whose processes have this machine's network; a small echo server stands for the program."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fakekube import FakeCluster
from fakekube.server.programs import Launch, Target
from fakekube.server.spdy import GOAWAY, PING, control

from ..doors import WebSocket, a_pod, played, websocket
from ..spdy_client import SpdyClient
from .echo import Echo

TUNNEL, V4, V4_BASE64 = "SPDY/3.1+portforward.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"
PATH = "/api/v1/namespaces/default/pods/p/portforward"

launched: list[tuple[Target, list[str]]] = []


def launcher(target: Target, command: Sequence[str], reads: bool, terminal: bool) -> Launch:
    """The network of the pod is this machine's as well, here."""
    launched.append((target, list(command)))
    return Launch(command)


@pytest.fixture(scope="module")
def cluster() -> Iterator[FakeCluster]:
    cluster = FakeCluster(allow_exec=True)
    cluster.launcher = launcher
    with cluster:
        yield cluster


@pytest.fixture
def kube(cluster: FakeCluster) -> FakeCluster:
    cluster.reset()
    launched.clear()
    cluster.create(a_pod())
    cluster.settle()
    return cluster


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as server:
        yield server


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@asynccontextmanager
async def playing(kube: FakeCluster, network: str = "host") -> AsyncIterator[None]:
    async with played(kube, "p") as process:
        process.start(network=network)
        uid = kube.get("pod", "p")["metadata"]["uid"]
        while not kube.plane.processes.of_pod(uid)[0].is_started:
            kube.settle()
        yield


class Tunnel:
    """kubectl's side."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.client = SpdyClient()
        self.heard: list[tuple[str, int, Any]] = []

    def connect(self, port: int, request: int = 0) -> int:
        """The stream for data; that for errors is the one before."""
        stream = 4 * request + 3
        options: Any = {"port": str(port), "requestID": str(request)}
        self.socket.send(self.client.open(stream - 2, streamType="error", **options))
        self.socket.send(self.client.data(stream - 2, b"", end=True))
        self.socket.send(self.client.open(stream, streamType="data", **options))
        return stream

    async def hear(self) -> None:
        message = await self.socket.next()
        self.heard += self.client.hear(message["bytes"])

    async def text(self, stream: int) -> bytes:
        """All that comes on a stream, up to its end."""
        while ("end", stream, b"") not in self.heard:
            await self.hear()
        return b"".join(data for kind, number, data in self.heard if number == stream and kind == "data")


async def test_a_connection_goes_through_kubectls_tunnel(kube: FakeCluster, echo: Echo) -> None:
    async with playing(kube), websocket(kube, PATH, TUNNEL) as socket:
        tunnel = Tunnel(socket)
        stream = tunnel.connect(echo.port)
        socket.send(tunnel.client.data(stream, b"hello"))
        socket.send(tunnel.client.data(stream, b" there", end=True))

        assert await tunnel.text(stream) == b"hello there"
        assert await tunnel.text(stream - 2) == b""
        assert socket.accepted["subprotocol"] == TUNNEL
    assert [each[:2] for each in tunnel.heard[:2]] == [("reply", stream - 2), ("reply", stream)]


async def test_many_connections_share_a_tunnel(kube: FakeCluster, echo: Echo) -> None:
    data = bytes(range(256)) * 1024
    async with playing(kube), websocket(kube, PATH, TUNNEL) as socket:
        tunnel = Tunnel(socket)
        streams = [tunnel.connect(echo.port, request) for request in range(5)]
        for stream in streams:
            socket.send(tunnel.client.data(stream, data + bytes((stream,)), end=True))

        assert [await tunnel.text(stream) for stream in streams] == [data + bytes((stream,)) for stream in streams]


async def test_a_port_at_which_nobody_listens_is_told(kube: FakeCluster, closed_port: int) -> None:
    async with playing(kube), websocket(kube, PATH, TUNNEL) as socket:
        tunnel = Tunnel(socket)
        stream = tunnel.connect(closed_port)

        assert await tunnel.text(stream) == b""
        assert (await tunnel.text(stream - 2)).decode() == (
            f"error forwarding port {closed_port} to pod default/p: "
            f"dial tcp4 127.0.0.1:{closed_port}: connect: connection refused"
        )


async def test_a_pod_without_a_process_has_no_ports(kube: FakeCluster, echo: Echo) -> None:
    async with websocket(kube, PATH, TUNNEL) as socket:
        tunnel = Tunnel(socket)
        stream = tunnel.connect(echo.port)

        assert (await tunnel.text(stream - 2)).decode() == (
            f"error forwarding port {echo.port} to pod default/p: "
            "no process plays it: start one with `fakekube run pod/p -- COMMAND`"
        )


async def test_a_reset_ends_the_connection_behind_it(kube: FakeCluster, echo: Echo) -> None:
    async with playing(kube), websocket(kube, PATH, TUNNEL) as socket:
        tunnel = Tunnel(socket)
        stream = tunnel.connect(echo.port)
        socket.send(tunnel.client.data(stream, b"x"))
        while ("data", stream, b"x") not in tunnel.heard:
            await tunnel.hear()
        socket.send(control(3, stream.to_bytes(4, "big") + bytes(4)))
        other = tunnel.connect(echo.port, 1)
        socket.send(tunnel.client.data(other, b"", end=True))

        assert await tunnel.text(other) == b""
    assert echo.all_ended()


async def test_pings_are_answered_and_a_client_that_goes_away_is_let_go(kube: FakeCluster) -> None:
    async with playing(kube), websocket(kube, PATH, TUNNEL) as socket:
        ping = control(PING, (1).to_bytes(4, "big"))
        socket.send(ping)
        assert (await socket.next())["bytes"] == ping
        socket.send(control(GOAWAY, bytes(8)))
        assert await socket.closed() == 1000


@pytest.mark.parametrize(
    "headers",
    [
        {"streamType": "data", "port": "80", "requestID": "9"},
        {"streamType": "error", "port": "0", "requestID": "1"},
        {"streamType": "shout", "port": "80", "requestID": "1"},
        {},
    ],
)
async def test_streams_that_fit_nothing_are_refused(kube: FakeCluster, headers: dict[str, Any]) -> None:
    async with playing(kube), websocket(kube, PATH, TUNNEL) as socket:
        tunnel = Tunnel(socket)
        socket.send(tunnel.client.open(1, **headers))
        await tunnel.hear()

    assert tunnel.heard == [("reset", 1, 3)]


async def test_what_is_no_spdy_ends_the_tunnel(kube: FakeCluster) -> None:
    async with playing(kube), websocket(kube, PATH, TUNNEL) as socket:
        socket.send(b"\x80\x02\x00\x01\x00\x00\x00\x00")

        assert await socket.closed() == 1002


@pytest.mark.parametrize("protocol", [V4, ""])
async def test_the_older_form_has_two_channels_for_each_port(
    kube: FakeCluster, echo: Echo, closed_port: int, protocol: str
) -> None:
    path = f"{PATH}?ports={closed_port}&ports={echo.port}"
    async with playing(kube), websocket(kube, path, *([protocol] if protocol else [])) as socket:
        numbers = [(await socket.next())["bytes"] for _ in range(4)]
        assert numbers == [
            bytes((channel,)) + port.to_bytes(2, "little")
            for channel, port in zip(range(4), (closed_port, closed_port, echo.port, echo.port), strict=True)
        ]
        refused = (await socket.next())["bytes"]
        assert (refused[0], refused[1:].endswith(b"connection refused")) == (1, True)
        socket.send(b"\x02hello")
        assert (await socket.next())["bytes"] == b"\x02hello"
        echo.end()
        assert await socket.closed() == 1000


async def test_the_older_form_needs_ports(kube: FakeCluster) -> None:
    async with websocket(kube, PATH, V4) as socket:
        answer = await socket.status()

    assert (answer["code"], answer["message"]) == (400, 'query parameter "ports" is required')


async def test_a_network_of_its_own_is_reached_through_a_program_in_the_view(kube: FakeCluster, echo: Echo) -> None:
    async with playing(kube, network="pod"), websocket(kube, PATH, TUNNEL) as socket:
        tunnel = Tunnel(socket)
        stream = tunnel.connect(echo.port)
        socket.send(tunnel.client.data(stream, b"hello", end=True))

        assert await tunnel.text(stream) == b"hello"
    ((target, command),) = launched
    assert (target, command[0], command[-1]) == (Target("default", "p", "c"), sys.executable, str(echo.port))


async def test_a_port_of_such_a_network_at_which_nobody_listens_is_told(kube: FakeCluster, closed_port: int) -> None:
    async with playing(kube, network="pod"), websocket(kube, PATH, TUNNEL) as socket:
        tunnel = Tunnel(socket)
        stream = tunnel.connect(closed_port)

        assert (await tunnel.text(stream - 2)).decode() == (
            f"error forwarding port {closed_port} to pod default/p: "
            f"dial tcp4 127.0.0.1:{closed_port}: connect: connection refused"
        )
