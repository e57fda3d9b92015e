"""How Go reads addresses and networks (net/netip), with its messages for what is none.

https://pkg.go.dev/net/netip
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from fakekube.objects.go_text import quoted

Address = IPv4Address | IPv6Address

_GROUP = re.compile("[0-9A-Fa-f]*")
_BITS = re.compile("0|[1-9][0-9]*").fullmatch


class AddressError(ValueError):
    """The text is no address; the message is Go's: `ParseAddr("x"): unable to parse IP`."""


class _Wrong(Exception):
    """(message, the rest of the text that it is about)."""


@lru_cache(1024)
def parse_address(text: str) -> Address:
    """An address in whatever form, IPv4-mapped ones included; of a zone (`fe80::1%eth0`) nothing is kept. Raises AddressError."""
    try:
        return _address(text)
    except _Wrong as wrong:
        message, *rest = wrong.args
        at = f" (at {quoted(rest[0])})" if rest and rest[0] else ""
        raise AddressError(f"ParseAddr({quoted(text)}): {message}{at}") from None


@lru_cache(1024)
def parse_network(text: str) -> tuple[Address, int]:
    """(address, length of the prefix); bits beyond the prefix are kept. Raises AddressError."""
    host, slash, length = text.rpartition("/")
    try:
        if not slash:
            raise AddressError("no '/'")
        address = parse_address(host)
        if "%" in host:
            raise AddressError("IPv6 zones cannot be present in a prefix")
        if not _BITS(length) or len(length) > 18:
            raise AddressError(f"bad bits after slash: {quoted(length)}")
        if int(length) > address.max_prefixlen:
            raise AddressError("prefix length out of range")
    except AddressError as error:
        raise AddressError(f"netip.ParsePrefix({quoted(text)}): {error}") from None
    return address, int(length)


def _address(text: str) -> Address:
    first = next((character for character in text if character in ".:%"), None)
    if first == ".":
        return IPv4Address(_octets(text))
    if first == ":":
        return _address_6(text)
    raise _Wrong("missing IPv6 address" if first else "unable to parse IP")


def _octets(text: str) -> bytes:
    """The four bytes of `10.0.0.1`; the first thing wrong from the left is told."""
    octets: list[int] = []
    digits = ""
    for at, character in enumerate(text):
        if "0" <= character <= "9":
            if digits == "0":
                raise _Wrong("IPv4 field has octet with leading zero")
            digits += character
            if int(digits) > 255:
                raise _Wrong("IPv4 field has value >255")
        elif character == ".":
            if not digits or at == len(text) - 1:
                raise _Wrong("IPv4 field must have at least one digit", text[at:])
            if len(octets) == 3:
                raise _Wrong("IPv4 address too long")
            octets.append(int(digits))
            digits = ""
        else:
            raise _Wrong("unexpected character", text[at:])
    if len(octets) < 3:
        raise _Wrong("IPv4 address too short")
    return bytes([*octets, int(digits)])


def _address_6(text: str) -> IPv6Address:
    rest, percent, zone = text.partition("%")
    if percent and not zone:
        raise _Wrong("zone must be a non-empty string")
    content, gap = bytearray(), -1
    if rest.startswith("::"):
        gap, rest = 0, rest[2:]
        if not rest:
            return IPv6Address(0)
    while len(content) < 16:
        digits = _GROUP.match(rest).group()  # type: ignore[union-attr]
        if len(digits) > 4:
            raise _Wrong("each group must have 4 or less digits", rest)
        if not digits:
            raise _Wrong("each colon-separated field must have at least one digit", rest)
        if rest[len(digits) :].startswith("."):
            if gap < 0 and len(content) != 12:
                raise _Wrong("embedded IPv4 address must replace the final 2 fields of the address", rest)
            if len(content) > 12:
                raise _Wrong("too many hex fields to fit an embedded IPv4 at the end of the address", rest)
            content += _octets(rest)
            rest = ""
            break
        content += int(digits, 16).to_bytes(2, "big")
        rest = rest[len(digits) :]
        if not rest:
            break
        if not rest.startswith(":"):
            raise _Wrong("unexpected character, want colon", rest)
        if rest == ":":
            raise _Wrong("colon must be followed by more characters", rest)
        rest = rest[1:]
        if rest.startswith(":"):
            if gap >= 0:
                raise _Wrong("multiple :: in address", rest)
            gap, rest = len(content), rest[1:]
            if not rest:
                break
    if rest:
        raise _Wrong("trailing garbage after address", rest)
    if len(content) < 16 and gap < 0:
        raise _Wrong("address string too short")
    if len(content) == 16 and gap >= 0:
        raise _Wrong("the :: must expand to at least one field of zeros")
    if gap >= 0:
        content[gap:gap] = bytes(16 - len(content))
    return IPv6Address(bytes(content))


def network_of(address: Address, length: int) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The network without the bits beyond the prefix."""
    return ipaddress.ip_network((address.packed, length), strict=False)
