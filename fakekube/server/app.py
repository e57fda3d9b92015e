"""The path of a request: FILTERS from top to bottom, the first answer ends it.

Nothing that a client sends may end in a traceback: what is refused is a StatusError, and what we did not foresee is told as a 500
and logged.
"""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from fakekube.access.authentication import Authenticator
from fakekube.access.authorization import Asked
from fakekube.access.recording import HAND_OF_TESTS
from fakekube.errors import BadRequest, Forbidden, InternalError, StatusError, Unauthorized
from fakekube.objects.times import parse_duration
from fakekube.registry.user import User
from fakekube.server.connection import CLIENT_CERTIFICATE, ClientCertificate
from fakekube.server.encoding import error_response
from fakekube.server.request import Request, text_of
from fakekube.server.request_info import leads_nowhere, request_info
from fakekube.server.resources import serve_resource
from fakekube.server.responses import NOSNIFF, Header, Receive, Response, Scope, Send, Streaming, page_not_found, text
from fakekube.server.state import State
from fakekube.server.warnings import warning_headers

logger = logging.getLogger("fakekube.server")

Filter = Callable[[State, Request], Response | Awaitable[Response | None] | None]


class App:
    """The ASGI application of a cluster. `state` may be replaced between requests: then the next ones meet a fresh cluster."""

    state: State
    """Set before the first request."""

    def __init__(self) -> None:
        self.answered: deque[Answered] = deque(maxlen=ANSWERED_KEPT)
        """What has been asked of late, and how it was answered: tests look, and failing ones show it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(Request(scope, receive), send)
        elif scope["type"] == "websocket":
            await self._answer_websocket(Request(scope, receive), send)
        else:
            await _lifespan(receive, send)

    async def _answer(self, request: Request, send: Send) -> None:
        state = self.state
        began = time.perf_counter()
        response = await _respond(state, request)
        headers = _headers(request, response)
        self.answered.append(answered(request, response))
        if isinstance(response, Streaming):
            await response.run(send, headers)
        else:
            headers.append((b"content-length", b"%d" % len(response.body)))
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": response.body})
        if request.kind is not None and request.asked is not None:
            state.metrics.observe(
                METRIC_VERBS.get(request.asked.verb, request.method),
                request.kind.resource,
                request.kind.group,
                request.kind.version,
                request.asked.subresource,
                response.status,
                time.perf_counter() - began,
            )

    async def _answer_websocket(self, request: Request, send: Send) -> None:
        state = self.state
        await request.receive()
        offered: list[str] = request.scope.get("subprotocols") or []
        token = _token_protocol(offered)
        if token is not None:
            request.websocket_token = token
            offered = [each for each in offered if not each.startswith(TOKEN_PROTOCOL)]
        spoken = _spoken(request.path)
        if spoken is not None:
            offered = [each for each in offered if each in spoken][:1]
        response: Response
        if len(offered) > 1:
            response = Response(status=400, content_type=None)
        else:
            request.subprotocol = offered[0] if offered else ""
            response = await _respond(state, request)
        headers = _headers(request, response)
        self.answered.append(answered(request, response))
        if isinstance(response, Streaming):
            await send({"type": "websocket.accept", "subprotocol": request.subprotocol or None})
            await response.run(send, headers)
            return
        headers.append((b"content-length", b"%d" % len(response.body)))
        await send({"type": "websocket.http.response.start", "status": response.status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": response.body})


def _spoken(path: str) -> Sequence[str] | None:
    """The subprotocols of a WebSocket into a pod; of several that a client offers, its first counts. None: elsewhere."""
    from fakekube.server.channels import PROTOCOLS

    return PROTOCOLS.get(path.rpartition("/")[2])


ANSWERED_KEPT = 1000


class Answered(NamedTuple):
    """One request after it was answered. A watch is told of when it begins."""

    method: str
    path: str
    query: str
    status: int
    user: str
    user_agent: str
    warnings: tuple[str, ...]
    explanation: Callable[[], str] | None = None
    """Of a request that was refused by authorization: what was missing."""

    def __str__(self) -> str:
        target = f"{self.path}?{self.query}" if self.query else self.path
        lines = [f"{self.status} {self.method} {target}  ({self.user}, {self.user_agent or 'no user agent'})"]
        lines += [f"    warning: {each}" for each in self.warnings]
        if self.explanation is not None:
            lines += [f"    {line}" for line in self.explanation().splitlines()]
        return "\n".join(lines)


def answered(request: Request, response: Response) -> Answered:
    query: bytes = request.scope.get("query_string", b"")
    user_agent = request.headers.get("user-agent", "")
    warnings = tuple(request.warnings)
    return Answered(
        request.method,
        request.path,
        query.decode("latin-1"),
        response.status,
        request.user.name,
        user_agent,
        warnings,
        request.explanation,
    )


METRIC_VERBS = {"list": "LIST", "watch": "WATCH"}
"""How the metrics call what is not named after its method."""

TOKEN_PROTOCOL = "base64url.bearer.authorization.k8s.io."
"""Before a token in Sec-WebSocket-Protocol, for browsers, which cannot send Authorization."""


async def _respond(state: State, request: Request) -> Response:
    try:
        for each in FILTERS:
            response = each(state, request)
            if response is None:
                continue
            if not isinstance(response, Response):
                response = await response
                if response is None:
                    continue
            return response
    except StatusError as error:
        return error_response(request, error)
    except Exception:
        logger.exception("%s %s", request.method, request.path)
        return error_response(
            request, InternalError("an error on the server has prevented the request from succeeding")
        )
    return page_not_found()


def understand(state: State, request: Request) -> Response | None:
    """The path is parsed before authentication, since authorisation needs verb and resource; and so is the deadline."""
    request.asked = _asked_of_fakekube(request) or request_info(request)
    if leads_nowhere(request.path):
        return _not_understood(request)
    timeout = request.query.get("timeout")
    if timeout and request.asked.verb != "watch":
        try:
            parse_duration(timeout)
        except ValueError as error:
            raise BadRequest(f"invalid timeout specified in the request URL - {error}") from None
    return None


def _not_understood(request: Request) -> Response:
    """The one answer that is given before a request may say who it is from."""
    raw_path: bytes = request.scope.get("raw_path") or request.path.encode()
    query: bytes = request.scope.get("query_string", b"")
    target = (raw_path + b"?" + query if query else raw_path).decode("latin-1")
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        target = target.replace(character, entity)
    words = f"failed to create RequestInfo: unable to determine kind and namespace from url, {request.path}"
    response = text(f'Internal Server Error: "{target}": {words}\n', 500, nosniff=True)
    response.cache_control = None
    return response


OWN_PREFIX = "/fakekube/"
"""Below it stands what no Kubernetes server has."""


def _asked_of_fakekube(request: Request) -> Asked | None:
    if not request.path.startswith(OWN_PREFIX):
        return None
    from fakekube.server.capabilities import process

    return process.asked(request.path)


def authenticate(state: State, request: Request) -> Response | None:
    authenticator = state.authenticator
    certificate: ClientCertificate | None = request.scope.get(CLIENT_CERTIFICATE)
    user: User | None = None
    if certificate is not None:
        user = authenticator.by_certificate(certificate.common_name, certificate.organizations, certificate.der)
    if user is None:
        user = _by_header_or_protocol(authenticator, request)
    request.user = user if user is not None else authenticator.nobody()
    return None


def _by_header_or_protocol(authenticator: Authenticator, request: Request) -> User | None:
    """Either token will do. Raises Unauthorized where none does."""
    wrong: Unauthorized | None = None
    try:
        user = authenticator.by_header(request.headers.get("authorization"), request.warnings.append)
    except Unauthorized as error:
        user, wrong = None, error
    if user is None and request.websocket_token is not None:
        return authenticator.by_token(request.websocket_token)
    if wrong is not None:
        raise wrong
    return user


def impersonate(state: State, request: Request) -> Response | None:
    assert request.asked is not None
    headers = request.scope["headers"]
    if any(name.startswith(b"impersonate-") for name, _ in headers):
        pairs = ((name.decode("latin-1"), text_of(value)) for name, value in headers)
        # An administrator needs no rule for it, so there is nothing to record.
        agent = HAND_OF_TESTS if request.user.is_administrator else request.headers.get("user-agent", "")
        try:
            request.user = state.impersonator.impersonated(
                request.user, pairs, request.asked, lambda user, asked: state.check(user, asked, agent)
            )
        except (BadRequest, Forbidden):
            request.answer_headers.append(NOSNIFF)
            raise
    request.answer_headers.extend(state.flow_headers(request.user, request.asked))
    return None


EXPLAIN_HEADER = "fakekube-explain"
"""With this header a refusal comes with a warning that says what was missing."""


def authorize(state: State, request: Request) -> Response | None:
    assert request.asked is not None
    try:
        state.check(request.user, request.asked, request.headers.get("user-agent", ""))
    except Forbidden:
        request.answer_headers.append(NOSNIFF)
        _explain(state, request)
        raise
    return None


def _explain(state: State, request: Request) -> None:
    """Have what was missing told: by the test report, and where that is wanted by the log and to the client."""
    from fakekube.access.recording import explanation

    user, asked = request.user, request.asked
    assert asked is not None
    request.explanation = lambda: str(explanation(state.authorizer, user, asked))
    wanted = request.headers.get(EXPLAIN_HEADER, "").lower() not in ("", "0", "false")
    if wanted or state.explains_refusals:
        told = explanation(state.authorizer, user, asked)
        logger.warning("%s", told)
        if wanted:
            request.warnings.append(told.in_one_line())


async def dispatch(state: State, request: Request) -> Response | None:
    assert request.asked is not None
    if request.path.startswith(OWN_PREFIX):
        from fakekube.server.capabilities import process

        place = process.place_of(request.path)
        return None if place is None else await process.play(state.plane, state.sessions, request, place)
    if request.asked.is_resource:
        return await serve_resource(state, request, request.asked)
    for document in (state.discovery, state.openapi, state.health):
        response = document.handle(request)
        if response is not None:
            return response
    return await _other(state, request)


async def _other(state: State, request: Request) -> Response | None:
    path = request.path
    if state.issuer is not None:
        response = state.issuer.handle(request)
        if response is not None:
            return response
    if path == "/metrics":
        return state.metrics.render()
    if path == "/metrics/slis":
        return state.metrics.render_service_level_indicators(state.health)
    if path == "/swagger-ui" or path.startswith("/swagger-ui/"):
        from fakekube.server.swagger_ui import handle

        return handle(request)
    return None


FILTERS: tuple[Filter, ...] = (understand, authenticate, impersonate, authorize, dispatch)
"""Every request passes these in this order. Each may answer, or raise what the answer is."""


def _headers(request: Request, response: Response) -> list[Header]:
    audit_id = request.headers.get("audit-id")
    headers: list[Header] = [
        (b"audit-id", audit_id.encode() if audit_id else _audit_id()),
    ]
    if response.cache_control is not None:
        headers.append((b"cache-control", response.cache_control))
    if response.content_type is not None:
        headers.append((b"content-type", response.content_type))
    headers.extend(request.answer_headers)
    headers.extend(response.headers)
    if request.warnings:
        headers.extend(warning_headers(request.warnings))
    return headers


def _audit_id() -> bytes:
    digits = b"%032x" % random.getrandbits(128)
    return b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _token_protocol(offered: list[str]) -> str | None:
    """The token among the protocols that a WebSocket's client offers, empty where it is none that could be; None: there is none.

    It may be there once, and beside it the protocol to be spoken.
    """
    import base64
    import binascii

    encoded = [protocol.removeprefix(TOKEN_PROTOCOL) for protocol in offered if protocol.startswith(TOKEN_PROTOCOL)]
    if not encoded:
        return None
    if len(encoded) > 1 or "=" in encoded[0]:
        return ""
    try:
        padded = encoded[0] + "=" * (-len(encoded[0]) % 4)
        token = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    if not token:
        return None
    return token if len(offered) > 1 else ""


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
