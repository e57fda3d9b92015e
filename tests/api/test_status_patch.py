"""The short way of a status report: what it makes, what it shares, and when it is not taken."""

from __future__ import annotations

import copy
from typing import Any

from fakekube.api.status_patch import patched_status
from fakekube.kinds import Kinds
from fakekube.registry.kind import Kind

POD: dict[str, Any] = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {"name": "p", "namespace": "default", "uid": "u", "resourceVersion": "7"},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
    "status": {"phase": "Pending", "qosClass": "BestEffort"},
}


def kind_of(resource: str) -> Kind:
    return Kinds.builtin().named(resource)


def test_a_report_changes_the_status_and_shares_the_rest() -> None:
    before = copy.deepcopy(POD)

    after = patched_status(kind_of("pods"), POD, {"metadata": {"uid": "u"}, "status": {"phase": "Running"}})

    assert after is not None
    assert after["status"] == {"phase": "Running", "qosClass": "BestEffort"}
    assert after["spec"] is POD["spec"]
    assert after["metadata"] == POD["metadata"]
    assert before == POD


def test_what_is_reported_is_decoded_in_the_order_of_its_type() -> None:
    conditions = [{"status": "True", "type": "Ready", "lastProbeTime": None}]

    after = patched_status(
        kind_of("pods"), POD, {"status": {"startTime": "2026-01-02T03:04:05Z", "conditions": conditions}}
    )

    assert after is not None
    assert list(after["status"]) == ["phase", "conditions", "startTime", "qosClass"]
    assert next(iter(after["status"]["conditions"][0])) == "type"


def test_a_patch_of_more_than_the_status_takes_the_long_way() -> None:
    pods = kind_of("pods")

    assert patched_status(pods, POD, {"metadata": {"labels": {"a": "b"}}, "status": {"phase": "Running"}}) is None
    assert patched_status(pods, POD, {"spec": {}, "status": {"phase": "Running"}}) is None
    assert patched_status(pods, POD, {"metadata": {"uid": "u"}}) is None


def test_a_status_that_does_not_fit_takes_the_long_way_where_it_is_refused_with_words() -> None:
    assert patched_status(kind_of("pods"), POD, {"status": {"phase": 7}}) is None


def test_kinds_whose_status_has_defaults_take_the_long_way() -> None:
    for resource in ("persistentvolumeclaims", "persistentvolumes", "services", "namespaces", "nodes"):
        stored = {"metadata": {}, "spec": {}, "status": {"phase": "Pending"}}
        assert patched_status(kind_of(resource), stored, {"status": {"phase": "Bound"}}) is None, resource
