from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "resourceclaims.resource.k8s.io"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {
            "spec": {
                "devices": {
                    "requests": [{"name": "r"}, {"name": "a", "exactly": {"deviceClassName": "", "count": -1}}],
                    "constraints": [{"requests": ["b"], "matchAttribute": "x.example.com/y"}],
                }
            }
        },
        [
            "spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required",
            "spec.devices.requests[1].exactly.deviceClassName: Required value",
            "spec.devices.requests[1].exactly.count: Invalid value: -1: must be greater than zero",
            'spec.devices.constraints[0].requests[0]: Invalid value: "b": must be the name of a request in the claim '
            "or the name of a request and a subrequest separated by '/'",
        ],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_claim_is_refused(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


def test_driver_of_a_slice_stays(refused_change: Refused) -> None:
    pool = {"name": "p", "resourceSliceCount": 1}
    old, new = ({"spec": {"driver": f"{each}.example.com", "nodeName": "n", "pool": pool}} for each in "xy")

    assert refused_change("resourceslices.resource.k8s.io", old, new) == [
        'spec.driver: Invalid value: "y.example.com": field is immutable'
    ]
