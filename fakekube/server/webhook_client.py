"""Carries reviews to webhooks over HTTPS, and words what goes wrong as the API server does.

A webhook of a Service is reached where the Service leads: at the name of an ExternalName, at an endpoint outside this process, or at a pod
that a process of this machine plays. Tests may answer in this process instead. Nothing here blocks: a webhook that hangs keeps only the
request waiting that asks it.
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#contacting-the-webhook
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httptools
import orjson

from fakekube.objects.field_errors import go_quoted
from fakekube.registry.kind import Object
from fakekube.registry.webhook_calls import SERVICE_PORT, CallFailed, ClientConfig, posted, url_of

MOST_ANSWER_BYTES = 3 * 1024 * 1024
MOST_TEXT_BYTES = 2048
"""Of an answer that is an error and no Status so much is told."""
PIECE_BYTES = 1 << 16

Get = Callable[[str, str, str, str], Object | None]
List = Callable[[str, str, str], list[Object]]
LocalPort = Callable[[str, str, int], int | None]
"""(namespace, pod, port) -> the port of this machine at which the pod's port can be reached; None: it cannot."""
InProcess = Callable[[bytes], Awaitable[bytes]]
"""Answers a review in this process."""

SAID = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    409: "the server reported a conflict",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be processing the request",
}
"""What is told of a status, where it is not the text of the answer (403, 406, 415)."""
_TEXT_COUNTS = frozenset({403, 406, 415})

_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21, 24, 27})
"""OpenSSL's codes for a chain that ends in nobody who is known."""
_NOT_NOW = frozenset({9, 10})


@dataclass(frozen=True, slots=True)
class _Address:
    host: str
    port: int
    name: str
    """Whom the certificate is for."""


class WebhookClient:
    """A `CallWebhook` for the webhooks of one cluster."""

    def __init__(
        self, get: Get, list_: List, in_process: Mapping[str, InProcess], local_port: LocalPort = lambda *_: None
    ) -> None:
        """`in_process` holds answers by URL, `https://NAME.NAMESPACE.svc:443/path`; it may change at any time."""
        self._get, self._list = get, list_
        self._in_process = in_process
        self._local_port = local_port

    async def __call__(self, config: ClientConfig, review: bytes, timeout_s: int) -> bytes:
        url = url_of(config)
        answered = self._in_process.get(url)
        try:
            async with asyncio.timeout(timeout_s):
                if answered is not None:
                    return await answered(review)
                context = _context(config.get("caBundle") or "")
                address = self._address(config, url)
                status, kind, body = await _exchange(address, context, url, timeout_s, review)
        except TimeoutError:
            raise CallFailed(f"{posted(config, timeout_s)}: context deadline exceeded") from None
        except _DialError as error:
            raise CallFailed(f"{posted(config, timeout_s)}: {error}") from None
        if not 200 <= status <= 206:
            raise CallFailed(_refusal(status, kind, body))
        if not body:
            raise CallFailed(f"0-length response with status code: {status} and content type: {kind}")
        return body

    def _address(self, config: ClientConfig, url: str) -> _Address:
        service = config.get("service")
        if service is None:
            parts = urlsplit(url)
            host = parts.hostname or ""
            return _Address(host, parts.port or SERVICE_PORT, host)
        return self._of_service(service["namespace"], service["name"], service.get("port") or SERVICE_PORT)

    def _of_service(self, namespace: str, name: str, port: int) -> _Address:
        service = self._get("", "services", namespace, name)
        if service is None:
            raise _DialError(f'service "{name}" not found')
        certified = f"{name}.{namespace}.svc"
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            return _Address(spec["externalName"], port, certified)
        wanted = next((each for each in spec.get("ports") or () if each["port"] == port), None)
        if wanted is None:
            raise _DialError(f"no service port {port} found for service {go_quoted(name)}")
        for each in self._list("discovery.k8s.io", "endpointslices", namespace):
            if (each["metadata"].get("labels") or {}).get("kubernetes.io/service-name") != name:
                continue
            number = next(
                (one["port"] for one in each.get("ports") or () if one.get("name", "") == wanted.get("name", "")), None
            )
            if number is None:
                continue
            for endpoint in each.get("endpoints") or ():
                if (endpoint.get("conditions") or {}).get("ready") is False:
                    continue
                pod = endpoint.get("targetRef") or {}
                if pod.get("kind") != "Pod":
                    return _Address(endpoint["addresses"][0], number, certified)
                local = self._local_port(namespace, pod.get("name", ""), number)
                if local is not None:
                    return _Address("127.0.0.1", local, certified)
        # As kube-proxy answers for a Service without endpoints; pods that nobody plays listen at nothing either.
        raise _DialError(f"dial tcp {spec.get('clusterIP', '')}:{port}: connect: connection refused")


class _DialError(Exception):
    """No connection came to be, or it broke."""


