from __future__ import annotations

import asyncio
from typing import Any

from fakekube.controllers import job, ttl_after_finished
from fakekube.errors import Forbidden
from tests.controllers.in_memory import Cluster, named

CONTROLLERS = (job.CONTROLLER, ttl_after_finished.CONTROLLER)
ENDS = ("FailureTarget", "SuccessCriteriaMet", "Complete", "Failed")


def a_job(**spec: Any) -> dict[str, Any]:
    labels = {"batch.kubernetes.io/job-name": "work"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main"}], "restartPolicy": "Never"}}
    common = {"selector": {"matchLabels": labels}, "backoffLimit": 6, "template": template}
    return {"metadata": {"name": "work", "namespace": "shop"}, "spec": {**common, "completions": 1, **spec}}


def the_job(cluster: Cluster) -> dict[str, Any]:
    found = cluster.get("jobs.batch", "shop", "work")
    assert found is not None
    return found


def status(cluster: Cluster) -> dict[str, Any]:
    return {key: value for key, value in the_job(cluster)["status"].items() if "Time" not in key}


def ends(cluster: Cluster) -> list[tuple[str, str]]:
    return [(each["type"], each["reason"]) for each in the_job(cluster)["status"].get("conditions", [])]


def events(cluster: Cluster) -> list[str]:
    return sorted(f"{each['reason']} {each['message']}" for each in cluster.list("events"))


async def end_pod(cluster: Cluster, name: str, phase: str, exit_code: int | None = None) -> None:
    change: dict[str, Any] = {"phase": phase}
    if exit_code is not None:
        change["containerStatuses"] = [{"name": "main", "state": {"terminated": {"exitCode": exit_code}}}]
    await cluster.patch("pods", "shop", name, {"status": change}, "status")
    await cluster.settle()


def test_a_pod_is_made_that_names_its_job_as_controller_and_waits_to_be_counted() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job())
        await cluster.settle()
        metadata = cluster.list("pods")[0]["metadata"]
        assert metadata["generateName"] == "work-"
        assert metadata["finalizers"] == ["batch.kubernetes.io/job-tracking"]
        assert metadata["ownerReferences"][0]["uid"] == the_job(cluster)["metadata"]["uid"]
        assert status(cluster) == {"active": 1, "ready": 0, "terminating": 0, "uncountedTerminatedPods": {}}
        assert events(cluster) == [f"SuccessfulCreate Created pod: {metadata['name']}"]

    Cluster(CONTROLLERS).run(scenario)


def test_a_job_is_complete_when_all_its_pods_have_succeeded() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job(completions=2, parallelism=1))
        await cluster.settle()
        first = named(cluster.list("pods"))[0]
        await end_pod(cluster, first, "Succeeded")
        second = next(name for name in named(cluster.list("pods")) if name != first)
        assert status(cluster)["succeeded"] == 1
        assert cluster.get("pods", "shop", first)["metadata"].get("finalizers") is None  # type: ignore[index]
        await end_pod(cluster, second, "Succeeded")
        assert ends(cluster) == [("SuccessCriteriaMet", "CompletionsReached"), ("Complete", "CompletionsReached")]
        assert the_job(cluster)["status"]["completionTime"] == "2026-01-02T03:04:05Z"
        assert "Completed Job completed" in events(cluster)

    Cluster(CONTROLLERS).run(scenario)


def test_a_pod_is_noted_before_its_finalizer_goes_and_counted_afterwards() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job(completions=2, parallelism=1))
        await cluster.settle()
        cluster.writes.clear()
        pod = cluster.list("pods")[0]["metadata"]
        await end_pod(cluster, pod["name"], "Succeeded")
        written = [(verb, object) for verb, resource, object in cluster.writes[1:] if resource != "events"]
        assert [verb for verb, _ in written] == ["create", "update status", "patch", "update status"]
        assert written[1][1]["status"]["uncountedTerminatedPods"] == {"succeeded": [pod["uid"]]}
        assert "succeeded" not in written[1][1]["status"]
        assert written[3][1]["status"]["uncountedTerminatedPods"] == {}
        assert written[3][1]["status"]["succeeded"] == 1

    Cluster(CONTROLLERS).run(scenario)


