"""The client's side of SPDY/3.1, for tests."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from fakekube.server.spdy import CONTROL_BIT, DICTIONARY, FIN, RST_STREAM, STREAM_MASK, SYN_REPLY, SYN_STREAM, control


class SpdyClient:
    def __init__(self) -> None:
        self._pack = zlib.compressobj(zdict=DICTIONARY)
        self._unpack = zlib.decompressobj(zdict=DICTIONARY)
        self._buffer = b""

    def headers(self, **headers: str) -> bytes:
        """A packed block."""
        block = struct.pack(">I", len(headers))
        for name, value in headers.items():
            for text in (name.lower().encode(), value.encode()):
                block += struct.pack(">I", len(text)) + text
        return self._pack.compress(block) + self._pack.flush(zlib.Z_SYNC_FLUSH)

    def open(self, stream: int, *, end: bool = False, **headers: str) -> bytes:
        frame = bytearray(control(SYN_STREAM, struct.pack(">IIH", stream, 0, 0) + self.headers(**headers)))
        if end:
            frame[4] |= FIN
        return bytes(frame)

    def data(self, stream: int, data: bytes, *, end: bool = False) -> bytes:
        return struct.pack(">II", stream, (FIN << 24 if end else 0) | len(data)) + data

    def hear(self, data: bytes) -> list[tuple[str, int, Any]]:
        """What the server's frames say: (reply, stream, headers), (data or end, stream, bytes), (reset, stream, why), (type, 0, bytes)."""
        self._buffer += data
        heard: list[tuple[str, int, Any]] = []
        while len(self._buffer) >= 8:
            first, second = struct.unpack_from(">II", self._buffer)
            end = 8 + (second & 0xFF_FFFF)
            if len(self._buffer) < end:
                break
            payload, self._buffer = self._buffer[8:end], self._buffer[end:]
            if not first & CONTROL_BIT:
                heard.append(("end" if second >> 24 & FIN else "data", first & STREAM_MASK, payload))
            elif first & 0xFFFF == SYN_REPLY:
                assert self._unpack.decompress(payload[4:]) == bytes(4)
                heard.append(("reply", struct.unpack_from(">I", payload)[0], {}))
            elif first & 0xFFFF == RST_STREAM:
                heard.append(("reset", *struct.unpack(">II", payload)))
            else:
                heard.append((str(first & 0xFFFF), 0, payload))
        return heard
