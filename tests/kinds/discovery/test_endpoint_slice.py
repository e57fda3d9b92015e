from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "endpointslices.discovery.k8s.io"

REFUSALS: list[tuple[Any, list[str]]] = [
    ({}, ["addressType: Required value"]),
    (
        {
            "addressType": "IPv4",
            "endpoints": [{"addresses": []}, {"addresses": ["1.2.3", "::1", "127.0.0.1"]}],
            "ports": [{"name": "a", "port": 0, "protocol": "X"}, {"name": "a", "port": 1}],
        },
        [
            'ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
            'ports[1].name: Duplicate value: "a"',
            "endpoints[0].addresses: Required value: must contain at least 1 address",
            'endpoints[1].addresses[0]: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
            'endpoints[1].addresses: Invalid value: "::1": must be an IPv4 address',
            'endpoints[1].addresses[1]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
            'endpoints[1].addresses[2]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
        ],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_slice_is_refused_as_the_real_server_refuses_it(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


def test_type_of_the_addresses_stays(refused_change: Refused) -> None:
    old = {"addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.9"]}]}

    assert refused_change(KIND, old, {**old, "addressType": "IPv6"}) == [
        'addressType: Invalid value: "IPv6": field is immutable'
    ]
