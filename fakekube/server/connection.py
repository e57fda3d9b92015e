"""One connection: bytes become ASGI requests, answers become bytes.

uvicorn's httptools protocol does the work. What is changed here, and why:

- `scope["fakekube.client_certificate"]` says who the peer's TLS certificate names; uvicorn drops it.
- Head and body of a short answer leave in one write: one TLS record and one system call less for each request.
- Whatever a client sends as a path, query or header gets an answer, worded as Go's net/http does.
- Limits on a request's head and on peers that stop halfway; uvicorn has none. They are looked at once a second for all
  connections, so that requests do not pay for timers.
- WebSockets are imported by the first client that asks for one. For SPDY, `scope["fakekube.upgrade"]` takes the connection over.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote
from weakref import WeakKeyDictionary

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from fakekube.server.responses import Header, Receive, Scope, Send

if TYPE_CHECKING:
    from fakekube.server.raw_connection import RawConnection

App = Callable[[Scope, Receive, Send], Awaitable[None]]

CLIENT_CERTIFICATE = "fakekube.client_certificate"
"""The key of the ASGI scope that holds a ClientCertificate, or None when the peer showed none."""

UPGRADE = "fakekube.upgrade"
"""The key of the ASGI scope of a request that wants SPDY: a function which answers it with 101, given headers, and returns what the
connection is from then on, a RawConnection. It is to be called instead of `send`."""

MAX_HEAD_BYTES = 1 << 20
"""Request line and headers together, as http.DefaultMaxHeaderBytes."""

_HOST = re.compile(rb"[\w!$%&()*+,.:;=@\[\]'~-]*\Z")

HEAD_TIMEOUT_S = 32.0
"""For the head of a request to arrive, as in kube-apiserver's http.Server."""
IDLE_TIMEOUT_S = 90.0
"""Between two requests on one connection."""
STALL_TIMEOUT_S = 60.0
"""Without a byte of a body that is still to come, or without room to write: a client that does not read is given up."""

logger = logging.getLogger("fakekube.server")


class ClientCertificate(NamedTuple):
    """The verified certificate of a TLS peer: in Kubernetes, user name and groups."""

    common_name: str
    """Of several the last, as in Go; empty when there is none."""
    organizations: tuple[str, ...]
    """In the order of the certificate."""
    der: bytes


def client_certificate(transport: asyncio.BaseTransport) -> ClientCertificate | None:
    ssl_object: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if ssl_object is None:
        return None
    der = ssl_object.getpeercert(binary_form=True)
    if der is None:
        return None
    certificate: Any = ssl_object.getpeercert() or {}
    subject = [(name, value) for relative in certificate.get("subject", ()) for name, value in relative]
    names = [value for name, value in subject if name == "commonName"]
    return ClientCertificate(
        common_name=names[-1] if names else "",
        organizations=tuple(value for name, value in subject if name == "organizationName"),
        der=der,
    )


class State(ServerState):
    """What all connections of one server share. `now` is the loop's time of the last tick, good to a second."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.date_line = b""
        self.sockets: WeakKeyDictionary[object, Any] = WeakKeyDictionary()
        """Of the connections. asyncio's transport for TLS cannot be aborted any more once it was closed twice, but its socket can."""


