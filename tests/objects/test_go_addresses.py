"""How Go reads addresses and networks."""

from __future__ import annotations

import contextlib
import ipaddress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakekube.objects.go_addresses import AddressError, network_of, parse_address, parse_network


@given(st.ip_addresses())
def test_every_address_that_python_writes_is_read_as_itself(address: IPv4Address | IPv6Address) -> None:
    assert parse_address(str(address)) == address


@given(st.ip_addresses(v=6))
def test_an_address_may_be_written_at_length(address: IPv6Address) -> None:
    assert parse_address(address.exploded.upper()) == address


@given(st.text("0123456789abcdef:.%/", max_size=24))
def test_any_text_is_an_address_or_an_error_of_its_own(text: str) -> None:
    with contextlib.suppress(AddressError):
        assert parse_address(text) == ipaddress.ip_address(text.partition("%")[0])


@pytest.mark.parametrize("text", ["fe80::1%eth0", "fe80::1%a%b", "fe80::1%a/b"])
def test_an_address_may_have_a_zone_and_a_network_may_not(text: str) -> None:
    assert parse_address(text) == IPv6Address("fe80::1")
    with pytest.raises(AddressError, match="IPv6 zones cannot be present in a prefix"):
        parse_network(f"{text}/64")


def test_bits_beyond_the_prefix_are_kept_until_a_network_is_wanted() -> None:
    address, length = parse_network("10.1.2.3/8")

    assert (str(address), length) == ("10.1.2.3", 8)
    assert str(network_of(address, length)) == "10.0.0.0/8"


@pytest.mark.parametrize("text", ["10.0.0.0", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/33", "::/129", "x/8", "10.0.0.0/٣"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match=r"netip\.ParsePrefix"):
        parse_network(text)
