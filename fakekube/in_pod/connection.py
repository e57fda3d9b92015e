"""One connection to the server, as light as can be: requests, answers that go on, and WebSockets.

`fakekube run` stands between a developer and a program that is started often, and http.client with websockets would take longer
to import than everything else together. A connection may be read by one thread while another writes to it: OpenSSL allows no
two at once, hence the socket never blocks, waiting happens outside of the lock.

RFC 9112 (HTTP/1.1), RFC 6455 (WebSocket)
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fakekube.remote import RemoteError, answer_of

if TYPE_CHECKING:
    from fakekube.server.kubeconfig import Endpoint

TIMEOUT_S = 30.0
PIECE_BYTES = 1 << 16

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
"""Opcodes of WebSocket frames."""

_NO_CONTENT = (204, 304)


class ConnectionLost(Exception):
    """The server has gone, or somebody here has closed the connection."""


class Connection:
    """Opened by its first use. `close` may be called by any thread, and ends whoever waits here with ConnectionLost.

    `context` saves making another: `Endpoint.context` reads certificates.
    """

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext | None = None) -> None:
        self.endpoint = endpoint
        self.context = context if context is not None else endpoint.context()
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._unread = b""
        self._closed = False

    def another(self) -> Connection:
        """To the same server, with the same credentials."""
        return Connection(self.endpoint, self.context)

    def close(self) -> None:
        self._closed = True
        if self._socket is not None:
            # A shutdown wakes who waits for the socket; closing alone would not.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            with self._lock:
                self._socket.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Any:
        """The answer's JSON. Raises RemoteError for whatever is not 2xx, and when the server cannot be reached."""
        data = json.dumps(body).encode() if body is not None else None
        # A server may close a connection that was idle; then the request has not been looked at.
        for fresh in (self._socket is None, True):
            try:
                status, headers = self._exchange(method, path, query, data, content_type)
                text = b"".join(self._body(status, headers, TIMEOUT_S))
            except ConnectionLost as error:
                self._forget()
                if fresh or self._closed:
                    raise self._unreachable(error) from None
                continue
            if headers.get("connection", "").lower() == "close":
                self._forget()
            return answer_of(status, text)
        raise AssertionError

    def lines(self, path: str, query: Mapping[str, str]) -> Iterator[bytes]:
        """An answer that goes on, line by line until its end. Raises RemoteError for a refusal, ConnectionLost."""
        status, headers = self._exchange("GET", path, query, None, "")
        if status >= 300:
            answer_of(status, b"".join(self._body(status, headers, TIMEOUT_S)))
        rest = b""
        for piece in self._body(status, headers, None):
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole

    def websocket(self, path: str, query: Mapping[str, str] | None = None) -> WebSocket:
        """The connection turned into a WebSocket. Raises RemoteError when the server refuses, or does not know the path."""
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
        }
        try:
            status, headers = self._exchange("GET", path, query, None, "", upgrade)
            if status != 101:
                answer_of(status, b"".join(self._body(status, headers, TIMEOUT_S)))
                raise RemoteError(f"{self.endpoint.url}{path} is no WebSocket: HTTP {status}", code=status)
        except ConnectionLost as error:
            raise self._unreachable(error) from None
        return WebSocket(self)

    def _unreachable(self, error: Exception) -> RemoteError:
        return RemoteError(f"{self.endpoint.url} cannot be reached: {error}. Is `fakekube serve` running?")

    def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        data: bytes | None,
        content_type: str,
        more: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, str]]:
        """Send a request; status and headers (lower case) of its answer."""
        endpoint = self.endpoint
        target = endpoint.prefix + path + (f"?{urlencode(query)}" if query else "")
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        head = [
            f"{method} {target} HTTP/1.1",
            f"Host: {host}:{endpoint.port}",
            "User-Agent: fakekube",
            "Accept: application/json",
        ]
        if endpoint.token is not None:
            head.append(f"Authorization: Bearer {endpoint.token}")
        if data is not None:
            head += [f"Content-Type: {content_type}", f"Content-Length: {len(data)}"]
        head += [f"{name}: {value}" for name, value in (more or {}).items()]
        self.send("\r\n".join(head).encode() + b"\r\n\r\n" + (data or b""))
        return self._head()

    def _head(self) -> tuple[int, dict[str, str]]:
        deadline = time.monotonic() + TIMEOUT_S
        text = self.read_until(b"\r\n\r\n", deadline).decode("latin-1")
        first, *rest = text.split("\r\n")
        try:
            status = int(first.split(" ", 2)[1])
        except (IndexError, ValueError):
            self._forget()
            raise RemoteError(f"{self.endpoint.url} does not speak HTTP: {first[:60]!r}") from None
        headers = {}
        for line in rest:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return status, headers

    def _body(self, status: int, headers: Mapping[str, str], timeout_s: float | None) -> Iterator[bytes]:
        def deadline() -> float | None:
            return None if timeout_s is None else time.monotonic() + timeout_s

        if status in _NO_CONTENT:
            return
        if "chunked" in headers.get("transfer-encoding", "").lower():
            while size := int(self.read_until(b"\r\n", deadline()).partition(b";")[0], 16):
                yield self.read(size, deadline())
                self.read(2, deadline())
            self.read_until(b"\r\n", deadline())
        elif "content-length" in headers:
            yield self.read(int(headers["content-length"]), deadline())
        else:
            begun, self._unread = self._unread, b""
            yield begun
            while piece := self._some(deadline(), may_end=True):
                yield piece
            self._forget()

    def read(self, count: int, deadline: float | None = None) -> bytes:
        """Exactly so many bytes. `deadline` is one of time.monotonic. Raises ConnectionLost."""
        while len(self._unread) < count:
            self._unread += self._some(deadline)
        piece, self._unread = self._unread[:count], self._unread[count:]
        return piece

    def read_until(self, end: bytes, deadline: float | None = None) -> bytes:
        """What stands before `end`, which is read as well. Raises ConnectionLost."""
        while end not in self._unread:
            self._unread += self._some(deadline)
        piece, _, self._unread = self._unread.partition(end)
        return piece

    def _some(self, deadline: float | None, *, may_end: bool = False) -> bytes:
        """What comes next from the server; nothing only where that may be its end."""
        connected = self._connected()
        while True:
            with self._lock:
                wanted = select.POLLIN
                try:
                    piece = connected.recv(PIECE_BYTES)
                    if piece or may_end:
                        return piece
                    raise ConnectionLost("it closed the connection")
                except (ssl.SSLWantReadError, BlockingIOError):
                    pass
                except ssl.SSLWantWriteError:
                    wanted = select.POLLOUT
                except OSError as error:
                    raise ConnectionLost(str(error)) from None
            self._wait(connected, wanted, deadline)

    def send(self, data: bytes) -> None:
        """All of it. Raises ConnectionLost, RemoteError."""
        connected = self._connected()
        rest = memoryview(data)
        deadline = time.monotonic() + TIMEOUT_S
        while rest:
            with self._lock:
                wanted = select.POLLOUT
                try:
                    rest = rest[connected.send(rest) :]
                    continue
                except (ssl.SSLWantWriteError, BlockingIOError):
                    pass
                except ssl.SSLWantReadError:
                    wanted = select.POLLIN
                except OSError as error:
                    raise ConnectionLost(str(error)) from None
            self._wait(connected, wanted, deadline)

    def _wait(self, connected: socket.socket, wanted: int, deadline: float | None) -> None:
        if self._closed:
            raise ConnectionLost("it was closed")
        timeout_ms = None if deadline is None else max(0.0, 1000 * (deadline - time.monotonic()))
        poll = select.poll()
        try:
            poll.register(connected, wanted)
        except ValueError:
            raise ConnectionLost("it was closed") from None
        if not poll.poll(timeout_ms):
            raise ConnectionLost(f"no answer for {TIMEOUT_S:.0f} s")
        if self._closed:
            raise ConnectionLost("it was closed")

    def _connected(self) -> socket.socket:
        if self._closed:
            raise ConnectionLost("it was closed")
        if self._socket is None:
            self._socket = self._connect()
            self._unread = b""
        return self._socket

    def _connect(self) -> socket.socket:
        endpoint = self.endpoint
        plain: socket.socket | None = None
        try:
            plain = socket.create_connection((endpoint.host, endpoint.port), timeout=TIMEOUT_S)
            # Small requests go out at once; Nagle's algorithm would hold some of them back for 40 ms.
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context is not None:
                plain = self.context.wrap_socket(plain, server_hostname=endpoint.host)
        except ssl.SSLCertVerificationError as error:
            _close(plain)
            raise RemoteError(f"{endpoint.url} shows a certificate that the kubeconfig does not trust: "
                              f"{error.verify_message}. Is the kubeconfig of another run, or of another server?") from None  # fmt: skip
        except OSError as error:
            _close(plain)
            raise self._unreachable(error) from None
        plain.setblocking(False)
        return plain

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class WebSocket:
    """Messages of text, from `Connection.websocket`. One thread receives, any may send."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()

    def send(self, message: str) -> None:
        """Raises ConnectionLost."""
        self._frame(TEXT, message.encode())

    def receive(self, deadline: float | None = None) -> str | None:
        """The next message, None after the last. `deadline` is one of time.monotonic. Raises ConnectionLost."""
        message = b""
        while True:
            first, second = self._connection.read(2, deadline)
            size = second & 0x7F
            if size == 126:
                size = struct.unpack("!H", self._connection.read(2, deadline))[0]
            elif size == 127:
                size = struct.unpack("!Q", self._connection.read(8, deadline))[0]
            data = self._connection.read(size, deadline)
            opcode = first & 0x0F
            if opcode == PING:
                self._frame(PONG, data)
            elif opcode == CLOSE:
                with contextlib.suppress(ConnectionLost):
                    self._frame(CLOSE, data[:2])
                return None
            elif opcode != PONG:
                message += data
                if first & 0x80:
                    return message.decode("utf-8", "replace")

    def close(self) -> None:
        """Say goodbye; what comes until the other side has said it too is for `receive`."""
        with contextlib.suppress(ConnectionLost, RemoteError):
            self._frame(CLOSE, struct.pack("!H", 1000))

    def _frame(self, opcode: int, data: bytes) -> None:
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
        mask = os.urandom(4)
        with self._sending:
            self._connection.send(head + mask + masked(data, mask))


def masked(data: bytes, mask: bytes) -> bytes:
    """XOR with the four bytes over and over, as one large number: in Python that is a thousand times faster than byte by byte."""
    size = len(data)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def _close(connection: socket.socket | None) -> None:
    if connection is not None:
        connection.close()
