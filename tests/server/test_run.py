"""The tests of the server's own that open sockets, beside those of forwarded ports: what a listening server does cannot be seen without."""

from __future__ import annotations

import asyncio
import gc
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest
from websockets.sync.client import connect as connect_websocket

from fakekube.server import run
from fakekube.server.certificates import Certificates, KeyPair, client_context, create_ca, issue_client_certificate
from fakekube.server.connection import CLIENT_CERTIFICATE, App, State
from fakekube.server.responses import Receive, Scope, Send
from fakekube.server.run import ListenError, RunningServer, server_url

CERTIFICATES = Certificates.in_memory()


async def who(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the subject of the client's certificate, over HTTP or in one WebSocket message."""
    certificate = scope[CLIENT_CERTIFICATE]
    text = "nobody" if certificate is None else f"{certificate.common_name} {' '.join(certificate.organizations)}"
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": text})
        await send({"type": "websocket.close"})
        return
    headers = [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


class Watch:
    """An application that streams until it is told to end."""

    def __init__(self) -> None:
        self.ending = asyncio.Event()
        self.streaming = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}\n", "more_body": True})
        self.streaming.set()
        await self.ending.wait()
        await send({"type": "http.response.body", "body": b""})

    def end(self) -> None:
        self.ending.set()


@contextmanager
def serving(
    app: App, *, certificates: Certificates | None = CERTIFICATES, before_stop: Callable[[], None] | None = None
) -> Iterator[RunningServer]:
    server = RunningServer(app, certificates=certificates, before_stop=before_stop)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def connected(server: RunningServer, client: KeyPair | None = None) -> Iterator[http.client.HTTPSConnection]:
    context = client_context(CERTIFICATES.ca.certificate, client)
    with closing(http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=5)) as connection:
        yield connection


def get(connection: http.client.HTTPConnection) -> bytes:
    connection.request("GET", "/")
    return connection.getresponse().read()


def test_a_client_certificate_says_who_is_asking() -> None:
    jane_certificate = CERTIFICATES.client("jane", ["dev", "ops"])

    with serving(who) as server, connected(server, jane_certificate) as jane:
        assert get(jane) == b"jane dev ops"
        assert get(jane) == b"jane dev ops"


def test_a_client_may_come_without_a_certificate() -> None:
    with serving(who) as server, connected(server) as anybody:
        assert get(anybody) == b"nobody"


def test_a_certificate_of_another_authority_is_refused() -> None:
    stranger = issue_client_certificate(create_ca(), "kubernetes-admin", ["system:masters"])

    refusal = pytest.raises(OSError, match=r"(?i)unknown ca|closed|reset|broken pipe")
    with serving(who) as server, connected(server, stranger) as connection, refusal:
        get(connection)


def test_answers_carry_a_date_and_no_server_header() -> None:
    with serving(who) as server, connected(server) as connection:
        connection.request("GET", "/")

        response = connection.getresponse()

        assert response.getheader("Date")
        assert response.getheader("Server") is None
        response.read()


def test_plain_http_on_the_tls_port_is_told_so() -> None:
    with serving(who) as server, socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")

        answer = plain.makefile("rb").read()

    assert answer == b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


def test_without_certificates_it_speaks_plain_http() -> None:
    with serving(who, certificates=None) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)) as connection:
            assert get(connection) == b"nobody"


def test_a_websocket_knows_who_is_asking_too() -> None:
    context = client_context(CERTIFICATES.ca.certificate, CERTIFICATES.client("jane", ["dev"]))

    with serving(who) as server, connect_websocket(f"wss://127.0.0.1:{server.port}/x", ssl=context) as websocket:
        assert websocket.recv(timeout=5) == "jane dev"


def test_it_stops_at_once_while_clients_idle_watch_and_shake_hands_slowly() -> None:
    watch = Watch()
    with serving(watch, before_stop=watch.end) as server, connected(server) as watching:
        watching.request("GET", "/")
        stream = watching.getresponse()
        idle = client_context(CERTIFICATES.ca.certificate).wrap_socket(
            socket.create_connection(("127.0.0.1", server.port)), server_hostname="127.0.0.1"
        )
        silent = socket.create_connection(("127.0.0.1", server.port))
        halfway = socket.create_connection(("127.0.0.1", server.port))
        halfway.sendall(b"\x16\x03\x01")
        watch.streaming.wait(5)

        started = time.monotonic()
        server.stop()
        took = time.monotonic() - started

        assert stream.read() == b"{}\n"
        assert took < 0.3
        for connection in (idle, silent, halfway):
            connection.close()


