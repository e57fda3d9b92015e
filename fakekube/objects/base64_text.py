"""Base64 as Go's decoder takes it, with the index of the first byte that it does not take."""

from __future__ import annotations

import binascii

_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


class Base64Error(ValueError):
    """`illegal base64 data at input byte 4`."""


def canonical(text: str) -> str:
    """`text` decoded and encoded anew, on one line; line breaks inside it do not matter. Raises Base64Error."""
    try:
        encoded = _encoded(binascii.a2b_base64(text, strict_mode=True))
    except ValueError:  # binascii.Error, and text that is no ASCII
        encoded = ""
    if encoded == text:
        return text
    index = _first_wrong_byte(text)
    if index is not None:
        raise Base64Error(f"illegal base64 data at input byte {index}")
    return _encoded(binascii.a2b_base64(text.replace("\r", "").replace("\n", "")))


def _encoded(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def _first_wrong_byte(text: str) -> int | None:
    """Where Go stops: at a character that is no digit, at the start of a group that breaks off, behind padding. None: it does not."""
    digits: list[int] = []  # the indices of the group of four that is being read
    characters = text.encode().decode("latin-1")
    for index, character in enumerate(characters):
        if character in "\r\n":
            continue
        if character in _ALPHABET:
            digits.append(index)
            if len(digits) == 4:
                digits = []
            continue
        if character != "=" or len(digits) < 2:
            return index
        return _wrong_padding(characters, index, len(digits))
    return len(characters) - len(digits) if digits else None


def _wrong_padding(characters: str, index: int, digits: int) -> int | None:
    """`index` is that of the first `=`, which ends a group of `digits` digits."""
    after = _skip_line_breaks(characters, index + 1)
    if digits == 2:
        if after == len(characters):
            return after
        if characters[after] != "=":
            return after - 1
        after = _skip_line_breaks(characters, after + 1)
    return after if after < len(characters) else None


def _skip_line_breaks(characters: str, index: int) -> int:
    while index < len(characters) and characters[index] in "\r\n":
        index += 1
    return index
