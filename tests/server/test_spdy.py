"""SPDY/3.1, as far as it is spoken: what a client's frames say, and what frames say to it."""

from __future__ import annotations

import struct
import zlib

import pytest

from fakekube.server import spdy
from fakekube.server.spdy import Data, Decoder, Encoder, GoneAway, Opened, Pinged, Reset, SpdyError

from .spdy_client import SpdyClient


def test_the_dictionary_is_that_of_the_protocol() -> None:
    assert (len(spdy.DICTIONARY), zlib.adler32(spdy.DICTIONARY)) == (1423, 0xE3C6A7C2)


def test_a_client_opens_streams_and_sends_on_them() -> None:
    client = SpdyClient()
    sent = client.open(1, streamType="error", port="80", requestID="0", end=True)
    sent += client.open(3, streamType="data", port="80", requestID="0")
    sent += client.data(3, b"hello") + client.data(3, b"", end=True)

    events = list(Decoder().feed(sent))

    headers = {"port": "80", "requestid": "0"}
    assert events == [
        Opened(1, {"streamtype": "error", **headers}, True),
        Opened(3, {"streamtype": "data", **headers}, False),
        Data(3, b"hello", False),
        Data(3, b"", True),
    ]


def test_frames_may_come_in_any_pieces() -> None:
    client, decoder = SpdyClient(), Decoder()
    sent = client.open(1, a="b") + client.data(1, b"hello")

    events = [event for byte in sent for event in decoder.feed(bytes((byte,)))]

    assert events == [Opened(1, {"a": "b"}, False), Data(1, b"hello", False)]


def test_pings_are_answered_and_ends_are_heard() -> None:
    ping, answer_to_ours = spdy.control(spdy.PING, b"\0\0\0\x07"), spdy.control(spdy.PING, b"\0\0\0\x02")
    reset = spdy.control(spdy.RST_STREAM, struct.pack(">II", 3, 5))
    away = spdy.control(spdy.GOAWAY, struct.pack(">II", 3, 0))

    assert list(Decoder().feed(ping + answer_to_ours + reset + away)) == [Pinged(ping), Reset(3), GoneAway()]


def test_what_is_of_no_interest_says_nothing() -> None:
    settings = spdy.control(spdy.SETTINGS, struct.pack(">III", 1, 7, 65536))
    window = spdy.control(spdy.WINDOW_UPDATE, struct.pack(">II", 1, 100))

    assert list(Decoder().feed(settings + window)) == []


def test_headers_that_come_later_are_unpacked_since_compression_goes_on() -> None:
    client, decoder = SpdyClient(), Decoder()
    first = client.open(1, a="b")
    later = spdy.control(spdy.HEADERS, struct.pack(">I", 1) + client.headers(x="y"))

    events = list(decoder.feed(first + later + client.open(3, a="b", x="y")))

    assert events == [Opened(1, {"a": "b"}, False), Opened(3, {"a": "b", "x": "y"}, False)]


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (struct.pack(">II", 0x8002_0001, 0), "version 2 of SPDY, expected 3"),
        (spdy.control(spdy.PING, b""), "a frame of type 6 that is too short"),
        (spdy.control(spdy.SYN_STREAM, bytes(10) + b"no zlib"), "headers cannot be unpacked: .*"),
        (spdy.control(spdy.SYN_STREAM, bytes(10)), "a frame of type 1 that is too short"),
    ],
)
def test_what_is_no_spdy_is_an_error(frame: bytes, why: str) -> None:
    with pytest.raises(SpdyError, match=f"^{why}$"):
        list(Decoder().feed(frame))


def test_headers_that_unpack_to_too_much_are_an_error() -> None:
    client = SpdyClient()

    with pytest.raises(SpdyError, match="headers of more than 1048576 bytes"):
        list(Decoder().feed(client.open(1, a="b" * (2 << 20))))


def test_the_server_accepts_sends_ends_and_resets() -> None:
    client, encoder = SpdyClient(), Encoder()

    heard = client.hear(
        encoder.accepted(1)
        + encoder.accepted(3)
        + encoder.data(3, b"x" * (1 << 16) + b"y")
        + encoder.data(3, b"", is_end=True)
        + encoder.reset(5, spdy.REFUSED_STREAM)
    )

    assert heard == [
        ("reply", 1, {}),
        ("reply", 3, {}),
        ("data", 3, b"x" * (1 << 16)),
        ("data", 3, b"y"),
        ("end", 3, b""),
        ("reset", 5, 3),
    ]
