"""Validating admission around one write: what it lets through it may have charged for, and nobody pays for a write that fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType

from fakekube.admission import Chain
from fakekube.admission.attributes import Attributes
from fakekube.api.body import to_storage
from fakekube.api.call import Call, WriteOptions
from fakekube.api.control_plane import ControlPlane
from fakekube.api.rights import check_rights
from fakekube.registry import update as registry
from fakekube.registry.kind import Object
from fakekube.storage.store import Stored


class Approval:
    """Asked by the registry with (new, old or None); around the write it is a context that gives back what was taken if the write fails.

    `attributes` tells admission of what shall be stored. An update asks again whenever somebody else was faster; what was taken the time
    before comes back first. Raises what plugins refuse with.
    """

    def __init__(self, admission: Chain, attributes: Callable[[Object], Attributes]) -> None:
        self._admission, self._attributes = admission, attributes
        self._asked: Attributes | None = None

    async def __call__(self, new: Object, old: Object | None) -> None:
        self._take_back()
        asked = self._attributes(new)
        await self._admission.validate(new, old, asked)
        self._asked = asked

    def __enter__(self) -> Approval:
        return self

    def __exit__(
        self, failure: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if failure is not None:
            self._take_back()

    def _take_back(self) -> None:
        if self._asked is not None:
            self._asked.take_back()
            self._asked = None


async def changed(
    plane: ControlPlane,
    call: Call,
    options: WriteOptions,
    become: Callable[[Stored], Awaitable[Object]],
    *,
    put: bool = False,
) -> Stored:
    """The object of a call, changed to what `become` makes of it: how PUT, PATCH and apply end.

    `become` gives the object in the version of the request, and is asked again whenever somebody else was faster.

    Raises NotFound, Conflict, Invalid, Forbidden, what admission refuses with, and whatever `become` raises.
    """
    kind = call.kind

    def attributes(new: Object) -> Attributes:
        return plane.attributes(call, "UPDATE", new, dry_run=options.dry_run)

    async def change(current: Stored) -> Object:
        new = to_storage(kind, await become(current))
        if put:
            registry.check_uid(kind, new, current, dry_run=options.dry_run)
        await plane.admission.mutate(new, current.value, attributes(new))
        check_rights(plane, call, new, current.value)
        return new

    verb = "update" if put else "patch"
    operation = plane.operation(call.user, dry_run=options.dry_run, call=call, verb=verb)
    with Approval(plane.admission, attributes) as approve:
        return await registry.update(
            plane.store,
            kind,
            call.namespace,
            call.name,
            change,
            operation,
            call.warnings,
            approve,
            subresource=call.subresource,
            put=put,
        )
