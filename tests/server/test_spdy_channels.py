"""The streams of a command through SPDY: opened by the client, told apart by what their headers say, ended by both sides."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakekube.server import spdy_channels
from fakekube.server.channels import ERROR, RESIZE, STDIN, STDOUT, Message
from fakekube.server.spdy import GOAWAY, PING, RST_STREAM, control
from fakekube.server.spdy_channels import SpdyChannels

from .spdy_client import SpdyClient


class Client(SpdyClient):
    """In memory."""

    def __init__(self) -> None:
        super().__init__()
        self._incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.sent = b""
        self.closed = False
        self.channels = SpdyChannels(self._incoming.get, self._take)

    async def _take(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.closed = True
        else:
            self.sent += message["bytes"]

    def feed(self, data: bytes) -> None:
        self._incoming.put_nowait({"type": "websocket.receive", "bytes": data})

    def leave(self) -> None:
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1005})

    def heard(self) -> list[tuple[str, int, Any]]:
        sent, self.sent = self.sent, b""
        return self.hear(sent)


@pytest.fixture
async def client() -> Client:
    """With the streams error (1), stdin (3) and stdout (5), which the server has accepted."""
    client = Client()
    for stream, type in ((1, "error"), (3, "stdin"), (5, "stdout")):
        client.feed(client.open(stream, streamType=type))
    await client.channels.open((ERROR, STDIN, STDOUT))
    assert client.heard() == [("reply", 1, {}), ("reply", 3, {}), ("reply", 5, {})]
    return client


async def test_output_goes_into_its_stream_and_all_end_together(client: Client) -> None:
    await client.channels.send(STDOUT, b"out")
    await client.channels.send(STDOUT, b"")
    await client.channels.send(RESIZE, b"nobody has opened this")
    await client.channels.close()

    assert client.heard() == [("data", 5, b"out"), ("end", 1, b""), ("end", 3, b""), ("end", 5, b"")]
    assert client.closed


async def test_input_comes_from_its_stream_until_that_ends(client: Client) -> None:
    client.feed(client.data(3, b"in") + client.data(3, b"", end=True) + client.data(99, b"of no stream"))
    client.leave()

    messages = [await client.channels.receive() for _ in range(3)]

    assert messages == [Message(STDIN, b"in"), Message(STDIN, b"", True), None]


async def test_streams_that_come_later_are_taken_and_senseless_ones_are_not(client: Client) -> None:
    client.feed(client.open(7, streamType="resize") + client.data(7, b"{}"))
    client.feed(client.open(9, streamType="stdin") + client.open(11, streamType="shout"))
    client.feed(control(PING, b"\0\0\0\x01") + client.data(3, b"x"))

    messages = [await client.channels.receive() for _ in range(2)]

    assert messages == [Message(RESIZE, b"{}"), Message(STDIN, b"x")]
    assert client.heard() == [("reply", 7, {}), ("reset", 9, 3), ("reset", 11, 3), (str(PING), 0, b"\0\0\0\x01")]


async def test_nothing_is_sent_into_a_stream_that_the_client_has_reset(client: Client) -> None:
    client.feed(control(RST_STREAM, (5).to_bytes(4, "big") + bytes(4)) + client.data(3, b"x"))
    await client.channels.receive()

    await client.channels.send(STDOUT, b"out")

    assert client.heard() == []


@pytest.mark.parametrize("data", [control(GOAWAY, bytes(8)), b"\x80\x02\x00\x01\x00\x00\x00\x00"])
async def test_a_client_that_goes_away_or_speaks_something_else_is_gone(client: Client, data: bytes) -> None:
    client.feed(data)

    assert await client.channels.receive() is None


async def test_streams_that_are_not_opened_are_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spdy_channels, "OPEN_TIMEOUT_S", 0.01)
    client = Client()
    client.feed(client.open(1, streamType="error"))

    await client.channels.open((ERROR, STDOUT))
    await client.channels.send(ERROR, b"{}")

    assert client.heard() == [("reply", 1, {}), ("data", 1, b"{}")]
