"""The blocks of a PEM text as Go reads them: what is no block is passed over, also what only begins as one."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

_BLOCK = re.compile(
    rb"(?:^|(?<=\n))-----BEGIN (?P<label>[^\n]*)-----[ \t\r]*\n(?P<headers>(?:[^\n:]*:[^\n]*\n)*)"
    rb"(?P<body>(?:[^\n]*\n)*?)-----END (?P=label)-----[ \t\r]*(?:\n|$)"
)
_BLANKS = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Block:
    label: str
    """`CERTIFICATE`"""
    has_headers: bool
    content: bytes


def blocks(text: bytes) -> Iterator[Block]:
    """Those of `text`, in their order."""
    for match in _BLOCK.finditer(text):
        try:
            content = base64.b64decode(match["body"].translate(None, _BLANKS), validate=True)
        except binascii.Error:
            continue
        yield Block(match["label"].decode(errors="replace"), bool(match["headers"]), content)
