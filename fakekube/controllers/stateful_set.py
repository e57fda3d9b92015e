"""Keeps the pods of a StatefulSet: one for each number, in order, each with its claims and of the right revision.

https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fakekube.controllers import stateful_set_pods as members
from fakekube.controllers.amounts import scaled
from fakekube.controllers.claims import claimed, look_at_adopters, selector_of
from fakekube.controllers.controller_revisions import forget_old, present_revision, revisions_of, template_in
from fakekube.controllers.loop import ORPHANS, Context, Controller, Key, Object, Watch, own, owner_or_orphans
from fakekube.controllers.pod_states import availability, is_finished, is_ready
from fakekube.controllers.stateful_set_pods import ordinal_of, parent_and_ordinal, revision_name
from fakekube.errors import NotFound

RESOURCE = "statefulsets.apps"
HASH_LABEL = "controller.kubernetes.io/hash"


def set_of_claim(claim: Object) -> tuple[Key, ...]:
    """A claim that goes with a pod: when it has gone, the pod of that number may be made again."""
    metadata = claim["metadata"]
    names = [each["name"] for each in metadata.get("ownerReferences", ()) if each["kind"] == "Pod"]
    return tuple((metadata["namespace"], parent_and_ordinal(name)[0]) for name in names)


@dataclass(slots=True)
class Sync:
    """One look at a StatefulSet."""

    context: Context
    set: Object
    pods: dict[int, Object]
    """By their numbers."""
    revisions: list[Object]
    update: Object
    """The revision of the template."""
    current: Object
    """The revision that all pods had last."""
    collisions: int
    again_s: float | None = None
    replaced: int = 0
    """How many pods of another revision are made to go in this look."""
    spec: Object = field(init=False)

    def __post_init__(self) -> None:
        self.spec = self.set["spec"]

    @property
    def first(self) -> int:
        return int(self.spec.get("ordinals", {}).get("start", 0))

    @property
    def wanted(self) -> range:
        """The numbers that are to have pods."""
        return range(self.first, self.first + self.spec.get("replicas", 1))

    @property
    def in_order(self) -> bool:
        return bool(self.spec.get("podManagementPolicy", "OrderedReady") != "Parallel")

    @property
    def rolling(self) -> Object | None:
        """The parameters of a rolling update; None for OnDelete."""
        strategy: Object = self.spec.get("updateStrategy", {})
        return strategy.get("rollingUpdate", {}) if strategy.get("type") != "OnDelete" else None

    @property
    def partition(self) -> int:
        """Pods below this number keep the revision they have; it is counted from the first one."""
        return self.first + int((self.rolling or {}).get("partition", 0))

    def is_available(self, pod: Object) -> bool:
        if not is_healthy(pod):
            return False
        available, again_s = availability([pod], self.spec.get("minReadySeconds", 0), self.context.clock.now())
        if again_s is not None:
            self.again_s = again_s if self.again_s is None else min(self.again_s, again_s)
        return bool(available)

    def revision_for(self, ordinal: int) -> Object:
        """The revision of which a missing pod is made."""
        rolling = self.rolling
        if rolling is None:
            return self.update
        if "partition" in rolling:
            keeps = ordinal < self.partition
        else:
            keeps = ordinal < self.first + self.set.get("status", {}).get("currentReplicas", 0)
        return self.current if keeps else self.update


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    if name == ORPHANS:
        await look_at_adopters(
            context, namespace, owners=RESOURCE, dependents="pods", selector_of=selector_of, reconcile=reconcile
        )
        return None
    stateful_set = context.client.get(RESOURCE, namespace, name)
    if stateful_set is None:
        return None
    sync = await look_at(context, stateful_set)
    try:
        if "deletionTimestamp" not in stateful_set["metadata"]:
            await keep_pods(sync)
    finally:
        # What could not be done is tried again; what is there is told all the same.
        await write_status(sync)
    used = {revision_name(pod) for pod in sync.pods.values()} | {
        each["metadata"]["name"] for each in (sync.current, sync.update)
    }
    await forget_old(context, stateful_set, sync.revisions, in_use=used)
    return sync.again_s


async def look_at(context: Context, stateful_set: Object) -> Sync:
    status = stateful_set.get("status", {})
    revisions = await revisions_of(context, stateful_set)
    update, collisions = await present_revision(
        context, stateful_set, revisions, hash_label=HASH_LABEL, collisions=status.get("collisionCount", 0)
    )
    called = status.get("currentRevision")
    current = next((each for each in revisions if each["metadata"]["name"] == called), update)
    pods = await members_of(context, stateful_set)
    return Sync(context, stateful_set, pods, revisions, update, current, collisions)


async def members_of(context: Context, stateful_set: Object) -> dict[int, Object]:
    """The pods by their numbers; others that it controls have no number of its own."""
    set_name = stateful_set["metadata"]["name"]

    def is_member(name: str) -> bool:
        parent, ordinal = parent_and_ordinal(name)
        return parent == set_name and ordinal >= 0

    pods = await claimed(context, stateful_set, "pods", selector_of(stateful_set), may_adopt=is_member)
    return {ordinal_of(pod): pod for pod in pods if is_member(pod["metadata"]["name"])}


async def keep_pods(sync: Sync) -> None:
    """One step, or all at once with Parallel: what is missing is made, what is too much goes, what is outdated is replaced."""
    for ordinal in sync.wanted:
        if not await keep_pod(sync, ordinal) and sync.in_order:
            return
    condemned = [sync.pods[ordinal] for ordinal in sorted(sync.pods, reverse=True) if ordinal not in sync.wanted]
    first_unhealthy = next((pod for pod in reversed(condemned) if not is_healthy(pod)), None)
    for pod in condemned:
        if "deletionTimestamp" in pod["metadata"]:
            if sync.in_order:
                return
            continue
        if sync.in_order and not sync.is_available(pod) and pod is not first_unhealthy:
            return
        await members.keep_claims(sync.context, sync.set, pod, condemned=True)
        await members.delete(sync.context, sync.set, pod)
        if sync.in_order:
            return
    if sync.rolling is not None:
        await replace_outdated(sync, sync.rolling)


async def keep_pod(sync: Sync, ordinal: int) -> bool:
    """Whether the pod of a number is as it should be, so that the next one may be looked at."""
    context, pod = sync.context, sync.pods.get(ordinal)
    if pod is None:
        revision = sync.revision_for(ordinal)
        made = members.new_pod(sync.set, ordinal, template_in(revision), revision["metadata"]["name"])
        await members.create(context, sync.set, made)
        return False
    if is_finished(pod):
        if "deletionTimestamp" not in pod["metadata"]:
            await members.delete(context, sync.set, pod)
        return False
    if pod["status"].get("phase") == "Pending":
        await members.create_claims(context, sync.set, pod)
    available = sync.is_available(pod)
    if available or not sync.in_order:
        await members.keep_as_it_should_be(context, sync.set, pod)
    return available


async def replace_outdated(sync: Sync, rolling: Object) -> None:
    """From the highest number down to the partition: pods of another revision go, and come back as the new one."""
    update = sync.update["metadata"]["name"]
    pods = [sync.pods[ordinal] for ordinal in sync.wanted if ordinal in sync.pods]
    if len(pods) < len(sync.wanted):
        return
    outdated = [
        pod
        for pod in reversed(pods)
        if ordinal_of(pod) >= sync.partition
        and revision_name(pod) != update
        and "deletionTimestamp" not in pod["metadata"]
    ]
    if "maxUnavailable" in rolling:
        most = max(scaled(rolling["maxUnavailable"], len(sync.wanted), up=False), 1)
        free = most - sum(not sync.is_available(pod) for pod in pods)
        for pod in outdated[: max(free, 0)]:
            await members.delete(sync.context, sync.set, pod)
            sync.replaced += 1
        return
    for pod in reversed(pods):
        if ordinal_of(pod) < sync.partition:
            return
        if pod in outdated:
            await members.delete(sync.context, sync.set, pod)
            sync.replaced += 1
            return
        if not is_healthy(pod):
            return


def is_healthy(pod: Object) -> bool:
    return pod["status"].get("phase") == "Running" and is_ready(pod) and "deletionTimestamp" not in pod["metadata"]


async def write_status(sync: Sync) -> None:
    """Count the pods as they were when it looked, and say so if it is something else than before.

    Of the pods that it makes now the next look tells, as upstream; those that it replaces are of the former revision no longer.
    """
    context, metadata = sync.context, sync.set["metadata"]
    pods = list(sync.pods.values())
    ready = [pod for pod in pods if pod["status"].get("phase") == "Running" and is_ready(pod)]
    available, again_s = availability(ready, sync.spec.get("minReadySeconds", 0), context.clock.now())
    if again_s is not None:
        sync.again_s = again_s if sync.again_s is None else min(sync.again_s, again_s)
    current, update = sync.current["metadata"]["name"], sync.update["metadata"]["name"]
    staying = [revision_name(pod) for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    updated, wanted = staying.count(update), len(sync.wanted)
    if sync.rolling is not None and updated == len(ready) == len(pods) == wanted:
        current = update
        sync.current = sync.update
    numbers = {
        "readyReplicas": len(ready),
        "currentReplicas": max(staying.count(current) - sync.replaced, 0),
        "updatedReplicas": updated,
    }
    status: dict[str, Any] = {
        "observedGeneration": metadata.get("generation", 0),
        "replicas": len(pods),
        **{key: number for key, number in numbers.items() if number},
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": sync.collisions,
        "availableReplicas": available,
    }
    if status != sync.set.get("status"):
        try:
            await context.client.update(RESOURCE, {**sync.set, "status": status}, "status")
        except NotFound:
            return


CONTROLLER = Controller(
    name="statefulset-controller",
    watches=(
        Watch(RESOURCE, key=own),
        Watch("pods", key=owner_or_orphans("StatefulSet"), owned_by=("StatefulSet", "")),
        Watch("persistentvolumeclaims", key=set_of_claim, types=("DELETED",)),
    ),
    reconcile=reconcile,
    patient=True,
)
