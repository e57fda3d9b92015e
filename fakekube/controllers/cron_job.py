"""Makes the Jobs of a CronJob when they are due, and deletes those that have ended long ago.

https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fakekube.controllers.claims import owner_reference, present
from fakekube.controllers.cron_times import Times, times_of
from fakekube.controllers.loop import Context, Controller, Object, Watch, own, owner_of
from fakekube.controllers.pod_control import is_end_of_namespace
from fakekube.controllers.pod_states import time_of
from fakekube.errors import AlreadyExists, NotFound, StatusError
from fakekube.objects.cron import ScheduleError
from fakekube.objects.times import from_datetime

RESOURCE, JOBS = "cronjobs.batch", "jobs.batch"

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"

TOO_MANY_MISSED = 100
"""More missed times than these are told of."""
TOO_MANY_TEXT = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"

FORBIDDEN_TEXT = "Not starting job because prior execution is running and concurrency policy is Forbid"


@dataclass(slots=True)
class Sync:
    """One look at a CronJob and its Jobs. `status` is the new one in the making."""

    context: Context
    cron_job: Object
    jobs: list[Object]
    status: Object = field(init=False)
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        status = self.cron_job.get("status", {})
        self.status = {**status, "active": list(status.get("active", ()))}
        self.now = self.context.clock.now()

    @property
    def spec(self) -> Object:
        return self.cron_job["spec"]  # type: ignore[no-any-return]

    @property
    def active(self) -> list[Object]:
        return self.status["active"]  # type: ignore[no-any-return]

    async def tell(self, reason: str, text: str, *, warning: bool = False) -> None:
        recorder = self.context.recorder
        await (recorder.warning if warning else recorder.normal)(self.cron_job, reason, text)


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    seen = f"{namespace}/{name}"
    cron_job = context.client.get(RESOURCE, namespace, name)
    if cron_job is None:
        context.memory.pop(seen, None)
        return None
    before, context.memory[seen] = context.memory.get(seen), cron_job
    sync = Sync(context, cron_job, jobs_of(context, cron_job))
    if before is not None and is_only_rescheduled(before, cron_job):
        return await pause_s(sync)
    await look_at_jobs(sync)
    again_s = None
    if "deletionTimestamp" not in cron_job["metadata"]:
        again_s = await run(sync)
        await clean_up(sync)
    await write_status(sync)
    return again_s


def jobs_of(context: Context, cron_job: Object) -> list[Object]:
    names = context.owners(JOBS).of(cron_job).names
    return present(context.client.get(JOBS, cron_job["metadata"]["namespace"], name) for name in sorted(names))


def is_only_rescheduled(before: Object, now: Object) -> bool:
    """Whether nothing but the schedule has changed: then what was missed by the new one is not made up for at once."""
    timing = ("schedule", "timeZone")

    def rest(cron_job: Object) -> tuple[Any, ...]:
        metadata = cron_job["metadata"]
        spec = {key: value for key, value in cron_job["spec"].items() if key not in timing}
        return (metadata["uid"], metadata.get("labels"), metadata.get("annotations"), spec)

    changed = any(before["spec"].get(key) != now["spec"].get(key) for key in timing)
    return changed and rest(before) == rest(now)


def condition_of_end(job: Object) -> str:
    """Complete or Failed; empty while the Job goes on."""
    for each in job.get("status", {}).get("conditions", ()):
        if each["type"] in ("Complete", "Failed") and each["status"] == "True":
            return str(each["type"])
    return ""


async def look_at_jobs(sync: Sync) -> None:
    """Strike those that have ended off the list of active ones, and tell of what is not as expected."""
    listed = {each.get("uid", "") for each in sync.active}
    for job in sync.jobs:
        metadata, end = job["metadata"], condition_of_end(job)
        if metadata["uid"] not in listed:
            if not end:
                text = f"Saw a job that the controller did not create or forgot: {metadata['name']}"
                await sync.tell("UnexpectedJob", text, warning=True)
        elif end:
            strike_off(sync, metadata["uid"])
            text = f"Saw completed job: {metadata['name']}, condition: {end}"
            await sync.tell("SawCompletedJob", text)
        done = job.get("status", {}).get("completionTime")
        if end == "Complete" and done and done > sync.status.get("lastSuccessfulTime", ""):
            sync.status["lastSuccessfulTime"] = done
    known = {job["metadata"]["uid"] for job in sync.jobs}
    for each in list(sync.active):
        if each.get("uid", "") not in known:
            await sync.tell("MissingJob", f"Active job went missing: {each.get('name', '')}")
            strike_off(sync, each.get("uid", ""))


def strike_off(sync: Sync, uid: str) -> None:
    sync.active[:] = [each for each in sync.active if each.get("uid", "") != uid]


async def times_for(sync: Sync) -> Times | None:
    """None, after telling of it, for a schedule that cannot be read."""
    text, zone = sync.spec["schedule"], sync.spec.get("timeZone")
    try:
        return times_of(text, zone)
    except ScheduleError as error:
        await sync.tell("UnparseableSchedule", f'unparseable schedule: "{text}" : {error}', warning=True)
        return None


async def pause_s(sync: Sync) -> float | None:
    """How long it is until the next time; None when suspended, or there is none."""
    times = None if sync.spec.get("suspend") else await times_for(sync)
    return seconds_until_next(sync, times) if times is not None else None


def seconds_until_next(sync: Sync, times: Times) -> float | None:
    """With `@every` the next time depends on the last one."""
    begin = earliest(sync)
    next_time = times.next(times.last(begin, sync.now) or begin)
    return None if next_time is None else (next_time - sync.now).total_seconds()


async def run(sync: Sync) -> float | None:
    """Start the Job that is due, if one is; returns after how many seconds the next one will be."""
    if sync.spec.get("suspend"):
        return None
    times = await times_for(sync)
    if times is None:
        return None
    again_s = seconds_until_next(sync, times)
    due = await due_time(sync, times)
    if due is None:
        return again_s
    deadline_s = sync.spec.get("startingDeadlineSeconds")
    if deadline_s is not None and due + timedelta(seconds=deadline_s) < sync.now:
        missed = due.strftime("%a, %d %b %Y %H:%M:%S +0000")
        await sync.tell("MissSchedule", f"Missed scheduled time to start a job: {missed}", warning=True)
        return again_s
    job = new_job(sync.cron_job, due.astimezone(times.zone))
    if any(each["name"] == job["metadata"]["name"] for each in sync.active):
        return again_s
    if sync.status.get("lastScheduleTime") == from_datetime(due):
        return again_s
    match sync.spec.get("concurrencyPolicy"):
        case "Forbid" if sync.active:
            await sync.tell("JobAlreadyActive", FORBIDDEN_TEXT)
            return again_s
        case "Replace":
            for each in list(sync.active):
                await delete_job(sync, each["name"])
    await start(sync, job, due)
    return again_s


async def due_time(sync: Sync, times: Times) -> datetime | None:
    """The latest time that has come since the last one; earlier ones are missed for good."""
    begin, now = earliest(sync), sync.now
    due = times.last(begin, now)
    if due is None:
        return None
    missed, time = 0, times.next(begin)
    while time is not None and time <= now and missed <= TOO_MANY_MISSED:
        missed, time = missed + 1, times.next(time)
    if missed > TOO_MANY_MISSED:
        await sync.tell("TooManyMissedTimes", TOO_MANY_TEXT, warning=True)
    return due


def earliest(sync: Sync) -> datetime:
    """Times after this one count: that of the last Job or of the creation, or as far back as the deadline reaches."""
    status, spec = sync.cron_job.get("status", {}), sync.spec
    begin = time_of(status.get("lastScheduleTime") or sync.cron_job["metadata"]["creationTimestamp"])
    if "startingDeadlineSeconds" in spec:
        begin = max(begin, sync.now - timedelta(seconds=spec["startingDeadlineSeconds"]))
    return begin


def new_job(cron_job: Object, due: datetime) -> Object:
    """The Job of a time, which is given in the zone of the schedule."""
    template, name = cron_job["spec"]["jobTemplate"], cron_job["metadata"]["name"]
    metadata = template.get("metadata", {})
    shown = due.isoformat(timespec="seconds").replace("+00:00", "Z")
    made = {
        "name": f"{name}-{int(due.timestamp()) // 60}",
        "namespace": cron_job["metadata"]["namespace"],
        "labels": metadata.get("labels", {}),
        "annotations": {**metadata.get("annotations", {}), SCHEDULED_AT: shown},
        "ownerReferences": [owner_reference(cron_job)],
    }
    return {"kind": "Job", "apiVersion": "batch/v1", "metadata": made, "spec": template["spec"]}


async def start(sync: Sync, job: Object, due: datetime) -> None:
    context, metadata = sync.context, job["metadata"]
    try:
        created = await context.client.create(JOBS, job)
    except AlreadyExists:
        taken = context.client.get(JOBS, metadata["namespace"], metadata["name"])
        if taken is None or owner_reference(sync.cron_job) not in taken["metadata"].get("ownerReferences", ()):
            raise
        # It was made before, and the status could not be written.
        created = taken
        if condition_of_end(taken):
            sync.status["lastScheduleTime"] = from_datetime(due)
            return
    except StatusError as error:
        if not is_end_of_namespace(error):
            await sync.tell("FailedCreate", f"Error creating job: {error.message}", warning=True)
            raise
        return
    else:
        await sync.tell("SuccessfulCreate", f"Created job {metadata['name']}")
    sync.active.append(
        {
            "kind": "Job",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": created["metadata"]["uid"],
            "apiVersion": "batch/v1",
            "resourceVersion": created["metadata"]["resourceVersion"],
        }
    )
    sync.status["lastScheduleTime"] = from_datetime(due)


async def delete_job(sync: Sync, name: str) -> None:
    namespace = sync.cron_job["metadata"]["namespace"]
    job = sync.context.client.get(JOBS, namespace, name)
    if job is not None:
        uid = job["metadata"]["uid"]
        try:
            await sync.context.client.delete(JOBS, namespace, name, uid=uid, propagation_policy="Background")
        except NotFound:
            pass
        except StatusError as error:
            await sync.tell("FailedDelete", f"Deleted job: {error.message}", warning=True)
            raise
        strike_off(sync, uid)
        await sync.tell("SuccessfulDelete", f"Deleted job {name}")


async def clean_up(sync: Sync) -> None:
    """Delete the oldest Jobs that have ended, those that succeeded and those that failed, until the limits are kept."""
    for end, key in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
        limit = sync.spec.get(key)
        if limit is None:
            continue
        ended = [job for job in sync.jobs if condition_of_end(job) == end]
        ended.sort(key=lambda job: (job.get("status", {}).get("startTime", ""), job["metadata"]["name"]))
        for job in ended[: max(len(ended) - limit, 0)]:
            if "deletionTimestamp" not in job["metadata"]:
                await delete_job(sync, job["metadata"]["name"])


async def write_status(sync: Sync) -> None:
    status = dict(sync.status)
    if not status["active"]:
        del status["active"]
    if status != sync.cron_job.get("status", {}):
        try:
            await sync.context.client.update(RESOURCE, {**sync.cron_job, "status": status}, "status")
        except NotFound:
            return


CONTROLLER = Controller(
    name="cronjob-controller",
    watches=(Watch(RESOURCE, key=own), Watch(JOBS, key=owner_of("CronJob"))),
    reconcile=reconcile,
)
