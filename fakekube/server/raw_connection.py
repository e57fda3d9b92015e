"""A connection after its upgrade to another protocol than WebSocket: bytes in and out, in the form of a WebSocket's ASGI messages.

So whoever speaks SPDY need not know whether its bytes are wrapped in a WebSocket.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from fakekube.server.responses import Header

if TYPE_CHECKING:
    from uvicorn.protocols.http.flow_control import FlowControl

AHEAD_BYTES = 1 << 20
"""So much may wait for the application; then nothing more is read."""


class RawConnection:
    """Of one transport, whose HTTP request has been answered with 101."""

    def __init__(self, transport: asyncio.Transport, flow: FlowControl) -> None:
        self._transport = transport
        self._flow = flow
        self._pieces: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._has_ended = False
        self._news = asyncio.Event()

    def feed(self, data: bytes) -> None:
        self._pieces.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > AHEAD_BYTES:
            self._flow.pause_reading()
        self._news.set()

    def feed_end(self) -> None:
        self._has_ended = True
        self._news.set()

    async def receive(self) -> dict[str, Any]:
        while not self._pieces:
            if self._has_ended:
                return {"type": "websocket.disconnect", "code": 1005}
            self._news.clear()
            await self._news.wait()
        data = self._pieces.popleft()
        self._waiting_bytes -= len(data)
        if self._waiting_bytes <= AHEAD_BYTES and not self._transport.is_closing():
            self._flow.resume_reading()
        return {"type": "websocket.receive", "bytes": data}

    async def send(self, message: Any) -> None:
        await self._flow.drain()
        if self._transport.is_closing():
            return
        if message["type"] == "websocket.send":
            self._transport.write(message["bytes"])
        elif message["type"] == "websocket.close":
            self._transport.close()


def switching(protocol: str, headers: list[Header]) -> bytes:
    """The head of a 101."""
    lines = [b"HTTP/1.1 101 Switching Protocols", b"Connection: Upgrade", b"Upgrade: " + protocol.encode()]
    return b"\r\n".join([*lines, *(b"%b: %b" % (name.title(), value) for name, value in headers), b"", b""])
