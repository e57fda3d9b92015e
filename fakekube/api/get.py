"""Reading one object."""

from __future__ import annotations

from fakekube.api.call import Call
from fakekube.api.control_plane import ControlPlane
from fakekube.api.list_options import version_of_watch
from fakekube.errors import Timeout
from fakekube.registry.conversion import shown
from fakekube.registry.missing import missing
from fakekube.storage.store import Stored

FUTURE_VERSION_WAIT_S = 3.0
"""How long a read waits for a revision that the cluster has not reached."""


async def get(plane: ControlPlane, call: Call) -> Stored:
    """The object, at least as new as `?resourceVersion`. Raises NotFound, Timeout (a version of the future)."""
    kind = call.kind
    if call.query:
        await not_older_than(plane, version_of_watch(call.query.get("resourceVersion", "")))
    stored = plane.store.get(kind.collection, call.namespace, call.name)
    if stored is None:
        raise missing(kind, call.name)
    return stored if kind.strategy.read is None else await shown(kind, stored)


async def not_older_than(plane: ControlPlane, revision: int) -> None:
    """Wait until the cluster has reached `revision`. Raises the 504 of a revision that lies in the future."""
    if revision > plane.store.revision and not await plane.wait_for_revision(revision, FUTURE_VERSION_WAIT_S):
        raise too_large(revision, plane.store.revision)


def too_large(revision: int, current: int) -> Timeout:
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return Timeout(
        f"Timeout: Too large resource version: {revision}, current: {current}",
        {"causes": [cause], "retryAfterSeconds": 1},
    )
