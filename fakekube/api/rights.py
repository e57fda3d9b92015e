"""Second checks of a write: what the object gives to others must be held by whoever writes it."""

from __future__ import annotations

from fakekube.access import authorization, escalation
from fakekube.api.call import Call
from fakekube.api.control_plane import ControlPlane
from fakekube.registry.kind import Object


def check_rights(plane: ControlPlane, call: Call, new: Object, old: Object | None) -> None:
    """After admission has changed `new`, before it is validated. Raises Forbidden, NotFound."""
    kind = call.kind
    if kind.group != authorization.GROUP or call.subresource or not call.is_authorized:
        return
    write = escalation.Write(kind.resource, call.namespace, call.name, new, old)
    if plane.authorizer is not None:
        escalation.check(plane.authorizer, call.user, write)
    if plane.recorder is not None and not escalation.is_free(write):
        plane.recorder.note(call.user, escalation.right_of(write), call.user_agent)
