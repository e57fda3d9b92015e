"""What the DNS server of a pod's network answers."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from fakekube.sandbox import dns

NAMES = dns.Names(
    {
        "kubernetes.default.svc.cluster.local": ("10.96.0.1",),
        "web.shop.svc.cluster.local": ("10.96.0.7", "10.96.0.8", "fd00::7"),
        "kubernetes": ("10.96.0.1",),
    },
    "cluster.local",
)
A, AAAA, TXT, ANY = 1, 28, 16, 255


def query(name: str, kind: int, *, additional: bytes = b"") -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    head = struct.pack("!6H", 0x1234, 0x0100, 1, 0, 0, 1 if additional else 0)
    return head + labels + b"\0" + struct.pack("!2H", kind, 1) + additional


def read(response: bytes) -> tuple[int, list[str]]:
    """The response code and the addresses."""
    identity, flags, questions, answers, authorities, additional = struct.unpack_from("!6H", response)
    assert (identity, flags & 0x8580, questions, authorities, additional) == (0x1234, 0x8580, 1, 0, 0)
    position = response.index(b"\0", 12) + 5
    addresses = []
    for _ in range(answers):
        name, kind, _, ttl, size = struct.unpack_from("!HHHIH", response, position)
        assert (name, ttl) == (0xC00C, 5)
        data = response[position + 12 : position + 12 + size]
        addresses.append(socket.inet_ntop(socket.AF_INET if kind == A else socket.AF_INET6, data))
        position += 12 + size
    assert position == len(response)
    return flags & 0xF, addresses


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("kubernetes.default.svc.cluster.local", A, (0, ["10.96.0.1"])),
        ("Kubernetes.DEFAULT.svc.cluster.local", A, (0, ["10.96.0.1"])),
        ("kubernetes.default.svc.cluster.local", AAAA, (0, [])),
        ("kubernetes.default.svc.cluster.local", TXT, (0, [])),
        ("web.shop.svc.cluster.local", A, (0, ["10.96.0.7", "10.96.0.8"])),
        ("web.shop.svc.cluster.local", AAAA, (0, ["fd00::7"])),
        ("web.shop.svc.cluster.local", ANY, (0, ["10.96.0.7", "10.96.0.8", "fd00::7"])),
        ("other.shop.svc.cluster.local", A, (3, [])),
        ("cluster.local", A, (3, [])),
    ],
)
def test_names_of_the_cluster_are_answered(name: str, kind: int, expected: Any) -> None:
    response = dns.answer(query(name, kind), NAMES)

    assert response is not None
    assert read(response) == expected


@pytest.mark.parametrize("name", ["example.com", "notcluster.local", "local"])
def test_other_names_are_for_others(name: str) -> None:
    assert dns.answer(query(name, A), NAMES) is None


def test_extension_of_the_query_is_not_repeated() -> None:
    extended = query("kubernetes", A, additional=b"\0\0\x29\x10\0\0\0\0\0\0\0")

    response = dns.answer(extended, NAMES)

    assert response is not None
    assert read(response) == (0, ["10.96.0.1"])


@pytest.mark.parametrize(
    "broken",
    [b"", b"\x12\x34", query("kubernetes", A)[:14], query("a" * 80, A), struct.pack("!6H", 0x1234, 0x0100, 2, 0, 0, 0)],
    ids=["empty", "cut head", "cut name", "long label", "two questions"],
)
def test_broken_query_is_a_format_error(broken: bytes) -> None:
    response = dns.answer(broken, NAMES)

    assert response is not None
    assert struct.unpack_from("!6H", response)[1] & 0x800F == 0x8001


def test_names_can_be_replaced() -> None:
    names = dns.Names({}, "cluster.local")

    names.replace({"new.default.svc.cluster.local": ("10.96.0.9",)})

    response = dns.answer(query("new.default.svc.cluster.local", A), names)
    assert response is not None
    assert read(response) == (0, ["10.96.0.9"])
