from __future__ import annotations

from typing import Any

from fakekube.controllers import cron_job
from tests.controllers.in_memory import Cluster, Object, named
from tests.controllers.workloads import NAMESPACE, events, found

CRON_JOBS, JOBS = "cronjobs.batch", "jobs.batch"
CONTROLLERS = (cron_job.CONTROLLER,)
TEMPLATE = {"metadata": {"labels": {"l": "j"}, "annotations": {"a": "j"}}, "spec": {"backoffLimit": 0}}
LONG_AGO = "2025-06-01T00:00:00Z"


def a_cron_job(**spec: Any) -> Object:
    common = {"schedule": "* * * * *", "concurrencyPolicy": "Allow", "jobTemplate": TEMPLATE}
    limits = {"successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1}
    return {"metadata": {"name": "tick", "namespace": NAMESPACE}, "spec": {**common, **limits, **spec}}


async def create(cluster: Cluster, *, last: str | None = None, **spec: Any) -> None:
    status = {"lastScheduleTime": last} if last else {}
    await cluster.create(CRON_JOBS, {**a_cron_job(**spec), "status": status})
    await cluster.settle()


async def finish(cluster: Cluster, name: str, type: str = "Complete") -> None:
    now = cluster.clock.timestamp()
    condition = {"type": type, "status": "True", "lastTransitionTime": now}
    status = {"conditions": [condition], "startTime": now}
    if type == "Complete":
        status["completionTime"] = now
    await cluster.patch(JOBS, NAMESPACE, name, {"status": status}, "status")
    await cluster.settle()


def status(cluster: Cluster) -> Object:
    return found(cluster, CRON_JOBS, "tick")["status"]  # type: ignore[no-any-return]


def active(cluster: Cluster) -> list[str]:
    return [each["name"] for each in status(cluster).get("active", ())]


def test_a_job_is_made_when_it_is_due_and_named_by_its_minute() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, timeZone="Europe/Berlin")
        assert cluster.list(JOBS) == []
        await cluster.settle(55)
        (job,) = cluster.list(JOBS)
        assert job["metadata"]["name"] == "tick-29455385"
        assert job["metadata"]["labels"] == {"l": "j"}
        assert job["metadata"]["annotations"] == {
            "a": "j",
            "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-02T04:05:00+01:00",
        }
        assert job["metadata"]["ownerReferences"][0]["kind"] == "CronJob"
        assert status(cluster) == {
            "active": [
                {
                    "kind": "Job",
                    "apiVersion": "batch/v1",
                    "name": "tick-29455385",
                    "namespace": NAMESPACE,
                    "uid": job["metadata"]["uid"],
                    "resourceVersion": job["metadata"]["resourceVersion"],
                }
            ],
            "lastScheduleTime": "2026-01-02T03:05:00Z",
        }
        assert events(cluster) == ["SuccessfulCreate Created job tick-29455385"]

    Cluster(CONTROLLERS).run(scenario)


def test_each_time_makes_one_job() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster)
        for _ in range(3):
            await cluster.settle(60)
        assert named(cluster.list(JOBS)) == ["tick-29455385", "tick-29455386", "tick-29455387"]

    Cluster(CONTROLLERS).run(scenario)


def test_of_what_was_missed_only_the_latest_is_made_up_for() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, schedule="0 0 1 * *", last=LONG_AGO)
        assert named(cluster.list(JOBS)) == ["tick-29453760"]
        assert status(cluster)["lastScheduleTime"] == "2026-01-01T00:00:00Z"

    Cluster(CONTROLLERS).run(scenario)


def test_too_many_missed_times_are_told_of_and_the_latest_runs_all_the_same() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, last=LONG_AGO)
        assert named(cluster.list(JOBS)) == ["tick-29455384"]
        assert events(cluster)[0].startswith("TooManyMissedTimes too many missed start times.")

    Cluster(CONTROLLERS).run(scenario)