async def _exchange(
    address: _Address, context: ssl.SSLContext, url: str, timeout_s: int, review: bytes
) -> tuple[int, str, bytes]:
    """Status, content type and body of the answer. Raises _DialError."""
    reader, writer = await _connect(address, context)
    try:
        tls = writer.get_extra_info("ssl_object")
        _check_name(tls.getpeercert(), address.name)
        parts = urlsplit(url)
        head = (
            f"POST {parts.path or '/'}?timeout={timeout_s}s HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            "User-Agent: kube-apiserver-admission\r\nAccept: application/json, */*\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(review)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + review)
        await writer.drain()
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        while not answer.is_complete and (piece := await reader.read(PIECE_BYTES)):
            try:
                parser.feed_data(piece)
            except httptools.HttpParserError:
                if not answer.is_complete:  # what comes after an answer is nobody's affair
                    raise
            if answer.length > MOST_ANSWER_BYTES:
                raise _DialError("http: response body too large")
        if not answer.has_head or not (answer.is_complete or answer.ends_with_connection):
            raise _DialError("EOF" if not answer.has_head else "unexpected EOF")
        return parser.get_status_code(), answer.content_type, b"".join(answer.pieces)
    except httptools.HttpParserError as error:
        raise _DialError(f"net/http: HTTP/1.x transport connection broken: malformed HTTP response: {error}") from None
    except OSError as error:
        raise _DialError(_go_error(error)) from None
    finally:
        writer.transport.abort()


async def _connect(address: _Address, context: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host = f"[{address.host}]" if ":" in address.host else address.host
    try:
        return await asyncio.open_connection(
            address.host, address.port, ssl=context, server_hostname=address.name, limit=PIECE_BYTES
        )
    except ssl.SSLCertVerificationError as error:
        raise _DialError(f"tls: failed to verify certificate: {_untrusted(error)}") from None
    except ssl.SSLError as error:
        if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
            raise _DialError("http: server gave HTTP response to HTTPS client") from None
        words = (error.reason or "handshake failure").lower().replace("_", " ")
        raise _DialError(f"remote error: tls: {words}") from None
    except TimeoutError:
        raise
    except OSError as error:
        if isinstance(error, socket.gaierror):
            raise _DialError(f"dial tcp: lookup {address.host}: no such host") from None
        raise _DialError(f"dial tcp {host}:{address.port}: connect: {_go_error(error)}") from None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _go_error(error: OSError) -> str:
    # Of a host with several addresses asyncio tells all errors in one text.
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "connection refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "connection reset by peer"
    return (error.strerror or str(error) or "EOF").lower()


class _Answer:
    """What the parser of an answer calls."""

    def __init__(self) -> None:
        self.content_type = ""
        self.pieces: list[bytes] = []
        self.length = 0
        self.has_head = self.is_complete = False
        self.ends_with_connection = True

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"content-type":
            self.content_type = value.decode("latin-1").strip()
        elif name in (b"content-length", b"transfer-encoding"):
            self.ends_with_connection = False

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)
        self.length += len(body)

    def on_message_complete(self) -> None:
        self.is_complete = True


@lru_cache(64)
def _context(ca_bundle: str) -> ssl.SSLContext:
    """Trusts the authorities of a bundle (base64 of PEM), or without one those of this machine. Raises CallFailed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Names are compared by `_check_name`, which can say what the certificate is for.
    context.check_hostname = False
    if not ca_bundle:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cadata=base64.b64decode(ca_bundle).decode())
    except (binascii.Error, UnicodeDecodeError, ssl.SSLError):
        raise CallFailed("unable to load root certificates: unable to parse bytes as PEM block") from None
    return context


def _untrusted(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return "x509: certificate signed by unknown authority"
    if error.verify_code in _NOT_NOW:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"x509: certificate has expired or is not yet valid: current time {now}"
    return f"x509: {error.verify_message}"


def _check_name(certificate: Mapping[str, Any], name: str) -> None:
    """Whether the certificate is for `name`. Raises _DialError."""
    names = certificate.get("subjectAltName") or ()
    failed = "tls: failed to verify certificate: x509:"
    if _is_address(name):
        addresses = [str(ipaddress.ip_address(value.strip())) for kind, value in names if kind == "IP Address"]
        if not addresses:
            text = f"cannot validate certificate for {name} because it doesn't contain any IP SANs"
            raise _DialError(f"{failed} {text}")
        if str(ipaddress.ip_address(name)) not in addresses:
            raise _DialError(f"{failed} certificate is valid for {', '.join(addresses)}, not {name}")
        return
    hosts = [value for kind, value in names if kind == "DNS"]
    if not hosts:
        if not names:
            raise _DialError(f"{failed} certificate relies on legacy Common Name field, use SANs instead")
        raise _DialError(f"{failed} certificate is not valid for any names, but wanted to match {name}")
    if not any(_is_name(pattern.lower(), name.lower()) for pattern in hosts):
        raise _DialError(f"{failed} certificate is valid for {', '.join(hosts)}, not {name}")


def _is_name(pattern: str, name: str) -> bool:
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:]
    return name == pattern


def _refusal(status: int, content_type: str, body: bytes) -> str:
    """The message of a Status in the body, or what the API server's client makes of a status and a text."""
    with contextlib.suppress(orjson.JSONDecodeError):
        value = orjson.loads(body)
        if isinstance(value, dict) and value.get("kind") == "Status" and value.get("message"):
            return str(value["message"])
    told = "unknown"
    if not content_type or content_type.lower().startswith("text/"):
        told = body[:MOST_TEXT_BYTES].decode("utf-8", "replace").strip()
    if status in _TEXT_COUNTS:
        return told
    if status in SAID:
        return SAID[status]
    if status >= 500:
        return f"an error on the server ({go_quoted(told)}) has prevented the request from succeeding"
    return f"the server responded with the status code {status} but did not return more information"
