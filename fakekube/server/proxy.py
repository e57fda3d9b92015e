"""Plain HTTP on localhost, forwarded to a Kubernetes API server with the credentials of a kubeconfig: `kubectl proxy`.

The heads of requests are read, because Host and Authorization are replaced; bodies and whatever comes back are passed on as
they arrive, so that watches and WebSockets stream through. Each client connection has one connection to the server.

Refused are other Host headers than localhost's (a page from elsewhere that had its name point here could use the
administrator's rights otherwise), and exec and attach into pods, both as kubectl does by default.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus

import httptools

from fakekube.server.connection import MAX_HEAD_BYTES
from fakekube.server.kubeconfig import Endpoint
from fakekube.server.run import listen

ACCEPTED_HOSTS = (r"^localhost$", r"^127\.0\.0\.1$", r"^\[::1\]$")
REJECTED_PATHS = (r"^/api/.*/pods/.*/exec", r"^/api/.*/pods/.*/attach")
PIECE_BYTES = 1 << 16
CONNECT_TIMEOUT_S = 10.0

_REPLACED = (b"host", b"authorization")


class Proxy:
    """Listens from construction; `serve` forwards until `stop`. `port` 0 takes any free one. Raises ListenError, KubeconfigError."""

    def __init__(self, endpoint: Endpoint, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.endpoint = endpoint
        self.context = endpoint.context()
        self.host = host
        self._listener = listen(host, port)
        self.port: int = self._listener.getsockname()[1]
        self._stopping: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, on_ready: Callable[[], None] | None = None) -> None:
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._connected, sock=self._listener, limit=PIECE_BYTES)
        try:
            if on_ready is not None:
                on_ready()
            await self._stopping.wait()
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=0.1)

    def stop(self) -> None:
        """To be called in the loop of `serve`."""
        if self._stopping is not None:
            self._stopping.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await _Exchange(self, reader, writer).run()
        finally:
            self._tasks.discard(task)
            _hang_up(writer)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises OSError."""
        endpoint = self.endpoint
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            addresses = await asyncio.get_running_loop().getaddrinfo(
                endpoint.host, endpoint.port, type=socket.SOCK_STREAM
            )
            connection = socket.socket(addresses[0][0], socket.SOCK_STREAM, socket.IPPROTO_TCP)
            connection.setblocking(False)
            try:
                await asyncio.get_running_loop().sock_connect(connection, addresses[0][4])
                return await asyncio.open_connection(
                    sock=connection,
                    ssl=self.context,
                    server_hostname=endpoint.host if self.context is not None else None,
                    limit=PIECE_BYTES,
                )
            except BaseException:
                connection.close()
                raise


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class _Exchange:
    """One client connection. The callbacks of the parser collect in `out` what is to be sent to the server."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.reader, self.writer = reader, writer
        self.parser = httptools.HttpRequestParser(self)
        self.out: list[bytes] = []
        self.refused: _Refused | None = None
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.chunked = False
        self.head_bytes = 0

    async def run(self) -> None:
        server: asyncio.StreamWriter | None = None
        answers: asyncio.Task[None] | None = None
        upgraded = False
        try:
            while data := await self.reader.read(PIECE_BYTES):
                if upgraded:
                    self.out.append(data)
                else:
                    upgraded = self._read(data)
                if self.out and server is None:
                    try:
                        from_server, server = await self.proxy.connect()
                    except OSError as error:
                        # TimeoutError and gaierror are OSErrors too.
                        self._answer(
                            _Refused(HTTPStatus.BAD_GATEWAY, f"{self.proxy.endpoint.url}: {error or 'no answer'}")
                        )
                        return
                    answers = asyncio.get_running_loop().create_task(self._pass_back(from_server))
                if server is not None:
                    server.write(b"".join(self.out))
                    self.out.clear()
                    await server.drain()
                if self.refused is not None:
                    self._answer(self.refused)
                    return
        finally:
            if answers is not None:
                answers.cancel()
            if server is not None:
                _hang_up(server)

    def _read(self, data: bytes) -> bool:
        """Feed the parser; True once the client has asked to speak another protocol."""
        self.head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.out.append(data[upgrade.args[0] :])
            return True
        except httptools.HttpParserError:
            self.refused = self.refused or _Refused(HTTPStatus.BAD_REQUEST, "400 Bad Request")
        if self.head_bytes > MAX_HEAD_BYTES:
            self.refused = _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "431 Request Header Fields Too Large")
        return False

    async def _pass_back(self, from_server: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await from_server.read(PIECE_BYTES):
                self.writer.write(data)
                await self.writer.drain()
        _hang_up(self.writer)

    def _answer(self, refused: _Refused) -> None:
        body = f"{refused}\n".encode()
        self.writer.write(
            f"HTTP/1.1 {refused.status.value} {refused.status.phrase}\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
            f"Date: {formatdate(usegmt=True)}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.head_bytes = 0
        headers = {name.lower(): value for name, value in self.headers}
        self.chunked = b"chunked" in headers.get(b"transfer-encoding", b"").lower()
        if not is_accepted(headers.get(b"host", b"").decode("latin-1"), self.url.decode("latin-1")):
            self.refused = _Refused(HTTPStatus.FORBIDDEN, "Forbidden")
            raise self.refused  # ends the parsing
        endpoint = self.proxy.endpoint
        lines = [b"%b %b%b HTTP/1.1" % (self.parser.get_method(), endpoint.prefix.encode(), self.url)]
        lines.append(f"Host: {endpoint.url.partition('://')[2].partition('/')[0]}".encode())
        if endpoint.token is not None:
            lines.append(f"Authorization: Bearer {endpoint.token}".encode())
        lines += [b"%b: %b" % header for header in self.headers if header[0].lower() not in _REPLACED]
        self.out.append(b"\r\n".join(lines) + b"\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self.head_bytes = 0
        self.out.append(b"%x\r\n%b\r\n" % (len(body), body) if self.chunked else body)

    def on_message_complete(self) -> None:
        self.head_bytes = 0
        if self.chunked:
            self.out.append(b"0\r\n\r\n")


def is_accepted(host: str, path: str) -> bool:
    """Whether a request with this Host header, for this path, may pass."""
    name = re.sub(r":\d*$", "", host)
    return any(re.search(pattern, name) for pattern in ACCEPTED_HOSTS) and not any(
        re.search(pattern, path.partition("?")[0]) for pattern in REJECTED_PATHS
    )


def _hang_up(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()
