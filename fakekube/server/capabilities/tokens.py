"""Tokens of service accounts."""

from __future__ import annotations

from fakekube.api import token_request
from fakekube.server.capabilities.posted import posted
from fakekube.server.encoding import object_response
from fakekube.server.resources import Exchange
from fakekube.server.responses import Response


async def create_token(exchange: Exchange) -> Response:
    """POST serviceaccounts/NAME/token."""
    representation = exchange.representation(tables=False)
    request = await posted(exchange, keeps_system=True)
    plane = exchange.state.plane
    answer = await token_request.issue(plane, exchange.call, request.object, dry_run=request.dry_run)
    return object_response(exchange.request, representation, exchange.body_kind, answer, plane.clock.now(), 201)
