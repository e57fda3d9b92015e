"""Connections to the ports of a pod: through SPDY, which kubectl tunnels in a WebSocket, and in an older form through channels.

Ports of a pod are those of the process that plays one of its containers. If that has this machine's network they are this machine's; if it
has a network of its own, a small program in the container's view carries the bytes.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from fakekube.errors import BadRequest
from fakekube.registry.kind import Object
from fakekube.server import programs, spdy
from fakekube.server.channels import TUNNEL, Channels
from fakekube.server.connection import UPGRADE
from fakekube.server.programs import Descriptor, Launcher, Program, StartError, Target
from fakekube.server.resources import Exchange
from fakekube.server.responses import Header, Receive, Send

Run = Callable[[Send, list[Header]], Awaitable[None]]

PIECE_BYTES = 1 << 16

AHEAD = 256
"""So many pieces may wait for a port that does not read; then the whole connection waits, as SPDY without flow control does."""

LOOPBACK = ("127.0.0.1", "::1")

RELAY = """\
import os, socket, sys, threading
refused = []
for address in ("127.0.0.1", "::1"):
    try:
        port = socket.create_connection((address, int(sys.argv[1])))
        break
    except OSError as error:
        refused.append(error.strerror or str(error))
else:
    sys.exit(f"dial tcp4 127.0.0.1:{sys.argv[1]}: connect: {refused[0].lower()}")
os.write(1, b"+")
def into():
    while data := os.read(0, 65536):
        port.sendall(data)
    port.shutdown(socket.SHUT_WR)
threading.Thread(target=into, daemon=True).start()
while data := port.recv(65536):
    while data:
        data = data[os.write(1, data):]
"""
"""Carries standard input and output to and from a port; writes a plus sign when it is through."""


class ConnectError(Exception):
    """The port cannot be reached; the message is the client's."""


class Connection(Protocol):
    """A connection to a port."""

    async def read(self) -> bytes:
        """b"" at the end."""
        ...

    async def write(self, data: bytes) -> None: ...

    async def end(self) -> None:
        """Nothing more will be written."""
        ...


class _Stream:
    """A Connection on this machine."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        try:
            return await self._reader.read(PIECE_BYTES)
        except ConnectionError:
            return b""

    async def write(self, data: bytes) -> None:
        with suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    async def end(self) -> None:
        with suppress(OSError):
            self._writer.write_eof()

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


class _Relayed:
    """A Connection through a program in the container's view."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._output: Descriptor = program.outputs["stdout"]

    async def read(self) -> bytes:
        return await self._output.read()

    async def write(self, data: bytes) -> None:
        await self._program.write(data)

    async def end(self) -> None:
        await self._program.close_stdin()


class Ports:
    """The ports of one pod."""

    def __init__(self, exchange: Exchange, launcher: Launcher, pod: Object) -> None:
        self._exchange = exchange
        self._launcher = launcher
        self._pod = pod
        metadata = pod["metadata"]
        self._name = f"{metadata['namespace']}/{metadata['name']}"

    @asynccontextmanager
    async def connection(self, port: int) -> AsyncIterator[Connection]:
        """Raises ConnectError."""
        metadata = self._pod["metadata"]
        playing = [
            process
            for process in self._exchange.state.plane.processes.of_pod(metadata["uid"])
            if process.is_started and process.exit is None
        ]
        if not playing:
            raise ConnectError(
                self._error(
                    port, f"no process plays it: start one with `fakekube run pod/{metadata['name']} -- COMMAND`"
                )
            )
        apart = next((process for process in playing if process.network == "pod"), None)
        if apart is not None:
            target = Target(metadata["namespace"], metadata["name"], apart.container)
            async with self._relayed(target, port) as connection:
                yield connection
            return
        stream = await self._stream(port)
        try:
            yield stream
        finally:
            await stream.close()

    async def _stream(self, port: int) -> _Stream:
        first: OSError | None = None
        for address in LOOPBACK:
            try:
                return _Stream(*await asyncio.open_connection(address, port))
            except OSError as error:
                first = first or error
        assert first is not None
        raise ConnectError(self._error(port, _go_error(port, first)))

    @asynccontextmanager
    async def _relayed(self, target: Target, port: int) -> AsyncIterator[Connection]:
        try:
            launch = self._launcher(target, [sys.executable, "-c", RELAY, str(port)], True, False)
            program = await programs.start(launch, reads=True, terminal=False)
        except StartError as error:
            raise ConnectError(self._error(port, str(error))) from None
        try:
            if await program.outputs["stdout"].read(1) != b"+":
                told = (await program.outputs["stderr"].read()).decode("utf-8", "replace").strip()
                raise ConnectError(self._error(port, told or "the way into the pod's network has ended"))
            yield _Relayed(program)
        finally:
            await program.end()

    def _error(self, port: int, why: str) -> str:
        return f"error forwarding port {port} to pod {self._name}: {why}"


