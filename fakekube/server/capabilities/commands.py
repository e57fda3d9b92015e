"""What goes through a connection into a container: a command that is answered or run, and a process that one is attached to."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

import orjson

from fakekube.api.call import boolean
from fakekube.api.command_answers import CommandAnswer
from fakekube.api.container_processes import ContainerProcess
from fakekube.registry.kind import Object
from fakekube.server import programs
from fakekube.server.capabilities.logs import status_of
from fakekube.server.channels import ERROR, RESIZE, STDERR, STDIN, STDOUT, Channels, Message
from fakekube.server.connection import UPGRADE
from fakekube.server.programs import Launcher, Program, StartError, Target
from fakekube.server.resources import Exchange
from fakekube.server.responses import Header, Send
from fakekube.storage.stored import Event

logger = logging.getLogger("fakekube.server")

Run = Callable[[Send, list[Header]], Awaitable[None]]

SUCCESS: Object = {"metadata": {}, "status": "Success"}

STDIN_AHEAD_BYTES = 16 << 20
"""So much input may wait for a program that does not read; then its client waits."""

ANSWER_INPUT_BYTES = 64 << 20
"""So much input a test's answer is given."""

OUTPUTS = {"stdout": STDOUT, "stderr": STDERR}


def answered(exchange: Exchange, command: list[str], answer: CommandAnswer) -> Run:
    """The command is not run: somebody has said what comes of it."""

    async def serve(send: Send, headers: list[Header]) -> None:
        channels = await _opened(exchange, send, headers)
        stdin = await _input(channels) if answer.reads_stdin and _asked(exchange, "stdin") else b""
        try:
            result = answer.result(command, stdin)
        except Exception as error:
            logger.exception("the answer to %s", command)
            told = f"the function that is to answer has failed: {type(error).__name__}: {error}"
            await _ended(channels, _failure(told, "InternalError"))
            return
        for name, text in (("stdout", result.stdout), ("stderr", result.stderr)):
            if text and _asked(exchange, name):
                # A terminal has one way out.
                channel = STDOUT if _asked(exchange, "tty") else OUTPUTS[name]
                await channels.send(channel, text.encode())
        await _ended(channels, exit_status(command, result.exit_code))

    return serve


async def _input(channels: Streams) -> bytes:
    """All of standard input; the first message of it where its end cannot be told."""
    parts: list[bytes] = []
    while sum(map(len, parts)) < ANSWER_INPUT_BYTES and (message := await channels.receive()) is not None:
        if message.channel == STDIN:
            parts.append(message.data)
            if message.is_end or not channels.tells_ends:
                break
    return b"".join(parts)


def run(exchange: Exchange, launcher: Launcher, pod: Object, container: str, command: list[str]) -> Run:
    """The command is run on this machine; it ends with the connection, and with its container."""

    async def serve(send: Send, headers: list[Header]) -> None:
        reads, has_terminal = _asked(exchange, "stdin"), _asked(exchange, "tty")
        target = Target(exchange.call.namespace, exchange.call.name, container)
        with exchange.state.sessions.joined():
            channels = await _opened(exchange, send, headers)
            try:
                launch = launcher(target, command, reads, has_terminal)
                program = await programs.start(launch, reads=reads, terminal=has_terminal)
            except StartError as error:
                await _ended(channels, _failure(f"the command cannot be started: {error}", "InternalError"))
                return
            stop = _on_end_of(exchange, pod, container, program.kill)
            try:
                code = await _Command(exchange, channels, program).exit_code()
            finally:
                stop()
                await program.end()
            if code is not None:
                await _ended(channels, exit_status(command, code))

    return serve


def _on_end_of(exchange: Exchange, pod: Object, container: str, callback: Callable[[], None]) -> Callable[[], None]:
    """Be told when the container does not run any more as it does now; returns how to be told no more."""
    metadata, identity = pod["metadata"], status_of(pod, container).get("containerID")
    namespace, name = metadata["namespace"], metadata["name"]
    plane = exchange.state.plane

    def look() -> None:
        now = plane.get("", "pods", namespace, name)
        status = status_of(now, container) if now is not None and now["metadata"]["uid"] == metadata["uid"] else {}
        if "running" not in (status.get("state") or {}) or status.get("containerID") != identity:
            callback()

    def note(event: Event) -> None:
        if (event.namespace, event.name) == (namespace, name):
            asyncio.get_running_loop().call_soon(look)

    stop = plane.store.subscribe("pods", note)
    look()
    return stop


class Streams(Protocol):
    """Channels, through a WebSocket or SPDY."""

    tells_ends: bool

    async def send(self, channel: int, data: bytes) -> None: ...

    async def receive(self) -> Message | None: ...

    async def close(self) -> None: ...


