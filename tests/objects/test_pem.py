from __future__ import annotations

import pytest

from fakekube.objects import pem

GOOD = "-----BEGIN A-----\nAQID\n-----END A-----\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (GOOD, [("A", False, b"\x01\x02\x03")]),
        ("before\n" + GOOD + "after", [("A", False, b"\x01\x02\x03")]),
        (GOOD.replace("\n", "  \r\n"), [("A", False, b"\x01\x02\x03")]),
        (GOOD.strip(), [("A", False, b"\x01\x02\x03")]),
        ("-----BEGIN A-----\nkey: value\n\nAQID\n-----END A-----\n", [("A", True, b"\x01\x02\x03")]),
        ("-----BEGIN A-----\n-----END A-----\n", [("A", False, b"")]),
        ("-----BEGIN A-----\n!!!!\n-----END A-----\n" + GOOD, [("A", False, b"\x01\x02\x03")]),
        ("-----BEGIN A-----\nAQID\n-----END B-----\n", []),
        ("-----BEGIN A-----\nAQID\n", []),
        ("  " + GOOD, []),
        ("", []),
    ],
)
def test_blocks_are_found_where_go_finds_them(text: str, found: list[tuple[str, bool, bytes]]) -> None:
    blocks = [(block.label, block.has_headers, block.content) for block in pem.blocks(text.encode())]

    assert blocks == found
