"""What a Deployment says of its rollout: numbers, conditions, and whether it goes on, is done or has come to a stop."""

from __future__ import annotations

from datetime import timedelta

from fakekube.controllers.deployment_rollout import REVISION, Rollout, annotations_of, counted, total_size
from fakekube.controllers.loop import Object
from fakekube.controllers.pod_states import time_of

RESOURCE = "deployments.apps"

AVAILABLE = "Available"
PROGRESSING = "Progressing"
FAILURE = "ReplicaFailure"

NEW_SET_AVAILABLE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"


def condition(rollout: Rollout, type: str) -> Object | None:
    return next((each for each in rollout.conditions if each["type"] == type), None)


def set_condition(rollout: Rollout, type: str, status: str, reason: str, message: str) -> None:
    """The condition moves to the end when its status or reason changes, and stays as it is otherwise."""
    present = condition(rollout, type)
    if present is not None and (present["status"], present["reason"]) == (status, reason):
        return
    _renew(rollout, type, status, reason, message)


def _renew(rollout: Rollout, type: str, status: str, reason: str, message: str) -> None:
    present = condition(rollout, type)
    now = rollout.context.clock.timestamp()
    since = present["lastTransitionTime"] if present is not None and present["status"] == status else now
    remove_condition(rollout, type)
    rollout.conditions.append(
        {
            "type": type,
            "status": status,
            "lastUpdateTime": now,
            "lastTransitionTime": since,
            "reason": reason,
            "message": message,
        }
    )


def remove_condition(rollout: Rollout, type: str) -> None:
    rollout.conditions = [each for each in rollout.conditions if each["type"] != type]


def tell_pause(rollout: Rollout) -> None:
    """While a Deployment is paused its deadline stands still; one that has passed it stays as it is."""
    if not rollout.has_deadline:
        return
    present = condition(rollout, PROGRESSING)
    reason = present["reason"] if present is not None else ""
    if reason == TIMED_OUT:
        return
    if rollout.paused and reason != "DeploymentPaused":
        set_condition(rollout, PROGRESSING, "Unknown", "DeploymentPaused", "Deployment is paused")
    elif not rollout.paused and reason == "DeploymentPaused":
        set_condition(rollout, PROGRESSING, "Unknown", "DeploymentResumed", "Deployment is resumed")


def status_of(rollout: Rollout) -> Object:
    """The numbers and the condition Available."""
    sets, new = rollout.sets, rollout.new
    available = sum(counted(each, "availableReplicas") for each in sets)
    if available >= rollout.replicas - rollout.unavailable:
        text = "Deployment has minimum availability."
        set_condition(rollout, AVAILABLE, "True", "MinimumReplicasAvailable", text)
    else:
        text = "Deployment does not have minimum availability."
        set_condition(rollout, AVAILABLE, "False", "MinimumReplicasUnavailable", text)
    numbers = {
        "observedGeneration": rollout.deployment["metadata"].get("generation", 0),
        "replicas": sum(counted(each, "replicas") for each in sets),
        "updatedReplicas": counted(new, "replicas") if new is not None else 0,
        "readyReplicas": sum(counted(each, "readyReplicas") for each in sets),
        "availableReplicas": available,
        "unavailableReplicas": max(total_size(sets) - available, 0),
    }
    status: Object = {key: value for key, value in numbers.items() if value}
    if all("terminatingReplicas" in each.get("status", {}) for each in sets):
        status["terminatingReplicas"] = sum(counted(each, "terminatingReplicas") for each in sets)
    return status


def is_complete(rollout: Rollout, status: Object) -> bool:
    wanted = rollout.replicas
    return all(status.get(key, 0) == wanted for key in ("updatedReplicas", "replicas", "availableReplicas"))


def tell_progress(rollout: Rollout, status: Object) -> None:
    """Bring the conditions Progressing and ReplicaFailure up to date with a new status."""
    if not rollout.has_deadline:
        remove_condition(rollout, PROGRESSING)
    else:
        present = condition(rollout, PROGRESSING)
        none_is_old = status.get("replicas", 0) == status.get("updatedReplicas", 0)
        if not (none_is_old and present is not None and present["reason"] == NEW_SET_AVAILABLE):
            _judge_progress(rollout, status)
    failure = _failure(rollout)
    if failure is None:
        remove_condition(rollout, FAILURE)
    else:
        set_condition(rollout, FAILURE, "True", failure["reason"], failure["message"])


def _judge_progress(rollout: Rollout, status: Object) -> None:
    new = rollout.new
    who = f'ReplicaSet "{new["metadata"]["name"]}"' if new is not None else _named(rollout)
    if is_complete(rollout, status):
        set_condition(rollout, PROGRESSING, "True", NEW_SET_AVAILABLE, f"{who} has successfully progressed.")
    elif _goes_on(rollout.deployment.get("status", {}), status):
        _renew(rollout, PROGRESSING, "True", "ReplicaSetUpdated", f"{who} is progressing.")
    elif _deadline_passed(rollout):
        set_condition(rollout, PROGRESSING, "False", TIMED_OUT, f"{who} has timed out progressing.")


def _named(rollout: Rollout) -> str:
    return f'Deployment "{rollout.deployment["metadata"]["name"]}"'


def _goes_on(before: Object, now: Object) -> bool:
    def grew(key: str) -> bool:
        return bool(now.get(key, 0) > before.get(key, 0))

    def outdated(status: Object) -> int:
        return int(status.get("replicas", 0) - status.get("updatedReplicas", 0))

    return any(map(grew, ("updatedReplicas", "readyReplicas", "availableReplicas"))) or outdated(now) < outdated(before)


def _deadline_passed(rollout: Rollout) -> bool:
    """While it has not, the Deployment is looked at again when it will have."""
    present = condition(rollout, PROGRESSING)
    if present is None or present["reason"] == NEW_SET_AVAILABLE:
        return False
    if present["reason"] == TIMED_OUT:
        return True
    limit = timedelta(seconds=rollout.spec["progressDeadlineSeconds"])
    left_s = (time_of(present["lastUpdateTime"]) + limit - rollout.context.clock.now()).total_seconds()
    if left_s > 0:
        rollout.again_in(left_s)
    return left_s <= 0


def _failure(rollout: Rollout) -> Object | None:
    """Why a ReplicaSet, the new one first, cannot make or delete its pods."""
    new = rollout.new
    for replica_set in ([new] if new is not None else []) + rollout.sets:
        for each in replica_set.get("status", {}).get("conditions", ()):
            if each["type"] == FAILURE and each["status"] == "True":
                return each  # type: ignore[no-any-return]
    return None


async def tell_at_once(rollout: Rollout) -> None:
    """Write revision and conditions alone, in the midst of a look: the numbers follow with the next one."""
    await write(rollout, dict(rollout.deployment.get("status", {})))


async def write(rollout: Rollout, status: Object) -> None:
    """Write status and revision if they differ from what is stored, once in a look."""
    if rollout.is_told:
        return
    if rollout.collisions is not None:
        status["collisionCount"] = rollout.collisions
    if rollout.conditions:
        status["conditions"] = rollout.conditions
    deployment = rollout.deployment
    changes: Object = {}
    if rollout.revision is not None and annotations_of(deployment).get(REVISION) != rollout.revision:
        annotations = {**annotations_of(deployment), REVISION: rollout.revision}
        changes["metadata"] = {**deployment["metadata"], "annotations": annotations}
    if status != deployment.get("status", {}):
        changes["status"] = status
    if changes:
        rollout.deployment = await rollout.context.client.update(RESOURCE, {**deployment, **changes}, "status")
        rollout.is_told = True