def test_what_was_due_before_the_deadline_is_forgotten() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, schedule="0 0 * * *", startingDeadlineSeconds=100, last=LONG_AGO)
        assert cluster.list(JOBS) == []
        assert status(cluster) == {"lastScheduleTime": LONG_AGO}

    Cluster(CONTROLLERS).run(scenario)


def test_suspended_nothing_happens() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, suspend=True, last=LONG_AGO)
        await cluster.settle(600)
        assert cluster.list(JOBS) == []

    Cluster(CONTROLLERS).run(scenario)


def test_forbidden_to_overlap_a_job_waits_for_the_one_before() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, concurrencyPolicy="Forbid")
        await cluster.settle(60)
        await cluster.settle(60)
        assert active(cluster) == ["tick-29455385"]
        assert status(cluster)["lastScheduleTime"] == "2026-01-02T03:05:00Z"
        assert events(cluster)[-1].startswith("JobAlreadyActive Not starting job because prior execution is running")
        await finish(cluster, "tick-29455385")
        assert active(cluster) == ["tick-29455386"]

    Cluster(CONTROLLERS).run(scenario)


def test_to_be_replaced_the_one_before_makes_room() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, concurrencyPolicy="Replace")
        await cluster.settle(60)
        await cluster.settle(60)
        assert named(cluster.list(JOBS)) == active(cluster) == ["tick-29455386"]
        assert "SuccessfulDelete Deleted job tick-29455385" in events(cluster)

    Cluster(CONTROLLERS).run(scenario)


def test_what_has_ended_is_struck_off_and_told_of() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster)
        await cluster.settle(60)
        await finish(cluster, "tick-29455385")
        assert active(cluster) == []
        assert status(cluster)["lastSuccessfulTime"] == "2026-01-02T03:05:05Z"
        assert events(cluster)[-1] == "SawCompletedJob Saw completed job: tick-29455385, condition: Complete"

    Cluster(CONTROLLERS).run(scenario)


def test_an_active_job_that_somebody_deletes_is_missed() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster)
        await cluster.settle(60)
        await cluster.delete(JOBS, NAMESPACE, "tick-29455385")
        await cluster.settle()
        assert active(cluster) == []
        assert events(cluster)[-1] == "MissingJob Active job went missing: tick-29455385"

    Cluster(CONTROLLERS).run(scenario)


def test_as_many_jobs_that_have_ended_are_kept_as_the_limits_say() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, successfulJobsHistoryLimit=2, failedJobsHistoryLimit=0)
        for number in range(29455385, 29455389):
            await cluster.settle(60)
            await finish(cluster, f"tick-{number}", "Failed" if number == 29455388 else "Complete")
        assert named(cluster.list(JOBS)) == ["tick-29455386", "tick-29455387"]

    Cluster(CONTROLLERS).run(scenario)


def test_another_schedule_waits_for_its_next_time_and_any_other_change_looks_at_once() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, schedule="0 0 1 * *")
        await cluster.patch(CRON_JOBS, NAMESPACE, "tick", {"status": {"lastScheduleTime": LONG_AGO}}, "status")
        await cluster.settle()
        (before,) = cluster.list(JOBS)
        await cluster.patch(CRON_JOBS, NAMESPACE, "tick", {"spec": {"schedule": "0 1 1 * *"}})
        await cluster.settle()
        assert cluster.list(JOBS) == [before]
        await cluster.patch(CRON_JOBS, NAMESPACE, "tick", {"metadata": {"labels": {"touched": "yes"}}})
        await cluster.settle()
        assert named(cluster.list(JOBS)) == ["tick-29453760", "tick-29453820"]

    Cluster(CONTROLLERS).run(scenario)


def test_a_schedule_that_cannot_be_read_is_told_of() -> None:
    async def scenario(cluster: Cluster) -> None:
        await create(cluster, schedule="now and then")
        assert events(cluster)[0].startswith('UnparseableSchedule unparseable schedule: "now and then" : expected')

    Cluster(CONTROLLERS).run(scenario)
