"""Texts with clauses for values in them: `'%s has %d'.format(['a', 1])`.

https://pkg.go.dev/github.com/google/cel-go/ext#Strings
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

from fakekube.expressions.runtime_types import full_name, shown_type, type_of_value
from fakekube.expressions.shown import double_text, duration_text, timestamp_text
from fakekube.expressions.types import Type
from fakekube.expressions.values import EvaluationProblem, Value
from fakekube.objects.go_text import quoted

_PRECISION = 6
_MOST_DIGITS = 1000
"""Behind a decimal point; nobody reads on for longer."""
_NO_PRECISION = "error while parsing precision: error while converting precision"
_CLAUSE = re.compile(r"%(%|(?:\.(?P<digits>[0-9]*))?(?P<kind>.)?)", re.DOTALL)
_INFINITE = {"inf": "∞", "-inf": "-∞", "nan": "NaN"}
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def formatted(text: str, values: list[Value]) -> str:
    """The text with its clauses replaced; values that no clause asks for do not matter. Raises EvaluationProblem."""
    parts: list[str] = []
    place = 0
    for start, end, kind, precision, used in _clauses(text, len(values)):
        parts += text[place:start], _CLAUSES[kind](values[used], precision) if kind != "%" else "%"
        place = end
    return "".join([*parts, text[place:]])


def clauses(text: str, count: int) -> Iterator[str]:
    """The letters of the clauses that `count` values are for, in their order. Raises EvaluationProblem, also for values in excess."""
    used = 0
    for _, _, kind, _, _ in _clauses(text, count):
        if kind != "%":
            used += 1
            yield kind
    if used < count:
        raise EvaluationProblem(f"too many arguments supplied to string.format (expected {used}, got {count})")


def refused(kind: str, type_: Type, *, takes_texts: bool = True) -> EvaluationProblem | None:
    """Why a clause of that letter does not take values of a type; None: it does. `takes_texts`: where it does take some, `NaN`."""
    rule, names = _TAKES[kind]
    if type_.name in names and (takes_texts or type_.name != "string"):
        return None
    return EvaluationProblem(f"error during formatting: {rule}, was given {full_name(type_)}")


def _clauses(text: str, count: int) -> Iterator[tuple[int, int, str, int, int]]:
    """Start, end, letter and precision of each clause, and which value it is for."""
    used = 0
    for clause in _CLAUSE.finditer(text):
        if clause[1] == "%":
            yield clause.start(), clause.end(), "%", 0, used
            continue
        if used >= count:
            raise EvaluationProblem(f"index {used} out of range")
        if not clause[1]:
            raise EvaluationProblem("unexpected end of string")
        yield clause.start(), clause.end(), *_kind_and_precision(clause["kind"], clause["digits"]), used
        used += 1


def _kind_and_precision(kind: str | None, digits: str | None) -> tuple[str, int]:
    """`digits`: those behind the point of `%.2f`."""
    if kind is None:
        raise _unreadable("error while parsing precision: could not find end of precision specifier")
    if digits == "":
        raise _unreadable(f'{_NO_PRECISION} to integer: strconv.Atoi: parsing "": invalid syntax')
    if kind not in _CLAUSES:
        raise _unreadable(f'unrecognized formatting clause "{kind.encode()[:1].decode("latin-1")}"')
    return kind, _PRECISION if digits is None else min(int(digits[:5]), _MOST_DIGITS)


def _unreadable(why: str) -> EvaluationProblem:
    return EvaluationProblem(f"could not parse formatting clause: {why}")


def _require(kind: str, value: Value) -> None:
    if problem := refused(kind, type_of_value(value)):
        raise problem


def _any(value: Value, _: int = 0) -> str:
    """`%s`."""
    _require("s", value)
    return _AS_TEXT[type_of_value(value).name](value)


def _within(value: Value) -> str:
    """A value inside of a list or a map, as an expression would have it."""
    kind = type_of_value(value).name
    write = _AS_LITERAL.get(kind)
    if write is None:
        raise EvaluationProblem(f"error during formatting: no formatting function for {shown_type(value)}")
    return write(value)


def _list(items: list[Value]) -> str:
    return f"[{', '.join(map(_within, items))}]"


def _map(entries: dict[Value, Value]) -> str:
    written = sorted((_key(key), _within(value)) for key, value in entries.items())
    return f"{{{', '.join(f'{key}:{value}' for key, value in written)}}}"


def _key(key: Value) -> str:
    if type_of_value(key).name not in ("string", "bool", "int", "uint"):
        raise EvaluationProblem(
            f"error during formatting: no formatting function for map key of type {shown_type(key)}"
        )
    return _within(key)


def _double_within(number: float) -> str:
    text = f"{number:.6f}"
    return {"inf": '"+Inf"', "-inf": '"-Inf"', "nan": '"NaN"'}.get(text, text)


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _bytes_text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        problem = "invalid UTF-8 in bytes, cannot convert to string"
        raise EvaluationProblem(f'error during formatting: could not convert argument "{problem}" to string') from None


_AS_TEXT: dict[str, Callable[[Value], str]] = {
    "string": str,
    "bool": _bool,
    "bytes": _bytes_text,
    "int": lambda number: str(int(number)),
    "uint": lambda number: str(int(number)),
    "double": double_text,
    "null_type": lambda _: "null",
    "list": _list,
    "map": _map,
    "type": lambda value: value.name,
    "duration": duration_text,
    "timestamp": timestamp_text,
}
_OF_HEXADECIMAL = (
    "only integers, byte buffers, and strings can be formatted as hex",
    ("int", "uint", "string", "bytes"),
)
_TAKES: dict[str, tuple[str, Collection[str]]] = {
    "s": (
        "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps",
        _AS_TEXT,
    ),
    "d": ("decimal clause can only be used on integers", ("int", "uint")),
    "f": ("fixed-point clause can only be used on doubles", ("double", "string")),
    "e": ("scientific clause can only be used on doubles", ("double", "string")),
    "b": ("only integers and bools can be formatted as binary", ("int", "uint", "bool")),
    "o": ("octal clause can only be used on integers", ("int", "uint")),
    "x": _OF_HEXADECIMAL,
    "X": _OF_HEXADECIMAL,
}
"""What each clause says of values of other types, and the types of those that it takes."""
_AS_LITERAL = _AS_TEXT | {
    "string": quoted,
    "bytes": lambda content: f"b{quoted(_bytes_text(content))}",
    "double": _double_within,
    "duration": lambda value: f"duration({quoted(duration_text(value))})",
    "timestamp": lambda value: f"timestamp({quoted(timestamp_text(value))})",
}


def _decimal(value: Value, _: int) -> str:
    _require("d", value)
    return str(int(value))


def _number(value: Value, kind: str) -> float:
    is_other_text = isinstance(value, str) and value not in ("NaN", "Infinity", "-Infinity")
    if problem := refused(kind, type_of_value(value), takes_texts=not is_other_text):
        raise problem
    return float(value)


def _fixed(value: Value, precision: int) -> str:
    """With commas between thousands, as people of the United States write."""
    number = _number(value, "f")
    text = f"{number or abs(number):,.{precision}f}"
    return _INFINITE.get(text, text)


def _scientific(value: Value, precision: int) -> str:
    """Always six digits behind the point: what is written as the precision is how wide the text is at least."""
    number = _number(value, "e")
    mantissa, _, exponent = f"{number or abs(number):.{_PRECISION}e}".partition("e")
    if not exponent:
        return _INFINITE[mantissa].rjust(precision)
    power = f"{int(exponent):+03d}".removeprefix("+")
    return f"{mantissa}×10{power.translate(_RAISED)}".rjust(precision)


def _binary(value: Value, _: int) -> str:
    _require("b", value)
    return f"{int(value):b}"


def _octal(value: Value, _: int) -> str:
    _require("o", value)
    return f"{int(value):o}"


def _hexadecimal(value: Value, _: int) -> str:
    _require("x", value)
    match type_of_value(value).name:
        case "string":
            return str(value).encode().hex()
        case "bytes":
            return bytes(value).hex()
    return f"{int(value):x}"


_CLAUSES: dict[str, Callable[[Value, int], str]] = {
    "s": _any,
    "d": _decimal,
    "f": _fixed,
    "e": _scientific,
    "b": _binary,
    "o": _octal,
    "x": _hexadecimal,
    "X": lambda value, _: _hexadecimal(value, _).upper(),
}
