from __future__ import annotations

from typing import Any

import pytest

from fakekube.server.channels import V4, V4_BASE64, V5, Channels, Message


class WebSocket:
    def __init__(self, *incoming: bytes | str) -> None:
        self.incoming: list[Any] = [
            {"type": "websocket.receive", "text" if isinstance(each, str) else "bytes": each} for each in incoming
        ]
        self.incoming.append({"type": "websocket.disconnect", "code": 1005})
        self.sent: list[Any] = []

    async def receive(self) -> Any:
        return self.incoming.pop(0)

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def channels(self, protocol: str) -> Channels:
        return Channels(self.receive, self.send, protocol)


async def heard(protocol: str, *incoming: bytes | str) -> list[Message]:
    channels = WebSocket(*incoming).channels(protocol)
    messages = []
    while (message := await channels.receive()) is not None:
        messages.append(message)
    return messages


@pytest.mark.parametrize("protocol", [V5, V4, ""])
async def test_the_first_byte_is_the_channel(protocol: str) -> None:
    websocket = WebSocket()
    await websocket.channels(protocol).send(1, b"out")

    assert websocket.sent == [{"type": "websocket.send", "bytes": b"\x01out"}]
    assert await heard(protocol, b"\x00in", "\x04{}", b"", b"\x00") == [
        Message(0, b"in"),
        Message(4, b"{}"),
        Message(0, b""),
    ]


async def test_ends_are_told_in_v5_alone() -> None:
    assert await heard(V5, b"\xff\x00", b"\xff") == [Message(0, b"", True)]
    assert await heard(V4, b"\xff\x00") == [Message(255, b"\x00")]


async def test_in_base64_the_channel_is_a_digit() -> None:
    websocket = WebSocket()
    await websocket.channels(V4_BASE64).send(1, b"out")

    assert websocket.sent == [{"type": "websocket.send", "text": "1b3V0"}]
    assert await heard(V4_BASE64, "0aW4=", "0%%%", "0") == [Message(0, b"in"), Message(0, b"")]
