from __future__ import annotations

from collections.abc import Callable

Refused = Callable[..., list[str]]

KIND = "jobs.batch"
SPEC = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}


def test_job_ends_in_one_way(refused_status: Refused) -> None:
    conditions = [{"type": "Complete", "status": "True"}, {"type": "Failed", "status": "True"}]

    assert refused_status(KIND, {"spec": SPEC, "status": {"conditions": conditions}}) == [
        "status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions",
        "status.completionTime: Required value: completionTime is required for Complete jobs",
        "status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition",
        "status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
        "status.startTime: Required value: startTime is required for finished job",
    ]


def test_completed_indexes_must_be_in_order(refused_status: Refused) -> None:
    spec = {**SPEC, "completionMode": "Indexed", "completions": 3}

    assert refused_status(KIND, {"spec": spec, "status": {"completedIndexes": "2,1"}}) == [
        'status.completedIndexes: Invalid value: "2,1": error parsing completedIndexes: '
        "non-increasing order, previous: 2, current: 1"
    ]
