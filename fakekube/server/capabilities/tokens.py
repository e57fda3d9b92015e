"""Tokens of service accounts: requests are judged, tokens are not issued yet."""

from __future__ import annotations

from fakekube.api import token_request
from fakekube.server.capabilities.posted import posted
from fakekube.server.capabilities.unavailable import unavailable
from fakekube.server.resources import Exchange
from fakekube.server.responses import Response


async def create_token(exchange: Exchange) -> Response:
    """POST serviceaccounts/NAME/token."""
    exchange.representation(tables=False)
    request = await posted(exchange, keeps_uid=True)
    await token_request.admit(exchange.state.plane, exchange.call, request.object, dry_run=request.dry_run)
    raise unavailable("issuing tokens for service accounts")
