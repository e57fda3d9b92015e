from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "priorityclasses.scheduling.k8s.io"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {"metadata": {"name": "system-mine"}, "value": 5},
        [
            "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. "
            "error: system-mine is not a known system priority class"
        ],
    ),
    (
        {"value": 1000000001, "preemptionPolicy": "Maybe"},
        [
            "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
            'preemptionPolicy: Unsupported value: "Maybe": supported values: "PreemptLowerPriority", "Never"',
        ],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_class_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


def test_number_of_a_class_stays(refused_change: Refused) -> None:
    assert refused_change(KIND, {"value": 7}, {"value": 8, "preemptionPolicy": "Never"}) == [
        "value: Forbidden: may not be changed in an update.",
        'preemptionPolicy: Invalid value: "Never": field is immutable',
    ]
