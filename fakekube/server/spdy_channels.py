"""The streams of a command as streams of a SPDY connection: what clients without WebSockets speak.

Each stream says in its header `streamtype` what it is for; the numbers of channels stand for them here as well.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection

from fakekube.server import spdy
from fakekube.server.channels import ERROR, RESIZE, STDERR, STDIN, STDOUT, V4, V5, Message
from fakekube.server.responses import Receive, Send

PROTOCOL = "SPDY/3.1"
"""In the header Upgrade."""

VERSION_HEADER = "x-stream-protocol-version"
OF_COMMANDS = (V5, V4)
OF_PORTS = ("portforward.k8s.io",)
"""What the header of that name may say; of several that a client offers, its first counts."""

TYPES = {"stdin": STDIN, "stdout": STDOUT, "stderr": STDERR, "error": ERROR, "resize": RESIZE}

OPEN_TIMEOUT_S = 30.0
"""For a client to open the streams it has asked for."""


class SpdyChannels:
    """Like Channels, but for the connection below."""

    tells_ends = True

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._decoder = spdy.Decoder()
        self._encoder = spdy.Encoder()
        self._streams: dict[int, int] = {}
        """channel -> stream"""
        self._channels: dict[int, int] = {}
        """stream -> channel"""
        self._messages: deque[Message] = deque()
        self._has_ended = False

    async def open(self, channels: Collection[int]) -> None:
        """Until the client has opened the streams of these channels, or has gone, or has taken too long: then the rest is done without."""
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                while not (self._has_ended or self._streams.keys() >= set(channels)):
                    await self._hear()
        except TimeoutError:
            return

    async def send(self, channel: int, data: bytes) -> None:
        stream = self._streams.get(channel)
        if stream is not None and data:
            await self._write(self._encoder.data(stream, data))

    async def receive(self) -> Message | None:
        while not self._messages:
            if self._has_ended:
                return None
            await self._hear()
        return self._messages.popleft()

    async def close(self) -> None:
        await self._write(b"".join(self._encoder.data(stream, b"", is_end=True) for stream in self._channels))
        await self._send({"type": "websocket.close", "code": 1000})

    async def _hear(self) -> None:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._has_ended = True
            return
        try:
            for event in self._decoder.feed(message["bytes"]):
                await self._take(event)
        except spdy.SpdyError:
            self._has_ended = True

    async def _take(self, event: spdy.Event) -> None:
        if isinstance(event, spdy.Opened):
            channel = TYPES.get(event.headers.get("streamtype", ""))
            if channel is None or channel in self._streams:
                await self._write(self._encoder.reset(event.stream, spdy.REFUSED_STREAM))
                return
            self._streams[channel], self._channels[event.stream] = event.stream, channel
            await self._write(self._encoder.accepted(event.stream))
        elif isinstance(event, spdy.Data):
            channel = self._channels.get(event.stream)
            if channel is not None:
                if event.data:
                    self._messages.append(Message(channel, event.data))
                if event.is_end:
                    self._messages.append(Message(channel, b"", True))
        elif isinstance(event, spdy.Reset):
            channel = self._channels.pop(event.stream, None)
            if channel is not None:
                del self._streams[channel]
        elif isinstance(event, spdy.Pinged):
            await self._write(event.answer)
        elif isinstance(event, spdy.GoneAway):
            self._has_ended = True

    async def _write(self, data: bytes) -> None:
        await self._send({"type": "websocket.send", "bytes": data})
