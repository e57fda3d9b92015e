"""The body of a POST that creates nothing that is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fakekube.api.body import check_place, decoded
from fakekube.api.call import write_options
from fakekube.api.field_ownership import own_posted
from fakekube.registry.kind import Object
from fakekube.server.resources import Exchange

_OF_THE_SYSTEM = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")
"""What a client cannot say of a new object."""


@dataclass(frozen=True, slots=True)
class Posted:
    object: Object
    dry_run: bool


async def posted(exchange: Exchange, *, keeps_system: bool = False, other_versions: Sequence[str] = ()) -> Posted:
    """The object in the request, in its place and with its owners.

    `keeps_system`: what else only the server says counts as it was sent, such as a uid: that of the object behind the door.

    Raises Invalid (options), UnsupportedMediaType, RequestEntityTooLarge, BadRequest (decoding, namespace).
    """
    call = exchange.call
    body, media_type = await exchange.body()
    options = write_options(call, "CreateOptions")
    obj = decoded(exchange.body_kind, call, body, media_type, options.field_validation, other_versions=other_versions)
    metadata = obj["metadata"]
    for key in () if keeps_system else _OF_THE_SYSTEM:
        metadata.pop(key, None)
    check_place(call, obj)
    if exchange.body_kind.type_name:
        own_posted(exchange.state.plane, call, exchange.body_kind, obj, options)
    return Posted(obj, options.dry_run)
