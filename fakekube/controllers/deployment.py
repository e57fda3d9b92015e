"""Brings a Deployment's ReplicaSets to what its template and its number of replicas say, step by step as its strategy allows.

https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
"""

from __future__ import annotations

import re

from fakekube.controllers.claims import claimed, controls, look_at_adopters, owner_reference, selector_of
from fakekube.controllers.deployment_rollout import (
    DESIRED,
    HASH,
    MAXIMUM,
    NO_LIMIT,
    REVISION,
    REVISION_HISTORY,
    Rollout,
    age,
    annotations_of,
    counted,
    number,
    revision_of,
    size_of,
    template_of,
)
from fakekube.controllers.deployment_rollout import RESOURCE as REPLICA_SETS
from fakekube.controllers.deployment_scaling import (
    grow_new,
    is_being_scaled,
    new_size,
    resize,
    scale,
    shrink_old,
)
from fakekube.controllers.deployment_status import (
    PROGRESSING,
    RESOURCE,
    condition,
    is_complete,
    set_condition,
    status_of,
    tell_at_once,
    tell_pause,
    tell_progress,
    write,
)
from fakekube.controllers.loop import ORPHANS, Context, Controller, Object, Watch, own, owner_or_orphans
from fakekube.controllers.pod_control import is_end_of_namespace
from fakekube.controllers.template_hash import template_hash
from fakekube.errors import AlreadyExists, NotFound, StatusError, conflict

ROLLBACK_TO = "deprecated.deployment.rollback.to"
REVISION_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
"""What Go reads as a number; anything else is as if there were no annotation."""

NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    ROLLBACK_TO,
    REVISION,
    REVISION_HISTORY,
    DESIRED,
    MAXIMUM,
}
"""Annotations that ReplicaSets do not take over."""

HISTORY_CHARACTERS = 2000
"""So long the list of a ReplicaSet's former revisions may become."""

LOOKS_FOR_NUMBERS = 5
"""After so many it goes on without the first numbers of a new ReplicaSet."""


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    if name == ORPHANS:
        await look_at_adopters(
            context,
            namespace,
            owners=RESOURCE,
            dependents=REPLICA_SETS,
            selector_of=selector_of,
            reconcile=reconcile,
        )
        return None
    rollout = await look(context, namespace, name)
    if rollout is not None and rollout.is_behind:
        # At once, so that nobody who asks in between finds the one without the other; a watch sees both, as upstream.
        rollout = await look(context, namespace, name)
    return None if rollout is None else rollout.again_s


async def look(context: Context, namespace: str, name: str) -> Rollout | None:
    """None when there is nothing to look at."""
    deployment = context.client.get(RESOURCE, namespace, name)
    if deployment is None:
        return None
    rollout = Rollout(context, deployment, await claimed(context, deployment, REPLICA_SETS, selector_of(deployment)))
    if "deletionTimestamp" in deployment["metadata"]:
        await write(rollout, status_of(rollout))
        return rollout
    tell_pause(rollout)
    try:
        back_to = annotations_of(deployment).get(ROLLBACK_TO, "")
        if rollout.paused:
            await keep_size(rollout)
        elif REVISION_NUMBER.fullmatch(back_to):
            await roll_back(rollout, int(back_to))
        elif is_being_scaled(rollout):
            await keep_size(rollout)
        elif rollout.rolling:
            await roll(rollout)
        else:
            await recreate(rollout)
    except NotFound:
        return None  # it went meanwhile, or a ReplicaSet of it did, which wakes it again
    return rollout


async def keep_size(rollout: Rollout) -> None:
    """Of a Deployment that is paused, or has just been scaled: no new ReplicaSet, but the right number of pods."""
    await sync_revision(rollout, create=False)
    seen = list(rollout.sets)
    await scale(rollout)
    # What is told is what was there when it looked, as upstream: of the sizes that it gives now the next look tells.
    rollout.sets = seen
    if rollout.paused:
        await clean_up(rollout)
    await write(rollout, status_of(rollout))


