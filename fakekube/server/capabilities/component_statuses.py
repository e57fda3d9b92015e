"""The health of the control plane's parts, made up on reading."""

from __future__ import annotations

from fakekube.api import component_statuses
from fakekube.api.list import Page
from fakekube.server.encoding import list_response, object_response
from fakekube.server.resources import Exchange
from fakekube.server.responses import Response


async def read(exchange: Exchange) -> Response:
    """GET of one or of all."""
    call, now = exchange.call, exchange.state.plane.clock.now()
    representation = exchange.representation()
    if call.name:
        component = component_statuses.get_component_status(call)
        return object_response(exchange.request, representation, exchange.kind, component, now)
    page = Page(component_statuses.list_component_statuses(call), 0)
    return list_response(exchange.request, representation, exchange.kind, page, now)
