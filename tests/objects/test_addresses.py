from __future__ import annotations

import pytest

from fakekube.objects import names


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("10.9.8.7", []),
        ("2001:DB8::1", []),
        ("010.1.2.3", ["must not have leading 0s"]),
        ("::ffff:1.2.3.4", ["must not be an IPv4-mapped IPv6 address"]),
        ("1.2.3", [names.IP_ADDRESS_TEXT]),
        ("fe80::1%eth0", [names.IP_ADDRESS_TEXT]),
    ],
)
def test_address_is_written_in_one_way(text: str, texts: list[str]) -> None:
    assert names.ip(text) == texts


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("10.0.0.0/8", []),
        ("10.0.0.5/8", ["must not have bits set beyond the prefix length"]),
        ("10.0.0.0/08", ["must not have leading 0s in IP or prefix length"]),
        ("10.0.0.0", [names.CIDR_TEXT]),
        ("1.2.3.4/33", [names.CIDR_TEXT]),
    ],
)
def test_range_is_written_in_one_way(text: str, texts: list[str]) -> None:
    assert names.cidr(text) == texts


def test_odd_spelling_of_a_good_address_is_told() -> None:
    assert names.ip_warnings("2001:DB8::1", "spec.externalIPs[0]") == [
        'spec.externalIPs[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")'
    ]
    assert names.ip_warnings("010.1.2.3", "a") == ['a: non-standard IP address "010.1.2.3" is invalid: use "10.1.2.3"']