def test_beyond_the_backoff_limit_a_job_fails_and_waits_for_its_terminating_pods() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job(completions=3, parallelism=2, backoffLimit=0))
        await cluster.settle()
        failing, other = named(cluster.list("pods"))
        await cluster.patch("pods", "shop", other, {"spec": {"nodeName": "elsewhere"}})
        await end_pod(cluster, failing, "Failed")
        assert ends(cluster) == [("FailureTarget", "BackoffLimitExceeded")]
        counted = {"failed": 2, "ready": 0, "uncountedTerminatedPods": {}}
        assert {**counted, "terminating": 1}.items() <= status(cluster).items()
        await cluster.delete("pods", "shop", other, grace_period_seconds=0)
        await cluster.settle()
        assert ends(cluster)[1] == ("Failed", "BackoffLimitExceeded")
        assert {**counted, "terminating": 0}.items() <= status(cluster).items()
        assert "BackoffLimitExceeded Job has reached the specified backoff limit" in events(cluster)

    Cluster(CONTROLLERS).run(scenario)


def test_after_a_failure_the_next_pod_waits_and_nothing_counts_as_active() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job(completions=2, parallelism=2))
        await cluster.settle()
        await end_pod(cluster, named(cluster.list("pods"))[0], "Failed")
        assert status(cluster) == {"failed": 1, "ready": 0, "terminating": 0, "uncountedTerminatedPods": {}}
        await cluster.settle(9)
        assert len(cluster.list("pods")) == 2
        await cluster.settle(2)
        assert len(cluster.list("pods")) == 3
        assert status(cluster)["active"] == 2

    Cluster(CONTROLLERS).run(scenario)


def test_after_a_pod_was_deleted_the_next_one_waits_although_nothing_is_left_of_it() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job())
        await cluster.settle()
        await cluster.delete("pods", "shop", named(cluster.list("pods"))[0], grace_period_seconds=0)
        await cluster.settle()
        assert (cluster.list("pods"), status(cluster)["failed"]) == ([], 1)
        await cluster.settle(11)
        assert (len(cluster.list("pods")), status(cluster)["active"]) == (1, 1)

    Cluster(CONTROLLERS).run(scenario)


def test_while_all_indexes_that_want_a_pod_wait_nothing_counts_as_active() -> None:
    async def scenario(cluster: Cluster) -> None:
        spec = {"completionMode": "Indexed", "completions": 2, "parallelism": 2, "backoffLimitPerIndex": 2}
        await cluster.create("jobs.batch", a_job(**spec))
        await cluster.settle()
        await end_pod(cluster, named(cluster.list("pods"))[0], "Failed")
        assert "active" not in status(cluster)
        await cluster.settle(10)
        assert status(cluster)["active"] == 2

    Cluster(CONTROLLERS).run(scenario)


def test_a_job_that_leaves_its_pods_behind_is_not_complete_for_want_of_them() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job(parallelism=2, completions=None))
        await cluster.settle()
        first, second = named(cluster.list("pods"))
        await end_pod(cluster, first, "Succeeded")
        await cluster.patch("jobs.batch", "shop", "work", {"metadata": {"finalizers": ["orphan"]}})
        await cluster.delete("jobs.batch", "shop", "work")
        await cluster.patch("pods", "shop", second, {"metadata": {"ownerReferences": None}})
        await cluster.settle()
        assert ends(cluster) == []

    Cluster(CONTROLLERS).run(scenario)


def test_a_work_queue_is_complete_when_one_has_succeeded_and_none_runs() -> None:
    async def scenario(cluster: Cluster) -> None:
        work = a_job(parallelism=2)
        del work["spec"]["completions"]
        await cluster.create("jobs.batch", work)
        await cluster.settle()
        first, second = named(cluster.list("pods"))
        await end_pod(cluster, first, "Succeeded")
        assert ends(cluster) == []
        assert status(cluster)["active"] == 1
        await end_pod(cluster, second, "Failed")
        assert ends(cluster)[1] == ("Complete", "CompletionsReached")
        assert (status(cluster)["succeeded"], status(cluster)["failed"]) == (1, 1)

    Cluster(CONTROLLERS).run(scenario)


def test_a_job_without_completions_to_reach_is_complete_at_once_and_goes_after_its_time() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job(completions=0, ttlSecondsAfterFinished=2))
        await cluster.settle()
        assert ends(cluster)[1] == ("Complete", "CompletionsReached")
        await cluster.settle(2)
        assert cluster.list("jobs.batch") == []

    Cluster(CONTROLLERS).run(scenario)


