"""Addresses and networks in expressions."""

from __future__ import annotations

import pytest

from tests.expressions.libraries.evaluation import problem_of, value_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("isIP('127.0.0.1') && isIP('::1') && isIP('::1.2.3.4')", True),
        ("isIP('127.0.0.256') || isIP(':::1') || isIP('01.2.3.4') || isIP('')", False),
        ("ip('127.0.0.1').family()", 4),
        ("ip('::1').family()", 6),
        ("string(ip('2001:DB8:0::1'))", "2001:db8::1"),
        ("ip('2001:DB8::1') == ip('2001:db8:0::1')", True),
        ("type(ip('::1')) == net.IP", True),
        ("ip.isCanonical('127.0.0.1')", True),
        ("ip.isCanonical('2001:DB8::ABCD')", False),
        ("ip('0.0.0.0').isUnspecified() && ip('::').isUnspecified()", True),
        ("ip('127.9.9.9').isLoopback() && ip('::1').isLoopback()", True),
        ("ip('224.0.0.1').isLinkLocalMulticast() && ip('ff02::1').isLinkLocalMulticast()", True),
        ("ip('224.0.1.1').isLinkLocalMulticast() || ip('fd00::1').isLinkLocalMulticast()", False),
        ("ip('169.254.169.254').isLinkLocalUnicast() && ip('fe80::1').isLinkLocalUnicast()", True),
        ("ip('192.168.0.1').isGlobalUnicast() && ip('fd00::1').isGlobalUnicast()", True),
        ("ip('255.255.255.255').isGlobalUnicast() || ip('ff00::1').isGlobalUnicast()", False),
        ("isCIDR('192.168.0.1/16') && isCIDR('::1/128')", True),
        ("isCIDR('192.168.0.0/33') || isCIDR('::1/129') || isCIDR('10.0.0.0') || isCIDR('10.0.0.0/08')", False),
        ("cidr('192.168.0.0/24').containsIP(ip('192.168.0.1'))", True),
        ("cidr('192.168.0.7/24').containsIP('192.168.0.1')", True),
        ("cidr('192.168.0.0/24').containsIP('192.168.1.1')", False),
        ("cidr('0.0.0.0/0').containsIP('::1')", False),
        ("cidr('192.168.0.0/16').containsCIDR(cidr('192.168.10.0/24'))", True),
        ("cidr('192.168.0.0/16').containsCIDR('192.0.0.0/8')", False),
        ("cidr('10.0.0.0/8').containsCIDR('10.0.0.1/8')", True),
        ("string(cidr('192.168.0.1/24').ip())", "192.168.0.1"),
        ("cidr('192.168.0.1/24').masked() == cidr('192.168.0.0/24')", True),
        ("cidr('192.168.0.1/24') == cidr('192.168.0.0/24')", False),
        ("string(cidr('fe80::1/64').masked())", "fe80::/64"),
        ("cidr('::1/128').prefixLength()", 128),
        ("type(cidr('::1/128')) == net.CIDR", True),
    ],
)
def test_addresses_and_networks_are_told_apart(text: str, expected: object) -> None:
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x", "unable to parse IP"),
        ("1.2.3", "IPv4 address too short"),
        ("1.2.3.4.5", "IPv4 address too long"),
        ("1.2.3.256", "IPv4 field has value >255"),
        ("01.2.3.4", "IPv4 field has octet with leading zero"),
        ("1..2.3", 'IPv4 field must have at least one digit (at ".2.3")'),
        ("1.2.3.4g", 'unexpected character (at "g")'),
        ("%a", "missing IPv6 address"),
        ("::1%", "zone must be a non-empty string"),
        (":::1", 'each colon-separated field must have at least one digit (at ":1")'),
        ("12345::", 'each group must have 4 or less digits (at "12345::")'),
        ("1::2::3", 'multiple :: in address (at ":3")'),
        ("1:2:3", "address string too short"),
        ("1:2:", 'colon must be followed by more characters (at ":")'),
        ("1:2:3:4:5:6:7:8:9", 'trailing garbage after address (at "9")'),
        ("1::2:3:4:5:6:7:8", "the :: must expand to at least one field of zeros"),
        ("1:1.2.3.4", 'embedded IPv4 address must replace the final 2 fields of the address (at "1.2.3.4")'),
    ],
)
def test_what_is_no_address_is_said_in_the_words_of_go(text: str, reason: str) -> None:
    expected = f'IP Address "{text}" parse error during conversion from string: ParseAddr("{text}"): {reason}'

    assert problem_of("ip(self)", self=text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ip('fe80::1%eth0')", 'IP address "fe80::1%eth0" with zone value is not allowed'),
        ("ip('::ffff:1.2.3.4')", 'IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed'),
        ("ip.isCanonical('::ffff:1.2.3.4')", 'IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed'),
        ("cidr('10.0.0.0/8').containsIP('x')", "no such overload"),
    ],
)
def test_addresses_of_forms_that_are_not_allowed_are_refused(text: str, problem: str) -> None:
    assert problem_of(text) == problem


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10.0.0.0", "no '/'"),
        ("10.0.0.0/33", "prefix length out of range"),
        ("10.0.0.0/08", 'bad bits after slash: "08"'),
        ("10.0.0/8", 'ParseAddr("10.0.0"): IPv4 address too short'),
        ("fe80::1%a/64", "IPv6 zones cannot be present in a prefix"),
    ],
)
def test_what_is_no_network_is_said_in_the_words_of_go(text: str, reason: str) -> None:
    said = "network address parse error during conversion from string"
    expected = f'{said}: {said}: netip.ParsePrefix("{text}"): {reason}'

    assert problem_of("cidr(self)", self=text) == expected
    assert problem_of("cidr('::/0').containsCIDR(self)", self=text) == expected