async def roll_back(rollout: Rollout, revision: int) -> None:
    """To an old template, as an annotation of former times asks; revision 0 is the last but one."""
    new = await sync_revision(rollout, create=True)
    if new is None:
        return
    deployment, recorder = rollout.deployment, rollout.context.recorder
    metadata, annotations = deployment["metadata"], annotations_of(deployment)
    changed = {**deployment, "spec": dict(deployment["spec"])}
    revisions = sorted(map(revision_of, rollout.sets), reverse=True)
    wanted = revision or (revisions[1] if len(revisions) > 1 else 0)
    chosen = next((each for each in rollout.sets if wanted and revision_of(each) == wanted), None)
    if chosen is None:
        text = "Unable to find the revision to rollback to." if wanted else "Unable to find last revision."
        await recorder.warning(deployment, "DeploymentRollbackRevisionNotFound", text)
    elif template_of(chosen) == deployment["spec"]["template"]:
        text = f'The rollback revision contains the same template as current deployment "{metadata["name"]}"'
        await recorder.warning(deployment, "DeploymentRollbackTemplateUnchanged", text)
    else:
        changed["spec"]["template"] = template_of(chosen)
        kept = {key: text for key, text in annotations.items() if key in NOT_COPIED}
        brought = {key: text for key, text in annotations_of(chosen).items() if key not in NOT_COPIED}
        annotations = {**kept, **brought}
    if rollout.is_told:
        return  # The next look goes on.
    left = {key: text for key, text in annotations.items() if key != ROLLBACK_TO}
    rollout.deployment = await rollout.context.client.update(
        RESOURCE, {**changed, "metadata": {**metadata, "annotations": left}}
    )
    if chosen is not None and changed["spec"] != deployment["spec"]:
        text = f'Rolled back deployment "{metadata["name"]}" to revision {wanted}'
        await recorder.normal(rollout.deployment, "DeploymentRollback", text)


async def roll(rollout: Rollout) -> None:
    new = await sync_revision(rollout, create=True)
    if new is None:
        return
    if not await grow_new(rollout, new):
        await shrink_old(rollout, new)
    await tell(rollout)


async def recreate(rollout: Rollout) -> None:
    """The old pods go, all of them, and then the new ones come."""
    await sync_revision(rollout, create=False)
    for each in rollout.old:
        if size_of(each):
            await resize(rollout, each, 0)
    if not any(has_pods(rollout, each) for each in rollout.old):
        new = await sync_revision(rollout, create=True)
        if new is None:
            return
        if size_of(new) != rollout.replicas:
            await resize(rollout, new, rollout.replicas)
    await tell(rollout)


def has_pods(rollout: Rollout, replica_set: Object) -> bool:
    """Whether a pod of it is left that has not ended, even if it is about to, or the ReplicaSet has yet to see that it is not."""
    pods = rollout.context.owners("pods").of(replica_set)
    return bool(counted(replica_set, "replicas") or pods.active or pods.terminating)


async def tell(rollout: Rollout) -> None:
    """Raises Conflict when that is for a later look, which comes soon."""
    wait_for_first_numbers(rollout)
    status = status_of(rollout)
    if is_complete(rollout, status):
        await clean_up(rollout)
    tell_progress(rollout, status)
    await write(rollout, status)


def wait_for_first_numbers(rollout: Rollout) -> None:
    """What a new ReplicaSet tells first is told with it: upstream this look, too, ends in a conflict, and by the next one it has told.

    So who hears that a rollout of no pods is complete finds its ReplicaSet looked at.
    """
    looks: dict[str, int] = rollout.context.memory.setdefault("looks", {})
    new = rollout.new
    if new is None or rollout.is_told:
        return
    uid = new["metadata"]["uid"]
    if "observedGeneration" in new.get("status", {}):
        looks.pop(uid, None)
    elif looks.setdefault(uid, 0) < LOOKS_FOR_NUMBERS:
        looks[uid] += 1
        text = "its new ReplicaSet has yet to be looked at"
        raise conflict("apps", "deployments", rollout.deployment["metadata"]["name"], text)


async def sync_revision(rollout: Rollout, *, create: bool) -> Object | None:
    """The ReplicaSet of the present template, with the highest revision; made if it is missing and `create`.

    None when there is none: then with `create` the rest has to wait for a change that will come.
    """
    revision = max(map(revision_of, rollout.old), default=0) + 1
    new = rollout.new
    if new is None:
        if not create:
            return None
        new = await create_new(rollout, revision)
        if new is None:
            return None
    else:
        kept = await keep_in_step(rollout, new, revision)
        if kept is not new:
            rollout.is_behind = True
            return kept
        if rollout.has_deadline and condition(rollout, PROGRESSING) is None:
            text = f'Found new replica set "{new["metadata"]["name"]}"'
            set_condition(rollout, PROGRESSING, "True", "FoundNewReplicaSet", text)
        elif rollout.revision == annotations_of(new)[REVISION]:
            return new
    rollout.revision = annotations_of(new)[REVISION]
    await tell_at_once(rollout)
    return new


async def keep_in_step(rollout: Rollout, new: Object, revision: int) -> Object:
    """The new ReplicaSet has the Deployment's annotations and minReadySeconds."""
    annotations = copied_annotations(rollout, annotations_of(new), revision)
    before = annotations_of(new).get(REVISION)
    if before is not None and annotations[REVISION] != before:
        annotations[REVISION_HISTORY] = longer_history(annotations.get(REVISION_HISTORY, ""), before)
    spec = {**new["spec"], "minReadySeconds": rollout.spec.get("minReadySeconds", 0)}
    if not spec["minReadySeconds"]:
        del spec["minReadySeconds"]
    if annotations == annotations_of(new) and spec == new["spec"]:
        return new
    changed = {**new, "metadata": {**new["metadata"], "annotations": annotations}, "spec": spec}
    written = await rollout.context.client.update(REPLICA_SETS, changed)
    rollout.put(written)
    return written


