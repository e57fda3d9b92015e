"""The proxy between a client and a server that are real, because passing bytes on is all it does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect as connect_websocket

from fakekube.server.certificates import Certificates
from fakekube.server.connection import CLIENT_CERTIFICATE
from fakekube.server.kubeconfig import Endpoint
from fakekube.server.proxy import Proxy, is_accepted
from fakekube.server.responses import Receive, Scope, Send
from fakekube.server.run import RunningServer

CERTIFICATES = Certificates.in_memory()


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what arrived; on /watch with a line each time the client has sent one; on a WebSocket with the same message."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    body = b""
    if scope["path"] == "/watch":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            await send({"type": "http.response.body", "body": message["body"], "more_body": True})
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    certificate = scope[CLIENT_CERTIFICATE]
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    query = scope["query_string"].decode()
    who = certificate.common_name if certificate else None
    answer = json.dumps([scope["method"], scope["path"], query, headers, body.decode(), who]).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(answer)).encode())]}
    )
    await send({"type": "http.response.body", "body": answer})


@asynccontextmanager
async def proxied(endpoint: Endpoint | None = None) -> AsyncIterator[Proxy]:
    server = RunningServer(echo, certificates=CERTIFICATES)
    server.start()
    proxy = Proxy(endpoint or Endpoint(server.url, CERTIFICATES.ca.certificate, CERTIFICATES.admin, "my-token"))
    ready = asyncio.Event()
    serving = asyncio.create_task(proxy.serve(ready.set))
    await ready.wait()
    try:
        yield proxy
    finally:
        proxy.stop()
        await serving
        server.stop()


async def exchange(proxy: Proxy, request: bytes) -> bytes:
    """The whole answer to a request that ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


async def test_a_request_gets_the_credentials_of_the_kubeconfig() -> None:
    async with proxied() as proxy:
        answer = await exchange(
            proxy,
            b"GET /api/v1?limit=1 HTTP/1.1\r\nHost: localhost:8001\r\nAuthorization: Basic x\r\nConnection: close\r\n\r\n",
        )

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    method, path, query, headers, _, who = json.loads(body)
    assert (method, path, query, who) == ("GET", "/api/v1", "limit=1", "kubernetes-admin")
    assert headers["authorization"] == "Bearer my-token"
    assert headers["host"] == proxy.endpoint.url.removeprefix("https://")


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 7\r\n\r\n" + b'{"a":1}',
        b'Transfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n',
    ],
)
async def test_a_body_passes_whole(framing: bytes) -> None:
    async with proxied() as proxy:
        answer = await exchange(proxy, b"POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + framing)

    assert json.loads(answer.partition(b"\r\n\r\n")[2])[4] == '{"a":1}'


async def test_a_connection_serves_many_requests() -> None:
    async with proxied() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        for number in range(3):
            writer.write(b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            assert json.loads(await reader.readexactly(length))[1] == f"/{number}"
        writer.close()


async def test_a_stream_passes_piece_by_piece() -> None:
    async with proxied() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"POST /watch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\none\n")
        await asyncio.wait_for(reader.readuntil(b"one\n"), 5)
        writer.write(b"two\n")
        await asyncio.wait_for(reader.readuntil(b"two\n"), 5)
        writer.close()


async def test_a_websocket_passes() -> None:
    async with proxied() as proxy, connect_websocket(f"ws://localhost:{proxy.port}/x", proxy=None) as websocket:
        await websocket.send("hello")

        assert await asyncio.wait_for(websocket.recv(), 5) == "hello"


async def test_a_foreign_host_is_refused_before_the_server_is_asked() -> None:
    async with proxied(Endpoint("http://127.0.0.1:1")) as proxy:
        answer = await exchange(proxy, b"GET /api HTTP/1.1\r\nHost: evil.example\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert answer.endswith(b"\r\n\r\nForbidden\n")


async def test_a_server_that_is_not_there_is_told() -> None:
    async with proxied(Endpoint("http://127.0.0.1:1")) as proxy:
        answer = await exchange(proxy, b"GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert b"http://127.0.0.1:1: " in answer


async def test_a_server_of_another_authority_is_not_trusted() -> None:
    server = RunningServer(echo, certificates=CERTIFICATES)
    server.start()
    async with proxied(Endpoint(server.url)) as proxy:
        answer = await exchange(proxy, b"GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n")
    server.stop()

    assert answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert b"certificate verify failed" in answer


async def test_what_is_not_http_is_refused() -> None:
    async with proxied() as proxy:
        answer = await exchange(proxy, b"no http\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize(
    ("host", "path", "accepted"),
    [
        ("localhost:8001", "/api", True),
        ("localhost", "/api", True),
        ("127.0.0.1:8001", "/api", True),
        ("[::1]:8001", "/api", True),
        ("localhost.evil.example", "/api", False),
        ("127.0.0.1.evil.example:8001", "/api", False),
        ("", "/api", False),
        ("localhost", "/api/v1/namespaces/default/pods/web/exec?command=sh", False),
        ("localhost", "/api/v1/namespaces/default/pods/web/attach", False),
        ("localhost", "/api/v1/namespaces/default/pods/web/log", True),
    ],
)
def test_hosts_and_paths_are_accepted_as_by_kubectl_proxy(host: str, path: str, accepted: bool) -> None:
    assert is_accepted(host, path) is accepted
