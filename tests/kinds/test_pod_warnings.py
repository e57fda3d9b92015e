from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Warned = Callable[..., list[str]]

CONTAINER = {"name": "c", "image": "i"}

WARNINGS: list[tuple[Any, list[str]]] = [
    (
        {
            "containers": [
                {
                    **CONTAINER,
                    "env": [
                        {"name": "A", "value": "1"},
                        {"name": "A"},
                        {"name": "B"},
                        {"name": "B", "value": "$(B):y"},
                    ],
                }
            ]
        },
        ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'],
    ),
    (
        {
            "containers": [
                {
                    **CONTAINER,
                    "ports": [
                        {"name": "web", "containerPort": 80},
                        {"containerPort": 80},
                        {"containerPort": 81, "hostIP": "1.2.3.4"},
                    ],
                }
            ]
        },
        [
            "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
            "spec.containers[0].ports[2]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:81 Protocol:TCP HostIP:1.2.3.4}",
        ],
    ),
    (
        {
            "containers": [CONTAINER],
            "volumes": [
                {
                    "name": "c",
                    "configMap": {"name": "c", "items": [{"key": "a", "path": "x"}, {"key": "b", "path": "x/y"}]},
                }
            ],
        },
        ['volume "c" (ConfigMap "c"): overlapping paths: "x/y" with "x"'],
    ),
    (
        {"containers": [CONTAINER], "nodeSelector": {"beta.kubernetes.io/os": "linux"}},
        ['spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
    ),
    (
        {"containers": [{**CONTAINER, "resources": {"limits": {"memory": "100m"}, "requests": {"memory": "1"}}}]},
        ['spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer'],
    ),
    (
        {
            "containers": [CONTAINER],
            "volumes": [
                {"name": "a", "storageos": {"volumeName": "v"}},
                {"name": "b", "photonPersistentDisk": {"pdID": "p"}},
            ],
        },
        [
            "spec.volumes[0].storageOS: deprecated in v1.22, non-functional in v1.25+",
            "spec.volumes[1].photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+",
        ],
    ),
    ({"containers": [CONTAINER]}, []),
]


@pytest.mark.parametrize(("spec", "texts"), WARNINGS)
def test_creator_of_a_pod_is_told_what_is_odd(warned: Warned, spec: Any, texts: list[str]) -> None:
    assert warned("pods", {"spec": spec}) == texts


def test_writer_of_a_template_is_told_with_the_path_of_the_template(warned: Warned) -> None:
    template = {"spec": {"containers": [CONTAINER], "terminationGracePeriodSeconds": -1}}

    assert warned("deployments.apps", {"spec": {"template": template}}) == [
        "spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
    ]


def test_projections_are_warned_of_alike_however_often_they_come(warned: Warned) -> None:
    token: Any = {"serviceAccountToken": {"path": "a"}}
    beside, below = ({"configMap": {"name": "m", "items": [{"key": "k", "path": path}]}} for path in ("b", "a/b"))

    def told(*sources: Any) -> list[str]:
        volume = {"name": "v", "projected": {"sources": list(sources)}}
        return warned("pods", {"spec": {"containers": [CONTAINER], "volumes": [volume]}})

    assert [told(token, beside) for _ in range(4)] == [[]] * 4
    assert [told(token, below) for _ in range(4)] == [
        ['volume "v" (Projected): overlapping paths: "a/b" (ConfigMap "m") with "a" (ServiceAccountToken)']
    ] * 4
