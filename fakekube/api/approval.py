"""Validating admission around one write: what it lets through it may have charged for, and nobody pays for a write that fails."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from fakekube.admission import Chain
from fakekube.admission.attributes import Attributes
from fakekube.api.call import Call
from fakekube.api.control_plane import ControlPlane
from fakekube.registry.kind import Object


class Approval:
    """Asked by the registry with (new, old or None); around the write it is a context that gives back what was taken if the write fails.

    `attributes` tells admission of what shall be stored. An update asks again whenever somebody else was faster; what was taken the time
    before comes back first. Raises what plugins refuse with.
    """

    def __init__(self, admission: Chain, attributes: Callable[[Object], Attributes]) -> None:
        self._admission, self._attributes = admission, attributes
        self._asked: Attributes | None = None

    @classmethod
    def of_update(cls, plane: ControlPlane, call: Call, *, dry_run: bool) -> Approval:
        return cls(plane.admission, lambda new: plane.attributes(call, "UPDATE", new, dry_run=dry_run))

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
