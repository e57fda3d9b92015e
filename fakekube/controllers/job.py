"""Makes the pods of a Job, counts how they ended, and says when the Job is complete or has failed.

A pod is counted exactly once: its uid goes into `status.uncountedTerminatedPods`, then its finalizer is removed, then the uid becomes one
more in `succeeded` or `failed`. Whatever happens in between, the next sync goes on from what is stored.

https://kubernetes.io/docs/concepts/workloads/controllers/job/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fakekube.controllers import job_indexes
from fakekube.controllers.claims import claimed_pods, owner_reference
from fakekube.controllers.job_policies import success_rule, verdict
from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, controller_reference, own
from fakekube.controllers.pod_states import (
    deletion_rank,
    finish_time,
    is_active,
    is_ready,
    is_terminating,
    restarts,
    time_of,
)
from fakekube.errors import NotFound, StatusError

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
INDEX_FAILURES = "batch.kubernetes.io/job-index-failure-count"
INDEX_IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"
INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
MANAGER = "kubernetes.io/job-controller"

FIRST_BACKOFF_S = 10.0
LAST_BACKOFF_S = 600.0
"""After a failure new pods wait so long, doubling with each further one."""

CREATED_AT_ONCE = 500
"""So many pods are made in one sync."""

INTERIM = {"Failed": "FailureTarget", "Complete": "SuccessCriteriaMet"}
"""What is written at once, and becomes final when no pod is terminating any more."""


def job_of(pod: Object) -> tuple[Key, ...]:
    """The Job that controls the pod; for one that lost its Job while it was still to be counted, the Job its label names."""
    metadata = pod["metadata"]
    reference = controller_reference(pod)
    if reference is not None:
        return ((metadata["namespace"], reference["name"]),) if reference["kind"] == "Job" else ()
    if FINALIZER in metadata.get("finalizers", ()):
        name = metadata.get("labels", {}).get("batch.kubernetes.io/job-name")
        return ((metadata["namespace"], name),) if name else ()
    return ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a Job ends, or is going to: `type` is Complete or Failed."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Backoff:
    """The failures of a Job since its last success. Pods that have gone are remembered so."""

    failures: int = 0
    last_at: datetime | None = None


@dataclass(slots=True)
class Sync:
    """One look at a Job and its pods. `status` is the new one in the making."""

    context: Context
    job: Object
    pods: list[Object]
    status: Object = field(init=False)
    now: datetime = field(init=False)
    again_s: float | None = None
    """When it must be looked at again although nothing changes."""
    backoff: Backoff = field(init=False)
    refused: StatusError | None = None
    """Why a pod could not be made."""

    def __post_init__(self) -> None:
        self.now = self.context.clock.now()
        status = self.job.get("status", {})
        uncounted = status.get("uncountedTerminatedPods", {})
        self.status = {
            **status,
            "conditions": list(status.get("conditions", ())),
            "uncountedTerminatedPods": {key: list(uncounted.get(key, ())) for key in ("succeeded", "failed")},
        }
        self.backoff = self.new_backoff()

    @property
    def backoffs(self) -> dict[str, Backoff]:
        """Of all Jobs that run, by uid."""
        return self.context.memory.setdefault("backoffs", {})  # type: ignore[no-any-return]

    def new_backoff(self) -> Backoff:
        """What is remembered, with those who have ended since; where nothing is, what the pods tell that are there."""
        known = self.backoffs.get(self.job["metadata"]["uid"])
        if known is None:
            known = Backoff()
            successes = [finish_time(pod) for pod in self.pods if pod["status"].get("phase") == "Succeeded"]
            failures = [finish_time(pod) for pod in self.pods if self.has_failed(pod)]
        else:
            successes = [finish_time(pod) for pod in self.to_count("succeeded")]
            failures = [finish_time(pod) for pod in self.to_count("failed")]
        if successes:
            later = [each for each in failures if each > max(successes)]
            return Backoff(len(later), max(later, default=None))
        if failures:
            return Backoff(known.failures + len(failures), max(failures))
        return known

    @property
    def spec(self) -> Object:
        return self.job["spec"]  # type: ignore[no-any-return]

    @property
    def indexed(self) -> bool:
        return self.spec.get("completionMode") == "Indexed"

    @property
    def per_index(self) -> bool:
        """Whether failures are counted for each index."""
        return "backoffLimitPerIndex" in self.spec

    @property
    def suspended(self) -> bool:
        return bool(self.spec.get("suspend"))

    def again_in(self, seconds: float) -> None:
        self.again_s = seconds if self.again_s is None else min(self.again_s, seconds)

    # What the pods say.

    def has_failed(self, pod: Object) -> bool:
        """A deleted pod has failed, unless its Job waits for the end of those it replaces."""
        phase = pod["status"].get("phase")
        if self.spec.get("podReplacementPolicy") == "Failed":
            return bool(phase == "Failed")
        return bool(phase == "Failed" or ("deletionTimestamp" in pod["metadata"] and phase != "Succeeded"))

    def to_count(self, phase: str) -> list[Object]:
        """Pods that ended so and are not in the status yet."""
        ended: Callable[[Object], bool] = (
            self.has_failed if phase == "failed" else lambda pod: pod["status"].get("phase") == "Succeeded"
        )
        known = set(self.status["uncountedTerminatedPods"][phase])
        return [
            pod
            for pod in self.pods
            if is_tracked(pod) and pod["metadata"]["uid"] not in known and ended(pod) and self.has_index(pod)
        ]

    def has_index(self, pod: Object) -> bool:
        return not self.indexed or index_of(pod) in range(self.spec.get("completions", 0))

    def counts_as_failure(self, pod: Object) -> bool:
        return verdict(self.job, pod).action != "Ignore"

    def succeeded_indexes(self) -> set[int]:
        counted = job_indexes.parse(self.status.get("completedIndexes", ""))
        return counted | {index_of(pod) for pod in self.to_count("succeeded")}

    def failed_indexes(self) -> set[int]:
        counted = job_indexes.parse(self.status.get("failedIndexes", ""))
        return counted | {index_of(pod) for pod in self.to_count("failed") if self.exhausts_index(pod)}

    def exhausts_index(self, pod: Object) -> bool:
        """Whether no further pod may try this pod's index."""
        action = verdict(self.job, pod).action
        if action == "Ignore":
            return False
        return action == "FailIndex" or failures_before(pod) >= self.spec["backoffLimitPerIndex"]


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    job = context.client.get("jobs.batch", namespace, name)
    if job is None:
        await forget_strays(context, namespace, name, None)
        return None
    if job["spec"].get("managedBy", MANAGER) != MANAGER:
        return None
    pods = await claimed_pods(context, job, finalizer=FINALIZER)
    await forget_strays(context, namespace, name, job)
    if any(finished(job, type) for type in INTERIM):
        context.memory.get("backoffs", {}).pop(job["metadata"]["uid"], None)
        await remove_finalizers(context, pods)
        return None
    sync = Sync(context, job, pods)
    await run(sync)
    if sync.refused is not None:
        raise sync.refused
    return sync.again_s


