"""The words of an expression."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fakekube.expressions.syntax import Constant, Problem, SyntaxProblem
from fakekube.expressions.values import Unsigned


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    """`name`, `quoted_name` (`a.`b-c``), `literal`, `end`, or the sign itself."""
    place: int
    text: str
    value: Constant = None


_WORD = re.compile(
    r"""(?P<blank>[ \t\n\f\r]+|//[^\n]*)
    |(?P<text>(?i:r?b?|br)(?:\"\"\"|'''|"|'))
    |(?P<float>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
    |(?P<integer>0x[0-9a-fA-F]+[uU]?|[0-9]+[uU]?)
    |(?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
    |`(?P<quoted>[a-zA-Z0-9_.\-/ ]+)`
    |(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,(){}\[\]])""",
    re.VERBOSE,
)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CONSTANTS: dict[str, Constant] = {"true": True, "false": False, "null": None}
_LARGEST = (1 << 63) - 1


def tokens(text: str) -> Iterator[Token]:
    """The words, an `end` last. A minus before a number is a sign of its own. Raises SyntaxProblem."""
    place = 0
    while place < len(text):
        word = _WORD.match(text, place)
        if word is None:
            raise SyntaxProblem(Problem(place, f"Syntax error: token recognition error at: '{text[place]}'"))
        end, content = word.end(), word.group()
        match word.lastgroup:
            case "text":
                value, end = _text(text, place, content)
                yield Token("literal", place, text[place:end], value)
            case "float":
                yield Token("literal", place, content, float(content))
            case "integer":
                yield Token("literal", place, content, _integer(content))
            case "name" if content in _CONSTANTS:
                yield Token("literal", place, content, _CONSTANTS[content])
            case "name" if content == "in":
                yield Token("in", place, content)
            case "name":
                yield Token("name", place, content)
            case "quoted":
                yield Token("quoted_name", place, word["quoted"])
            case "sign":
                yield Token(content, place, content)
        place = end
    yield Token("end", len(text), "<EOF>")


def _integer(text: str) -> int | Unsigned:
    digits = text.rstrip("uU")
    number = int(digits, 16) if digits.startswith("0x") else int(digits)
    return Unsigned(number) if digits != text else number


def _text(text: str, start: int, opening: str) -> tuple[str | bytes, int]:
    prefix, quote = re.fullmatch(r"([a-zA-Z]*)(.+)", opening).groups()  # type: ignore[union-attr]
    is_raw, is_bytes = "r" in prefix.lower(), "b" in prefix.lower()
    place, parts = start + len(opening), bytearray()
    while not text.startswith(quote, place):
        if place >= len(text) or (len(quote) == 1 and text[place] in "\r\n"):
            raise SyntaxProblem(Problem(start, f"Syntax error: token recognition error at: '{text[start:place]}'"))
        if text[place] != "\\" or is_raw:
            parts += text[place].encode()
            place += 1
            continue
        part, place = _escape(text, place, is_bytes)
        parts += part
    return (bytes(parts) if is_bytes else parts.decode()), place + len(quote)


_NUMBERED = re.compile(r"\\(?:[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2}))")


def _escape(text: str, place: int, is_bytes: bool) -> tuple[bytes, int]:
    if numbered := _NUMBERED.match(text, place):
        small, four, eight, octal = numbered.groups()
        code = int(octal, 8) if octal else int(small or four or eight, 16)
        is_scalar = code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
        if not is_scalar:
            raise SyntaxProblem(Problem(place, "invalid unicode code point"))
        as_byte = is_bytes and (small or octal)
        return bytes([code]) if as_byte else chr(code).encode(), numbered.end()
    letter = text[place + 1 : place + 2]
    if letter in _ESCAPES:
        return _ESCAPES[letter].encode(), place + 2
    if letter and letter in "\\?\"'`":
        return letter.encode(), place + 2
    raise SyntaxProblem(Problem(place, f"Syntax error: token recognition error at: '{text[place : place + 2]}'"))
