from __future__ import annotations

from fakekube.objects.conditions import with_condition

READY = {"type": "Ready", "status": "True", "lastTransitionTime": "then"}


def test_a_condition_of_a_new_type_comes_last() -> None:
    assert with_condition([READY], {"type": "New", "status": "True", "lastTransitionTime": "now"})[1]["type"] == "New"
    assert with_condition(None, READY) == [READY]


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    same = {"type": "Ready", "status": "True", "lastTransitionTime": "now", "message": "still"}
    other = {"type": "Ready", "status": "False", "lastTransitionTime": "now"}

    assert with_condition([READY], same) == [{**same, "lastTransitionTime": "then"}]
    assert with_condition([READY], other) == [other]
    assert READY["lastTransitionTime"] == "then"
