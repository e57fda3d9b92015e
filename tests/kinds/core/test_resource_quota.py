from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "resourcequotas"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {"spec": {"hard": {"pods": "-1"}, "scopes": ["Everything", "BestEffort", "NotBestEffort"]}},
        [
            'spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0',
            'spec.scopes: Invalid value: ["Everything","BestEffort","NotBestEffort"]: unsupported scope',
            'spec.scopes: Invalid value: ["Everything","BestEffort","NotBestEffort"]: conflicting scopes',
        ],
    ),
    (
        {"spec": {"hard": {"chairs": "1"}}},
        [
            'spec.hard[chairs]: Invalid value: "chairs": must be a standard resource type or fully qualified',
            'spec.hard[chairs]: Invalid value: "chairs": must be a standard resource for quota',
        ],
    ),
    ({"spec": {"hard": {"pods": "1500m"}}}, ['spec.hard[pods]: Invalid value: "1500m": must be an integer']),
    (
        {"spec": {"hard": {"requests.cpu": "1"}, "scopes": ["BestEffort"]}},
        ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
    ),
    (
        {"spec": {"hard": {"count/deployments.apps": "1", "fast.storageclass.storage.k8s.io/requests.storage": "1Gi"}}},
        [],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_quota_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


def test_creator_of_a_quota_is_told_where_more_can_be_requested_than_limited(warned: Refused) -> None:
    hard = {"memory": "3Gi", "limits.memory": "2Gi", "requests.cpu": "2", "limits.cpu": "1k", "storage": "2"}
    hard |= {"limits.storage": "1", "requests.ephemeral-storage": "1Gi", "limits.ephemeral-storage": "1e3"}

    told = warned(KIND, {"spec": {"hard": hard}})

    assert told == [
        "ResourceQuota memory (3Gi) should be less than limits.memory (2Gi)",
        "ResourceQuota requests.ephemeral-storage (1Gi) should be less than limits.ephemeral-storage (1e3)",
    ]
