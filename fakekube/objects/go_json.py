"""JSON read slowly, the way Go's decoder reads it: its sentence for what is wrong, repeated keys, numbers as they were written.

orjson reads every body first; this reader is for the few that orjson refuses or tells too little about. It knows no recursion.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, cast

from fakekube.objects.go_text import quoted, quoted_character

MOST_LEVELS = 10_000


class JSONError(ValueError):
    """The text is no JSON; the message is Go's: `invalid character '}' looking for beginning of value`."""


class Number(float):
    """A number that is no 64-bit integer, and how it was written: `1e3`, `1.50`, `2147483648000000000000`."""

    text: str

    def __new__(cls, text: str) -> Number:
        number = super().__new__(cls, text)
        number.text = text
        return number


class RepeatedKeys(dict[str, Any]):
    """An object in which a key stands more than once. As a dict it holds the last value of each key."""

    pairs: tuple[tuple[str, Any], ...]
    """All members in the order of the text."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = tuple(pairs)


def read(body: bytes) -> Any:
    """The value of `body`. Objects with repeated keys are RepeatedKeys, numbers that are no 64-bit integers are Numbers.

    Bytes that are no UTF-8 and halves of surrogate pairs become U+FFFD. Raises JSONError.
    """
    return _Reader(body.decode("utf-8", "surrogateescape")).document()


Place = tuple[str | int, ...]
"""Keys and indices from the root."""


def texts_of_objects(body: bytes, depths: Collection[int]) -> dict[Place, bytes]:
    """The texts of the objects so many steps below the root, by place, from brace to brace. Of a repeated key the last counts.

    `body` is JSON; as `read` does, this puts U+FFFD in the place of what is no UTF-8. Raises JSONError.
    """
    reader = _Reader(body.decode("utf-8", "surrogateescape"))
    reader.depths = frozenset(depths)
    reader.document()
    return {
        place: _SURROGATES.sub("\ufffd", reader.text[start:stop]).encode()
        for place, (start, stop) in reader.spans.items()
    }


_WHITE = re.compile(r"[ \t\r\n]*")
_CHUNK = re.compile(r'[^"\\\x00-\x1f]*')
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<rest>(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)", re.ASCII)
_PART_OF_A_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.(?:[0-9]+(?:[eE][-+]?)?)?|[eE][-+]?)?)?", re.ASCII)
_LITERALS: dict[str, tuple[str, Any]] = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_SURROGATES = re.compile(r"[\ud800-\udfff]")


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depths: frozenset[int] = frozenset()
        """On which levels the spans of objects are wanted."""
        self.spans: dict[Place, tuple[int, int]] = {}

    def document(self) -> Any:
        """Containers that are not closed yet lie on a stack: lists, and for objects (members so far, key that waits for its value)."""
        open_: list[_Container] = []
        while True:
            value = self._scalar_or_opening(open_)
            if value is _OPENED:
                continue
            while True:
                if not open_:
                    self._white()
                    if self.at < len(self.text):
                        raise self._unexpected("after top-level value")
                    return value
                closed = self._took(open_, value)
                if closed is _OPENED:
                    break
                value = closed

    def _scalar_or_opening(self, open_: list[_Container]) -> Any:
        character = self._next()
        if character in "{[":
            if character == "{" and len(open_) in self.depths:
                self.spans[_place(open_)] = self.at, self.at
            if len(open_) >= MOST_LEVELS:
                raise JSONError("exceeded max depth")
            self.at += 1
            if self._next() == ("}" if character == "{" else "]"):
                self.at += 1
                self._ended(open_)
                return {} if character == "{" else []
            open_.append(([], self._key()) if character == "{" else [])
            return _OPENED
        if character == '"':
            return self._string()
        if character == "-" or (character.isascii() and character.isdigit()):
            return self._number()
        if character in _LITERALS:
            return self._literal(*_LITERALS[character])
        raise self._unexpected("looking for beginning of value")

    def _ended(self, open_: list[_Container]) -> None:
        """A container inside `open_` ends here."""
        if len(open_) in self.depths and (place := _place(open_)) in self.spans:
            self.spans[place] = self.spans[place][0], self.at

    def _took(self, open_: list[_Container], value: Any) -> Any:
        """Puts a finished value into the innermost container; the container itself when that ends it."""
        innermost = open_[-1]
        character = self._next()
        if isinstance(innermost, list):
            innermost.append(value)
            if character not in ",]":
                raise self._unexpected("after array element")
            self.at += 1
            if character == ",":
                return _OPENED
            open_.pop()
            self._ended(open_)
            return innermost
        members, key = innermost
        members.append((key, value))
        if character not in ",}":
            raise self._unexpected("after object key:value pair")
        self.at += 1
        if character == ",":
            open_[-1] = (members, self._key())
            return _OPENED
        open_.pop()
        self._ended(open_)
        result = dict(members)
        return result if len(result) == len(members) else RepeatedKeys(members)

    def _key(self) -> str:
        if self._next() != '"':
            raise self._unexpected("looking for beginning of object key string")
        key = self._string()
        if self._next() != ":":
            raise self._unexpected("after object key")
        self.at += 1
        return key

    def _string(self) -> str:
        self.at += 1
        parts: list[str] = []
        while True:
            chunk = cast("re.Match[str]", _CHUNK.match(self.text, self.at))
            parts.append(chunk[0])
            self.at = chunk.end()
            character = self._here()
            if character == '"':
                self.at += 1
                return _SURROGATES.sub("\ufffd", "".join(parts))
            if character != "\\":
                raise self._unexpected("in string")
            parts.append(self._escape())

    def _escape(self) -> str:
        """The character that an escape stands for; half a surrogate pair is U+FFFD."""
        start = self.at
        self.at += 1
        kind = self._here()
        self.at += 1
        if kind in _ESCAPES:
            return _ESCAPES[kind]
        if kind != "u":
            raise _wrong_escape(self.text[start : start + 2].encode("utf-8", "surrogateescape")[:2])
        code = self._four_digits(start)
        if 0xD800 <= code < 0xDC00 and self.text.startswith("\\u", self.at):
            start, after = self.at, self.at + 2
            self.at = after
            low = self._four_digits(start)
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00))
            self.at = start
        return chr(code) if not 0xD800 <= code < 0xE000 else "\ufffd"

    def _four_digits(self, start: int) -> int:
        digits = _HEX.match(self.text, self.at)
        if digits is None:
            if len(self.text) < self.at + 4 and re.fullmatch("[0-9a-fA-F]*", self.text[self.at :]):
                raise JSONError(_ENDS_EARLY)
            raise _wrong_escape(self.text[start : start + 6].encode("utf-8", "surrogateescape")[:6])
        self.at = digits.end()
        return int(digits[0], 16)

    def _number(self) -> int | Number:
        number = _NUMBER.match(self.text, self.at)
        part = cast("re.Match[str]", _PART_OF_A_NUMBER.match(self.text, self.at))
        if number is None or part.end() > number.end():
            self.at = part.end()
            self._here()
            raise self._unexpected("in numeric literal")
        self.at = number.end()
        if not number["rest"] and len(number[0]) <= 20 and -(2**63) <= int(number[0]) < 2**63:
            return int(number[0])
        return Number(number[0])

    def _literal(self, literal: str, value: Any) -> Any:
        for expected in literal:
            if self._here() != expected:
                raise self._unexpected(f"in literal {literal} (expecting '{expected}')")
            self.at += 1
        return value

    def _white(self) -> None:
        self.at = cast("re.Match[str]", _WHITE.match(self.text, self.at)).end()

    def _next(self) -> str:
        """The next character that is no white space, not taken yet."""
        self._white()
        return self._here()

    def _here(self) -> str:
        if self.at >= len(self.text):
            raise JSONError(_ENDS_EARLY)
        return self.text[self.at]

    def _unexpected(self, where: str) -> JSONError:
        character = self.text[self.at]
        return JSONError(f"invalid character {quoted_character(character)} {where}")


_Container = list[Any] | tuple[list[tuple[str, Any]], str]


def _place(open_: list[_Container]) -> Place:
    """That of the value which the innermost container waits for."""
    return tuple(len(each) if isinstance(each, list) else each[1] for each in open_)


_OPENED = object()
"""No value yet: a container has begun, or goes on behind a comma."""
_ENDS_EARLY = "unexpected end of JSON input"


def _wrong_escape(sequence: bytes) -> JSONError:
    text = sequence.decode("utf-8", "surrogateescape")
    plain = all(character.isprintable() and character not in "` \ufffd" for character in text)
    return JSONError(f"invalid escape sequence {f'`{text}`' if plain else quoted(text)} in string")
