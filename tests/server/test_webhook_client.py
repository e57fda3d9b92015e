"""The way to webhooks, over real sockets: who is reached, who is trusted, and the words for what goes wrong."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme

from fakekube.registry.webhook_calls import CallFailed
from fakekube.server.webhook_client import InProcess, WebhookClient

AUTHORITY = trustme.CA()
BUNDLE = base64.b64encode(AUTHORITY.cert_pem.bytes()).decode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

Object = dict[str, Any]
Objects = dict[tuple[str, str], list[Object]]


def client(
    objects: Objects | None = None, in_process: dict[str, InProcess] | None = None, **more: Any
) -> WebhookClient:
    """`objects` by (resource, namespace)."""
    present = objects or {}

    def get(group: str, resource: str, namespace: str, name: str) -> Object | None:
        return next((each for each in present.get((resource, namespace), ()) if each["metadata"]["name"] == name), None)

    def list_(group: str, resource: str, namespace: str) -> list[Object]:
        return present.get((resource, namespace), [])

    return WebhookClient(get, list_, in_process or {}, **more)


@asynccontextmanager
async def listening(answer: bytes | None, *names: str) -> AsyncIterator[tuple[int, list[bytes]]]:
    """The port of a webhook that answers so, or (None) never, and what it was sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
    received: list[bytes] = []
    stopped = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            received.append(
                head + await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
            )
            if answer is None:
                await stopped.wait()
            else:
                writer.write(answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], received
    finally:
        stopped.set()
        server.close()


def with_status(line: str, body: str, kind: str = "text/plain") -> bytes:
    return f"HTTP/1.1 {line}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


async def why(asking: Awaitable[bytes]) -> str:
    with pytest.raises(CallFailed) as failed:
        await asking
    return str(failed.value)


async def test_a_review_is_posted_and_the_body_of_the_answer_comes_back() -> None:
    async with listening(ANSWER) as (port, received):
        config = {"url": f"https://127.0.0.1:{port}/judge", "caBundle": BUNDLE}

        answer = await client()(config, b'{"a":1}', 7)

    (request,) = received
    assert answer == b"{}"
    assert request.startswith(f"POST /judge?timeout=7s HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode())
    assert b"Content-Type: application/json\r\n" in request
    assert request.endswith(b'\r\n\r\n{"a":1}')


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
    ],
)
async def test_answers_in_chunks_and_without_a_length_are_read_whole(answer: bytes) -> None:
    async with listening(answer) as (port, _):
        assert await client()({"url": f"https://127.0.0.1:{port}/", "caBundle": BUNDLE}, b"{}", 5) == b"{}"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            with_status("500 Oh", "no way\n"),
            'an error on the server ("no way") has prevented the request from succeeding',
        ),
        (with_status("404 Not Found", "?"), "the server could not find the requested resource"),
        (with_status("401 Unauthorized", ""), "the server has asked for the client to provide credentials"),
        (with_status("503 Unavailable", ""), "the server is currently unable to handle the request"),
        (with_status("403 Forbidden", "go away"), "go away"),
        (
            with_status("302 Found", ""),
            "the server responded with the status code 302 but did not return more information",
        ),
        (
            with_status("500 Oh", "{}", "application/json"),
            'an error on the server ("unknown") has prevented the request from succeeding',
        ),
        (with_status("500 Oh", '{"kind":"Status","message":"mine"}', "application/json"), "mine"),
    ],
)
async def test_an_answer_that_is_an_error_is_told_in_the_servers_words(answer: bytes, text: str) -> None:
    async with listening(answer) as (port, _):
        assert await why(client()({"url": f"https://127.0.0.1:{port}/", "caBundle": BUNDLE}, b"{}", 5)) == text


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (with_status("200 OK", ""), "0-length response with status code: 200 and content type: text/plain"),
        (
            with_status("204 No Content", "text", "text/html; charset=utf-8"),
            "0-length response with status code: 204 and content type: text/html; charset=utf-8",
        ),
        (
            with_status("413 Too Large", "big"),
            "the server responded with the status code 413 but did not return more information",
        ),
    ],
)
async def test_an_answer_without_a_body_is_none(answer: bytes, text: str) -> None:
    async with listening(answer) as (port, _):
        config = {"url": f"https://127.0.0.1:{port}", "caBundle": BUNDLE}
        assert await why(client()(config, b"{}", 7)) == text


async def test_a_webhook_that_never_answers_costs_its_time_and_no_more() -> None:
    async with listening(None) as (port, _):
        url = f"https://127.0.0.1:{port}/"

        told = await why(client()({"url": url, "caBundle": BUNDLE}, b"{}", 1))

    assert told == f'Post "{url}?timeout=1s": context deadline exceeded'


