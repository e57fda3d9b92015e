from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]
Warned = Callable[..., list[str]]

KIND = "persistentvolumes"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {},
        [
            "spec.accessModes: Required value",
            "spec.capacity: Required value",
            'spec.capacity: Unsupported value: null: supported values: "storage"',
            "spec: Required value: must specify a volume type",
        ],
    ),
    (
        {"spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "local": {"path": ""}}},
        ["spec.local.path: Required value", "spec.nodeAffinity: Required value: Local volume requires node affinity"],
    ),
    (
        {
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "capacity": {"storage": "1Gi"},
                "nfs": {"server": "s", "path": "x"},
                "csi": {"driver": "d", "volumeHandle": "h"},
            }
        },
        [
            'spec.nfs.path: Invalid value: "x": must be an absolute path',
            "spec.csi: Forbidden: may not specify more than 1 volume type",
        ],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_volume_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


def test_place_of_the_data_stays(refused_change: Refused) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}
    old, new = ({"spec": {**spec, "hostPath": {"path": path}}} for path in ("/x", "/y"))

    (text,) = refused_change(KIND, old, new)

    assert text.startswith(
        "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n@@ -2,7 +2,7 @@\n"
    )
    assert '-  "Path": "/x",\n+  "Path": "/y",\n' in text


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ({"storageos": {"volumeName": "v"}}, ["spec.storageOS: deprecated in v1.22, non-functional in v1.25+"]),
        ({"rbd": {"monitors": ["a"], "image": "i"}}, ["spec.rbd: deprecated in v1.28, non-functional in v1.31+"]),
        ({"flocker": {"datasetName": "d"}}, []),
    ],
)
def test_creator_of_a_volume_is_told_of_most_sources_that_are_gone(
    warned: Warned, source: Any, texts: list[str]
) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, **source}

    assert warned(KIND, {"spec": spec}) == texts
