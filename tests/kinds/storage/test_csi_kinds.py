from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "csidrivers.storage.k8s.io"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {
            "metadata": {"name": "d.example.com"},
            "spec": {"fsGroupPolicy": "Some", "tokenRequests": [{"audience": "a"}, {"audience": "a"}]},
        },
        [
            'spec.fsGroupPolicy: Unsupported value: "Some": supported values: "File", "None", "ReadWriteOnceWithFSType"',
            'spec.tokenRequests[1].audience: Duplicate value: "a"',
        ],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_driver_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


def test_what_a_driver_does_on_attach_stays_under_its_misspelt_name(refused_change: Refused) -> None:
    assert refused_change(KIND, {"spec": {}}, {"spec": {"attachRequired": False}}) == [
        "spec.attachedRequired: Invalid value: false: field is immutable"
    ]


def test_node_id_of_a_driver_stays(refused_change: Refused) -> None:
    old, new = (
        {"spec": {"drivers": [{"name": "a.example.com", "nodeID": each, "topologyKeys": ["k"]}]}} for each in "nm"
    )

    assert refused_change("csinodes.storage.k8s.io", old, new) == [
        'spec.drivers: Invalid value: {"Name":"a.example.com","NodeID":"m","TopologyKeys":["k"],"Allocatable":null}: '
        "field is immutable"
    ]


def test_attachment_stays(refused_change: Refused) -> None:
    source = {"persistentVolumeName": "pv"}
    old, new = ({"spec": {"attacher": "a.example.com", "source": source, "nodeName": node}} for node in "nm")

    assert refused_change("volumeattachments.storage.k8s.io", old, new) == [
        'spec: Invalid value: {"Attacher":"a.example.com","Source":{"PersistentVolumeName":"pv","InlineVolumeSpec":null},'
        '"NodeName":"m"}: field is immutable'
    ]