def _go_error(port: int, error: OSError) -> str:
    """As Go says it."""
    why = os.strerror(error.errno) if error.errno else str(error)
    return f"dial tcp4 127.0.0.1:{port}: connect: {why.lower()}"


def forwarded(exchange: Exchange, launcher: Launcher, pod: Object) -> Run:
    """Raises BadRequest when the older form is spoken without any ports."""
    ports = Ports(exchange, launcher, pod)
    request = exchange.request
    protocol, is_spdy = request.subprotocol, request.scope["type"] != "websocket"
    numbers = [int(each) for value in exchange.call.query_values("ports") for each in value.split(",")]
    if protocol != TUNNEL and not is_spdy and not numbers:
        raise BadRequest('query parameter "ports" is required')

    async def serve(send: Send, headers: list[Header]) -> None:
        with exchange.state.sessions.joined():
            if is_spdy:
                connection = request.scope[UPGRADE]([(b"x-stream-protocol-version", protocol.encode()), *headers])
                await Tunnel(ports, connection.receive, connection.send).serve()
            elif protocol == TUNNEL:
                await Tunnel(ports, request.receive, send).serve()
            else:
                await ByChannels(ports, numbers, Channels(request.receive, send, protocol)).serve()

    return serve


@dataclass(eq=False)
class _Flow:
    """One connection to a port while it lasts."""

    port: int
    incoming: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(AHEAD))
    """What the client sends; None: nothing more."""
    is_over: bool = False

    async def put(self, data: bytes | None) -> None:
        if not self.is_over:
            await self.incoming.put(data)

    async def carry(
        self, ports: Ports, send: Callable[[bytes], Awaitable[None]], fail: Callable[[str], Awaitable[None]]
    ) -> None:
        """Both ways, until the port has nothing more to say. `fail` is told why there is no connection."""
        try:
            async with ports.connection(self.port) as connection:
                feeding = asyncio.ensure_future(self._feed(connection))
                try:
                    while data := await connection.read():
                        await send(data)
                finally:
                    feeding.cancel()
                    await asyncio.gather(feeding, return_exceptions=True)
        except ConnectError as error:
            await fail(str(error))
        finally:
            self.is_over = True
            while not self.incoming.empty():
                self.incoming.get_nowait()

    async def _feed(self, connection: Connection) -> None:
        while (data := await self.incoming.get()) is not None:
            await connection.write(data)
        await connection.end()
        # The queue of what comes all the same must not fill up.
        while True:
            await self.incoming.get()


