from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "networkpolicies.networking.k8s.io"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {
            "spec": {
                "podSelector": {},
                "ingress": [{"ports": [{"port": 80, "endPort": 70}, {"endPort": 5}, {"port": "http", "endPort": 90}]}],
            }
        },
        [
            "spec.ingress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`",
            "spec.ingress[0].ports[1].endPort: Invalid value: 5: may not be specified when `port` is not specified",
            "spec.ingress[0].ports[2].endPort: Invalid value: 90: may not be specified when `port` is non-numeric",
        ],
    ),
    (
        {
            "spec": {
                "podSelector": {},
                "egress": [
                    {
                        "to": [
                            {},
                            {"ipBlock": {"cidr": "10.0.0.5/8"}},
                            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/8"]}, "podSelector": {}},
                        ]
                    }
                ],
            }
        },
        [
            "spec.egress[0].to[0]: Required value: must specify a peer",
            'spec.egress[0].to[1].ipBlock.cidr: Invalid value: "10.0.0.5/8": must not have bits set beyond the prefix length',
            'spec.egress[0].to[2].ipBlock.except[0]: Invalid value: "11.0.0.0/8": must be a strict subset of `cidr`',
            "spec.egress[0].to[2]: Forbidden: may not specify both ipBlock and another peer",
        ],
    ),
    (
        {"spec": {"podSelector": {}, "policyTypes": ["Both"]}},
        ['spec.policyTypes[0]: Unsupported value: "Both": supported values: "Ingress", "Egress"'],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_policy_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts
