"""Addresses and networks: `ip('10.0.0.1').family()`, `cidr('10.0.0.0/8').containsIP('10.0.0.1')`.

https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-ip-address-library
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import ClassVar

from fakekube.expressions.types import Type, overload
from fakekube.expressions.values import EvaluationProblem
from fakekube.objects.go_addresses import Address, AddressError, network_of, parse_address, parse_network
from fakekube.objects.go_text import quoted

_BROADCAST = ipaddress.IPv4Address("255.255.255.255")
_LOCAL_MULTICAST = ipaddress.IPv4Network("224.0.0.0/24")
_PARSE = "parse error during conversion from string"


@dataclass(frozen=True, slots=True)
class IP:
    type: ClassVar[Type] = Type("net.IP")

    address: Address


@dataclass(frozen=True, slots=True)
class CIDR:
    """An address in a network; it equals another one with the same address, not with the same network."""

    type: ClassVar[Type] = Type("net.CIDR")

    address: Address
    length: int
    """Of the prefix, in bits."""


def ip(text: str) -> IP:
    try:
        address = parse_address(text)
    except AddressError as error:
        raise EvaluationProblem(f"IP Address {quoted(text)} {_PARSE}: {error}") from None
    if "%" in text:
        raise EvaluationProblem(f"IP address {quoted(text)} with zone value is not allowed")
    _check_not_mapped(address, text)
    return IP(address)


def cidr(text: str) -> CIDR:
    # The real server says it twice.
    try:
        address, length = parse_network(text)
        _check_not_mapped(address, text)
    except AddressError as error:
        raise EvaluationProblem(f"network address {_PARSE}: network address {_PARSE}: {error}") from None
    except EvaluationProblem as problem:
        raise EvaluationProblem(f"network address {_PARSE}: {problem}") from None
    return CIDR(address, length)


def _check_not_mapped(address: Address, text: str) -> None:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        raise EvaluationProblem(f"IPv4-mapped IPv6 address {quoted(text)} is not allowed")


def is_ip(text: str) -> bool:
    try:
        ip(text)
    except EvaluationProblem:
        return False
    return True


def is_cidr(text: str) -> bool:
    try:
        cidr(text)
    except EvaluationProblem:
        return False
    return True


def is_local_multicast(value: IP) -> bool:
    address = value.address
    if isinstance(address, ipaddress.IPv4Address):
        return address in _LOCAL_MULTICAST
    return address.packed[0] == 0xFF and address.packed[1] & 0x0F == 0x02


def is_global(value: IP) -> bool:
    """Private ones are global as well."""
    address = value.address
    special = address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local
    return not special and address != _BROADCAST


def masked(value: CIDR) -> CIDR:
    return CIDR(network_of(value.address, value.length).network_address, value.length)


def contains_ip(value: CIDR, wanted: IP) -> bool:
    network, address = value.address, wanted.address
    beyond = network.max_prefixlen - value.length
    return network.version == address.version and int(network) >> beyond == int(address) >> beyond


def contains_ip_of(value: CIDR, text: str) -> bool:
    try:
        return contains_ip(value, ip(text))
    except EvaluationProblem:
        # The real server loses the reason.
        raise EvaluationProblem("no such overload") from None


def contains_cidr(value: CIDR, wanted: CIDR) -> bool:
    return value.length <= wanted.length and contains_ip(value, IP(wanted.address))


def shown(value: IP | CIDR) -> str:
    return str(value.address) if isinstance(value, IP) else f"{value.address}/{value.length}"


OVERLOADS = (
    overload("ip(string): net.IP", ip),
    overload("isIP(string): bool", is_ip),
    overload("ip.isCanonical(string): bool", lambda text: str(ip(text).address) == text),
    overload("net.IP.family(): int", lambda value: value.address.version),
    overload("net.IP.isUnspecified(): bool", lambda value: value.address.is_unspecified),
    overload("net.IP.isLoopback(): bool", lambda value: value.address.is_loopback),
    overload("net.IP.isLinkLocalMulticast(): bool", is_local_multicast),
    overload("net.IP.isLinkLocalUnicast(): bool", lambda value: value.address.is_link_local),
    overload("net.IP.isGlobalUnicast(): bool", is_global),
    overload("string(net.IP): string", shown),
    overload("cidr(string): net.CIDR", cidr),
    overload("isCIDR(string): bool", is_cidr),
    overload("net.CIDR.containsIP(string): bool", contains_ip_of),
    overload("net.CIDR.containsIP(net.IP): bool", contains_ip),
    overload("net.CIDR.containsCIDR(string): bool", lambda value, text: contains_cidr(value, cidr(text))),
    overload("net.CIDR.containsCIDR(net.CIDR): bool", contains_cidr),
    overload("net.CIDR.ip(): net.IP", lambda value: IP(value.address)),
    overload("net.CIDR.prefixLength(): int", lambda value: value.length),
    overload("net.CIDR.masked(): net.CIDR", masked),
    overload("string(net.CIDR): string", shown),
)
