"""How a Deployment's pods are spread over its ReplicaSets: while it is scaled, and while a new template takes over."""

from __future__ import annotations

from fakekube.controllers.deployment_rollout import (
    DESIRED,
    MAXIMUM,
    RESOURCE,
    Rollout,
    age,
    annotations_of,
    counted,
    number,
    size_of,
    total_size,
)
from fakekube.controllers.loop import Object


async def resize(rollout: Rollout, replica_set: Object, size: int) -> bool:
    """Give a ReplicaSet a size, and the annotations of what the Deployment wants; returns whether the size is another."""
    metadata, before = replica_set["metadata"], size_of(replica_set)
    wanted = {DESIRED: str(rollout.replicas), MAXIMUM: str(rollout.maximum)}
    if size == before and wanted.items() <= annotations_of(replica_set).items():
        return False
    changed = {
        **replica_set,
        "metadata": {**metadata, "annotations": {**annotations_of(replica_set), **wanted}},
        "spec": {**replica_set["spec"], "replicas": size},
    }
    rollout.put(await rollout.context.client.update(RESOURCE, changed))
    if size != before:
        direction = "up" if size > before else "down"
        text = f"Scaled {direction} replica set {metadata['name']} from {before} to {size}"
        await rollout.context.recorder.normal(rollout.deployment, "ScalingReplicaSet", text)
    return size != before


def is_being_scaled(rollout: Rollout) -> bool:
    """Whether the Deployment wants another number than its ReplicaSets were told."""
    wanted = str(rollout.replicas)
    return any(annotations_of(each).get(DESIRED, wanted) != wanted for each in rollout.active)


async def scale(rollout: Rollout) -> None:
    """One ReplicaSet gets the whole change; several, in the midst of a rollout, each their part."""
    new, active = rollout.new, rollout.active
    if len(active) <= 1:
        only = active[0] if active else new or next(reversed(rollout.sets), None)
        if only is not None and size_of(only) != rollout.replicas:
            await resize(rollout, only, rollout.replicas)
    elif new is not None and _has_all(rollout, new):
        for each in rollout.old:
            if size_of(each):
                await resize(rollout, each, 0)
    elif rollout.rolling:
        sizes = proportions(rollout)
        for each in active:
            await resize(rollout, each, sizes[each["metadata"]["name"]])


def _has_all(rollout: Rollout, new: Object) -> bool:
    told = annotations_of(new).get(DESIRED)
    wanted = rollout.replicas
    return told == str(wanted) and size_of(new) == wanted == counted(new, "availableReplicas")


def proportions(rollout: Rollout) -> dict[str, int]:
    """The new size of each active ReplicaSet by name: all grow or shrink alike, the largest takes what rounding leaves."""
    active = rollout.active
    missing = (rollout.maximum if rollout.replicas else 0) - total_size(active)
    # Among those of one size the newer grows first, and the older shrinks first.
    by_age = sorted(active, key=age, reverse=missing > 0)
    ranked = sorted(by_age, key=size_of, reverse=True)
    sizes, spread = {}, 0
    for each in ranked:
        part = _part(rollout, each, missing - spread) if missing != spread else 0
        sizes[each["metadata"]["name"]] = size_of(each) + part
        spread += part
    largest = ranked[0]["metadata"]["name"]
    sizes[largest] = max(sizes[largest] + missing - spread, 0)
    return sizes


def _part(rollout: Rollout, replica_set: Object, left: int) -> int:
    """What one ReplicaSet takes of a change, at most `left`."""
    size = size_of(replica_set)
    if not rollout.replicas:
        wanted = -size
    else:
        before = number(annotations_of(replica_set).get(MAXIMUM, "")) or counted(rollout.deployment, "replicas") or 1
        wanted = int(size * rollout.maximum / before + 0.5) - size
    return min(wanted, left) if left > 0 else max(wanted, left)


async def grow_new(rollout: Rollout, new: Object) -> bool:
    """One step of a rolling update: the new ReplicaSet up as far as the surge allows, or down to what is wanted."""
    return await resize(rollout, new, new_size(rollout, size_of(new))) if size_of(new) != rollout.replicas else False


def new_size(rollout: Rollout, present: int) -> int:
    """The size that a new ReplicaSet of size `present` may have now."""
    if not rollout.rolling or present > rollout.replicas:
        return rollout.replicas
    room = rollout.maximum - total_size(rollout.sets)
    return present + max(min(room, rollout.replicas - present), 0)


async def shrink_old(rollout: Rollout, new: Object) -> bool:
    """The other step: old ReplicaSets down as far as enough pods are available; first what is not available anyway."""
    old = [each for each in rollout.old if size_of(each)]
    least = rollout.replicas - rollout.unavailable
    new_missing = size_of(new) - counted(new, "availableReplicas")
    most = total_size(rollout.sets) - least - new_missing
    if not old or most <= 0:
        return False
    changed = False
    for each in old:
        unhealthy = size_of(each) - counted(each, "availableReplicas")
        if unhealthy < 0:
            return False  # It has been made smaller, and what it tells is older than that: nothing can be said yet.
        fewer = min(most, unhealthy)
        if fewer:
            most -= fewer
            changed |= await resize(rollout, each, size_of(each) - fewer)
    # Counted as the pods are: what has just been taken away was not available.
    spare = sum(counted(each, "availableReplicas") for each in rollout.sets) - least
    for each in [each for each in rollout.old if size_of(each)]:
        fewer = min(size_of(each), max(spare, 0))
        if fewer:
            spare -= fewer
            changed |= await resize(rollout, each, size_of(each) - fewer)
    return changed
