from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fakekube.kinds import Kinds
from fakekube.server import tables

NOW = datetime(2026, 10, 25, tzinfo=UTC)
LONG_AGO = "2000-10-25T00:00:00Z"
RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
DONE = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": LONG_AGO}}
INITIALISING = {"waiting": {"reason": "PodInitializing"}}
PODS = Kinds.builtin().named("pods")


def status(name: str, state: dict[str, Any], *, ready: bool = False, restarts: int = 0, **more: Any) -> dict[str, Any]:
    return {"name": name, "ready": ready, "restartCount": restarts, "state": state, **more}


def conditions(*types: str) -> list[dict[str, str]]:
    return [{"type": type, "status": "True"} for type in types]


def row(spec: dict[str, Any], status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "main"}], **spec}
    pod = {"metadata": {"name": "p", **metadata}, "spec": spec, "status": status}
    answer = tables.table(PODS, [pod], version="v1", include_object="None", metadata={}, now=NOW)
    (made,) = answer["rows"]
    return made  # type: ignore[no-any-return]


def shown(spec: dict[str, Any], status: dict[str, Any], **metadata: Any) -> list[str]:
    """READY, STATUS and RESTARTS."""
    cells: list[str] = row(spec, status, **metadata)["cells"]
    return cells[1:4]


TWO = {"containers": [{"name": "main"}, {"name": "side"}]}
ONE_INIT = {"initContainers": [{"name": "one"}]}
THREE_INITS = {"initContainers": [{"name": "one"}, {"name": "two"}, {"name": "three"}]}
SIDECAR = {"initContainers": [{"name": "once"}, {"name": "proxy", "restartPolicy": "Always"}]}
EARLIER_END: dict[str, Any] = {"lastState": {"terminated": {"exitCode": 1, "finishedAt": LONG_AGO}}}


