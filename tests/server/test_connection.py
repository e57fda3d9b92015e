from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from uvicorn.config import Config

from fakekube.server import connection
from fakekube.server.connection import App, Connection, State, decoded_path
from fakekube.server.responses import Receive, Scope, Send


class Transport(asyncio.Transport):
    """Takes what is written; there is no socket."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    @property
    def written(self) -> bytes:
        return b"".join(self.writes)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"sockname": ("127.0.0.1", 6443), "peername": ("127.0.0.1", 50000)}.get(name, default)

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def connect(app: App) -> tuple[Connection, Transport]:
    config = Config(app, lifespan="off", interface="asgi3", ws="none", http=Connection, log_config=None,
                    proxy_headers=False)  # fmt: skip
    config.load()
    state = State()
    state.date_line = b"Date: now\r\n"
    made, transport = Connection(config, state, {}), Transport()
    made.connection_made(transport)
    return made, transport


async def exchange(app: App, *requests: bytes) -> bytes:
    """What is written after `requests`, each as it came in one piece."""
    made, transport = connect(app)
    for request in requests:
        made.data_received(request)
    await settle(made)
    return transport.written


async def settle(made: Connection) -> None:
    for _ in range(5):
        await asyncio.sleep(0)
    for task in list(made.tasks):
        await task


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    text = f"{scope['method']} {scope['path']} {scope['query_string'].decode()} ".encode() + body
    await answer(send, text)


async def answer(
    send: Send, body: bytes, *, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    head = [(b"content-length", str(len(body)).encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


async def test_a_short_answer_is_one_write_with_canonical_header_names() -> None:
    made, transport = connect(lambda scope, receive, send: answer(send, b"ok", headers=[(b"audit-id", b"1")]))

    made.data_received(GET)
    await settle(made)

    assert transport.writes == [b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\nAudit-Id: 1\r\n\r\nok"]


async def test_the_head_of_a_stream_does_not_wait_for_its_first_piece() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.get_running_loop().create_future()

    made, transport = connect(app)
    made.data_received(GET)
    await asyncio.sleep(0)

    assert transport.written == b"HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n"
    for task in made.tasks:
        task.cancel()
    await settle(made)


async def test_a_stream_is_chunked() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}\n", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    assert (await exchange(app, GET)).endswith(b"\r\n\r\n3\r\n{}\n\r\n0\r\n\r\n")


async def test_to_http_1_0_a_stream_ends_with_the_connection() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}\n"})

    written = await exchange(app, b"GET / HTTP/1.0\r\n\r\n")

    assert written == b"HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\n\r\n{}\n"


async def test_head_is_answered_without_a_body() -> None:
    written = await exchange(echo, b"HEAD /version HTTP/1.1\r\nHost: h\r\n\r\n")

    assert written.endswith(b"Content-Length: 15\r\n\r\n")


async def test_a_body_arrives_in_pieces() -> None:
    written = await exchange(echo, b"POST /x?a=b HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n{}", b"{}", b"{}")

    assert written.endswith(b"\r\n\r\nPOST /x a=b {}{}{}")


async def test_two_requests_in_one_piece_are_answered_in_order() -> None:
    written = await exchange(echo, b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n")

    assert written.index(b"GET /1 ") < written.index(b"GET /2 ")


async def test_a_head_that_comes_byte_by_byte_is_read() -> None:
    written = await exchange(echo, *(GET[i : i + 1] for i in range(len(GET))))

    assert written.endswith(b"GET /  ")


async def test_a_line_break_in_a_header_of_ours_does_not_become_a_header() -> None:
    warning = b'299 - "unknown field \\"a\r\nSet-Cookie: b\\""'

    written = await exchange(lambda scope, receive, send: answer(send, b"", headers=[(b"warning", warning)]), GET)

    assert b'Warning: 299 - "unknown field \\"a Set-Cookie: b\\""\r\n\r\n' in written


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"no http at all\r\n\r\n",
        b"GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /% HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost h\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\x16\x03\x01\x00\x00",
    ],
)
async def test_what_is_not_http_gets_400_and_is_hung_up_on(request_bytes: bytes) -> None:
    made, transport = connect(echo)

    made.data_received(request_bytes)
    await settle(made)

    assert transport.written == (
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"
    )
    assert transport.closed


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"400 Bad Request: missing required Host header"),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", b"400 Bad Request: malformed Host header"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", b"505 HTTP Version Not Supported: unsupported protocol version"),
        (b"GET /\r\n\r\n", b"400 Bad Request"),
    ],
)
async def test_a_head_that_gos_server_would_not_take_is_refused_in_its_words(head: bytes, status: bytes) -> None:
    written = await exchange(echo, head)

    assert written.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert written.endswith(b"\r\n\r\n" + status)


async def test_to_http_1_0_no_host_need_be_named() -> None:
    assert (await exchange(echo, b"GET / HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_a_long_head_that_is_complete_gets_431_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_HEAD_BYTES", 100)

    written = await exchange(
        echo, b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"a" * 60 + b"\r\nY: " + b"b" * 60 + b"\r\n\r\n"
    )

    assert written.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


async def test_headers_without_end_get_431(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_HEAD_BYTES", 1000)

    written = await exchange(echo, b"GET / HTTP/1.1\r\n", *([b"x: " + b"y" * 200 + b"\r\n"] * 10))

    assert written.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/api/v1", "/api/v1"),
        (b"/a%2Fb%20c", "/a/b c"),
        (b"/a/../b//c/", "/a/../b//c/"),
        (b"//api", "//api"),
        (b"/%C3%A9", "/é"),
        ("/é".encode(), "/é"),
        (b"/%ff", "/�"),
        (b"/\xff", "/�"),
        (b"/a:b?c", "/a:b?c"),
        (b"https://127.0.0.1:6443/api", "/api"),
        (b"https://127.0.0.1:6443", "/"),
        (b"*", "*"),
        (b"/%", None),
        (b"/%4", None),
        (b"/%%34", None),
    ],
)
def test_paths_are_decoded_but_not_cleaned(target: bytes, path: str | None) -> None:
    assert decoded_path(target) == path


async def test_expect_100_continue_is_told_to_go_on_when_the_body_is_wanted() -> None:
    made, transport = connect(echo)

    made.data_received(b"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    await asyncio.sleep(0)
    made.data_received(b"{}")
    await settle(made)

    assert transport.written.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


async def test_expect_100_continue_ends_the_connection_when_the_body_is_not_wanted() -> None:
    made, transport = connect(lambda scope, receive, send: answer(send, b"no", status=413))

    made.data_received(b"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    await settle(made)

    assert b"Connection: close" in transport.written
    assert transport.closed


async def test_another_protocol_is_answered_as_a_plain_request() -> None:
    written = await exchange(echo, b"GET /exec HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n")

    assert written.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close" in written


async def test_an_application_that_fails_is_a_500_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("secret")

    written = await exchange(app, GET)

    assert written.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert b"secret" not in written
    assert "the application failed on GET /" in caplog.text


async def test_a_client_that_hangs_up_is_told_to_the_application() -> None:
    messages: list[MutableMapping[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        messages.append(await receive())
        messages.append(await receive())

    made, _ = connect(app)
    made.data_received(GET)
    await asyncio.sleep(0)
    made.connection_lost(None)
    await settle(made)

    assert [message["type"] for message in messages] == ["http.request", "http.disconnect"]


@pytest.mark.parametrize(
    ("received", "limit"),
    [
        (b"", connection.HEAD_TIMEOUT_S),
        (b"GET / HT", connection.HEAD_TIMEOUT_S),
        (GET, connection.IDLE_TIMEOUT_S),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{", connection.STALL_TIMEOUT_S),
    ],
)
async def test_a_peer_that_stops_halfway_is_hung_up_on(received: bytes, limit: float) -> None:
    made, transport = connect(echo)
    if received:
        made.data_received(received)
    for _ in range(5):
        await asyncio.sleep(0)

    made.give_up_if_stalled(limit - 0.5)
    before = transport.closed
    made.give_up_if_stalled(limit + 0.5)

    assert (before, transport.closed) == (False, True)
    made.connection_lost(None)
    await settle(made)


async def test_a_peer_that_does_not_read_is_hung_up_on() -> None:
    made, transport = connect(echo)

    made.pause_writing()
    made.give_up_if_stalled(connection.STALL_TIMEOUT_S + 0.5)

    assert transport.closed


async def test_a_watch_may_be_silent_for_ever() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()
        await receive()

    made, transport = connect(app)
    made.data_received(GET)
    await asyncio.sleep(0)

    made.give_up_if_stalled(1e9)

    assert not transport.closed
    made.connection_lost(None)
    await settle(made)


SPDY = b"POST /exec HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n\r\n"


async def parrot(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes a connection over and sends back what comes."""
    raw = scope[connection.UPGRADE]([(b"x-stream-protocol-version", b"v4.channel.k8s.io")])
    while (message := await raw.receive())["type"] != "websocket.disconnect":
        await raw.send({"type": "websocket.send", "bytes": message["bytes"]})
        if message["bytes"] == b"bye":
            await raw.send({"type": "websocket.close", "code": 1000})


