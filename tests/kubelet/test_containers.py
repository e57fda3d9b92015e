"""Each step of a container's life, alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakekube.kubelet.containers import Container, Memory, Moment, back_off_s, ended, go_seconds, running
from fakekube.kubelet.lives import EPHEMERAL, INIT, MAIN, SIDECAR, Life

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STAMP = "2026-01-02T03:04:05Z"
SPEC = {"name": "c", "image": "nginx:1.27"}


class One:
    """A container that lives on from look to look."""

    def __init__(
        self,
        life: Life,
        *,
        role: str = MAIN,
        policy: str = "Always",
        status: dict[str, Any] | None = None,
        **spec: Any,
    ):
        metadata = {"name": "p", "namespace": "shop", "uid": "u-1"}
        self.spec = {**SPEC, **spec}
        self.pod = {"metadata": metadata, "spec": {"containers": [self.spec], "restartPolicy": policy}}
        self.life, self.role, self.status = life, role, status
        self.memory, self.now = Memory(), NOW

    def look(self, after_s: float = 0) -> Moment:
        self.now += timedelta(seconds=after_s)
        one = Container(self.pod, self.spec, self.role, self.status, self.life, self.memory, self.now)
        moment = one.look()
        self.status = moment.status
        return moment


def reasons(moment: Moment) -> list[str]:
    return [event.reason for event in moment.events]


def state_of(moment: Moment) -> str:
    kind, state = next(iter(moment.status["state"].items()))
    return f"{kind} {state.get('reason', '')}".strip()


def test_a_server_starts_is_ready_and_goes_on() -> None:
    one = One(Life())
    started = one.look()
    assert (state_of(started), started.status["ready"], started.again_s) == ("running", True, None)
    assert reasons(started) == ["Pulled", "Created", "Started"]
    assert one.look(10_000) == Moment(started.status)


def test_what_lasts_some_time_ends_then_with_its_code() -> None:
    one = One(Life(lasts_s=30, exit_code=137, reason="OOMKilled"), policy="Never")
    assert one.look().again_s == 30
    assert one.look(10).again_s == 20
    ended = one.look(20)
    assert ended.ended
    assert ended.status["state"]["terminated"] == {
        "exitCode": 137,
        "reason": "OOMKilled",
        "startedAt": STAMP,
        "finishedAt": "2026-01-02T03:04:35Z",
        "containerID": one.status["containerID"],  # type: ignore[index]
    }
    assert one.look(1000).status == ended.status


def test_a_crash_is_started_again_at_once_and_then_ever_later() -> None:
    one = One(Life(lasts_s=0, exit_code=1))
    pauses = []
    for _ in range(7):
        started = one.look()
        assert state_of(started) == "running"
        assert state_of(one.look()) == "terminated Error"
        waits = one.look()
        if state_of(waits) == "running":  # the first time
            assert waits.status["restartCount"] == 1
            assert state_of(one.look()) == "terminated Error"
            waits = one.look()
        assert state_of(waits) == "waiting CrashLoopBackOff"
        pauses.append(waits.again_s)
        assert waits.again_s is not None
        one.now += timedelta(seconds=waits.again_s)
    assert pauses == [10, 20, 40, 80, 160, 300, 300]
    assert one.status is not None
    assert one.status["restartCount"] == 7
    message = "back-off 5m0s restarting failed container=c pod=p_shop(u-1)"
    assert one.status["state"]["waiting"]["message"] == message
    assert one.status["lastState"]["terminated"]["exitCode"] == 1


def test_who_ran_for_ten_minutes_is_forgiven() -> None:
    one = One(Life(lasts_s=600, exit_code=1))
    one.look()
    one.memory.restarts = 5
    one.look(600)
    assert state_of(one.look()) == "running"


@pytest.mark.parametrize(
    ("policy", "exit_code", "role", "restarted"),
    [
        ("Always", 0, MAIN, True),
        ("OnFailure", 0, MAIN, False),
        ("OnFailure", 1, MAIN, True),
        ("Never", 1, MAIN, False),
        ("Always", 0, INIT, False),
        ("Always", 1, INIT, True),
        ("Never", 1, INIT, False),
        ("Never", 1, SIDECAR, True),
    ],
)
def test_restart_policies(policy: str, exit_code: int, role: str, restarted: bool) -> None:
    one = One(Life(lasts_s=0, exit_code=exit_code), role=role, policy=policy)
    one.look()
    one.look()
    assert ("running" in one.look().status["state"]) == restarted


RULES = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]


@pytest.mark.parametrize(
    ("pods_policy", "own", "rules", "exit_code", "restarted"),
    [
        ("Never", "Always", [], 0, True),
        ("Always", "Never", [], 1, False),
        ("Always", "OnFailure", [], 0, False),
        ("Never", "Never", RULES, 42, True),
        ("Never", "Never", RULES, 41, False),
        ("Always", "OnFailure", RULES, 41, True),
    ],
)
def test_a_containers_own_policy_and_rules_come_before_those_of_the_pod(
    pods_policy: str, own: str, rules: list[Any], exit_code: int, restarted: bool
) -> None:
    life = Life(lasts_s=0, exit_code=exit_code)
    one = One(life, policy=pods_policy, restartPolicy=own, restartPolicyRules=rules)
    one.look()
    one.look()
    assert ("running" in one.look().status["state"]) == restarted


def test_a_container_whose_startup_probe_gives_up_is_killed_and_started_again() -> None:
    probe = {"initialDelaySeconds": 5, "periodSeconds": 10, "failureThreshold": 2}
    one = One(Life(started_after_s=None), startupProbe=probe)
    assert one.look().again_s == 25
    assert one.look(24).status["started"] is False
    killed = one.look(1)
    assert [event.message for event in killed.events] == [
        "Startup probe failed: HTTP probe failed with statuscode: 503",
        "Container c failed startup probe, will be restarted",
    ]
    assert one.look().status["restartCount"] == 1


def test_a_running_container_takes_new_resources_over() -> None:
    one = One(Life(), resources={"requests": {"cpu": "1"}, "limits": {"cpu": "2"}})
    first = one.look()
    one.spec["resources"] = {"requests": {"cpu": "2"}, "limits": {"cpu": "2"}}
    moment = one.look(5)
    assert moment.status["resources"] == {"requests": {"cpu": "2"}, "limits": {"cpu": "2"}}
    assert moment.status["allocatedResources"] == {"cpu": "2"}
    assert moment.status["containerID"] == first.status["containerID"]
    assert one.look(5) == moment


def test_a_container_is_restarted_for_new_resources_where_its_policy_says_so() -> None:
    policy = [{"resourceName": "cpu", "restartPolicy": "NotRequired"}]
    policy += [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    one = One(Life(), resources={"requests": {"cpu": "1", "memory": "1Gi"}}, resizePolicy=policy)
    one.look()
    one.spec["resources"] = {"requests": {"cpu": "2", "memory": "1Gi"}}
    assert state_of(one.look(5)) == "running"
    one.spec["resources"] = {"requests": {"cpu": "2", "memory": "2Gi"}}
    killed = one.look(5)
    assert [event.message for event in killed.events] == ["Container c resize requires restart"]
    again = one.look()
    assert (state_of(again), again.status["restartCount"]) == ("running", 1)
    assert again.status["resources"] == {"requests": {"cpu": "2", "memory": "2Gi"}}


def test_an_ephemeral_container_runs_and_is_never_ready() -> None:
    one = One(Life(), role=EPHEMERAL)
    moment = one.look()
    assert (state_of(moment), moment.status["ready"], moment.again_s) == ("running", False, None)
    assert one.look(10) == Moment(moment.status)


def test_an_image_that_cannot_be_had_is_asked_for_with_a_back_off_until_it_is_there() -> None:
    one = One(Life(pull_error="not found"))
    first = one.look()
    assert (state_of(first), first.again_s) == ("waiting ErrImagePull", 0)
    assert [event.message for event in first.events] == [
        'Pulling image "nginx:1.27"',
        'Failed to pull image "nginx:1.27": not found',
        "Error: ErrImagePull",
    ]
    second = one.look()
    assert (state_of(second), second.again_s) == ("waiting ImagePullBackOff", 10)
    assert (
        second.status["state"]["waiting"]["message"] == 'Back-off pulling image "nginx:1.27": ErrImagePull: not found'
    )
    assert [(event.type, event.reason) for event in second.events] == [("Normal", "BackOff"), ("Warning", "Failed")]
    assert one.look(4).again_s == 6
    assert state_of(one.look(6)) == "waiting ErrImagePull"
    assert one.look().again_s == 20

    one.life = Life()
    there = one.look()
    assert (state_of(there), there.status["restartCount"]) == ("running", 0)
    assert reasons(there) == ["Pulling", "Pulled", "Created", "Started"]


def test_what_is_not_configured_waits_and_tells_once() -> None:
    one = One(Life(wait_reason="CreateContainerConfigError", wait_message='configmap "n" not found'))
    first = one.look()
    assert state_of(first) == "waiting CreateContainerConfigError"
    assert [event.message for event in first.events] == ['Error: configmap "n" not found']
    assert one.look() == Moment(first.status)


def test_a_slow_start_is_waited_for() -> None:
    one = One(Life(starts_after_s=5))
    assert one.look().again_s == 5
    assert one.look(2).again_s == 3
    assert state_of(one.look(3)) == "running"


def test_probes_find_a_container_started_then_ready() -> None:
    one = One(Life(started_after_s=3, ready_after_s=8))
    first = one.look()
    assert (first.status["started"], first.status["ready"], first.again_s) == (False, False, 3)
    assert first.events[-1].message == "Startup probe failed: HTTP probe failed with statuscode: 503"
    second = one.look(3)
    assert (second.status["started"], second.status["ready"], second.again_s) == (True, False, 5)
    assert second.events[-1].message == "Readiness probe failed: HTTP probe failed with statuscode: 503"
    third = one.look(5)
    assert (third.status["ready"], third.again_s, third.events) == (True, None, ())


def test_a_container_that_is_not_live_is_killed_and_started_again() -> None:
    one = One(Life(live_for_s=30, probe_output="dead"))
    assert one.look().again_s == 30
    killed = one.look(30)
    assert killed.status["state"]["terminated"]["exitCode"] == 143
    assert [event.message for event in killed.events] == [
        "Liveness probe failed: dead",
        "Container c failed liveness probe, will be restarted",
    ]
    assert one.look().status["restartCount"] == 1


def test_a_kubelet_that_begins_anew_goes_by_what_is_reported() -> None:
    pod = One(Life()).pod
    status = running(pod, SPEC, STAMP, 3)
    one = One(Life(lasts_s=60, exit_code=1), status=status)
    assert one.look(10).again_s == 50
    assert state_of(one.look(50)) == "terminated Error"

    crashed = ended(pod, SPEC, status, STAMP, STAMP, 1)
    assert One(Life(), status=crashed).look().again_s == 40


def test_each_start_has_a_container_of_its_own() -> None:
    pod = One(Life()).pod
    assert running(pod, SPEC, STAMP)["containerID"] != running(pod, SPEC, STAMP, 1)["containerID"]


def test_back_off_doubles_up_to_five_minutes() -> None:
    assert [back_off_s(each) for each in (0, 1, 2, 6, 60)] == [0, 10, 20, 300, 300]
    assert [go_seconds(each) for each in (10, 80, 300)] == ["10s", "1m20s", "5m0s"]