def test_the_deadline_ends_a_job() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job(activeDeadlineSeconds=5))
        await cluster.settle()
        await cluster.settle(6)
        assert ends(cluster) == [("FailureTarget", "DeadlineExceeded"), ("Failed", "DeadlineExceeded")]
        assert status(cluster)["failed"] == 1
        assert cluster.list("pods") == []

    Cluster(CONTROLLERS).run(scenario)


def test_suspending_takes_the_pods_and_the_start_time_and_resuming_begins_anew() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job(suspend=True))
        await cluster.settle()
        assert ends(cluster) == [("Suspended", "JobSuspended")]
        assert "startTime" not in the_job(cluster)["status"]
        await cluster.patch("jobs.batch", "shop", "work", {"spec": {"suspend": False}})
        await cluster.settle()
        assert ends(cluster) == [("Suspended", "JobResumed")]
        assert status(cluster)["active"] == 1
        assert "startTime" in the_job(cluster)["status"]
        await cluster.patch("jobs.batch", "shop", "work", {"spec": {"suspend": True}})
        await cluster.settle()
        assert ends(cluster) == [("Suspended", "JobSuspended")]
        assert cluster.list("pods") == []
        assert "failed" not in status(cluster)
        suspended = [each for each in cluster.list("events") if each["reason"] == "Suspended"]
        assert [each["count"] for each in suspended] == [2]

    Cluster(CONTROLLERS).run(scenario)


def test_an_indexed_jobs_pods_know_their_index() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job(completionMode="Indexed", completions=2, parallelism=2))
        await cluster.settle()
        second = cluster.list("pods")[1]
        assert second["metadata"]["generateName"] == "work-1-"
        assert second["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] == "1"
        assert second["metadata"]["annotations"] == {"batch.kubernetes.io/job-completion-index": "1"}
        assert second["spec"]["hostname"] == "work-1"
        assert second["spec"]["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX"
        await end_pod(cluster, second["metadata"]["name"], "Succeeded")
        assert status(cluster)["completedIndexes"] == "1"

    Cluster(CONTROLLERS).run(scenario)


def test_a_job_whose_other_indexes_succeeded_fails_with_its_failed_ones() -> None:
    async def scenario(cluster: Cluster) -> None:
        spec = {"completionMode": "Indexed", "completions": 2, "parallelism": 2, "backoffLimitPerIndex": 0}
        await cluster.create("jobs.batch", a_job(**spec))
        await cluster.settle()
        assert status(cluster)["failedIndexes"] == ""
        first, second = named(cluster.list("pods"))
        await end_pod(cluster, first, "Succeeded")
        await end_pod(cluster, second, "Failed")
        assert ends(cluster) == [("FailureTarget", "FailedIndexes"), ("Failed", "FailedIndexes")]
        assert (status(cluster)["completedIndexes"], status(cluster)["failedIndexes"]) == ("0", "1")

    Cluster(CONTROLLERS).run(scenario)


def test_an_index_is_tried_again_by_a_pod_that_knows_of_the_failure_before() -> None:
    async def scenario(cluster: Cluster) -> None:
        spec = {"completionMode": "Indexed", "completions": 1, "backoffLimitPerIndex": 2}
        await cluster.create("jobs.batch", a_job(**spec))
        await cluster.settle()
        await end_pod(cluster, named(cluster.list("pods"))[0], "Failed")
        assert "failed" not in status(cluster)
        await cluster.settle(11)
        annotations = [each["metadata"]["annotations"] for each in cluster.list("pods")]
        failures = [each["batch.kubernetes.io/job-index-failure-count"] for each in annotations]
        assert sorted(failures) == ["0", "1"]
        assert status(cluster)["failed"] == 1

    Cluster(CONTROLLERS).run(scenario)


def test_a_success_policy_ends_a_job_early_and_the_pods_it_ends_are_no_failures() -> None:
    async def scenario(cluster: Cluster) -> None:
        rules = [{"succeededIndexes": "0"}]
        spec = {"completionMode": "Indexed", "completions": 2, "parallelism": 2, "successPolicy": {"rules": rules}}
        await cluster.create("jobs.batch", a_job(**spec))
        await cluster.settle()
        await end_pod(cluster, named(cluster.list("pods"))[0], "Succeeded")
        conditions = the_job(cluster)["status"]["conditions"]
        assert [each["message"] for each in conditions] == ["Matched rules at index 0"] * 2
        assert ends(cluster) == [("SuccessCriteriaMet", "SuccessPolicy"), ("Complete", "SuccessPolicy")]
        assert "failed" not in status(cluster)

    Cluster(CONTROLLERS).run(scenario)


def test_a_failure_policy_ignores_some_failures_and_ends_the_job_at_others() -> None:
    ignore = {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [7]}}
    fail = {"action": "FailJob", "onExitCodes": {"containerName": "main", "operator": "In", "values": [42]}}

    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job(podFailurePolicy={"rules": [ignore, fail]}))
        await cluster.settle()
        first = named(cluster.list("pods"))[0]
        await end_pod(cluster, first, "Failed", 7)
        assert "failed" not in status(cluster)
        await cluster.settle(10)  # it is replaced as late as one that counts
        second = next(name for name in named(cluster.list("pods")) if name != first)
        await end_pod(cluster, second, "Failed", 42)
        message = the_job(cluster)["status"]["conditions"][1]["message"]
        assert (
            message == f"Container main for pod shop/{second} failed with exit code 42 matching FailJob rule at index 1"
        )

    Cluster(CONTROLLERS).run(scenario)


