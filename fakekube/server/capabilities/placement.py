"""Pods are placed and sent away: bindings and evictions."""

from __future__ import annotations

from dataclasses import replace

from fakekube.api.binding import bind
from fakekube.api.eviction import evict
from fakekube.server.capabilities.posted import posted
from fakekube.server.resources import Exchange, success
from fakekube.server.responses import Response


async def bind_pod(exchange: Exchange) -> Response:
    """POST pods/NAME/binding."""
    representation = exchange.representation(tables=False)
    binding = await posted(exchange, keeps_system=True)
    await bind(exchange.state.plane, exchange.call, binding.object, dry_run=binding.dry_run)
    return success(exchange.request, representation, {}, 201)


async def create_binding(exchange: Exchange) -> Response:
    """POST bindings, the older way: the pod is named in the body alone."""
    representation = exchange.representation()
    plane = exchange.state.plane
    binding = await posted(exchange)
    name = binding.object["metadata"].get("name", "")
    call = replace(exchange.call, kind=plane.kinds.named("pods"), name=name, subresource="binding")
    await bind(plane, call, binding.object, dry_run=binding.dry_run, asked=exchange.call)
    return success(exchange.request, representation, {}, 201)


async def evict_pod(exchange: Exchange) -> Response:
    """POST pods/NAME/eviction. Clients of old send policy/v1beta1, which has the same fields."""
    representation = exchange.representation(tables=False)
    eviction = await posted(exchange, other_versions=("v1beta1",))
    await evict(exchange.state.plane, exchange.call, eviction.object, dry_run=eviction.dry_run)
    return success(exchange.request, representation, {}, 201)
