"""What expressions can do with texts: the second version of cel-go's extension, positions counted in characters.

https://pkg.go.dev/github.com/google/cel-go/ext#Strings
"""

from __future__ import annotations

from fakekube.expressions.shown import shown
from fakekube.expressions.string_format import formatted
from fakekube.expressions.types import Overload, overload
from fakekube.expressions.values import EvaluationProblem

_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER = {lower: upper for upper, lower in _LOWER.items()}
_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
"""What Go takes for white space."""
_ESCAPES = str.maketrans(
    {
        "\a": r"\a",
        "\b": r"\b",
        "\f": r"\f",
        "\n": r"\n",
        "\r": r"\r",
        "\t": r"\t",
        "\v": r"\v",
        "\\": r"\\",
        '"': r"\"",
    }
)


def _out_of_range(position: int) -> EvaluationProblem:
    return EvaluationProblem(f"index out of range: {position}")


def _char_at(text: str, position: int) -> str:
    if 0 <= position <= len(text):
        return text[position : position + 1]
    raise _out_of_range(position)


def _index_of(text: str, part: str, offset: int = 0) -> int:
    if not part:
        return offset
    if offset < 0:
        raise _out_of_range(offset)
    return text.find(part, offset)


def _last_index_of(text: str, part: str, offset: int | None = None) -> int:
    if offset is None:
        return text.rfind(part)
    if not part:
        return offset
    if offset < 0:
        raise _out_of_range(offset)
    return text.rfind(part, 0, offset + len(part)) if offset < len(text) else -1


def _replaced(text: str, old: str, new: str, count: int = -1) -> str:
    return text.replace(old, new, count)


def _split(text: str, separator: str, count: int = -1) -> list[str]:
    """At most `count` parts, all where that is negative; without a separator the characters."""
    if count == 0:
        return []
    if separator:
        return text.split(separator, count - 1 if count > 0 else -1)
    if count < 0 or count >= len(text):
        return list(text)
    return [*text[: count - 1], text[count - 1 :]]


def _substring(text: str, start: int, end: int | None = None) -> str:
    if end is None:
        end = len(text)
        if not 0 <= start <= end:
            raise _out_of_range(start)
    if start > end:
        raise EvaluationProblem(f"invalid substring range. start: {start}, end: {end}")
    for position in (start, end):
        if not 0 <= position <= len(text):
            raise _out_of_range(position)
    return text[start:end]


def _joined(texts: list[str], separator: str = "") -> str:
    for item in texts:
        if not isinstance(item, str):
            raise EvaluationProblem(f"join: invalid input: {shown(item)}")
    return separator.join(texts)


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


OVERLOADS: tuple[Overload, ...] = (
    overload("string.charAt(int): string", _char_at),
    overload("string.indexOf(string): int", _index_of),
    overload("string.indexOf(string, int): int", _index_of),
    overload("string.lastIndexOf(string): int", _last_index_of),
    overload("string.lastIndexOf(string, int): int", _last_index_of),
    overload("string.lowerAscii(): string", lambda text: text.translate(_LOWER)),
    overload("string.upperAscii(): string", lambda text: text.translate(_UPPER)),
    overload("string.replace(string, string): string", _replaced),
    overload("string.replace(string, string, int): string", _replaced),
    overload("string.split(string): list(string)", _split),
    overload("string.split(string, int): list(string)", _split),
    overload("string.substring(int): string", _substring),
    overload("string.substring(int, int): string", _substring),
    overload("string.trim(): string", lambda text: text.strip(_BLANKS)),
    overload("list(string).join(): string", _joined),
    overload("list(string).join(string): string", _joined),
    overload("string.format(list(dyn)): string", formatted),
    overload("strings.quote(string): string", _quoted),
)