async def test_the_application_may_take_a_connection_over_for_spdy() -> None:
    made, transport = connect(parrot)
    made.data_received(SPDY)
    await asyncio.sleep(0)
    head = transport.written
    made.data_received(b"GET / is no HTTP now")
    made.data_received(b"bye")
    await asyncio.sleep(0)
    made.connection_lost(None)
    await settle(made)

    assert head == (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
        b"X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n"
    )
    assert transport.written.removeprefix(head) == b"GET / is no HTTP nowbye"
    assert transport.closed


async def test_a_connection_that_was_taken_over_may_be_silent_for_ever() -> None:
    made, transport = connect(parrot)
    made.data_received(SPDY)
    await asyncio.sleep(0)

    made.give_up_if_stalled(1e9)

    assert not transport.closed
    made.connection_lost(None)
    await settle(made)


async def test_a_client_that_goes_before_its_connection_is_taken_over_is_gone() -> None:
    heard = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0)
        heard.append((await scope[connection.UPGRADE]([]).receive())["type"])

    made, transport = connect(app)
    made.data_received(SPDY)
    made.connection_lost(None)
    await settle(made)

    assert (heard, transport.written) == (["websocket.disconnect"], b"")


async def test_only_a_megabyte_waits_for_an_application_that_does_not_take_it() -> None:
    going = asyncio.Event()
    sizes = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope[connection.UPGRADE]([])
        await going.wait()
        while (message := await raw.receive())["type"] != "websocket.disconnect":
            sizes.append(len(message["bytes"]))

    made, _ = connect(app)
    made.data_received(SPDY)
    await asyncio.sleep(0)
    for _ in range(3):
        made.data_received(bytes(500_000))
    assert made.flow.read_paused

    going.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not made.flow.read_paused
    made.connection_lost(None)
    await settle(made)
    assert sizes == [500_000] * 3