async def run(sync: Sync) -> None:
    status, spec = sync.status, sync.spec
    settle_counted(sync)
    active = [pod for pod in sync.pods if is_active(pod)]
    terminating = sum(is_terminating(pod) for pod in sync.pods)
    ready = sum(is_ready(pod) for pod in active)
    if not status.get("startTime") and not sync.suspended:
        status["startTime"] = sync.context.clock.timestamp()
    uncounted = status["uncountedTerminatedPods"]
    succeeded = status.get("succeeded", 0) + len(uncounted["succeeded"]) + len(sync.to_count("succeeded"))
    if sync.indexed:
        succeeded = len(sync.succeeded_indexes())
    outcome = ending(sync)
    still_active = len(active)
    if outcome is not None:
        await delete_pods(sync, active, keep_finalizer=True)
        terminating += len(active)
        still_active = ready = 0
    elif "deletionTimestamp" not in sync.job["metadata"]:
        still_active, deleted = await scale(sync, active, succeeded)
        if deleted:
            terminating += sum("nodeName" in pod["spec"] for pod in deleted)
            ready = sum(is_ready(pod) for pod in active if pod not in deleted)
    if outcome is None:
        completions = spec.get("completions")
        enough = succeeded > 0 if completions is None else succeeded >= completions
        # A Job whose pods have been taken from it by an orphaning deletion is not complete because none is left.
        is_left = "orphan" in sync.job["metadata"].get("finalizers", ())
        if enough and still_active == 0 and not is_left:
            outcome = Outcome("Complete", "CompletionsReached", "Reached expected number of succeeded pods")
        elif "deletionTimestamp" not in sync.job["metadata"]:
            await tell_suspension(sync)
    status.update(active=still_active, ready=ready, terminating=terminating)
    await count(sync, outcome)