@pytest.mark.parametrize(
    ("spec", "reported", "cells"),
    [
        pytest.param({}, {"phase": "Pending"}, ["0/1", "Pending", "0"], id="nobody has taken it"),
        pytest.param(
            {},
            {
                "phase": "Pending",
                "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}],
            },
            ["0/1", "SchedulingGated", "0"],
            id="held back by a scheduling gate",
        ),
        pytest.param(
            {},
            {"phase": "Running", "containerStatuses": [status("main", RUNNING, ready=True)]},
            ["1/1", "Running", "0"],
            id="running",
        ),
        pytest.param(
            {},
            {
                "phase": "Running",
                "containerStatuses": [
                    status("main", {"waiting": {"reason": "CrashLoopBackOff"}}, restarts=4, **EARLIER_END)
                ],
            },
            ["0/1", "CrashLoopBackOff", "4 (26y ago)"],
            id="crashing again and again",
        ),
        pytest.param(
            TWO,
            {
                "phase": "Pending",
                "containerStatuses": [
                    status("main", {"waiting": {"reason": "ImagePullBackOff"}}),
                    status("side", {"waiting": {"reason": "ErrImagePull"}}),
                ],
            },
            ["0/2", "ImagePullBackOff", "0"],
            id="the first container with a reason wins",
        ),
        pytest.param(
            THREE_INITS,
            {
                "phase": "Pending",
                "initContainerStatuses": [status("one", DONE), status("two", RUNNING), status("three", INITIALISING)],
                "containerStatuses": [status("main", INITIALISING)],
            },
            ["0/1", "Init:1/3", "0"],
            id="the second init container runs",
        ),
        pytest.param(
            ONE_INIT,
            {
                "phase": "Pending",
                "initContainerStatuses": [
                    status("one", {"terminated": {"exitCode": 1, "reason": "Error"}}, restarts=2, **EARLIER_END)
                ],
            },
            ["0/1", "Init:Error", "2 (26y ago)"],
            id="an init container failed",
        ),
        pytest.param(
            ONE_INIT,
            {"phase": "Pending", "initContainerStatuses": [status("one", {"terminated": {"exitCode": 3}})]},
            ["0/1", "Init:ExitCode:3", "0"],
            id="an init container failed without a reason",
        ),
        pytest.param(
            ONE_INIT,
            {
                "phase": "Pending",
                "initContainerStatuses": [status("one", {"terminated": {"exitCode": 137, "signal": 9}})],
            },
            ["0/1", "Init:Signal:9", "0"],
            id="an init container was killed",
        ),
        pytest.param(
            ONE_INIT,
            {
                "phase": "Pending",
                "initContainerStatuses": [status("one", {"waiting": {"reason": "CrashLoopBackOff"}}, restarts=3)],
            },
            ["0/1", "Init:CrashLoopBackOff", "3"],
            id="an init container waits for its next try",
        ),
        pytest.param(
            SIDECAR,
            {
                "phase": "Running",
                "conditions": conditions("Ready", "Initialized"),
                "initContainerStatuses": [
                    status("once", DONE, restarts=5),
                    status("proxy", RUNNING, ready=True, restarts=1, started=True),
                ],
                "containerStatuses": [status("main", RUNNING, ready=True, restarts=2)],
            },
            ["2/2", "Running", "3"],
            id="a sidecar counts, restarts of finished init containers do not",
        ),
        pytest.param(
            TWO,
            {"phase": "Running", "containerStatuses": [status("main", DONE), status("side", RUNNING, ready=True)]},
            ["1/2", "NotReady", "0"],
            id="one is done, one runs, the pod is not ready",
        ),
        pytest.param(
            TWO,
            {
                "phase": "Running",
                "conditions": conditions("Ready"),
                "containerStatuses": [status("main", DONE), status("side", RUNNING, ready=True)],
            },
            ["1/2", "Running", "0"],
            id="one is done, one runs, the pod is ready",
        ),
        pytest.param(
            TWO,
            {
                "phase": "Failed",
                "containerStatuses": [
                    status("main", DONE),
                    status("side", {"terminated": {"exitCode": 1, "reason": "Error"}}),
                ],
            },
            ["0/2", "Error", "0"],
            id="one is done, one failed",
        ),
        pytest.param(
            {},
            {"phase": "Failed", "containerStatuses": [status("main", {"terminated": {"exitCode": 3}})]},
            ["0/1", "ExitCode:3", "0"],
            id="ended without a reason",
        ),
        pytest.param({}, {"phase": "Failed", "reason": "Evicted"}, ["0/1", "Evicted", "0"], id="the pod's own reason"),
    ],
)
def test_pod_is_told_in_a_word(spec: dict[str, Any], reported: dict[str, Any], cells: list[str]) -> None:
    assert shown(spec, reported) == cells


@pytest.mark.parametrize(
    ("reported", "word"),
    [
        ({"phase": "Running"}, "Terminating"),
        ({"phase": "Running", "reason": "NodeLost"}, "Unknown"),
        ({"phase": "Succeeded"}, "Succeeded"),
    ],
)
def test_pod_that_is_being_deleted_says_so_unless_it_is_finished(reported: dict[str, Any], word: str) -> None:
    assert shown({}, reported, deletionTimestamp=LONG_AGO)[1] == word


def test_place_and_gates_of_a_pod_are_shown_by_the_wide_form() -> None:
    gates = [{"conditionType": "example.com/warm"}, {"conditionType": "example.com/fed"}]
    reported = {"phase": "Running", "podIPs": [{"ip": "192.0.2.7"}], "conditions": conditions("example.com/warm")}

    cells = row({"nodeName": "n1", "readinessGates": gates}, reported)["cells"]

    assert cells[5:] == ["192.0.2.7", "n1", "<none>", "1/2"]


def test_pod_nobody_has_taken_has_no_place() -> None:
    assert row({}, {"phase": "Pending"})["cells"][5:] == ["<none>"] * 4


@pytest.mark.parametrize(
    ("phase", "message"), [("Succeeded", "The pod has completed successfully."), ("Failed", "The pod failed.")]
)
def test_row_of_a_finished_pod_has_a_condition_before_its_object(phase: str, message: str) -> None:
    made = row({}, {"phase": phase})

    assert list(made) == ["cells", "conditions", "object"]
    assert made["conditions"] == [{"type": "Completed", "status": "True", "reason": phase, "message": message}]


def test_row_of_a_running_pod_has_no_conditions() -> None:
    assert list(row({}, {"phase": "Running"})) == ["cells", "object"]
