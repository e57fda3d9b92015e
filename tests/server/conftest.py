from __future__ import annotations

from collections.abc import Callable

import pytest

from fakekube.server.request import Request

Ask = Callable[..., Request]


async def _no_body() -> dict[str, object]:
    return {"type": "http.request", "body": b"", "more_body": False}


@pytest.fixture
def ask() -> Ask:
    """Makes a request: `ask("/api?pretty=true", method="POST", accept="application/yaml")`."""

    def make(target: str, method: str = "GET", **headers: str) -> Request:
        path, _, query = target.partition("?")
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": pairs}
        return Request(scope, _no_body)

    return make
