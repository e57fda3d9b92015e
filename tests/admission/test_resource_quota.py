from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fakekube.admission import resource_quota, runtime_class
from fakekube.errors import Forbidden
from fakekube.registry.kind import Object
from tests.admission.test_plugins import attributes

QUOTA: Object = {
    "metadata": {"name": "compute"},
    "spec": {"hard": {"limits.cpu": "2", "pods": "2"}},
    "status": {"hard": {"limits.cpu": "2", "pods": "2"}, "used": {"limits.cpu": "1500m", "pods": "1"}},
}


def pod(**limits: str) -> Object:
    container: dict[str, Any] = {"name": "c", "image": "i"}
    if limits:
        container["resources"] = {"limits": limits}
    return {"metadata": {"name": "p"}, "spec": {"containers": [container]}}


def refusal(obj: Object) -> str:
    with pytest.raises(Forbidden) as refused:
        resource_quota.validate(obj, None, replace(attributes([("", "resourcequotas", QUOTA)]), name="new"))
    return refused.value.message.partition("forbidden: ")[2]


def test_container_must_say_what_a_quota_counts() -> None:
    assert refusal(pod()) == "failed quota: compute: must specify limits.cpu for: c"


def test_more_than_there_is_is_refused() -> None:
    assert (
        refusal(pod(cpu="1"))
        == "exceeded quota: compute, requested: limits.cpu=1, used: limits.cpu=1500m, limited: limits.cpu=2"
    )


def test_what_is_let_through_is_counted_at_once() -> None:
    written: list[Object] = []
    asked = replace(
        attributes([("", "resourcequotas", QUOTA)]),
        name="new",
        replace=lambda *place_and_object: written.append(place_and_object[-1]),
    )

    resource_quota.validate(pod(cpu="500m"), None, asked)

    assert [each["status"]["used"] for each in written] == [{"limits.cpu": "2", "pods": "2"}]
    assert QUOTA["status"]["used"] == {"limits.cpu": "1500m", "pods": "1"}


def test_dry_run_is_measured_and_not_counted() -> None:
    written: list[Object] = []
    asked = replace(
        attributes([("", "resourcequotas", QUOTA)]),
        name="new",
        dry_run=True,
        replace=lambda *each: written.append(each[-1]),
    )

    resource_quota.validate(pod(cpu="500m"), None, asked)

    assert written == []


def test_runtime_class_says_what_it_costs_and_where_it_runs() -> None:
    scheduling = {"nodeSelector": {"sandbox": "yes"}, "tolerations": [{"key": "sandbox", "operator": "Exists"}]}
    gvisor = {"metadata": {"name": "g"}, "overhead": {"podFixed": {"cpu": "10m"}}, "scheduling": scheduling}
    sandboxed = pod()
    sandboxed["spec"] |= {"runtimeClassName": "g", "nodeSelector": {"disk": "ssd"}}

    runtime_class.mutate(sandboxed, None, attributes([("node.k8s.io", "runtimeclasses", gvisor)]))

    assert sandboxed["spec"]["overhead"] == {"cpu": "10m"}
    assert sandboxed["spec"]["nodeSelector"] == {"disk": "ssd", "sandbox": "yes"}
    assert sandboxed["spec"]["tolerations"] == [{"key": "sandbox", "operator": "Exists"}]


def test_runtime_class_that_is_not_there_is_told() -> None:
    lost = pod()
    lost["spec"]["runtimeClassName"] = "ghost"

    with pytest.raises(Forbidden, match='pod rejected: RuntimeClass "ghost" not found'):
        runtime_class.mutate(lost, None, attributes())


def test_what_one_quota_misses_is_told_before_what_another_has_not_enough_of() -> None:
    full: Object = {
        "metadata": {"name": "a"},
        "spec": {"hard": {"pods": "1"}},
        "status": {"hard": {"pods": "1"}, "used": {"pods": "1"}},
    }
    write = attributes([("", "resourcequotas", full), ("", "resourcequotas", QUOTA)])

    with pytest.raises(Forbidden, match="failed quota: compute: must specify"):
        resource_quota.validate(pod(), None, replace(write, name="new"))
