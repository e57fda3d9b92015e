"""As much of SPDY/3.1 as forwarding ports needs: streams that a client opens, their data both ways, their ends. Pure: bytes in, bytes out.

kubectl sends these bytes through a WebSocket. Flow control is left out as in Kubernetes' own implementations, and so is everything that
a server would begin. https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

VERSION = 3
SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, HEADERS, WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
"""Types of control frames."""

FIN = 0x01
"""The flag that says: nothing more will come from this side of the stream."""

CONTROL_BIT = 0x8000_0000
STREAM_MASK = 0x7FFF_FFFF
HEADER_BYTES = 8
MAX_DATA_BYTES = 1 << 16
"""Of the frames that are sent."""

MAX_HEADERS_BYTES = 1 << 20
"""Of a header block when it is unpacked."""

PROTOCOL_ERROR, REFUSED_STREAM, CANCEL = 1, 3, 5
"""Why a stream is reset."""

_WORDS = (
    *("options", "head", "post", "put", "delete", "trace"),
    *("accept", "accept-charset", "accept-encoding", "accept-language", "accept-ranges", "age", "allow"),
    *("authorization", "cache-control", "connection", "content-base", "content-encoding", "content-language"),
    *("content-length", "content-location", "content-md5", "content-range", "content-type", "date", "etag", "expect"),
    *("expires", "from", "host", "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since"),
    *("last-modified", "location", "max-forwards", "pragma", "proxy-authenticate", "proxy-authorization", "range"),
    *("referer", "retry-after", "server", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "vary"),
    *("via", "warning", "www-authenticate", "method", "get", "status", "200 OK", "version", "HTTP/1.1", "url"),
    *("public", "set-cookie", "keep-alive", "origin"),
)
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = b"".join(struct.pack(">I", len(word)) + word.encode() for word in _WORDS) + _TAIL.encode()
"""What both sides of the compression of headers know from the beginning (section 2.6.10.1): 1423 bytes, Adler-32 e3c6a7c2."""


class SpdyError(ValueError):
    """The bytes are no SPDY; the connection cannot go on."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The client has opened a stream."""

    stream: int
    headers: dict[str, str]
    is_end: bool
    """Whether the client will send nothing on it."""


@dataclass(frozen=True, slots=True)
class Data:
    stream: int
    data: bytes
    is_end: bool
    """Whether nothing more will come."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The client wants to hear nothing more of a stream."""

    stream: int


@dataclass(frozen=True, slots=True)
class Pinged:
    """`answer` is to be sent back."""

    answer: bytes


@dataclass(frozen=True, slots=True)
class GoneAway:
    """The client will open no more streams."""


Event = Opened | Data | Reset | Pinged | GoneAway


@dataclass(slots=True)
class Decoder:
    """What a client sends, as it comes in pieces."""

    _buffer: bytearray = field(default_factory=bytearray)
    _unpack: zlib._Decompress = field(default_factory=lambda: zlib.decompressobj(zdict=DICTIONARY))

    def feed(self, data: bytes) -> Iterator[Event]:
        """What whole frames say; frames that are of no interest say nothing. Raises SpdyError."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= HEADER_BYTES:
            first, second = struct.unpack_from(">II", buffer)
            end = HEADER_BYTES + (second & 0xFF_FFFF)
            if len(buffer) < end:
                return
            payload = bytes(buffer[HEADER_BYTES:end])
            del buffer[:end]
            is_end = bool(second >> 24 & FIN)
            if not first & CONTROL_BIT:
                yield Data(first & STREAM_MASK, payload, is_end)
                continue
            if first >> 16 & 0x7FFF != VERSION:
                raise SpdyError(f"version {first >> 16 & 0x7FFF} of SPDY, expected {VERSION}")
            event = self._control(first & 0xFFFF, payload, is_end)
            if event is not None:
                yield event

    def _control(self, type: int, payload: bytes, is_end: bool) -> Event | None:
        try:
            if type == SYN_STREAM:
                (stream,) = struct.unpack_from(">I", payload)
                return Opened(stream & STREAM_MASK, self._headers(payload[10:]), is_end)
            if type in (HEADERS, SYN_REPLY):
                # The compression goes on through all blocks, so those of no interest are unpacked as well.
                self._headers(payload[4:])
            elif type == RST_STREAM:
                return Reset(struct.unpack_from(">I", payload)[0] & STREAM_MASK)
            elif type == PING:
                (number,) = struct.unpack_from(">I", payload)
                # Clients count with odd numbers; even ones would be answers to pings of ours.
                return Pinged(control(PING, payload[:4])) if number % 2 else None
            elif type == GOAWAY:
                return GoneAway()
        except struct.error:
            raise SpdyError(f"a frame of type {type} that is too short") from None
        return None

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            text = self._unpack.decompress(block, MAX_HEADERS_BYTES)
        except zlib.error as error:
            raise SpdyError(f"headers cannot be unpacked: {error}") from None
        if self._unpack.unconsumed_tail:
            raise SpdyError(f"headers of more than {MAX_HEADERS_BYTES} bytes")
        (count,) = struct.unpack_from(">I", text)
        place, headers = 4, {}
        for _ in range(count):
            parts = []
            for _ in range(2):
                (length,) = struct.unpack_from(">I", text, place)
                place += 4
                parts.append(text[place : place + length].decode("latin-1"))
                place += length
            headers[parts[0].lower()] = parts[1]
        return headers


@dataclass(slots=True)
class Encoder:
    """What the server sends."""

    _pack: zlib._Compress = field(default_factory=lambda: zlib.compressobj(zdict=DICTIONARY))

    def accepted(self, stream: int) -> bytes:
        """The answer to a stream that was opened, without headers."""
        block = self._pack.compress(struct.pack(">I", 0)) + self._pack.flush(zlib.Z_SYNC_FLUSH)
        return control(SYN_REPLY, struct.pack(">I", stream) + block)

    def data(self, stream: int, data: bytes, *, is_end: bool = False) -> bytes:
        """`is_end`: nothing more will come."""
        parts = [data[place : place + MAX_DATA_BYTES] for place in range(0, len(data), MAX_DATA_BYTES)] or [b""]
        frames = [struct.pack(">II", stream, len(part)) + part for part in parts]
        if is_end:
            frames[-1] = struct.pack(">II", stream, FIN << 24 | len(parts[-1])) + parts[-1]
        return b"".join(frames)

    def reset(self, stream: int, why: int = CANCEL) -> bytes:
        return control(RST_STREAM, struct.pack(">II", stream, why))


def control(type: int, payload: bytes) -> bytes:
    """A control frame without flags."""
    return struct.pack(">II", CONTROL_BIT | VERSION << 16 | type, len(payload)) + payload