def test_another_controllers_job_is_left_alone() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job(managedBy="example.com/queue"))
        await cluster.settle()
        assert the_job(cluster)["status"] == {}

    Cluster(CONTROLLERS).run(scenario)


def test_pods_of_a_job_that_is_gone_wait_to_be_counted_no_longer() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job())
        await cluster.settle()
        await cluster.delete("jobs.batch", "shop", "work")
        await cluster.settle()
        assert "finalizers" not in cluster.list("pods")[0]["metadata"]

    Cluster(CONTROLLERS).run(scenario)


def test_an_orphan_that_the_selector_finds_is_taken_in() -> None:
    async def scenario(cluster: Cluster) -> None:
        labels = {"batch.kubernetes.io/job-name": "work"}
        await cluster.create(
            "pods", {"metadata": {"name": "orphan", "namespace": "shop", "labels": labels}, "spec": {}}
        )
        await cluster.create("jobs.batch", a_job())
        await cluster.settle()
        assert named(cluster.list("pods")) == ["orphan"]
        assert cluster.list("pods")[0]["metadata"]["ownerReferences"][0]["name"] == "work"
        assert cluster.list("pods")[0]["metadata"]["finalizers"] == ["batch.kubernetes.io/job-tracking"]
        await cluster.patch("pods", "shop", "orphan", {"metadata": {"labels": None}})
        await cluster.settle()
        released = cluster.get("pods", "shop", "orphan")
        assert released is not None
        assert not released["metadata"].keys() & {"ownerReferences", "finalizers"}

    Cluster(CONTROLLERS).run(scenario)


def test_a_pod_that_may_not_be_made_is_told_in_an_event_and_tried_again() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job())
        cluster.failures.append(Forbidden("exceeded quota"))
        await cluster.settle()
        assert len(cluster.list("pods")) == 1
        assert "FailedCreate Error creating: exceeded quota" in events(cluster)

    Cluster(CONTROLLERS).run(scenario)


def test_what_runs_is_told_although_more_pods_may_not_be_made() -> None:
    class Full(Cluster):
        async def create(self, resource: str, object: dict[str, Any]) -> dict[str, Any]:
            if resource == "pods" and self.list("pods"):
                raise Forbidden("exceeded quota")
            return await super().create(resource, object)

    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job(parallelism=2, completions=2))
        while not the_job(cluster)["status"]:
            await asyncio.sleep(0)
        assert status(cluster)["active"] == 1

    Full(CONTROLLERS).run(scenario)


def test_a_finished_job_is_not_written_again() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("jobs.batch", a_job())
        await cluster.settle()
        await end_pod(cluster, named(cluster.list("pods"))[0], "Succeeded")
        before = len(cluster.writes)
        await cluster.patch("jobs.batch", "shop", "work", {"metadata": {"labels": {"a": "b"}}})
        await cluster.settle()
        assert len(cluster.writes) == before + 1

    Cluster(CONTROLLERS).run(scenario)