def copied_annotations(rollout: Rollout, present: dict[str, str], revision: int) -> dict[str, str]:
    annotations = dict(present)
    annotations.update((key, text) for key, text in annotations_of(rollout.deployment).items() if key not in NOT_COPIED)
    if number(present.get(REVISION, "")) < revision:
        annotations[REVISION] = str(revision)
    return annotations


def longer_history(history: str, revision: str) -> str:
    """The former revisions, separated by commas; the first are forgotten when there are too many."""
    known = [*filter(None, history.split(",")), revision]
    while len(",".join(known)) > HISTORY_CHARACTERS:
        del known[0]
    return ",".join(known)


async def create_new(rollout: Rollout, revision: int) -> Object | None:
    """None when the name is taken by another, or the namespace is being deleted. Raises StatusError after telling of it."""
    replica_set = new_replica_set(rollout, revision)
    name = replica_set["metadata"]["name"]
    context = rollout.context
    try:
        created = await context.client.create(REPLICA_SETS, replica_set)
    except AlreadyExists:
        present = context.client.get(REPLICA_SETS, replica_set["metadata"]["namespace"], name)
        same = present is not None and template_of(present) == rollout.spec["template"]
        if present is not None and same and controls(rollout.deployment, present):
            created = present
        else:
            rollout.collisions = (rollout.collisions or 0) + 1
            await write(rollout, status_of(rollout))
            return None
    except StatusError as error:
        if is_end_of_namespace(error):
            return None
        if rollout.has_deadline:
            text = f'Failed to create new replica set "{name}": {error.message}'
            set_condition(rollout, PROGRESSING, "False", "ReplicaSetCreateError", text)
            await write(rollout, status_of(rollout))
        raise
    else:
        if rollout.has_deadline:
            text = f'Created new replica set "{name}"'
            set_condition(rollout, PROGRESSING, "True", "NewReplicaSetCreated", text)
        if size_of(created):
            text = f"Scaled up replica set {name} from 0 to {size_of(created)}"
            await context.recorder.normal(rollout.deployment, "ScalingReplicaSet", text)
    rollout.put(created)
    return created


def new_replica_set(rollout: Rollout, revision: int) -> Object:
    deployment, template = rollout.deployment, rollout.spec["template"]
    metadata = deployment["metadata"]
    hash = template_hash(template, rollout.collisions)
    labels = {**template.get("metadata", {}).get("labels", {}), HASH: hash}
    selector = rollout.spec["selector"]
    annotations = copied_annotations(rollout, {}, revision)
    annotations.update({DESIRED: str(rollout.replicas), MAXIMUM: str(rollout.maximum)})
    spec = {
        "replicas": new_size(rollout, 0),
        "selector": {**selector, "matchLabels": {**selector.get("matchLabels", {}), HASH: hash}},
        "template": {**template, "metadata": {**template.get("metadata", {}), "labels": labels}},
    }
    if rollout.spec.get("minReadySeconds"):
        spec["minReadySeconds"] = rollout.spec["minReadySeconds"]
    return {
        "kind": "ReplicaSet",
        "apiVersion": "apps/v1",
        "metadata": {
            "name": f"{metadata['name']}-{hash}",
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": spec,
    }


async def clean_up(rollout: Rollout) -> None:
    """Delete old ReplicaSets that are empty, oldest revision first, until as many are left as are to be remembered."""
    limit = rollout.spec.get("revisionHistoryLimit", NO_LIMIT)
    if limit == NO_LIMIT:
        return
    old = [each for each in rollout.old if "deletionTimestamp" not in each["metadata"]]
    for each in sorted(old, key=lambda each: (revision_of(each), age(each)))[: max(len(old) - limit, 0)]:
        metadata = each["metadata"]
        is_seen = counted(each, "observedGeneration") >= metadata.get("generation", 0)
        if counted(each, "replicas") or size_of(each) or not is_seen:
            continue
        try:
            await rollout.context.client.delete(
                REPLICA_SETS, metadata["namespace"], metadata["name"], propagation_policy="Background"
            )
        except NotFound:
            continue
        rollout.sets.remove(each)


CONTROLLER = Controller(
    name="deployment-controller",
    watches=(Watch(RESOURCE, key=own), Watch(REPLICA_SETS, key=owner_or_orphans("Deployment"))),
    reconcile=reconcile,
    patient=True,
)
