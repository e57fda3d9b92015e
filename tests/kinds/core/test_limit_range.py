from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "limitranges"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {
            "spec": {
                "limits": [
                    {"type": "Container", "min": {"cpu": 2}, "max": {"cpu": 1}},
                    {"type": "Container"},
                    {"type": "Pod", "default": {"cpu": 1}},
                    {"type": "Thing"},
                ]
            }
        },
        [
            'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
            'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
            'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
            'spec.limits[1].type: Duplicate value: "Container"',
            "spec.limits[2].default: Forbidden: may not be specified when `type` is 'Pod'",
            'spec.limits[3].type: Invalid value: "Thing": must be a standard limit type or fully qualified',
        ],
    ),
    (
        {
            "spec": {
                "limits": [
                    {"type": "Container", "maxLimitRequestRatio": {"cpu": 0.5}},
                    {"type": "PersistentVolumeClaim"},
                ]
            }
        },
        [
            'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1',
            "spec.limits[1].limits: Required value: either minimum or maximum storage value is required, but neither was provided",
        ],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_range_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts
