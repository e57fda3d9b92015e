from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "flowschemas.flowcontrol.apiserver.k8s.io"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {
            "spec": {
                "matchingPrecedence": 10001,
                "priorityLevelConfiguration": {"name": ""},
                "rules": [{"subjects": []}],
            }
        },
        [
            "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000",
            "spec.priorityLevelConfiguration.name: Required value: must reference a priority level",
            "spec.rules[0].subjects: Required value: subjects must contain at least one value",
            "spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty",
        ],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_schema_is_refused(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


def test_level_says_how_much_and_what_happens_beyond(refused: Refused) -> None:
    queuing = {"queues": 2, "handSize": 3, "queueLengthLimit": 5}
    limited = {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Queue", "queuing": queuing}}

    assert refused(
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io", {"spec": {"type": "Limited", "limited": limited}}
    ) == ["spec.limited.limitResponse.queuing.handSize: Invalid value: 3: should not be greater than queues (2)"]
