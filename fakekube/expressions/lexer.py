"""The words of an expression.

https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fakekube.expressions.syntax import Constant, Problem
from fakekube.expressions.values import Unsigned


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    """`name`, `quoted_name` (in backquotes), `literal`, `end`, or the sign itself."""
    place: int
    text: str
    value: Constant = None


_HEX = "[0-9a-fA-F]"
_ESCAPE = rf"""\\(?:[abfnrtv"'\\?`]|[0-3][0-7]{{2}}|[xX]{_HEX}{{2}}|u{_HEX}{{4}}|U{_HEX}{{8}})"""
_BEGUN_ESCAPE = re.compile(rf"\\(?:[0-3][0-7]?|[xX]{_HEX}?|u{_HEX}{{0,3}}|U{_HEX}{{0,7}})?")
_WORD = re.compile(
    rf'''(?P<blank>[ \t\n\f\r]+|//[^\n]*)
    |(?P<text>[bB]?(?:
        """(?:{_ESCAPE}|[^\\])*?"""|\'\'\'(?:{_ESCAPE}|[^\\])*?\'\'\'
        |"(?:{_ESCAPE}|[^\\"\n\r])*"|'(?:{_ESCAPE}|[^\\'\n\r])*'
        |[rR](?:"""[^\0]*?"""|\'\'\'[^\0]*?\'\'\'|"[^"\n\r]*"|'[^'\n\r]*')))
    |(?P<float>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
    |(?P<integer>0x{_HEX}+[uU]?|[0-9]+[uU]?)
    |(?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
    |(?P<quoted>`[a-zA-Z0-9_.\-/ ]+`)
    |(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,(){{}}\[\]])''',
    re.VERBOSE,
)
_BEGUN = re.compile(rf"""[=&|]|`[a-zA-Z0-9_.\-/ ]*|"(?:{_ESCAPE}|[^\\"\n\r])*|'(?:{_ESCAPE}|[^\\'\n\r])*""")
"""What would be a word if it went on."""
_NUMBERED = re.compile(
    rf"\\(?:[xX]({_HEX}{{2}})|u({_HEX}{{4}})|U({_HEX}{{8}})|([0-3][0-7]{{2}}))|\\(.)|[^\\]+", re.DOTALL
)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CONSTANTS: dict[str, Constant] = {"true": True, "false": False, "null": None}


def tokens(text: str) -> tuple[list[Token], list[Problem]]:
    """The words, an `end` last, and what is none. A minus before a number is a sign of its own."""
    found, problems = list[Token](), list[Problem]()
    place = 0
    while place < len(text):
        word = _WORD.match(text, place)
        if word is None:
            end = _end_of_no_word(text, place)
            problems.append(Problem(place, f"Syntax error: token recognition error at: '{text[place:end]}'"))
            place = end
            continue
        content = word.group()
        match word.lastgroup:
            case "text":
                try:
                    found.append(Token("literal", place, _in_one_line(content), _text(content)))
                except ValueError as error:
                    problems.append(Problem(place, str(error)))
                    found.append(Token("literal", place, content, ""))
            case "float":
                found.append(Token("literal", place, content, float(content)))
            case "integer":
                found.append(Token("literal", place, content, _integer(content)))
            case "name" if content in _CONSTANTS:
                found.append(Token("literal", place, content, _CONSTANTS[content]))
            case "name" if content == "in":
                found.append(Token("in", place, content))
            case "name":
                found.append(Token("name", place, content))
            case "quoted":
                found.append(Token("quoted_name", place, content))
            case "sign":
                found.append(Token(content, place, content))
        place = word.end()
    found.append(Token("end", len(text), "<EOF>"))
    return found, problems


def _end_of_no_word(text: str, place: int) -> int:
    """Behind the character at which it turns out that no word begins here."""
    begun = _BEGUN.match(text, place)
    end = begun.end() if begun else place
    if text[place] in "'\"" and (escape := _BEGUN_ESCAPE.match(text, end)):
        end = escape.end()
    return min(end + 1, len(text))


def _in_one_line(text: str) -> str:
    return text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def _integer(text: str) -> int | Unsigned:
    digits = text.rstrip("uU")
    # Python reads no thousands of digits, and nobody needs them: the first twenty are too many already.
    number = int(digits, 16) if digits.startswith("0x") else int(digits.lstrip("0")[:40] or "0")
    return Unsigned(number) if digits != text else number


def _text(written: str) -> str | bytes:
    """What a literal in quotes says. Raises ValueError, with the words of cel-go."""
    is_bytes = written[0] in "bB"
    rest = written[1:] if is_bytes else written
    is_raw = rest[0] in "rR"
    rest = rest[1:] if is_raw else rest
    width = 3 if rest.startswith(('"""', "'''")) else 1
    content = rest[width:-width].replace("\r\n", "\n").replace("\r", "\n")
    if is_raw or "\\" not in content:
        return content.encode() if is_bytes else content
    parts = [_part(part, is_bytes) for part in _NUMBERED.finditer(content)]
    return b"".join(parts) if is_bytes else b"".join(parts).decode()


def _part(part: re.Match[str], is_bytes: bool) -> bytes:
    """Of a text, in UTF-8: one escape, or what stands between two."""
    small, four, eight, octal, letter = part.groups()
    if letter is not None:
        return _ESCAPES.get(letter, letter).encode()
    if not (digits := small or four or eight or octal):
        return part.group().encode()
    code = int(digits, 8 if octal else 16)
    if is_bytes:
        if four or eight:
            raise ValueError("unable to unescape string")
        return bytes([code])
    is_scalar = code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
    if not is_scalar:
        raise ValueError("invalid unicode code point")
    return chr(code).encode()
