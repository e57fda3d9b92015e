from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "ingresses.networking.k8s.io"

REFUSALS: list[tuple[Any, list[str]]] = [
    ({"spec": {}}, ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"]),
    (
        {"spec": {"defaultBackend": {"service": {"name": "", "port": {"number": 65536}}}}},
        [
            "spec.defaultBackend.service.name: Required value",
            "spec.defaultBackend.service.port.number: Invalid value: 65536: must be between 1 and 65535, inclusive",
        ],
    ),
    (
        {"spec": {"rules": [{"host": "1.2.3.4", "http": {"paths": []}}]}},
        [
            'spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
            "spec.rules[0].http.paths: Required value",
        ],
    ),
    (
        {
            "spec": {
                "rules": [
                    {
                        "http": {
                            "paths": [
                                {"path": "x", "pathType": "Prefix", "backend": {}},
                                {"path": "/"},
                                {
                                    "path": "/a//b",
                                    "pathType": "Exact",
                                    "backend": {"resource": {"kind": "K", "name": "n"}},
                                },
                            ]
                        }
                    }
                ]
            }
        },
        [
            'spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path',
            'spec.rules[0].http.paths[0].backend: Invalid value: "": resource or service backend is required',
            "spec.rules[0].http.paths[1].pathType: Required value: pathType must be specified",
            "spec.rules[0].http.paths[2].path: Invalid value: \"/a//b\": must not contain '//'",
        ],
    ),
    (
        {
            "metadata": {"annotations": {"kubernetes.io/ingress.class": "a"}},
            "spec": {"ingressClassName": "b", "defaultBackend": {"service": {"name": "s", "port": {"number": 1}}}},
        },
        [
            'annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified'
        ],
    ),
    ({"spec": {"defaultBackend": {"service": {"name": "s", "port": {"name": "http"}}}}}, []),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_ingress_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts
