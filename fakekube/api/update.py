"""PUT: a whole object in the place of another."""

from __future__ import annotations

from fakekube.api.approval import changed
from fakekube.api.body import Body, check_name, check_place, decoded, from_storage
from fakekube.api.call import Call, write_options
from fakekube.api.control_plane import ControlPlane
from fakekube.api.create import create_decoded, forget_version
from fakekube.api.field_ownership import keep_empty_list, own_created, own_updated
from fakekube.errors import Conflict, details_of, qualified
from fakekube.objects import as_sent
from fakekube.registry.kind import Object
from fakekube.registry.missing import check_usable
from fakekube.storage.store import Stored


async def update(plane: ControlPlane, call: Call, body: Body, media_type: str = "") -> tuple[Stored, bool]:
    """What is stored then, and whether it was created, which some kinds do.

    Raises BadRequest (decoding, name, place), NotFound, Conflict (uid, resourceVersion), Invalid, and what admission raises.
    """
    kind = call.kind
    options = write_options(call, "UpdateOptions")
    obj = decoded(kind, call, body, media_type, options.field_validation)
    keep_empty_list(kind, obj, body)
    check_place(call, obj)
    check_name(call, obj)
    missing = plane.store.get(kind.collection, call.namespace, call.name) is None
    if missing and kind.facts.put_creates and not call.subresource:
        check_usable(call.name)
        _check_uid_of_missing(call, obj, dry_run=options.dry_run)
        forget_version(obj, dry_run=options.dry_run)
        own_created(plane, call, obj, options)
        return await create_decoded(plane, call, obj, options, other_verb=True), True
    again = as_sent.copies_of(kind.type_name, obj)
    first: Object | None = obj

    async def become(current: Stored) -> Object:
        nonlocal first
        # The first attempt may use up what was decoded; a repeat reads it again.
        new, first = (first if first is not None else again()), None
        await own_updated(plane, call, from_storage(kind, current.value), new, options)
        return new

    return await changed(plane, call, options, become, put=True), False


def _check_uid_of_missing(call: Call, obj: Object, *, dry_run: bool) -> None:
    uid = obj["metadata"].get("uid", "")
    if uid:
        kind = call.kind
        place = kind.place_of(call.namespace, call.name, dry_run=dry_run)
        raise Conflict(
            f'Operation cannot be fulfilled on {qualified(kind.group, kind.resource)} "{call.name}": StorageError: invalid object, '
            f"Code: 4, Key: {place}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, "
            "UID in object meta: ",
            details_of(kind.group, kind.resource, call.name),
        )
