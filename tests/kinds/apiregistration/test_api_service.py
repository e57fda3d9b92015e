from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fakekube.kinds.apiregistration.api_service import STRATEGY

Refused = Callable[..., list[str]]

KIND = "apiservices.apiregistration.k8s.io"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {
            "metadata": {"name": "v1.other"},
            "spec": {
                "group": "example.com",
                "version": "v1",
                "groupPriorityMinimum": 0,
                "versionPriority": 2000,
                "service": {"name": "", "namespace": ""},
                "insecureSkipTLSVerify": True,
                "caBundle": "eA==",
            },
        },
        [
            'metadata.name: Invalid value: "v1.other": must be `spec.version+"."+spec.group`: "v1.example.com"',
            "spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000",
            "spec.versionPriority: Invalid value: 2000: must be positive and less than 1000",
            "spec.service.namespace: Required value",
            "spec.service.name: Required value",
            "spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present",
        ],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_service_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"name": "v1.example.com"}, []),
        ({"name": "a/b"}, []),
        ({"name": "", "generateName": "v"}, ["metadata.generateName"]),
        ({"name": "v-x", "generateName": "v-"}, ["metadata.generateName", "metadata.name"]),
    ],
)
def test_a_name_that_could_be_one_is_made_of_version_and_group(metadata: Any, told: list[str]) -> None:
    service = {"metadata": metadata, "spec": {"group": "example.com", "version": "v1"}}

    assert [error.field for error in STRATEGY.validate_create_first(service)] == told