class _Command:
    """A program that runs, and its client."""

    def __init__(self, exchange: Exchange, channels: Streams, program: Program) -> None:
        self._exchange = exchange
        self._channels = channels
        self._program = program
        self._input: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._input_bytes = 0
        self._taken = asyncio.Event()
        self._carried = 0
        """So many pieces of output have been on their way."""
        self._sending = 0
        """So many are on it now."""

    async def exit_code(self) -> int | None:
        """Of the program once it has ended and its output is sent; None when the client has gone before."""
        outputs = [self._carry(name) for name in self._program.outputs]
        drained: asyncio.Future[Any] = asyncio.gather(*outputs)
        listening = asyncio.ensure_future(self._listen())
        waiting = asyncio.ensure_future(self._program.wait())
        feeding = asyncio.ensure_future(self._feed())
        tasks: list[asyncio.Future[Any]] = [drained, listening, waiting, feeding]
        try:
            await asyncio.wait({listening, waiting}, return_when=asyncio.FIRST_COMPLETED)
            while not (listening.done() or drained.done()):
                before = self._carried
                await asyncio.wait(
                    [listening, drained], timeout=programs.REST_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
                )
                if self._carried == before and not self._sending:
                    break
            return None if listening.done() else waiting.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, name: str) -> None:
        output, is_wanted = self._program.outputs[name], _asked(self._exchange, name)
        while data := await output.read():
            self._carried += 1
            if is_wanted:
                self._sending += 1
                await self._channels.send(OUTPUTS[name], data)
                self._sending -= 1

    async def _listen(self) -> None:
        """Until the client has gone."""
        reads = _asked(self._exchange, "stdin")
        while (message := await self._channels.receive()) is not None:
            if message.channel == RESIZE:
                size = _size(message.data)
                if size is not None:
                    self._program.resize(*size)
            elif message.channel == STDIN and reads:
                while self._input_bytes > STDIN_AHEAD_BYTES:
                    self._taken.clear()
                    await self._taken.wait()
                self._input_bytes += len(message.data)
                self._input.put_nowait(None if message.is_end else message.data)

    async def _feed(self) -> None:
        while (data := await self._input.get()) is not None:
            await self._program.write(data)
            self._input_bytes -= len(data)
            self._taken.set()
        await self._program.close_stdin()


def attached(exchange: Exchange, process: ContainerProcess, container: Object) -> Run:
    """The client sees what the process that plays the container writes from now on, and types what it reads."""

    async def serve(send: Send, headers: list[Header]) -> None:
        with exchange.state.sessions.joined():
            channels = await _opened(exchange, send, headers)
            listener = process.listen()
            types = _asked(exchange, "stdin") and bool(container.get("stdin"))

            async def carry() -> None:
                while (part := await listener.next()) is not None:
                    stream, data = part
                    if _asked(exchange, stream):
                        await channels.send(OUTPUTS[stream], data)

            async def listen() -> None:
                while (message := await channels.receive()) is not None:
                    if message.channel == RESIZE:
                        size = _size(message.data)
                        if size is not None:
                            await process.send({"type": "resize", "width": size[0], "height": size[1]})
                    elif message.channel == STDIN and types:
                        if not message.is_end:
                            data = base64.b64encode(message.data).decode()
                            await process.send({"type": "stdin", "data": data})
                        elif container.get("stdinOnce"):
                            await process.send({"type": "stdin", "data": None})

            carrying, listening = asyncio.ensure_future(carry()), asyncio.ensure_future(listen())
            try:
                await asyncio.wait({carrying, listening}, return_when=asyncio.FIRST_COMPLETED)
                if not listening.done():
                    await _ended(channels, SUCCESS)
                elif types and container.get("stdinOnce") and process.exit is None:
                    await process.send({"type": "stdin", "data": None})
            finally:
                process.stop_listening(listener)
                for task in (carrying, listening):
                    task.cancel()
                await asyncio.gather(carrying, listening, return_exceptions=True)

    return serve


async def _opened(exchange: Exchange, send: Send, headers: list[Header]) -> Streams:
    """With the empty message by which a client of WebSockets sees that it is through."""
    request = exchange.request
    streams: Streams
    if request.scope["type"] == "websocket":
        streams = Channels(request.receive, send, request.subprotocol)
    else:
        from fakekube.server.spdy_channels import SpdyChannels

        connection = request.scope[UPGRADE]([(b"x-stream-protocol-version", request.subprotocol.encode()), *headers])
        streams = SpdyChannels(connection.receive, connection.send)
        await streams.open(_wanted(exchange))
    await streams.send(next((OUTPUTS[name] for name in OUTPUTS if _asked(exchange, name)), ERROR), b"")
    return streams


def _wanted(exchange: Exchange) -> list[int]:
    """The streams that a client of SPDY opens before anything happens."""
    has_terminal = _asked(exchange, "tty")
    wanted = {STDIN: _asked(exchange, "stdin"), STDOUT: _asked(exchange, "stdout"), RESIZE: has_terminal, ERROR: True}
    wanted[STDERR] = _asked(exchange, "stderr") and not has_terminal
    return [channel for channel, is_wanted in wanted.items() if is_wanted]


async def _ended(channels: Streams, status: Object) -> None:
    await channels.send(ERROR, orjson.dumps(status))
    await channels.close()


def _asked(exchange: Exchange, name: str) -> bool:
    """Whether the query wants it: stdin, stdout, stderr, tty."""
    return bool(boolean(exchange.call.query, name))


def _size(data: bytes) -> tuple[int, int] | None:
    """Columns and rows of a terminal, from `{"Width": 80, "Height": 24}`; what is something else is passed over."""
    with suppress(orjson.JSONDecodeError, TypeError, KeyError, ValueError):
        size = orjson.loads(data)
        columns, rows = int(size["Width"]), int(size["Height"])
        if 0 < columns < 1 << 16 and 0 < rows < 1 << 16:
            return columns, rows
    return None


def exit_status(command: list[str], exit_code: int) -> Object:
    """How a command has ended, as the channel for errors tells it."""
    if not exit_code:
        return SUCCESS
    error = f"error executing command [{' '.join(command)}], exit code {exit_code}"
    return {
        **_failure(f"command terminated with non-zero exit code: {error}", "NonZeroExitCode"),
        "details": {"causes": [{"reason": "ExitCode", "message": str(exit_code)}]},
    }


def _failure(message: str, reason: str) -> Object:
    return {"metadata": {}, "status": "Failure", "message": message, "reason": reason}
