from __future__ import annotations

from typing import Any

import pytest

from fakekube.controllers.scheduling_filters import NOT_HERE, SPREAD, Wish
from fakekube.controllers.scheduling_hints import may_help
from tests.controllers.in_memory import Object

CORDONED, TAINTED = "node(s) were unschedulable", "node(s) had untolerated taint(s)"
REPELLED, CROWDED = "node(s) didn't match Pod's node affinity/selector", "Insufficient cpu"


def a_pod(**spec: Any) -> Wish:
    container = {"name": "c", "resources": {"requests": {"cpu": "2"}}}
    return Wish(
        {"metadata": {"name": "p", "namespace": "shop"}, "spec": {"containers": [container], **spec}, "status": {}}
    )


def a_node(cpu: str = "4", labels: dict[str, str] | None = None, **spec: Any) -> Object:
    status = {"allocatable": {"cpu": cpu, "pods": "9"}, "conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": {"name": "n", "labels": labels or {}}, "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("reason", "bad", "good"),
    [
        (CORDONED, a_node(unschedulable=True), a_node()),
        (TAINTED, a_node(taints=[{"key": "k", "effect": "NoSchedule"}]), a_node()),
        (REPELLED, a_node(), a_node(labels={"disk": "ssd"})),
        (NOT_HERE, a_node(), a_node(labels={"disk": "ssd"})),
        (CROWDED, a_node("1"), a_node()),
    ],
)
def test_a_node_helps_when_what_kept_the_pod_away_is_not_so_there_and_was_before(
    reason: str, bad: Object, good: Object
) -> None:
    wish = a_pod(nodeSelector={"disk": "ssd"})
    assert may_help(wish, {reason}, None, good)
    assert not may_help(wish, {reason}, None, bad)
    assert may_help(wish, {reason}, bad, good)
    assert not may_help(wish, {reason}, good, bad)


def test_of_several_reasons_one_is_enough() -> None:
    assert may_help(a_pod(), {CORDONED, CROWDED}, a_node("1", unschedulable=True), a_node("1"))


def test_a_node_that_was_large_enough_helps_when_it_grows() -> None:
    assert may_help(a_pod(), {CROWDED}, a_node("2"), a_node("3"))
    assert not may_help(a_pod(), {CROWDED}, a_node("2"), a_node("2", {"x": "y"}))


def test_where_it_is_not_known_a_new_node_helps_and_one_with_other_labels() -> None:
    reasons = {"node(s) didn't match pod affinity rules"}
    assert may_help(a_pod(), reasons, None, a_node())
    assert may_help(a_pod(), reasons, a_node(), a_node(labels={"zone": "a"}))
    assert not may_help(a_pod(), reasons, a_node(), a_node("9"))


def test_a_node_that_has_gone_helps_whose_pods_are_to_be_spread() -> None:
    assert may_help(a_pod(), {SPREAD}, a_node(), None)
    assert not may_help(a_pod(), {CROWDED}, a_node(), None)


def test_who_was_refused_for_no_reason_is_tried_again() -> None:
    assert may_help(a_pod(), (), a_node(), a_node())
