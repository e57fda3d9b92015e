"""Time as a test holds it."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakekube import FakeCluster
from fakekube.server.certificates import Certificates

START = datetime(2026, 1, 2, 3, 0, 30, tzinfo=UTC)
WORK = {"containers": [{"name": "main", "image": "busybox"}], "restartPolicy": "Never"}
CRON_JOB = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "tick"},
    "spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": {"spec": WORK}}}},
}


def test_a_cron_job_runs_at_its_minutes_and_only_then(kube: FakeCluster) -> None:
    kube.clock.freeze(START)
    kube.create(CRON_JOB)
    kube.settle()
    assert kube.list("jobs") == []

    assert kube.clock.advance(minutes=11) == START + timedelta(minutes=11)
    times = [job["status"]["completionTime"] for job in kube.list("jobs")]
    assert times == ["2026-01-02T03:05:00Z", "2026-01-02T03:10:00Z"]
    assert kube.clock.is_frozen


def test_a_finished_job_is_gone_when_its_time_to_live_is_over(kube: FakeCluster) -> None:
    kube.clock.freeze()
    spec = {"ttlSecondsAfterFinished": 60, "template": {"spec": WORK}}
    kube.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}, "spec": spec})
    kube.clock.advance(seconds=59)
    assert kube.find("job", "once")

    kube.clock.advance(seconds=2)
    assert kube.find("job", "once") is None


def test_a_frozen_clock_is_the_time_of_everything_that_is_written(kube: FakeCluster) -> None:
    kube.clock.freeze(at="2030-05-06T07:08:09Z")
    made = kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})
    assert made["metadata"]["creationTimestamp"] == "2030-05-06T07:08:09Z"


def test_a_reset_brings_back_the_time_of_this_machine(kube: FakeCluster) -> None:
    kube.clock.freeze(at="2030-05-06T07:08:09Z")
    kube.reset()
    assert not kube.clock.is_frozen
    assert abs(kube.clock.now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_an_unfrozen_clock_goes_on_from_where_it_was_moved_to(kube: FakeCluster) -> None:
    kube.clock.freeze(START)
    kube.clock.advance(hours=1)
    kube.clock.unfreeze()
    gone = kube.clock.now() - START
    assert timedelta(hours=1) <= gone < timedelta(hours=1, minutes=1)


def test_time_that_is_not_frozen_can_be_moved_as_well(kube: FakeCluster) -> None:
    before = kube.clock.now()
    kube.clock.advance(timedelta(days=2))
    assert kube.clock.now() - before >= timedelta(days=2)
    assert not kube.clock.is_frozen


def test_time_does_not_go_back_and_has_a_zone(kube: FakeCluster) -> None:
    with pytest.raises(ValueError, match="does not go back"):
        kube.clock.advance(minutes=-1)
    with pytest.raises(ValueError, match="no time zone"):
        kube.clock.freeze(datetime(2026, 1, 1))


def test_settling_tells_what_keeps_happening(kube: FakeCluster) -> None:
    stop = threading.Event()

    async def disturb() -> None:
        while not stop.is_set():
            kube._loop.wake(("shop", "restless"), name="namespace-controller")  # type: ignore[union-attr]
            await asyncio.sleep(0)

    disturbing = kube.server.submit(disturb())
    try:
        with pytest.raises(TimeoutError) as failed:
            kube.settle(timeout=0.05)
    finally:
        stop.set()
        disturbing.result()
    assert "does not come to rest within 0.05 s" in str(failed.value)
    assert "namespace-controller: shop/restless" in str(failed.value)


def test_the_same_seed_at_the_same_time_gives_the_same_objects() -> None:
    certificates = Certificates.in_memory()

    def played() -> dict[str, Any]:
        with FakeCluster(seed=7, certificates=certificates) as kube:
            kube.clock.freeze(START)
            template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
            spec = {"replicas": 3, "selector": {"matchLabels": {"a": "b"}}, "template": template}
            kube.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
            kube.settle()  # else this test and the controllers would be at it at the same time
            kube.create(CRON_JOB)
            kube.clock.advance(minutes=7)
            kinds = ("deployments", "replicasets", "pods", "cronjobs", "jobs", "events")
            return {kind: kube.list(kind) for kind in kinds}

    assert played() == played()


def test_events_are_gone_an_hour_after_they_were_written(kube: FakeCluster) -> None:
    kube.clock.freeze()
    kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": WORK})
    kube.settle()
    assert {event["reason"] for event in kube.list("events")} > {"Scheduled", "Started"}

    kube.clock.advance(minutes=59)
    assert kube.list("events")
    kube.clock.advance(minutes=1)
    assert [event for event in kube.list("events") if event["involvedObject"]["name"] == "web"] == []
