"""A number of equal pods, always: what ReplicaSets and ReplicationControllers have in common.

https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from fakekube.controllers.claims import look_at_adopters, present, settle_claims
from fakekube.controllers.loop import (
    ORPHANS,
    Context,
    Controller,
    Object,
    Watch,
    controller_reference,
    own,
    owner_or_orphans,
)
from fakekube.controllers.ownership import Group
from fakekube.controllers.pod_control import create_pod, delete_pod, pod_from_template
from fakekube.controllers.pod_states import (
    availability,
    condition,
    deletion_rank,
    is_active,
    is_ready,
    restarts,
    time_of,
)
from fakekube.errors import NotFound, StatusError
from fakekube.objects.selectors import LabelSelector

AT_ONCE = 500
"""So many pods are made or deleted in one sync."""

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


@dataclass(frozen=True, slots=True)
class Replication:
    """What the two kinds differ in."""

    resource: str
    kind: str
    selector_of: Callable[[Object], LabelSelector]
    tells_terminating: bool
    """Whether the status has terminatingReplicas."""

    def controller(self, name: str) -> Controller:
        return Controller(
            name=name,
            watches=(
                Watch(self.resource, key=own),
                Watch("pods", key=owner_or_orphans(self.kind), owned_by=(self.kind, "")),
            ),
            reconcile=partial(reconcile, self),
            patient=True,
        )


async def reconcile(this: Replication, context: Context, namespace: str, name: str) -> float | None:
    if name == ORPHANS:
        again = partial(reconcile, this)
        await look_at_adopters(
            context,
            namespace,
            owners=this.resource,
            dependents="pods",
            selector_of=this.selector_of,
            reconcile=again,
        )
        return None
    owner = context.client.get(this.resource, namespace, name)
    if owner is None:
        return None
    await settle_claims(context, owner, "pods", this.selector_of(owner))
    # What is told is what was there when it looked, as upstream: of the pods that it makes now the next look tells.
    seen = status_of(this, context, owner, context.owners("pods").of(owner))
    failure: StatusError | None = None
    missing = 0
    if "deletionTimestamp" not in owner["metadata"]:
        missing = owner["spec"].get("replicas", 0) - context.owners("pods").of(owner).active
        try:
            await create_missing(context, owner, missing)
            await delete_surplus(context, owner, -missing)
        except StatusError as error:
            failure = error
    again_s = await write_status(this, context, owner, seen, missing, failure)
    if failure is not None:
        raise failure
    return 0.0 if abs(missing) > AT_ONCE else again_s


async def create_missing(context: Context, owner: Object, count: int) -> None:
    for _ in range(min(count, AT_ONCE)):
        pod = pod_from_template(owner, owner["spec"]["template"])
        if await create_pod(context, owner, pod) is None:
            return
        # Many pods must not hold up those who wait for an answer.
        await context.turn()


async def delete_surplus(context: Context, owner: Object, count: int) -> None:
    if count <= 0:
        return
    ranked = sorted(
        active_pods(context, owner), key=partial(rank, siblings_by_node(context, owner), context.clock.now())
    )
    for pod in ranked[: min(count, AT_ONCE)]:
        await delete_pod(context, owner, pod)
        await context.turn()


def active_pods(context: Context, owner: Object) -> list[Object]:
    namespace = owner["metadata"]["namespace"]
    pods = present(context.client.get("pods", namespace, name) for name in context.owners("pods").of(owner).names)
    return [pod for pod in pods if is_active(pod)]


def siblings_by_node(context: Context, owner: Object) -> Counter[str]:
    """How many active pods each node has of this owner and of those under the same controller (the ReplicaSets of a Deployment)."""
    siblings = [owner]
    reference = controller_reference(owner)
    if reference is not None:
        namespace = owner["metadata"]["namespace"]
        parent = {"metadata": {"uid": reference["uid"], "namespace": namespace}}
        names = context.owners("replicasets.apps").of(parent).names
        siblings = present(context.client.get("replicasets.apps", namespace, name) for name in names)
    pods = [pod for sibling in siblings for pod in active_pods(context, sibling)]
    return Counter(pod["spec"].get("nodeName", "") for pod in pods)


Rank = tuple[tuple[bool, int, bool], int, int, float, int, float, str]


def rank(siblings: Counter[str], now: datetime, pod: Object) -> Rank:
    """Smallest first is the order in which superfluous pods go."""
    metadata = pod["metadata"]
    ready = condition(pod, "Ready") if is_ready(pod) else None
    node = pod["spec"].get("nodeName", "")
    return (
        deletion_rank(pod),
        deletion_cost(pod),
        -siblings[node] if node else 0,
        magnitude(now, ready.get("lastTransitionTime")) if ready is not None else 0,
        -restarts(pod),
        magnitude(now, metadata["creationTimestamp"]),
        metadata["uid"],
    )


def deletion_cost(pod: Object) -> int:
    """0 when the annotation is no number."""
    try:
        return int(pod["metadata"].get("annotations", {}).get(DELETION_COST, "0"))
    except ValueError:
        return 0


def magnitude(now: datetime, since: str | None) -> float:
    """Times compare by the order of magnitude of their age, so that not always the same pods go."""
    if not since:
        return -math.inf
    age_s = (now - time_of(since)).total_seconds()
    return math.floor(math.log2(age_s)) if age_s > 0 else -1


Seen = tuple[Object, float | None]
"""A status, and after how many seconds a pod will have been ready for long enough."""


async def write_status(
    this: Replication, context: Context, owner: Object, seen: Seen, missing: int, failure: StatusError | None
) -> float | None:
    """Write the status if it differs; returns after how many seconds it is due again."""
    status, again_s = seen
    conditions = conditions_of(owner, missing, failure, context.clock.timestamp())
    if conditions:
        status["conditions"] = conditions
    if status != owner.get("status"):
        try:
            await context.client.update(this.resource, {**owner, "status": status}, "status")
        except NotFound:
            return None
    return again_s


def status_of(this: Replication, context: Context, owner: Object, group: Group) -> Seen:
    spec = owner["spec"]
    template_labels = spec["template"].get("metadata", {}).get("labels", {})
    ready = available = group.ready
    again_s = None
    if spec.get("minReadySeconds") and ready:
        pods = active_pods(context, owner)
        available, again_s = availability(pods, spec["minReadySeconds"], context.clock.now())
    numbers = {
        "fullyLabeledReplicas": group.active_with(template_labels),
        "readyReplicas": ready,
        "availableReplicas": available,
    }
    status: Object = {"replicas": group.active, **{key: number for key, number in numbers.items() if number}}
    if this.tells_terminating:
        status["terminatingReplicas"] = group.terminating
    status["observedGeneration"] = owner["metadata"].get("generation", 0)
    return status, again_s


def conditions_of(owner: Object, missing: int, failure: StatusError | None, now: str) -> list[Object]:
    """The condition ReplicaFailure as long as pods cannot be made or deleted; conditions of others stay."""
    conditions: list[Object] = list(owner.get("status", {}).get("conditions", ()))
    if failure is None:
        return [each for each in conditions if each["type"] != "ReplicaFailure"]
    if any(each["type"] == "ReplicaFailure" for each in conditions):
        return conditions
    reason = "FailedCreate" if missing > 0 else "FailedDelete"
    new = {
        "type": "ReplicaFailure",
        "status": "True",
        "lastTransitionTime": now,
        "reason": reason,
        "message": failure.message,
    }
    return [*conditions, new]
