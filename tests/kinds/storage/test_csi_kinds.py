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
    (
        {"spec": {"tokenRequests": [{"audience": "a"}, {"audience": "a", "expirationSeconds": 1}]}},
        ['spec.tokenRequests[1].audience: Duplicate value: "a"'],
    ),
    (
        {"spec": {"volumeLifecycleModes": ["Ephemeral", ""]}},
        ['spec.volumeLifecycleModes: Unsupported value: "": supported values: "Persistent", "Ephemeral"'],
    ),
    (
        {"spec": {"serviceAccountTokenInSecrets": False}},
        [
            "spec.serviceAccountTokenInSecrets: Invalid value: false: serviceAccountTokenInSecrets is set but no tokenRequests "
            "are specified"
        ],
    ),
    ({"metadata": {"name": "a" * 64}, "spec": {}}, []),
]

_NO_LABEL = (
    "name part must be non-empty",
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
)
_NO_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
OTHER_REFUSALS: list[tuple[str, Any, list[str]]] = [
    (
        "csinodes.storage.k8s.io",
        {"spec": {"drivers": [{"name": "a", "nodeID": "n", "topologyKeys": ["k", "k", ""]}]}},
        [
            'spec.drivers[0]: Duplicate value: "k"',
            "spec.drivers[0]: Required value",
            *(f'spec.drivers[0]: Invalid value: "": {text}' for text in _NO_LABEL),
        ],
    ),
    ("csinodes.storage.k8s.io", {"spec": {"drivers": [{"name": "a", "nodeID": "n" * 256}]}}, []),
    (
        "csinodes.storage.k8s.io",
        {"spec": {"drivers": [{"name": "a", "nodeID": "n" * 257}]}},
        [f'spec.drivers[0].nodeID: Invalid value: "{"n" * 257}": must be 256 characters or less'],
    ),
    ("csistoragecapacities.storage.k8s.io", {"storageClassName": "s", "maximumVolumeSize": "-1"}, []),
    (
        "volumeattachments.storage.k8s.io",
        {"spec": {"attacher": "a", "source": {"persistentVolumeName": ""}}},
        [
            "spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName",
            f'spec.nodeName: Invalid value: "": {_NO_SUBDOMAIN}',
            f'spec.source.persistentVolumeName: Invalid value: "": {_NO_SUBDOMAIN}',
        ],
    ),
    (
        "volumeattributesclasses.storage.k8s.io",
        {"driverName": "A_b", "parameters": {"": "x"}},
        ['parameters: Invalid value: "": field can not be empty.'],
    ),
]


@pytest.mark.parametrize(("kind", "sent", "texts"), OTHER_REFUSALS)
def test_object_is_refused_as_the_real_server_refuses_it(
    refused: Refused, kind: str, sent: Any, texts: list[str]
) -> None:
    assert refused(kind, sent) == texts


def test_errors_of_an_attachment_are_told_with_the_limit_of_something_else(refused_status: Refused) -> None:
    spec = {"attacher": "a", "source": {"persistentVolumeName": "pv"}, "nodeName": "n"}
    error = {"message": "m" * 1025, "errorCode": -1}

    assert refused_status("volumeattachments.storage.k8s.io", {"spec": spec, "status": {"attachError": error}}) == [
        "status.attachError.message: Too long: may not be more than 262144 bytes",
        "status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive",
    ]


def test_class_of_attributes_stays_and_is_judged_again(refused_change: Refused) -> None:
    old = {"driverName": "a", "parameters": {"a": "b"}}

    assert refused_change("volumeattributesclasses.storage.k8s.io", old, {}) == [
        "driverName: Forbidden: updates to driverName are forbidden.",
        "parameters: Forbidden: updates to parameters are forbidden.",
        "driverName: Required value",
        "parameters: Required value: must contain at least one key/value pair",
    ]


def test_group_policy_of_a_driver_may_change(refused_change: Refused) -> None:
    assert refused_change(KIND, {"spec": {}}, {"spec": {"fsGroupPolicy": "None"}}) == []


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


def test_selector_of_every_node_is_another_than_none(refused_change: Refused) -> None:
    capacity = {"storageClassName": "s"}

    assert refused_change("csistoragecapacities.storage.k8s.io", capacity, {**capacity, "nodeTopology": {}}) == [
        "nodeTopology: Invalid value: {}: field is immutable"
    ]


def test_old_labels_of_nodes_are_told_of_a_capacity(warned: Refused) -> None:
    old = "beta.kubernetes.io/os"
    topology = {"matchLabels": {old: "linux"}, "matchExpressions": [{"key": old, "operator": "Exists"}]}

    assert warned("csistoragecapacities.storage.k8s.io", {"storageClassName": "s", "nodeTopology": topology}) == [
        f'nodeTopology.matchExpressions[0].key: {old} is deprecated since v1.14; use "kubernetes.io/os" instead',
        f'nodeTopology.matchLabels.{old}: deprecated since v1.14; use "kubernetes.io/os" instead',
    ]
