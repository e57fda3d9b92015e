"""The body of a POST that creates nothing that is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fakekube.api.body import check_place, decoded
from fakekube.api.call import write_options
from fakekube.registry.kind import Object
from fakekube.server.resources import Exchange

_OF_THE_SYSTEM = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields")
"""What a client cannot say of a new object."""


@dataclass(frozen=True, slots=True)
class Posted:
    object: Object
    dry_run: bool


async def posted(exchange: Exchange, *, keeps_uid: bool = False, other_versions: Sequence[str] = ()) -> Posted:
    """The object in the request, in its place; its uid counts at some doors, as that of the object behind the door.

    Raises Invalid (options), UnsupportedMediaType, RequestEntityTooLarge, BadRequest (decoding, namespace).
    """
    call = exchange.call
    body, media_type = await exchange.body()
    options = write_options(call, "CreateOptions")
    obj = decoded(exchange.body_kind, call, body, media_type, options.field_validation, other_versions=other_versions)
    metadata = obj["metadata"]
    for key in _OF_THE_SYSTEM:
        if key != "uid" or not keeps_uid:
            metadata.pop(key, None)
    check_place(call, obj)
    return Posted(obj, options.dry_run)
