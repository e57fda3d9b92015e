"""Several streams through one WebSocket: the first byte of each message says to which of them the rest belongs.

https://kubernetes.io/docs/reference/using-api/websockets/
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from fakekube.server.responses import Receive, Send

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
"""The channels of a command."""

CLOSE = 255
"""Says, in v5, that nothing more will come on the channel that follows."""

V5, V4, V4_BASE64 = "v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"

TUNNEL = "SPDY/3.1+portforward.k8s.io"
"""No channels: the bytes of a SPDY connection, as kubectl forwards ports."""

OF_COMMANDS = (V5, V4, V4_BASE64)
OF_PORTS = (TUNNEL, V4, V4_BASE64)
PROTOCOLS = {"exec": OF_COMMANDS, "attach": OF_COMMANDS, "portforward": OF_PORTS}
"""By subresource; of several that a client offers, its first counts."""


class Message(NamedTuple):
    """What a client sends. `is_end`: nothing more will come on this channel."""

    channel: int
    data: bytes
    is_end: bool = False


class Channels:
    """A WebSocket once it is accepted. `protocol` is the one that was agreed on, "" if the client has offered none."""

    def __init__(self, receive: Receive, send: Send, protocol: str) -> None:
        self._receive = receive
        self._send = send
        self._is_base64 = protocol == V4_BASE64
        self.tells_ends = protocol == V5
        """Whether the client can say that nothing more will come."""

    async def send(self, channel: int, data: bytes) -> None:
        if self._is_base64:
            # The number of the channel is a digit here.
            await self._send({"type": "websocket.send", "text": f"{channel}{base64.b64encode(data).decode()}"})
        else:
            await self._send({"type": "websocket.send", "bytes": bytes((channel,)) + data})

    async def receive(self) -> Message | None:
        """The next message, None when the client has gone. Messages that are none are passed over, as a real server does."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return None
            text: str | None = message.get("text")
            data: bytes = text.encode() if text is not None else message.get("bytes") or b""
            if not data:
                continue
            if self._is_base64:
                try:
                    return Message(data[0] - ord("0"), base64.b64decode(data[1:], validate=True))
                except binascii.Error:
                    continue
            if data[0] == CLOSE and self.tells_ends:
                if len(data) > 1:
                    return Message(data[1], b"", True)
                continue
            return Message(data[0], data[1:])

    async def close(self) -> None:
        await self._send({"type": "websocket.close", "code": 1000})
