from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "poddisruptionbudgets.policy"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {"spec": {"minAvailable": 1, "maxUnavailable": 1, "selector": {}}},
        [
            'spec: Invalid value: {"MinAvailable":1,"Selector":{},"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: '
            "minAvailable and maxUnavailable cannot be both set"
        ],
    ),
    (
        {"spec": {"minAvailable": "150%", "unhealthyPodEvictionPolicy": "Never"}},
        [
            'spec.minAvailable: Invalid value: "150%": must not be greater than 100%',
            'spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"',
        ],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_budget_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


def test_condition_of_a_budget_must_be_complete(refused_status: Refused) -> None:
    sent = {"status": {"currentHealthy": -1, "conditions": [{"type": "a", "status": "Maybe"}]}}

    assert refused_status(KIND, sent) == [
        'status.conditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
        "status.conditions[0].lastTransitionTime: Required value",
        "status.conditions[0].reason: Required value",
        "status.currentHealthy: Invalid value: -1: must be greater than or equal to 0",
    ]