class Tunnel:
    """SPDY, in a WebSocket or as it is: a client opens for each connection a stream for errors, then one for data, of one `requestid`."""

    def __init__(self, ports: Ports, receive: Receive, send: Send) -> None:
        self._ports = ports
        self._receive = receive
        self._send = send
        self._encoder = spdy.Encoder()
        self._errors: dict[str, int] = {}
        """requestid -> stream for the errors of a connection whose stream for data is still to come."""
        self._flows: dict[int, tuple[_Flow, asyncio.Task[None]]] = {}
        """By stream for data."""

    async def serve(self) -> None:
        decoder = spdy.Decoder()
        try:
            while (message := await self._receive())["type"] != "websocket.disconnect":
                text: str | None = message.get("text")
                for event in decoder.feed(text.encode() if text is not None else message.get("bytes") or b""):
                    if isinstance(event, spdy.GoneAway):
                        await self._send({"type": "websocket.close", "code": 1000})
                        return
                    await self._take(event)
        except spdy.SpdyError as error:
            await self._send({"type": "websocket.close", "code": 1002, "reason": str(error)[:120]})
        finally:
            tasks = [task for _, task in self._flows.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, event: spdy.Event) -> None:
        if isinstance(event, spdy.Opened):
            await self._open(event)
        elif isinstance(event, spdy.Data):
            if event.stream in self._flows:
                flow = self._flows[event.stream][0]
                if event.data:
                    await flow.put(event.data)
                if event.is_end:
                    await flow.put(None)
        elif isinstance(event, spdy.Reset):
            if event.stream in self._flows:
                self._flows.pop(event.stream)[1].cancel()
        elif isinstance(event, spdy.Pinged):
            await self._write(event.answer)

    async def _open(self, opened: spdy.Opened) -> None:
        headers = opened.headers
        type, port, request = headers.get("streamtype"), headers.get("port", ""), headers.get("requestid", "")
        is_port = port.isascii() and port.isdecimal() and len(port) < 6 and 0 < int(port) < 1 << 16
        if type not in ("error", "data") or not is_port or (type == "data" and request not in self._errors):
            await self._write(self._encoder.reset(opened.stream, spdy.REFUSED_STREAM))
            return
        await self._write(self._encoder.accepted(opened.stream))
        if type == "error":
            self._errors[request] = opened.stream
            return
        flow = _Flow(int(port))
        task = asyncio.ensure_future(self._forward(flow, opened.stream, self._errors.pop(request)))
        self._flows[opened.stream] = flow, task

    async def _forward(self, flow: _Flow, stream: int, errors: int) -> None:
        encoder = self._encoder

        async def send(data: bytes) -> None:
            await self._write(encoder.data(stream, data))

        async def fail(text: str) -> None:
            await self._write(encoder.data(errors, text.encode()))

        await flow.carry(self._ports, send, fail)
        self._flows.pop(stream, None)
        await self._write(encoder.data(stream, b"", is_end=True) + encoder.data(errors, b"", is_end=True))

    async def _write(self, data: bytes) -> None:
        await self._send({"type": "websocket.send", "bytes": data})


class ByChannels:
    """Two channels for each port, one for data and one for errors; each begins with the number of its port. All are connected at once."""

    def __init__(self, ports: Ports, numbers: list[int], channels: Channels) -> None:
        self._ports = ports
        self._channels = channels
        self._flows = [_Flow(number) for number in numbers]

    async def serve(self) -> None:
        for index, flow in enumerate(self._flows):
            for channel in (2 * index, 2 * index + 1):
                await self._channels.send(channel, flow.port.to_bytes(2, "little"))
        listening = asyncio.ensure_future(self._listen())
        forwarding: asyncio.Future[Any] = asyncio.gather(*(self._forward(*each) for each in enumerate(self._flows)))
        try:
            await asyncio.wait([listening, forwarding], return_when=asyncio.FIRST_COMPLETED)
            if not listening.done():
                await self._channels.close()
        finally:
            listening.cancel()
            forwarding.cancel()
            await asyncio.gather(listening, forwarding, return_exceptions=True)

    async def _listen(self) -> None:
        while (message := await self._channels.receive()) is not None:
            index, is_error = divmod(message.channel, 2)
            if not is_error and 0 <= index < len(self._flows):
                await self._flows[index].put(message.data)

    async def _forward(self, index: int, flow: _Flow) -> None:
        channels = self._channels
        await flow.carry(
            self._ports,
            lambda data: channels.send(2 * index, data),
            lambda text: channels.send(2 * index + 1, text.encode()),
        )
