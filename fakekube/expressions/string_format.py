"""Texts with clauses for values in them: `'%s has %d'.format(['a', 1])`.

https://pkg.go.dev/github.com/google/cel-go/ext#Strings
"""

from __future__ import annotations

import re
from collections.abc import Callable

from fakekube.expressions.runtime_types import shown_type, type_of_value
from fakekube.expressions.shown import double_text, duration_text, timestamp_text
from fakekube.expressions.values import EvaluationProblem, Value
from fakekube.objects.go_text import quoted

_PRECISION = 6
_NO_PRECISION = "error while parsing precision: error while converting precision"
_CLAUSE = re.compile(r"%(%|(?:\.(?P<digits>[0-9]*))?(?P<kind>.)?)", re.DOTALL)
_INFINITE = {"inf": "∞", "-inf": "-∞", "nan": "NaN"}
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def formatted(text: str, values: list[Value]) -> str:
    """The text with its clauses replaced. Raises EvaluationProblem."""
    parts, place, used = [], 0, 0
    for clause in _CLAUSE.finditer(text):
        parts.append(text[place : clause.start()])
        place = clause.end()
        if clause[1] == "%":
            parts.append("%")
            continue
        if not clause[1]:
            raise EvaluationProblem("unexpected end of string")
        if used >= len(values):
            raise EvaluationProblem(f"index {used} out of range")
        parts.append(_clause(clause["kind"], clause["digits"], values[used]))
        used += 1
    parts.append(text[place:])
    if used < len(values):
        raise EvaluationProblem(f"too many arguments supplied to string.format (expected {used}, got {len(values)})")
    return "".join(parts)


def _clause(kind: str | None, digits: str | None, value: Value) -> str:
    """`digits`: those behind the point of `%.2f`."""
    if kind is None:
        raise _unreadable("error while parsing precision: could not find end of precision specifier")
    if digits == "":
        raise _unreadable(f'{_NO_PRECISION} to integer: strconv.Atoi: parsing "": invalid syntax')
    write = _CLAUSES.get(kind)
    if write is None:
        raise _unreadable(f'unrecognized formatting clause "{kind}"')
    return write(value, _PRECISION if digits is None else int(digits))


def _unreadable(why: str) -> EvaluationProblem:
    return EvaluationProblem(f"could not parse formatting clause: {why}")


def _refused(rule: str, value: Value) -> EvaluationProblem:
    return EvaluationProblem(f"error during formatting: {rule}, was given {shown_type(value)}")


def _any(value: Value, _: int = 0) -> str:
    """`%s`."""
    kind = type_of_value(value).name
    write = _AS_TEXT.get(kind)
    if write is None:
        rule = "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps"
        raise _refused(rule, value)
    return write(value)


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
        raise EvaluationProblem("error during formatting: invalid UTF-8 in bytes, cannot convert to string") from None


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
_AS_LITERAL = _AS_TEXT | {
    "string": quoted,
    "bytes": lambda content: f"b{quoted(_bytes_text(content))}",
    "double": _double_within,
    "duration": lambda value: f"duration({quoted(duration_text(value))})",
    "timestamp": lambda value: f"timestamp({quoted(timestamp_text(value))})",
}


def _decimal(value: Value, _: int) -> str:
    if type_of_value(value).name not in ("int", "uint"):
        raise _refused("decimal clause can only be used on integers", value)
    return str(int(value))


def _number(value: Value, name: str) -> float:
    if type_of_value(value).name == "double" or value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    raise _refused(f"{name} clause can only be used on doubles", value)


def _fixed(value: Value, precision: int) -> str:
    """With commas between thousands, as people of the United States write."""
    text = f"{_number(value, 'fixed-point'):,.{precision}f}"
    return _INFINITE.get(text, text)


def _scientific(value: Value, precision: int) -> str:
    text = f"{_number(value, 'scientific'):.{precision}e}"
    if text in _INFINITE:
        return _INFINITE[text]
    mantissa, _, exponent = text.partition("e")
    power = f"{int(exponent):+03d}".removeprefix("+")
    return f"{mantissa}\u202f×\u202f10{power.translate(_RAISED)}"


def _binary(value: Value, _: int) -> str:
    if type_of_value(value).name not in ("int", "uint", "bool"):
        raise _refused("only integers and bools can be formatted as binary", value)
    return f"{int(value):b}"


def _octal(value: Value, _: int) -> str:
    if type_of_value(value).name not in ("int", "uint"):
        raise _refused("octal clause can only be used on integers", value)
    return f"{int(value):o}"


def _hexadecimal(value: Value, _: int) -> str:
    match type_of_value(value).name:
        case "string":
            return str(value).encode().hex()
        case "bytes":
            return bytes(value).hex()
        case "int" | "uint":
            return f"{int(value):x}"
    raise _refused("only integers, byte buffers, and strings can be formatted as hex", value)


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
