"""Kinds that are served in two versions keep what they hold on the way there and back."""

from __future__ import annotations

from typing import Any

from fakekube.kinds.autoscaling import horizontal_pod_autoscaler
from fakekube.kinds.events import event

CORE_EVENT: dict[str, Any] = {
    "kind": "Event",
    "apiVersion": "v1",
    "metadata": {"name": "e", "namespace": "shop"},
    "involvedObject": {"kind": "Pod", "name": "p", "namespace": "shop"},
    "reason": "R",
    "message": "m",
    "source": {"component": "c"},
    "firstTimestamp": "2024-01-02T03:04:05Z",
    "lastTimestamp": None,
    "count": 2,
    "type": "Normal",
    "eventTime": None,
    "reportingComponent": "",
    "reportingInstance": "",
}


def test_event_of_the_core_group_reads_in_the_words_of_the_other() -> None:
    assert event.from_storage(CORE_EVENT) == {
        "kind": "Event",
        "apiVersion": "events.k8s.io/v1",
        "metadata": {"name": "e", "namespace": "shop"},
        "eventTime": None,
        "reason": "R",
        "regarding": {"kind": "Pod", "name": "p", "namespace": "shop"},
        "note": "m",
        "type": "Normal",
        "deprecatedSource": {"component": "c"},
        "deprecatedFirstTimestamp": "2024-01-02T03:04:05Z",
        "deprecatedLastTimestamp": None,
        "deprecatedCount": 2,
    }


def test_event_survives_the_way_there_and_back() -> None:
    back = event.to_storage(event.from_storage(CORE_EVENT))

    assert list(back.items()) == list(CORE_EVENT.items())


def test_incomplete_event_of_the_new_group_is_told_what_it_lacks() -> None:
    sent = {
        "metadata": {"namespace": "shop"},
        "regarding": {"namespace": "shop"},
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
    }

    errors = event.STRATEGY.validate_create(event.to_storage(sent))

    assert [str(error) for error in errors] == [
        "eventTime: Required value",
        'type: Invalid value: "": has invalid value: ',
    ]


MEMORY = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}}
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
PODS = {
    "type": "Pods",
    "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "1500m"}},
}
SCALE_UP = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}],
}


def autoscaler(**spec: Any) -> dict[str, Any]:
    target = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
    return {
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v2",
        "metadata": {"name": "a", "annotations": {"keep": "this"}},
        "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 3, **spec},
        "status": {"desiredReplicas": 0, "currentMetrics": None},
    }


def test_first_version_shows_cpu_as_a_percentage_and_the_rest_in_annotations() -> None:
    shown = horizontal_pod_autoscaler.from_storage(
        autoscaler(metrics=[MEMORY, CPU, PODS], behavior={"scaleUp": SCALE_UP})
    )

    annotations = shown["metadata"]["annotations"]
    assert shown["spec"]["targetCPUUtilizationPercentage"] == 70
    assert annotations["autoscaling.alpha.kubernetes.io/metrics"] == (
        '[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}},'
        '{"type":"Pods","pods":{"metricName":"rps","targetAverageValue":"1500m"}}]'
    )
    assert annotations["autoscaling.alpha.kubernetes.io/behavior"] == (
        '{"ScaleUp":{"StabilizationWindowSeconds":0,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15}],'
        '"Tolerance":null},"ScaleDown":null}'
    )
    assert shown["status"] == {"currentReplicas": 0, "desiredReplicas": 0}


def test_autoscaler_survives_the_way_there_and_back_but_for_the_place_of_cpu() -> None:
    stored = autoscaler(metrics=[MEMORY, PODS, CPU], behavior={"scaleUp": SCALE_UP})

    assert horizontal_pod_autoscaler.to_storage(horizontal_pod_autoscaler.from_storage(stored)) == stored