class Connection(HttpToolsProtocol):
    server_state: State
    cycle: Cycle | None  # type: ignore[assignment]
    scope: Scope  # type: ignore[assignment]

    def __init__(
        self,
        config: Config,
        server_state: State,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = logger
        self.access_log = False
        self.certificate: ClientCertificate | None = None
        self.reading_head = False
        self.head_bytes = 0
        self.fault: tuple[HTTPStatus, str] | None = None
        """Why the request that is being read is refused, where the parser has nothing against it."""
        self.active_at = server_state.now
        self.write_paused_at: float | None = None
        self.raw: RawConnection | None = None
        """After an upgrade to SPDY."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.certificate = client_certificate(transport)
        self.server_state.sockets[self] = transport.get_extra_info("socket")
        self.active_at = self.server_state.now

    def data_received(self, data: bytes) -> None:
        self.active_at = self.server_state.now
        if self.raw is not None:
            self.raw.feed(data)
            return
        if self.parser is None:
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.refuse(*(self.fault or (HTTPStatus.BAD_REQUEST,)))
            return
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            # SPDY is the application's affair; another protocol (h2c) is not spoken: the request is answered as a plain one.
            return
        if self.reading_head:
            self.head_bytes += len(data)
            if self.head_bytes > MAX_HEAD_BYTES:
                self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def refuse(self, status: HTTPStatus, reason: str = "") -> None:
        """Answer what is not an HTTP request, as Go's server does, and hang up."""
        if not self.transport.is_closing():
            text = f"{status.value} {status.phrase}{reason and ': '}{reason}".encode()
            self.transport.write(
                b"HTTP/1.1 %b\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n%b" % (text, text)
            )
            self.transport.close()

    def on_message_begin(self) -> None:
        self.reading_head = True
        self.head_bytes = 0
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.reading_head = False
        parser = self.parser
        upgrading = parser.should_upgrade()
        http_version = parser.get_http_version()
        self.fault = self._fault_of_head(http_version)
        if self.fault is not None:
            # Raised through the parser, which then reports an invalid request.
            raise ValueError(self.fault)
        raw_path, _, query = self.url.partition(b"?")
        scope: Scope = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": http_version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": "",
            "method": parser.get_method().decode("ascii"),
            "raw_path": raw_path,
            "query_string": query,
            "headers": self.headers,
            "state": self.app_state,
            CLIENT_CERTIFICATE: self.certificate,
        }
        self.scope = scope
        if upgrading and self._should_upgrade():
            return
        path = decoded_path(raw_path)
        if path is None:
            raise ValueError("invalid URL escape")
        scope["path"] = path
        previous = self.cycle
        self.cycle = cycle = Cycle(
            scope=scope,  # type: ignore[arg-type]
            transport=self.transport,
            flow=self.flow,
            logger=logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=not upgrading and http_version != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        cycle.server_state = self.server_state
        if upgrading and (self._get_upgrade() or b"").lower() == b"spdy/3.1":
            scope[UPGRADE] = partial(self.switch, cycle)
        if previous is None or previous.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _fault_of_head(self, http_version: str) -> tuple[HTTPStatus, str] | None:
        """What the parser lets pass and Go's server does not."""
        if http_version not in ("1.1", "1.0"):
            if http_version == "0.9":
                return HTTPStatus.BAD_REQUEST, ""
            return HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "unsupported protocol version"
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1:
            return HTTPStatus.BAD_REQUEST, ""
        if not hosts:
            return (HTTPStatus.BAD_REQUEST, "missing required Host header") if http_version == "1.1" else None
        if not _HOST.match(hosts[0]):
            return HTTPStatus.BAD_REQUEST, "malformed Host header"
        # A head that has come in one piece is no longer than a piece may be.
        if (
            self.head_bytes
            and len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD_BYTES
        ):
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, ""
        return None

    def switch(self, cycle: Cycle, headers: list[Header]) -> RawConnection:
        """Answer the request of `cycle` with 101: what comes from now on is no HTTP."""
        from fakekube.server.raw_connection import RawConnection, switching

        cycle.response_started = cycle.response_complete = True
        self.raw = RawConnection(self.transport, self.flow)
        if self.parser is None:
            self.raw.feed_end()  # the client has gone
        elif not self.transport.is_closing():
            self.transport.write(switching("SPDY/3.1", headers))
        return self.raw

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.raw is not None:
            self.raw.feed_end()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self.active_at = self.server_state.now
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)

    def handle_websocket_upgrade(self) -> None:
        from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

        inner, certificate, state, this = self.app, self.certificate, self.server_state, self

        async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
            scope[CLIENT_CERTIFICATE] = certificate
            await inner(scope, receive, send)

        def websocket(**keywords: Any) -> WebSocketsSansIOProtocol:
            protocol = WebSocketsSansIOProtocol(**keywords)
            protocol.app = app
            protocol.logger = _quiet
            # The application chooses among the subprotocols. websockets would refuse kubectl's, whose slash no token may have.
            protocol.conn.process_subprotocol = _no_subprotocol  # type: ignore[method-assign, assignment]
            state.sockets[protocol] = state.sockets.pop(this)
            return protocol

        self.ws_protocol_class = websocket  # type: ignore[assignment]
        super().handle_websocket_upgrade()

    def _should_upgrade_to_ws(self) -> bool:
        return True

    def pause_writing(self) -> None:
        self.write_paused_at = self.server_state.now
        super().pause_writing()

    def resume_writing(self) -> None:
        self.write_paused_at = None
        super().resume_writing()

    def give_up_if_stalled(self, now: float) -> None:
        """Hang up on a peer that has stopped halfway. Called once a second."""
        cycle = self.cycle
        if self.write_paused_at is not None:
            if now - self.write_paused_at > STALL_TIMEOUT_S:
                self.transport.abort()
        elif self.raw is not None:
            return
        elif cycle is not None and not cycle.response_complete:
            waits_for_body = cycle.more_body and not cycle.waiting_for_100_continue and not self.flow.read_paused
            if waits_for_body and now - self.active_at > STALL_TIMEOUT_S:
                self.transport.abort()
        elif self.transport.is_closing():
            if now - self.active_at > STALL_TIMEOUT_S:
                self.transport.abort()
        else:
            limit = HEAD_TIMEOUT_S if self.reading_head or cycle is None else IDLE_TIMEOUT_S
            if now - self.active_at > limit:
                self.transport.close()