def ending(sync: Sync) -> Outcome | None:
    """Why the Job is to stop now; the first reason counts."""
    spec, status = sync.spec, sync.status
    for final, interim in (("Complete", "SuccessCriteriaMet"), ("Failed", "FailureTarget")):
        told = next((each for each in status["conditions"] if each["type"] == interim), None)
        if told is not None and told["status"] == "True":
            return Outcome(final, told["reason"], told["message"])
    new_failures = sync.to_count("failed")
    for pod in new_failures:
        judged = verdict(sync.job, pod)
        if judged.action == "FailJob":
            return Outcome("Failed", "PodFailurePolicy", judged.message)
    failed = status.get("failed", 0) + len(status["uncountedTerminatedPods"]["failed"])
    failed += sum(map(sync.counts_as_failure, new_failures))
    if failed > spec.get("backoffLimit", 6) or restarted_too_often(sync):
        return Outcome("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    if deadline_passed(sync):
        return Outcome("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
    if not sync.indexed:
        return None
    succeeded = sync.succeeded_indexes()
    if sync.per_index:
        failed_indexes = sync.failed_indexes()
        if "maxFailedIndexes" in spec and len(failed_indexes) > spec["maxFailedIndexes"]:
            message = "Job has exceeded the specified maximal number of failed indexes"
            return Outcome("Failed", "MaxFailedIndexesExceeded", message)
        if failed_indexes and len(failed_indexes) + len(succeeded) >= spec["completions"]:
            return Outcome("Failed", "FailedIndexes", "Job has failed indexes")
    rule = success_rule(sync.job, succeeded)
    if rule is not None:
        return Outcome("Complete", "SuccessPolicy", f"Matched rules at index {rule}")
    return None


def restarted_too_often(sync: Sync) -> bool:
    if sync.spec["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    total = sum(restarts(pod) for pod in sync.pods if pod["status"].get("phase") in ("Running", "Pending"))
    return total > 0 if sync.spec["backoffLimit"] == 0 else total >= sync.spec["backoffLimit"]


def deadline_passed(sync: Sync) -> bool:
    limit_s = sync.spec.get("activeDeadlineSeconds")
    if limit_s is None or sync.suspended or not sync.status.get("startTime"):
        return False
    left_s = limit_s - (sync.now - time_of(sync.status["startTime"])).total_seconds()
    if left_s > 0:
        sync.again_in(left_s)
    return bool(left_s <= 0)


async def scale(sync: Sync, active: list[Object], succeeded: int) -> tuple[int, list[Object]]:
    """Make the pods that are missing or delete those too many; returns how many are active then, and the deleted ones."""
    spec = sync.spec
    if sync.suspended:
        await delete_pods(sync, active, keep_finalizer=False)
        return 0, active
    completions, parallelism = spec.get("completions"), spec.get("parallelism", 1)
    if completions is None:
        wanted = len(active) if succeeded > 0 else parallelism
    else:
        wanted = max(min(completions - succeeded, parallelism), 0)
    # Newest first among equals.
    by_age = sorted(active, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
    surplus = sorted(by_age, key=deletion_rank)[: max(len(active) - wanted, 0)]
    if surplus:
        await delete_pods(sync, surplus, keep_finalizer=False)
        return len(active) - len(surplus), surplus
    missing = wanted - len(active)
    if spec.get("podReplacementPolicy") == "Failed":
        missing -= sum(is_terminating(pod) for pod in sync.pods)
    if missing <= 0:
        return len(active), []
    if not sync.per_index:
        wait_s = wait_of(sync, sync.backoff)
        if wait_s > 0:
            sync.again_in(wait_s)
            # While it waits Kubernetes says 0, whatever runs.
            return 0, []
    indexes: list[int | None] = [None] * missing
    if sync.indexed:
        free = free_indexes(sync, active)[:missing]
        waits = {index: index_wait_s(sync, index) for index in free} if sync.per_index else {}
        indexes = [index for index in free if waits.get(index, 0) <= 0]
        for wait_s in waits.values():
            if wait_s > 0:
                sync.again_in(wait_s)
        if free and not indexes:
            return 0, []
    made = 0
    for index in indexes[:CREATED_AT_ONCE]:
        try:
            await create_pod(sync, index)
        except StatusError as error:
            sync.refused = error
            break
        made += 1
    return len(active) + made, []


def free_indexes(sync: Sync, active: list[Object]) -> list[int]:
    """Indexes that want a pod, lowest first."""
    taken = sync.succeeded_indexes() | {index_of(pod) for pod in active}
    if sync.per_index:
        taken |= sync.failed_indexes()
    if sync.spec.get("podReplacementPolicy") == "Failed":
        taken |= {index_of(pod) for pod in sync.pods if is_terminating(pod)}
    return [index for index in range(sync.spec["completions"]) if index not in taken]


def index_wait_s(sync: Sync, index: int) -> float:
    """How long the next pod of an index still has to wait: its last failed pod tells how often it has failed."""
    last = last_failed(sync, index)
    if last is None:
        return 0.0
    return wait_of(sync, Backoff(failures_before(last) + ignored_before(last) + 1, finish_time(last)))


def wait_of(sync: Sync, backoff: Backoff) -> float:
    """How long new pods still have to wait because of failures."""
    if not backoff.failures or backoff.last_at is None:
        return 0.0
    wait_s = min(FIRST_BACKOFF_S * 2.0 ** min(backoff.failures - 1, 10), LAST_BACKOFF_S)
    return wait_s - (sync.now - backoff.last_at).total_seconds()


async def create_pod(sync: Sync, index: int | None) -> None:
    context, job = sync.context, sync.job
    pod = pod_of(job, index)
    if index is not None and sync.per_index:
        pod["metadata"]["annotations"].update(failure_annotations(sync, index))
    try:
        created = await context.client.create("pods", pod)
    except StatusError as error:
        await context.recorder.warning(job, "FailedCreate", f"Error creating: {error.message}")
        raise
    await context.recorder.normal(job, "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")


def pod_of(job: Object, index: int | None) -> Object:
    """A pod from the Job's template, for an index of an Indexed Job."""
    name, template = job["metadata"]["name"], job["spec"]["template"]
    labels = dict(template["metadata"].get("labels", {}))
    annotations = dict(template["metadata"].get("annotations", {}))
    spec = dict(template["spec"])
    prefix = f"{name}-"
    if index is not None:
        prefix = f"{name}-{index}-"
        labels[INDEX] = annotations[INDEX] = str(index)
        spec["hostname"] = f"{name}-{index}"
        for key in ("containers", "initContainers"):
            if key in spec:
                spec[key] = [knowing_its_index(container) for container in spec[key]]
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "generateName": prefix,
            "namespace": job["metadata"]["namespace"],
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner_reference(job)],
            "finalizers": [*template["metadata"].get("finalizers", ()), FINALIZER],
        },
        "spec": spec,
    }


def knowing_its_index(container: Object) -> Object:
    variables = container.get("env", [])
    if any(each["name"] == INDEX_VARIABLE for each in variables):
        return container
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    return {**container, "env": [*variables, {"name": INDEX_VARIABLE, "valueFrom": source}]}


def failure_annotations(sync: Sync, index: int) -> dict[str, str]:
    """How often this index has failed: one more than its last failed pod was told."""
    last = last_failed(sync, index)
    if last is None:
        return {INDEX_FAILURES: "0"}
    counts = sync.counts_as_failure(last)
    annotations = {INDEX_FAILURES: str(failures_before(last) + counts)}
    ignored = ignored_before(last) + (not counts)
    if ignored:
        annotations[INDEX_IGNORED_FAILURES] = str(ignored)
    return annotations


def last_failed(sync: Sync, index: int) -> Object | None:
    """Of the pods of an index."""
    failed = [pod for pod in sync.pods if index_of(pod) == index and sync.has_failed(pod)]
    return max(failed, key=lambda pod: (failures_before(pod) + ignored_before(pod), finish_time(pod)), default=None)


async def delete_pods(sync: Sync, pods: list[Object], *, keep_finalizer: bool) -> None:
    """A pod whose finalizer stays is counted as its Job ends; one that loses it is not counted at all."""
    context, job = sync.context, sync.job
    if not keep_finalizer:
        await remove_finalizers(context, pods)
    for pod in pods:
        metadata = pod["metadata"]
        try:
            await context.client.delete("pods", metadata["namespace"], metadata["name"], uid=metadata["uid"])
        except NotFound:
            continue
        except StatusError as error:
            await context.recorder.warning(job, "FailedDelete", f"Error deleting: {error.message}")
            raise
        await context.recorder.normal(job, "SuccessfulDelete", f"Deleted pod: {metadata['name']}")


async def tell_suspension(sync: Sync) -> None:
    """The condition Suspended, once the Job has been suspended; suspending takes startTime away, resuming begins anew."""
    status, recorder = sync.status, sync.context.recorder
    conditions = status["conditions"]
    place = next((place for place, each in enumerate(conditions) if each["type"] == "Suspended"), None)
    was = place is not None and conditions[place]["status"] == "True"
    if sync.suspended == was:
        return
    if sync.suspended:
        new = new_condition(sync, "Suspended", "JobSuspended", "Job suspended")
        status.pop("startTime", None)
        await recorder.normal(sync.job, "Suspended", "Job suspended")
    else:
        new = new_condition(sync, "Suspended", "JobResumed", "Job resumed", status="False")
        status["startTime"] = sync.context.clock.timestamp()
        await recorder.normal(sync.job, "Resumed", "Job resumed")
    if place is None:
        conditions.append(new)
    else:
        conditions[place] = new


async def count(sync: Sync, outcome: Outcome | None) -> None:
    """Write down who ended, remove their finalizers, and with that done add them up; then the Job may be finished."""
    status, job = sync.status, sync.job
    uncounted = status["uncountedTerminatedPods"]
    release = [pod for pod in sync.pods if is_tracked(pod) and may_go(sync, pod, outcome)]
    going = {pod["metadata"]["uid"] for pod in release}
    if sync.indexed:
        indexes = sync.succeeded_indexes()
        if indexes:
            status["completedIndexes"] = job_indexes.text_of(indexes)
        status["succeeded"] = len(indexes)
        if sync.per_index:
            status["failedIndexes"] = job_indexes.text_of(sync.failed_indexes())
    else:
        uncounted["succeeded"] += [pod["metadata"]["uid"] for pod in sync.to_count("succeeded")]
    failed = [pod for pod in sync.to_count("failed") if sync.counts_as_failure(pod)]
    if "deletionTimestamp" in sync.job["metadata"]:
        # Its pods are let go as soon as it is to go, before their own deletion makes failures of them.
        failed = [pod for pod in failed if pod["status"].get("phase") == "Failed"]
    if outcome is not None and outcome.type == "Failed":
        known = {pod["metadata"]["uid"] for pod in failed} | set(uncounted["failed"])
        failed += [
            pod
            for pod in sync.pods
            if is_tracked(pod)
            and pod["status"].get("phase") not in ("Succeeded", "Failed")
            and pod["metadata"]["uid"] not in known
        ]
    uncounted["failed"] += [pod["metadata"]["uid"] for pod in failed if pod["metadata"]["uid"] in going]
    if outcome is not None and not any(each["type"] == INTERIM[outcome.type] for each in status["conditions"]):
        status["conditions"].append(new_condition(sync, INTERIM[outcome.type], outcome.reason, outcome.message))
    job = await write_status(sync, job)
    sync.backoffs[sync.job["metadata"]["uid"]] = sync.backoff
    await remove_finalizers(sync.context, release)
    sync.pods = [untracked(pod) if pod["metadata"]["uid"] in going else pod for pod in sync.pods]
    settle_counted(sync)
    if outcome is not None and not any(uncounted.values()) and not status["terminating"]:
        status["conditions"].append(new_condition(sync, outcome.type, outcome.reason, outcome.message))
        if outcome.type == "Complete":
            status["completionTime"] = sync.context.clock.timestamp()
    job = await write_status(sync, job)
    if finished(job, "Complete"):
        await sync.context.recorder.normal(job, "Completed", "Job completed")
    elif finished(job, "Failed") and outcome is not None:
        await sync.context.recorder.warning(job, outcome.reason, outcome.message)


def may_go(sync: Sync, pod: Object, outcome: Outcome | None) -> bool:
    """Whether the pod's finalizer has done its work."""
    if outcome is not None or "deletionTimestamp" in sync.job["metadata"] or pod["status"].get("phase") == "Succeeded":
        return True
    if not sync.has_failed(pod):
        return False
    if not sync.per_index or not sync.has_index(pod) or index_of(pod) in sync.failed_indexes():
        return True
    # The last failed pod of an index remembers how often it failed, until the next pod has been told.
    tries = failures_before(pod) + ignored_before(pod)
    index = index_of(pod)
    others = [
        each for each in sync.context.client.list("pods", pod["metadata"]["namespace"]) if index_of(each) == index
    ]
    reference = controller_reference(pod)
    return any(
        controller_reference(each) == reference and failures_before(each) + ignored_before(each) > tries
        for each in others
    )


def settle_counted(sync: Sync) -> None:
    """Who is named in uncountedTerminatedPods and has lost its finalizer is counted for good."""
    tracked = {pod["metadata"]["uid"] for pod in sync.pods if is_tracked(pod)}
    for key, uids in sync.status["uncountedTerminatedPods"].items():
        counted = [uid for uid in uids if uid not in tracked]
        sync.status[key] = sync.status.get(key, 0) + len(counted)
        uids[:] = [uid for uid in uids if uid in tracked]


async def write_status(sync: Sync, job: Object) -> Object:
    """Write the status if it differs, with what is zero left out; returns the Job as it is then."""
    status = dict(sync.status)
    status["uncountedTerminatedPods"] = {
        key: list(uids) for key, uids in status["uncountedTerminatedPods"].items() if uids
    }
    for key in ("active", "succeeded", "failed", "conditions"):
        if not status.get(key):
            status.pop(key, None)
    status["conditions"] = list(status["conditions"]) if "conditions" in status else None
    status = {key: value for key, value in status.items() if value is not None}
    if status == job.get("status"):
        return job
    return await sync.context.client.update("jobs.batch", {**job, "status": status}, "status")


async def remove_finalizers(context: Context, pods: Iterable[Object]) -> None:
    for pod in pods:
        if not is_tracked(pod):
            continue
        metadata = pod["metadata"]
        current = context.client.get("pods", metadata["namespace"], metadata["name"])
        if current is None or current["metadata"]["uid"] != metadata["uid"]:
            continue
        finalizers = [each for each in current["metadata"].get("finalizers", ()) if each != FINALIZER]
        patch = {"metadata": {"uid": metadata["uid"], "finalizers": finalizers or None}}
        try:
            await context.client.patch("pods", metadata["namespace"], metadata["name"], patch)
        except NotFound:
            continue


async def forget_strays(context: Context, namespace: str, name: str, job: Object | None) -> None:
    """Pods that still wait to be counted by a Job that is gone, or is not theirs, wait no longer."""
    uid = job["metadata"]["uid"] if job is not None else ""
    strays = []
    for pod in context.client.list("pods", namespace):
        if is_tracked(pod) and (namespace, name) in job_of(pod):
            reference = controller_reference(pod)
            if reference is None or reference["uid"] != uid:
                strays.append(pod)
    await remove_finalizers(context, strays)


def finished(job: Object, type: str) -> bool:
    return any(
        each["type"] == type and each["status"] == "True" for each in job.get("status", {}).get("conditions", ())
    )


def new_condition(sync: Sync, type: str, reason: str, message: str, *, status: str = "True") -> dict[str, Any]:
    now = sync.context.clock.timestamp()
    return {
        "type": type,
        "status": status,
        "lastProbeTime": now,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }


def is_tracked(pod: Object) -> bool:
    """Whether it still waits to be counted."""
    return FINALIZER in pod["metadata"].get("finalizers", ())


def untracked(pod: Object) -> Object:
    finalizers = [each for each in pod["metadata"].get("finalizers", ()) if each != FINALIZER]
    return {**pod, "metadata": {**pod["metadata"], "finalizers": finalizers}}


def index_of(pod: Object) -> int:
    """-1 without one."""
    text = pod["metadata"].get("annotations", {}).get(INDEX, "")
    return int(text) if text.isdecimal() else -1


def failures_before(pod: Object) -> int:
    return int(pod["metadata"].get("annotations", {}).get(INDEX_FAILURES, "0"))


def ignored_before(pod: Object) -> int:
    return int(pod["metadata"].get("annotations", {}).get(INDEX_IGNORED_FAILURES, "0"))


CONTROLLER = Controller(
    name="job-controller",
    watches=(Watch("jobs.batch", key=own), Watch("pods", key=job_of, owned_by=("Job", ""))),
    reconcile=reconcile,
)
