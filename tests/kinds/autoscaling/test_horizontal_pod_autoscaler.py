from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fakekube.kinds.autoscaling.horizontal_pod_autoscaler import STRATEGY

Refused = Callable[..., list[str]]

KIND = "horizontalpodautoscalers.autoscaling"
TARGET = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
TYPES = '"ContainerResource", "External", "Object", "Pods", "Resource"'


def metric_of(type_: str, **sources: Any) -> dict[str, Any]:
    return {"type": type_, **sources}


METRICS: list[tuple[dict[str, Any], list[str]]] = [
    (
        {},
        [
            "type: Required value: must specify a metric source type",
            f'type: Unsupported value: "": supported values: {TYPES}',
            f'type: Unsupported value: "": supported values: {TYPES}',
        ],
    ),
    (
        metric_of("Pods", pods={"metric": {"name": "a/b"}, "target": {"type": "AverageValue", "averageValue": "0"}}),
        [
            "pods.metric.name: Invalid value: \"a/b\": may not contain '/'",
            'pods.target.averageValue: Invalid value: "0": must be positive',
        ],
    ),
    (
        metric_of(
            "Object",
            object={"describedObject": {"kind": "Service"}, "metric": {"name": "m"}, "target": {"type": "Value"}},
        ),
        [
            "object.describedObject.name: Required value",
            "object.target.averageValue: Required value: must set either a target value or averageValue",
        ],
    ),
    (
        metric_of(
            "Object",
            object={
                "describedObject": {"kind": "Service", "name": "s", "apiVersion": "v1"},
                "metric": {"name": "m"},
                "target": {"type": "Value", "value": "1"},
            },
        ),
        [],
    ),
    (
        metric_of("External", external={"metric": {}, "target": {"value": "1", "averageValue": "1"}}),
        [
            "external.metric.name: Required value: must specify a metric name",
            "external.target.type: Required value: must specify a metric target type",
            'external.target.type: Invalid value: "": must be either Utilization, Value, or AverageValue',
            "external.target.value: Forbidden: may not set both a target value for metric and a per-pod target",
        ],
    ),
    (
        metric_of(
            "ContainerResource",
            containerResource={"target": {"type": "Utilization", "value": "-1", "averageUtilization": 0}},
        ),
        [
            "containerResource.name: Required value: must specify a resource name",
            "containerResource.container: Required value: must specify a container",
            'containerResource.target.value: Invalid value: "-1": must be positive',
            "containerResource.target.averageUtilization: Invalid value: 0: must be greater than 0",
        ],
    ),
    (
        metric_of(
            "Resource",
            resource={"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 5}},
            pods={"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "1"}},
        ),
        ["pods: Forbidden: must populate the given metric source only"],
    ),
]


@pytest.mark.parametrize(("metric", "why"), METRICS)
def test_metrics_are_refused_with_the_words_of_the_server(
    refused: Refused, metric: dict[str, Any], why: list[str]
) -> None:
    spec = {"maxReplicas": 2, "scaleTargetRef": TARGET, "metrics": [metric]}

    assert refused(KIND, {"spec": spec}) == [f"spec.metrics[0].{text}" for text in why]


def test_policies_of_scaling_say_how_much_and_how_often(refused: Refused) -> None:
    behavior = {
        "scaleUp": {"policies": [{}]},
        "scaleDown": {"tolerance": "-1", "policies": [{"type": "Pods", "value": 1, "periodSeconds": 1}]},
    }

    why = refused(KIND, {"spec": {"maxReplicas": 2, "scaleTargetRef": TARGET, "behavior": behavior}})

    assert why == [
        'spec.behavior.scaleUp.policies[0].type: Unsupported value: "": supported values: "Percent", "Pods"',
        "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
        "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 0: must be greater than zero",
        'spec.behavior.scaleDown.tolerance: Invalid value: "-1": must be greater than or equal to 0',
    ]


def test_counters_are_not_negative(refused_status: Refused) -> None:
    why = refused_status(
        KIND,
        {
            "spec": {"maxReplicas": 2, "scaleTargetRef": TARGET},
            "status": {"currentReplicas": -1, "desiredReplicas": -2},
        },
    )

    assert why == [
        "status.currentReplicas: Invalid value: -1: must be greater than or equal to 0",
        "status.desiredReplicas: Invalid value: -2: must be greater than or equal to 0",
    ]


def test_behavior_of_version_1_gets_its_defaults_when_it_is_stored(operation: Any) -> None:
    autoscaler: dict[str, Any] = {"spec": {"maxReplicas": 2, "behavior": {"scaleUp": {"selectPolicy": "Min"}}}}
    assert STRATEGY.allocate is not None

    STRATEGY.allocate(autoscaler, None, operation)

    behavior = autoscaler["spec"]["behavior"]
    assert behavior["scaleUp"]["selectPolicy"] == "Min"
    assert [policy["type"] for policy in behavior["scaleUp"]["policies"]] == ["Pods", "Percent"]
    assert behavior["scaleDown"]["policies"] == [{"type": "Percent", "value": 100, "periodSeconds": 15}]