async def test_nobody_listens() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]

    told = await why(client()({"url": f"https://127.0.0.1:{port}/x", "caBundle": BUNDLE}, b"{}", 5))

    where = f"127.0.0.1:{port}"
    assert told == f'Post "https://{where}/x?timeout=5s": dial tcp {where}: connect: connection refused'


async def test_a_webhook_of_an_unknown_authority_is_not_trusted() -> None:
    other = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
    async with listening(ANSWER) as (port, received):
        told = await why(client()({"url": f"https://127.0.0.1:{port}/", "caBundle": other}, b"{}", 5))

    assert told.endswith('": tls: failed to verify certificate: x509: certificate signed by unknown authority')
    assert received == []


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (
            ("other.example", "more.example"),
            "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs",
        ),
        (("127.0.0.9",), "certificate is valid for 127.0.0.9, not 127.0.0.1"),
    ],
)
async def test_the_certificate_must_be_for_the_host(names: tuple[str, ...], text: str) -> None:
    async with listening(ANSWER, *names) as (port, received):
        told = await why(client()({"url": f"https://127.0.0.1:{port}/", "caBundle": BUNDLE}, b"{}", 5))

    assert told.endswith(f"tls: failed to verify certificate: x509: {text}")
    assert received == []


async def test_plain_http_is_no_webhook() -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    told = await why(client()({"url": f"https://127.0.0.1:{port}/", "caBundle": BUNDLE}, b"{}", 5))

    server.close()
    assert told.endswith('": http: server gave HTTP response to HTTPS client')


def test_of_a_bundle_that_is_none_nothing_is_trusted() -> None:
    config = {"url": "https://127.0.0.1:1/", "caBundle": base64.b64encode(b"x").decode()}

    told = asyncio.run(why(client()(config, b"{}", 5)))

    assert told == "unable to load root certificates: unable to parse bytes as PEM block"


def service(**spec: Any) -> Object:
    return {"metadata": {"name": "guard"}, "spec": {"clusterIP": "10.96.0.9", "ports": [{"port": 443}], **spec}}


def slices(port: int, **endpoint: Any) -> Object:
    labels = {"kubernetes.io/service-name": "guard"}
    endpoints = [{"addresses": ["127.0.0.1"], **endpoint}]
    return {"metadata": {"name": "guard-1", "labels": labels}, "ports": [{"port": port}], "endpoints": endpoints}


OF_SERVICE = {"service": {"name": "guard", "namespace": "shop", "path": "/x"}, "caBundle": BUNDLE}
POSTED = 'Post "https://guard.shop.svc:443/x?timeout=5s"'


@pytest.mark.parametrize("kind", ["external name", "endpoint", "pod"])
async def test_a_service_leads_to_where_it_points(kind: str) -> None:
    async with listening(ANSWER, "guard.shop.svc") as (port, received):
        objects: Objects = {("services", "shop"): [service()]}
        config: Object = OF_SERVICE
        if kind == "external name":
            objects = {("services", "shop"): [service(type="ExternalName", externalName="127.0.0.1")]}
            config = {"service": {"name": "guard", "namespace": "shop", "port": port}, "caBundle": BUNDLE}
        elif kind == "endpoint":
            objects["endpointslices", "shop"] = [slices(port)]
        else:
            pod = {"kind": "Pod", "name": "guard-0"}
            objects["endpointslices", "shop"] = [slices(8443, addresses=["10.244.0.9"], targetRef=pod)]

        def local_port(namespace: str, name: str, wanted: int) -> int | None:
            return port if (name, wanted) == ("guard-0", 8443) else None

        assert await client(objects, local_port=local_port)(config, b"{}", 5) == b"{}"

    assert len(received) == 1


@pytest.mark.parametrize(
    ("objects", "text"),
    [
        ({}, 'service "guard" not found'),
        ({("services", "shop"): [service(ports=[{"port": 80}])]}, 'no service port 443 found for service "guard"'),
        ({("services", "shop"): [service()]}, "dial tcp 10.96.0.9:443: connect: connection refused"),
    ],
)
async def test_a_service_that_leads_nowhere(objects: Objects, text: str) -> None:
    assert await why(client(objects)(OF_SERVICE, b"{}", 5)) == f"{POSTED}: {text}"


async def test_what_is_answered_in_this_process_needs_no_service() -> None:
    async def answer(review: bytes) -> bytes:
        return review + b"!"

    in_process: dict[str, InProcess] = {"https://guard.shop.svc:443/x": answer}

    assert await client(in_process=in_process)(OF_SERVICE, b"{}", 5) == b"{}!"
