from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "storageclasses.storage.k8s.io"

REFUSALS: list[tuple[Any, list[str]]] = [
    ({}, ["provisioner: Required value"]),
    (
        {
            "provisioner": "p",
            "reclaimPolicy": "Keep",
            "volumeBindingMode": "Later",
            "parameters": {"": "x"},
            "allowedTopologies": [{"matchLabelExpressions": [{"key": "a", "values": []}]}],
        },
        [
            'parameters: Invalid value: "": field can not be empty.',
            'reclaimPolicy: Unsupported value: "Keep": supported values: "Delete", "Retain"',
            'volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"',
            "allowedTopologies[0].matchLabelExpressions[0].values: Required value",
        ],
    ),
    (
        {"provisioner": "p", "volumeBindingMode": "", "parameters": {str(i): "x" for i in range(513)}},
        [
            "parameters: Too long: may not be more than 512 bytes",
            'volumeBindingMode: Unsupported value: "": supported values: "Immediate", "WaitForFirstConsumer"',
        ],
    ),
    (
        {"provisioner": "p", "allowedTopologies": [{}, {"matchLabelExpressions": [{"key": "a", "values": ["b"]}]}]},
        ['allowedTopologies[0].matchLabelExpressions: Duplicate value: ""'] * 2,
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_class_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


def test_class_hardly_changes(refused_change: Refused) -> None:
    new = {"provisioner": "q", "parameters": {"a": "c"}, "reclaimPolicy": "Retain"}

    assert refused_change(KIND, {"provisioner": "p"}, new) == [
        'parameters: Invalid value: {"a":"c"}: field is immutable',
        'provisioner: Invalid value: "q": field is immutable',
        'reclaimPolicy: Invalid value: "Retain": field is immutable',
    ]


def test_old_labels_of_nodes_are_told(warned: Refused) -> None:
    term = {"matchLabelExpressions": [{"key": "failure-domain.beta.kubernetes.io/zone", "values": ["a"]}]}

    assert warned(KIND, {"provisioner": "p", "allowedTopologies": [term]}) == [
        "allowedTopologies[0].matchLabelExpressions[0].key: "
        'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'
    ]