class Cycle(RequestResponseCycle):
    """One request and its answer."""

    server_state: State
    head: bytes = b""
    """The head of an answer of known length, held back until its body comes."""

    async def run_asgi(self, app: App) -> None:  # type: ignore[override]
        try:
            await app(self.scope, self.receive, self.send)  # type: ignore[arg-type]
        except asyncio.CancelledError:
            self.transport.abort()
        except Exception as error:
            logger.error("the application failed on %s %s", self.scope["method"], self.scope["path"], exc_info=error)
            if self.response_started:
                self.transport.abort()
            else:
                await self.send_500_response()
        else:
            if not self.response_complete and not self.disconnected:
                logger.error("no whole answer to %s %s", self.scope["method"], self.scope["path"])
                self.transport.abort()
        finally:
            self.on_response = _nothing

    async def send(self, message: MutableMapping[str, Any]) -> None:  # type: ignore[override]
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started:
            if message["type"] != "http.response.start":
                raise RuntimeError(f"expected http.response.start, got {message['type']}")
            self._start_response(message["status"], message.get("headers", ()))
            return
        if self.response_complete or message["type"] != "http.response.body":
            raise RuntimeError(f"unexpected {message['type']}")
        body: bytes = message.get("body", b"")
        more_body: bool = message.get("more_body", False)
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
            body = b""
        elif self.chunked_encoding:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            if not more_body:
                body += b"0\r\n\r\n"
        elif self.chunked_encoding is False:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("the body is longer than Content-Length")
        if self.head:
            if len(body) <= _ONE_WRITE_BYTES:
                body = self.head + body
            else:
                self.transport.write(self.head)
            self.head = b""
        if body:
            self.transport.write(body)
        if not more_body:
            if self.expected_content_length != 0:
                raise RuntimeError("the body is shorter than Content-Length")
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()

    def _start_response(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.response_started = True
        if self.waiting_for_100_continue:
            # The client may or may not send the body now, so what follows cannot be told from a request.
            self.waiting_for_100_continue = False
            self.keep_alive = False
        lines = [_status_line(status), self.server_state.date_line]
        has_length = closes = False
        for name, value in headers:
            if name == b"content-length":
                has_length = True
                self.chunked_encoding = False
                self.expected_content_length = int(value)
            elif name == b"connection" and value.lower() == b"close":
                closes = True
                self.keep_alive = False
            lines.append(b"%b: %b\r\n" % (_CANONICAL.get(name) or _canonical(name), value))
        if not has_length and self.scope["method"] != "HEAD" and status not in _WITHOUT_BODY:
            if self.scope["http_version"] == "1.0":
                self.keep_alive = False
            else:
                self.chunked_encoding = True
                lines.append(b"Transfer-Encoding: chunked\r\n")
        if not self.keep_alive and not closes:
            lines.append(b"Connection: close\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
            # A line break in a header's value, say in a warning that quotes a field's name, must not become a header.
            head = b"".join(_LINE_BREAKS.sub(b" ", line[:-2]) + b"\r\n" for line in lines)
        head += b"\r\n"
        if has_length:
            self.head = head
        else:
            self.transport.write(head)


_ASGI = {"version": "3.0", "spec_version": "2.3"}
_ONE_WRITE_BYTES = 1 << 16
_WITHOUT_BODY = frozenset({204, 304})
_LINE_BREAKS = re.compile(rb"[\r\n]+")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/]*")
_CANONICAL: dict[bytes, bytes] = {}
_STATUS_LINES: dict[int, bytes] = {}

_quiet = logging.getLogger("fakekube.server.websocket")
_quiet.setLevel(logging.CRITICAL)  # it calls a refusal before the handshake an error of ours


def _nothing() -> None:
    pass


def _no_subprotocol(_: object) -> None:
    pass


def _canonical(name: bytes) -> bytes:
    """`audit-id` is `Audit-Id` on the wire, as Go writes it. Names come from our own code, so there are few."""
    return _CANONICAL.setdefault(name, name.title())


def _status_line(status: int) -> bytes:
    line = _STATUS_LINES.get(status)
    if line is None:
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = f"status code {status}"
        line = _STATUS_LINES[status] = f"HTTP/1.1 {status} {phrase}\r\n".encode()
    return line


def decoded_path(raw_path: bytes) -> str | None:
    """The path of a request target, escapes resolved; None when an escape is not one.

    Bytes that are no UTF-8 become U+FFFD. A target of the absolute form (`GET http://host/path`) counts as its path.
    """
    if not raw_path.startswith(b"/"):
        raw_path = _ABSOLUTE.sub(b"", raw_path, count=1) or b"/"
    if b"%" in raw_path:
        if _BAD_ESCAPE.search(raw_path):
            return None
        return unquote(raw_path.decode("utf-8", "replace"), errors="replace")
    return raw_path.decode("utf-8", "replace")