def test_it_stops_although_the_application_ends_no_watch() -> None:
    watch = Watch()
    with serving(watch) as server, connected(server) as watching:
        watching.request("GET", "/")
        response = watching.getresponse()
        watch.streaming.wait(5)

        started = time.monotonic()
        server.stop()

        assert time.monotonic() - started < 0.3
        response.close()


def test_it_can_be_stopped_twice_and_before_it_was_started() -> None:
    server = RunningServer(who, certificates=CERTIFICATES)

    server.stop()
    server.stop()


def test_its_port_is_free_again_after_the_end() -> None:
    with serving(who) as server, connected(server) as connection:
        get(connection)

    RunningServer(who, certificates=CERTIFICATES, port=server.port).stop()


def test_work_can_be_sent_into_its_loop() -> None:
    async def thread_name() -> str:
        return threading.current_thread().name

    with serving(who) as server:
        assert server.call(thread_name()) == "fakekube-server"


def test_what_fails_at_the_start_is_raised_by_start() -> None:
    async def fail() -> None:
        raise ValueError("no such seed")

    server = RunningServer(who, certificates=CERTIFICATES, on_start=fail)

    with pytest.raises(ValueError, match="no such seed"):
        server.start()


def test_a_port_that_is_taken_says_so() -> None:
    server = RunningServer(who)

    with pytest.raises(
        ListenError, match=rf"port {server.port} of 127\.0\.0\.1 is taken by another program: .*0 takes any"
    ):
        RunningServer(who, port=server.port)

    server.stop()


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "."])
def test_an_address_of_another_machine_says_so(host: str) -> None:
    with pytest.raises(ListenError, match="is not an address of this machine"):
        run.listen(host, 0)


@pytest.mark.parametrize("port", [-1, 65536])
def test_what_is_no_port_says_so(port: int) -> None:
    with pytest.raises(ListenError, match="is not a port"):
        run.listen("127.0.0.1", port)


def test_the_socket_names_its_protocol_so_that_small_writes_leave_at_once() -> None:
    with run.listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "https://127.0.0.1:6443"),
        ("0.0.0.0", "https://127.0.0.1:6443"),
        ("::", "https://[::1]:6443"),
        ("fd00::1", "https://[fd00::1]:6443"),
        ("my-laptop", "https://my-laptop:6443"),
    ],
)
def test_the_url_is_one_that_clients_can_use(host: str, url: str) -> None:
    assert server_url(host, 6443) == url


def test_only_http_1_1_is_offered() -> None:
    context = client_context(CERTIFICATES.ca.certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with serving(who) as server, socket.create_connection(("127.0.0.1", server.port)) as connection:
        secured: ssl.SSLSocket = context.wrap_socket(connection, server_hostname="localhost")

        assert secured.selected_alpn_protocol() == "http/1.1"
        secured.close()


@contextmanager
def upgraded(server: RunningServer, *protocols: str) -> Iterator[tuple[ssl.SSLSocket, bytes]]:
    """A WebSocket whose client says nothing more; and the head of the answer."""
    context = client_context(CERTIFICATES.ca.certificate, None)
    lines = ["GET /x HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    lines += ["Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", *(f"Sec-WebSocket-Protocol: {each}" for each in protocols)]
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        secure.sendall("\r\n".join((*lines, "", "")).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += secure.recv(4096)
        yield secure, head


def test_a_subprotocol_may_have_a_slash_as_kubectls_has() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][0]})

    with serving(app) as server, upgraded(server, "SPDY/3.1+portforward.k8s.io") as (_, head):
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"sec-websocket-protocol: spdy/3.1+portforward.k8s.io\r\n" in head.lower()


def test_websockets_that_their_clients_forget_are_closed_by_a_stop() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})

    with ExitStack() as stack:
        with serving(app) as server:
            secure, _ = stack.enter_context(upgraded(server))
        # A transport that is still open would be complained of here.
        gc.collect()
        assert secure.recv(4096) == b""


async def test_a_websocket_that_is_not_read_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class WebSocket:
        writable = asyncio.Event()
        aborted = False

        @property
        def transport(self) -> WebSocket:
            return self

        def abort(self) -> None:
            self.aborted = True

    monkeypatch.setattr(run, "STALL_TIMEOUT_S", -1.0)
    with run.listen("127.0.0.1", 0) as listener:
        acceptor = run._Acceptor(who, listener, None, State())
        websocket, reading = WebSocket(), WebSocket()
        reading.writable = asyncio.Event()
        reading.writable.set()
        acceptor.state.connections |= {websocket, reading}  # type: ignore[arg-type]

        acceptor.open()
        acceptor.close()

    assert (websocket.aborted, reading.aborted) == (True, False)
