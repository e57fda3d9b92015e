"""One request while it is answered: the parts of the ASGI scope that the filters need, read once and lazily."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qsl

from fakekube.access.authorization import Asked
from fakekube.registry.kind import Kind
from fakekube.registry.user import ANONYMOUS, User
from fakekube.server.responses import Header, Receive, Scope


class Request:
    """What a client asked. Header names are lower case; of a repeated query parameter the first value counts."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.method: str = scope.get("method", "GET")
        self.path: str = scope["path"]
        self.warnings: list[str] = []
        """Texts of Warning headers, in the order in which they arose."""
        self.answer_headers: list[Header] = []
        """What the filters add to any answer."""
        self.asked: Asked | None = None
        self.user: User = ANONYMOUS
        self.websocket_token: str | None = None
        self.subprotocol = ""
        """What was agreed on for a WebSocket; "" when the client has offered nothing."""
        self.explanation: Callable[[], str] | None = None
        """Of a refusal: what the user lacked."""
        self.kind: Kind | None = None
        """The served kind that the path leads to."""
        self._headers: dict[str, str] | None = None
        self._query: dict[str, str] | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The first value of each header, by lower-case name."""
        headers = self._headers
        if headers is None:
            headers = self._headers = {}
            for name, value in self.scope["headers"]:
                headers.setdefault(name.decode("latin-1"), text_of(value))
        return headers

    def header_values(self, name: str) -> list[str]:
        wanted = name.encode("latin-1")
        return [text_of(value) for key, value in self.scope["headers"] if key == wanted]

    @property
    def query(self) -> dict[str, str]:
        """The first value of each parameter; empty values are kept."""
        query = self._query
        if query is None:
            query = self._query = {}
            raw: bytes = self.scope.get("query_string", b"")
            if raw:
                for name, value in _pairs(raw):
                    query.setdefault(name, value)
        return query

    def query_values(self, name: str) -> list[str]:
        raw: bytes = self.scope.get("query_string", b"")
        return [value for key, value in _pairs(raw) if key == name]

    def wants_indented(self) -> bool:
        """Two-blank indentation: `?pretty=true`, or a person's program (curl, Wget, a browser) and no other wish."""
        pretty = self.query.get("pretty", "")
        if pretty:
            return pretty in _TRUE
        return self.headers.get("user-agent", "").startswith(("curl", "Wget", "Mozilla/5.0"))


_BAD_PAIR = re.compile(r";|%(?![0-9a-fA-F]{2})")


def _pairs(query: bytes) -> list[tuple[str, str]]:
    """Names and values; a pair that holds a semicolon or half an escape is passed over, as Go does."""
    text = text_of(query)
    if _BAD_PAIR.search(text):
        text = "&".join(pair for pair in text.split("&") if not _BAD_PAIR.search(pair))
    return parse_qsl(text, keep_blank_values=True)


_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})


def text_of(value: bytes) -> str:
    """The value of a header, which Go takes for UTF-8."""
    return value.decode("utf-8", "replace")
