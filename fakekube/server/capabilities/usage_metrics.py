"""What pods and nodes use, made up on reading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fakekube.api import usage_metrics
from fakekube.api.list import Page
from fakekube.api.usage_metrics import Usage
from fakekube.server.encoding import list_response, object_response
from fakekube.server.resources import Exchange
from fakekube.server.responses import Response


def reader(usage: Usage) -> Callable[[Exchange], Awaitable[Response]]:
    """Answers GET of one or of all."""

    async def read(exchange: Exchange) -> Response:
        call, plane = exchange.call, exchange.state.plane
        representation, now = exchange.representation(), plane.clock.now()
        if call.name:
            found = usage_metrics.one(plane, usage, call)
            return object_response(exchange.request, representation, exchange.kind, found, now)
        page = Page(usage_metrics.many(plane, usage, call), 0)
        return list_response(exchange.request, representation, exchange.kind, page, now)

    return read
