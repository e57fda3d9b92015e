"""POST: a new object."""

from __future__ import annotations

from dataclasses import replace

from fakekube.admission.attributes import Attributes
from fakekube.api.approval import Approval
from fakekube.api.body import Body, check_place, decoded, to_storage
from fakekube.api.call import Call, WriteOptions, write_options
from fakekube.api.control_plane import ControlPlane
from fakekube.api.field_ownership import keep_empty_list, own_created
from fakekube.api.rights import check_rights
from fakekube.errors import BadRequest
from fakekube.registry import create as registry
from fakekube.registry.kind import Object
from fakekube.registry.update import sent_version
from fakekube.storage.store import Stored


async def create(plane: ControlPlane, call: Call, body: Body, media_type: str = "") -> Stored:
    """Raises BadRequest (decoding, place), Forbidden and NotFound (admission), Invalid, AlreadyExists."""
    options = write_options(call, "CreateOptions")
    obj = decoded(call.kind, call, body, media_type, options.field_validation)
    keep_empty_list(call.kind, obj, body)
    check_place(call, obj)
    if call.name and obj["metadata"].get("name", "") != call.name:
        sent = obj["metadata"].get("name", "")
        raise BadRequest(f"the name of the object ({sent}) does not match the name on the URL ({call.name})")
    own_created(plane, call, obj, options)
    return await create_decoded(plane, call, obj, options)


def forget_version(obj: Object, *, dry_run: bool) -> None:
    """For an update or an apply that finds nothing and creates, no version is wanted. Raises InternalError for what is none."""
    sent_version(obj["metadata"])
    if not dry_run:
        obj["metadata"].pop("resourceVersion", None)


async def create_decoded(
    plane: ControlPlane, call: Call, obj: Object, options: WriteOptions, *, other_verb: bool = False
) -> Stored:
    """Create an object that is decoded, defaulted, owned and in its place.

    `other_verb`: another verb than create has been allowed so far; whether create is, is asked when the object has been found valid.
    """
    kind = call.kind
    obj = to_storage(kind, obj)
    attributes = plane.attributes(call, "CREATE", obj, dry_run=options.dry_run)
    await plane.admission.mutate(obj, None, attributes)
    check_rights(plane, call, obj, None)

    def as_named(new: Object) -> Attributes:
        """By now a name that is generated is known."""
        return attributes if attributes.name else replace(attributes, name=new["metadata"]["name"])

    approval = Approval(plane.admission, as_named)

    async def approve(new: Object, old: Object | None) -> None:
        if other_verb:
            call.may("create")
        await approval(new, old)

    operation = plane.operation(call.user, dry_run=options.dry_run)
    with approval:
        return await registry.create(plane.store, kind, obj, operation, call.warnings, approve)
