"""An answer before it is bytes on a socket: status, headers, body; and how it is sent through ASGI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Header = tuple[bytes, bytes]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"


NOSNIFF: Header = (b"x-content-type-options", b"nosniff")


class Response:
    """A whole answer. `headers` are lower-case names with values; Content-Type, Cache-Control and Audit-Id are added on sending.

    `content_type` None sends no Content-Type. `cache_control` is what real answers say unless a document may be cached.
    """

    __slots__ = ("body", "cache_control", "content_type", "headers", "status")

    def __init__(
        self,
        body: bytes = b"",
        status: int = 200,
        content_type: bytes | None = JSON,
        headers: list[Header] | None = None,
        cache_control: bytes | None = b"no-cache, private",
    ) -> None:
        self.body = body
        self.status = status
        self.content_type = content_type
        self.headers = headers or []
        self.cache_control = cache_control


def text(body: str, status: int = 200, *, nosniff: bool = False) -> Response:
    """Plain text as Go's http.Error sends it; errors carry nosniff."""
    headers = [NOSNIFF] if nosniff else []
    return Response(body.encode(), status, TEXT, headers)


NOT_FOUND_TEXT = "404 page not found\n"


def page_not_found() -> Response:
    return text(NOT_FOUND_TEXT, 404, nosniff=True)


class Streaming(Response):
    """An answer that goes on: `run(send, headers)` sends its start and whatever follows."""

    __slots__ = ("run",)

    def __init__(self, run: Callable[[Send, list[Header]], Awaitable[None]], content_type: bytes) -> None:
        super().__init__(content_type=content_type)
        self.run = run
