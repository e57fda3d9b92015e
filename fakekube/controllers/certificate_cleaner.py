"""Takes away old requests for certificates: decided ones after an hour, those that nobody looked at after a day.

https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#request-signing-process
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from fakekube.controllers.certificate_signing import REQUESTS
from fakekube.controllers.loop import Context, Controller, Object, Watch, own
from fakekube.errors import NotFound
from fakekube.objects.times import to_datetime

PENDING_FOR = timedelta(hours=24)
DECIDED_FOR = timedelta(hours=1)


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    request = context.client.get(REQUESTS, namespace, name)
    if request is None:
        return None
    left = _left(request, context)
    if left > 0:
        return left
    with suppress(NotFound):
        await context.client.delete(REQUESTS, namespace, name, uid=request["metadata"]["uid"])
    return None


def _left(request: Object, context: Context) -> float:
    """Seconds until it has to go."""
    status = request.get("status") or {}
    conditions = {each.get("type"): each for each in status.get("conditions") or ()}
    now = context.clock.now()
    ends = []
    for type, condition in conditions.items():
        if type in ("Denied", "Failed") or (type == "Approved" and status.get("certificate")):
            decided = condition.get("lastUpdateTime") or condition.get("lastTransitionTime")
            if decided:
                ends.append(to_datetime(decided) + DECIDED_FOR)
    if not ends and "Approved" not in conditions:
        ends.append(to_datetime(request["metadata"]["creationTimestamp"]) + PENDING_FOR)
    # What is approved and waits for a signer that is none of ours is looked at again when it changes.
    return min(((end - now).total_seconds() for end in ends), default=PENDING_FOR.total_seconds())


CONTROLLER = Controller(
    name="certificate-controller",
    watches=(Watch(REQUESTS, key=own),),
    reconcile=reconcile,
)
