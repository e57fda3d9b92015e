"""Containers that are played by a process: each step alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fakekube.api.container_logs import ProcessLog
from fakekube.api.container_processes import ContainerProcess
from fakekube.kubelet.containers import NOW as AT_ONCE
from fakekube.kubelet.containers import Container, Memory, Moment, ended, running, waiting
from fakekube.kubelet.lives import INIT, MAIN, Life

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STAMP = "2026-01-02T03:04:05Z"
SPEC = {"name": "c", "image": "nginx:1.27"}
POD: dict[str, Any] = {
    "metadata": {"name": "p", "namespace": "shop", "uid": "u-1"},
    "spec": {"containers": [SPEC], "restartPolicy": "Always"},
}


@pytest.fixture
def process() -> ContainerProcess:
    return ContainerProcess("shop", "p", "u-1", "c", lambda: None, ProcessLog(lambda: NOW, lambda: None))


def look(
    process: ContainerProcess,
    status: dict[str, Any],
    *,
    role: str = MAIN,
    life: Life | None = None,
    memory: Memory | None = None,
) -> Moment:
    return Container(POD, SPEC, role, status, life or Life(), memory or Memory(), NOW, process).look()


def crashed(restarts: int = 0) -> dict[str, Any]:
    before = running(POD, SPEC, STAMP, restarts)
    done = ended(POD, SPEC, before, STAMP, STAMP, 1)
    back_off = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
    return {**done, "state": back_off, "lastState": {"terminated": done["state"]["terminated"]}}


def test_before_its_start_nothing_changes(process: ContainerProcess) -> None:
    status = running(POD, SPEC, STAMP)

    assert look(process, status) == Moment(status)


def test_a_running_container_is_taken_over_as_it_is(process: ContainerProcess) -> None:
    status = running(POD, SPEC, STAMP, 2)
    memory = Memory()
    process.start(1)

    assert look(process, status, memory=memory) == Moment(status)
    assert (process.log.restarts, memory.restarts) == (2, 2)


def test_one_whose_probes_would_fail_is_ready(process: ContainerProcess) -> None:
    status = {**running(POD, SPEC, STAMP), "ready": False}
    process.start(1)
    look(process, status)

    moment = look(process, status, life=Life(ready_after_s=None))

    assert (moment.status["ready"], moment.again_s) == (True, None)


@pytest.mark.parametrize(
    ("status", "life", "restarts"),
    [
        (waiting(SPEC, "ContainerCreating"), Life(starts_after_s=60), 0),
        (waiting(SPEC, "ImagePullBackOff"), Life(pull_error="not found"), 0),
        (crashed(), Life(), 1),
        (ended(POD, SPEC, running(POD, SPEC, STAMP, 3), STAMP, STAMP, 1), Life(), 4),
    ],
    ids=["slow", "no image", "back-off", "ended"],
)
def test_one_that_does_not_run_is_started_at_once(
    process: ContainerProcess, status: dict[str, Any], life: Life, restarts: int
) -> None:
    process.start(1)

    moment = look(process, status, life=life)

    assert (list(moment.status["state"]), moment.status["restartCount"]) == (["running"], restarts)
    assert [event.reason for event in moment.events][-2:] == ["Created", "Started"]
    assert (moment.again_s, process.log.restarts) == (None, restarts)


def test_one_that_ended_soon_is_started_and_ends_in_two_steps(process: ContainerProcess) -> None:
    process.start(1)
    process.end(3, "no room")

    begun = look(process, waiting(SPEC, "ContainerCreating"))
    done = look(process, begun.status)

    assert (list(begun.status["state"]), begun.again_s) == (["running"], AT_ONCE)
    terminated = done.status["state"]["terminated"]
    assert (terminated["exitCode"], terminated["reason"], terminated["message"]) == (3, "Error", "no room")
    assert done.ended


@pytest.mark.parametrize(
    ("reason", "message", "event"),
    [
        ("CreateContainerConfigError", 'configmap "x" not found', 'Error: configmap "x" not found'),
        ("InvalidImageName", "", "Error: InvalidImageName"),
        ("ContainerCreating", "", None),
    ],
)
def test_why_one_cannot_start_is_its_state_and_told_once(
    process: ContainerProcess, reason: str, message: str, event: str | None
) -> None:
    process.wait(reason, message)

    first = look(process, running(POD, SPEC, STAMP))
    second = look(process, first.status)

    assert first.status["state"]["waiting"] == {"reason": reason, **({"message": message} if message else {})}
    assert not first.status["ready"]
    assert [each.message for each in first.events] == ([event] if event else [])
    assert second == Moment(first.status)


def test_what_had_ended_before_it_waits_is_not_forgotten(process: ContainerProcess) -> None:
    done = ended(POD, SPEC, running(POD, SPEC, STAMP), STAMP, STAMP, 1)
    process.wait("CreateContainerConfigError", "no")

    waits = look(process, done)

    assert waits.status["lastState"] == done["state"]


def test_an_init_container_goes_on_until_its_process_ends(process: ContainerProcess) -> None:
    process.start(1)
    begun = look(process, waiting(SPEC, "PodInitializing"), role=INIT, life=Life(lasts_s=0))
    goes_on = look(process, begun.status, role=INIT, life=Life(lasts_s=0))
    process.end(0)
    done = look(process, begun.status, role=INIT, life=Life(lasts_s=0))

    assert list(goes_on.status["state"]) == ["running"]
    assert (done.status["state"]["terminated"]["reason"], done.status["ready"]) == ("Completed", True)
