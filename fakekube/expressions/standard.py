"""The functions and operators that every expression has: the standard library of CEL.

The operators that the evaluator knows by itself (`_&&_`, `_==_`, `_[_]` ...) stand here for their types only.

https://github.com/google/cel-spec/blob/master/doc/langdef.md#list-of-standard-definitions
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from fakekube.expressions import optionals, strings
from fakekube.expressions.equality import added
from fakekube.expressions.runtime_types import type_of_value
from fakekube.expressions.shown import double_text, duration_text, timestamp_text
from fakekube.expressions.types import Overload, overload
from fakekube.expressions.values import Duration, EvaluationProblem, Timestamp, Unsigned, Value
from fakekube.objects import times
from fakekube.objects.regular_expressions import PatternError, compiled

_SMALLEST, _LARGEST, _LARGEST_UNSIGNED = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1
_SECOND = 1_000_000_000
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
"""The moments that there are: the years 1 to 9999."""

INT_OVERFLOW, UINT_OVERFLOW, TIMESTAMP_OVERFLOW = "integer overflow", "unsigned integer overflow", "timestamp overflow"


def integer(number: int) -> int:
    """The number, where it has room in 64 bits. Raises EvaluationProblem."""
    if _SMALLEST <= number <= _LARGEST:
        return number
    raise EvaluationProblem(INT_OVERFLOW)


def unsigned(number: int) -> Unsigned:
    """The number, where it has room in 64 bits without a sign. Raises EvaluationProblem."""
    if 0 <= number <= _LARGEST_UNSIGNED:
        return Unsigned(number)
    raise EvaluationProblem(UINT_OVERFLOW)


def moment(nanoseconds: int, offset: int = 0) -> Timestamp:
    """The moment, where it is one of the years 1 to 9999. Raises EvaluationProblem."""
    if _FIRST_SECOND <= nanoseconds // _SECOND <= _LAST_SECOND:
        return Timestamp(nanoseconds, offset)
    raise EvaluationProblem(TIMESTAMP_OVERFLOW)


def span(nanoseconds: int) -> Duration:
    """The span of time, where it has room in 64 bits. Raises EvaluationProblem."""
    if _SMALLEST <= nanoseconds <= _LARGEST:
        return Duration(nanoseconds)
    raise EvaluationProblem(INT_OVERFLOW)


def _quotient(left: int, right: int) -> int:
    """Towards zero, as machines divide."""
    if right == 0:
        raise EvaluationProblem("division by zero")
    amount = abs(left) // abs(right)
    return integer(amount if (left < 0) == (right < 0) else -amount)


def _remainder(left: int, right: int) -> int:
    """With the sign of the left operand."""
    if right == 0:
        raise EvaluationProblem("modulus by zero")
    if left == _SMALLEST and right == -1:
        raise EvaluationProblem(INT_OVERFLOW)
    return int(math.fmod(left, right)) if abs(left) < 1 << 53 > abs(right) else _sign(left) * (abs(left) % abs(right))


def _sign(number: int) -> int:
    return -1 if number < 0 else 1


def _unsigned_quotient(left: int, right: int) -> Unsigned:
    if right == 0:
        raise EvaluationProblem("division by zero")
    return Unsigned(left // right)


def _unsigned_remainder(left: int, right: int) -> Unsigned:
    if right == 0:
        raise EvaluationProblem("modulus by zero")
    return Unsigned(left % right)


def _double_quotient(left: float, right: float) -> float:
    if right:
        return left / right
    if left == 0 or left != left:
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1, right)


def _later(start: Timestamp, nanoseconds: int) -> Timestamp:
    """On the same clock."""
    return moment(start.nanoseconds + nanoseconds, start.offset)


ARITHMETIC = (
    overload("_+_(int, int): int", lambda left, right: integer(left + right)),
    overload("_+_(uint, uint): uint", lambda left, right: unsigned(int(left) + right)),
    overload("_+_(double, double): double", lambda left, right: float(left + right)),
    overload("_+_(string, string): string", operator.add),
    overload("_+_(bytes, bytes): bytes", operator.add),
    overload("_+_(list(A), list(A)): list(A)", added),
    overload("_+_(duration, duration): duration", lambda left, right: span(left.nanoseconds + right.nanoseconds)),
    overload("_+_(duration, timestamp): timestamp", lambda left, right: _later(right, left.nanoseconds)),
    overload("_+_(timestamp, duration): timestamp", lambda left, right: _later(left, right.nanoseconds)),
    overload("_-_(int, int): int", lambda left, right: integer(left - right)),
    overload("_-_(uint, uint): uint", lambda left, right: unsigned(int(left) - right)),
    overload("_-_(double, double): double", lambda left, right: float(left - right)),
    overload("_-_(duration, duration): duration", lambda left, right: span(left.nanoseconds - right.nanoseconds)),
    overload("_-_(timestamp, duration): timestamp", lambda left, right: _later(left, -right.nanoseconds)),
    overload("_-_(timestamp, timestamp): duration", lambda left, right: span(left.nanoseconds - right.nanoseconds)),
    overload("_*_(int, int): int", lambda left, right: integer(left * right)),
    overload("_*_(uint, uint): uint", lambda left, right: unsigned(int(left) * right)),
    overload("_*_(double, double): double", lambda left, right: float(left * right)),
    overload("_/_(int, int): int", _quotient),
    overload("_/_(uint, uint): uint", _unsigned_quotient),
    overload("_/_(double, double): double", _double_quotient),
    overload("_%_(int, int): int", _remainder),
    overload("_%_(uint, uint): uint", _unsigned_remainder),
    overload("-_(int): int", lambda number: integer(-number)),
    overload("-_(double): double", operator.neg),
)

_COMPARED = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
_NUMBERS = ("int", "uint", "double")
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "_<_": operator.lt,
    "_<=_": operator.le,
    "_>_": operator.gt,
    "_>=_": operator.ge,
}


def _orders() -> Iterator[Overload]:
    """Texts are ordered by code points, which is the order of their bytes in UTF-8."""
    for function, compare in _ORDERS.items():
        for name in _COMPARED:
            yield overload(f"{function}({name}, {name}): bool", _ordered(compare) if name == "double" else compare)
        for left in _NUMBERS:
            for right in _NUMBERS:
                if left != right:
                    is_double = "double" in (left, right)
                    yield overload(f"{function}({left}, {right}): bool", _ordered(compare) if is_double else compare)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[float, float], bool]:
    def compared(left: float, right: float) -> bool:
        if left != left or right != right:
            raise EvaluationProblem("NaN values cannot be ordered")
        return compare(left, right)

    return compared


_INTEGER = re.compile(r"[+-]?0*([0-9]+)", re.ASCII)
_MOST_DIGITS = 20
"""That a number of 64 bits has."""
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(?i:inf|infinity)|(?i:nan)", re.ASCII)
_TRUE, _FALSE = (
    frozenset({"1", "t", "T", "TRUE", "true", "True"}),
    frozenset({"0", "f", "F", "FALSE", "false", "False"}),
)


def _no_conversion(type_name: str) -> EvaluationProblem:
    return EvaluationProblem(f"type conversion error from 'string' to '{type_name}'")


def _bool_of_text(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise _no_conversion("bool")


def _number(text: str) -> int | None:
    """The number that decimal digits write, with a sign or without; None where that is not what they are, or far too many."""
    written = _INTEGER.fullmatch(text)
    if written is None or len(written[1]) > _MOST_DIGITS:
        return None
    return -int(written[1]) if text.startswith("-") else int(written[1])


def _int_of_text(text: str) -> int:
    number = _number(text)
    if number is not None and _SMALLEST <= number <= _LARGEST:
        return number
    raise _no_conversion("int")


def _uint_of_text(text: str) -> Unsigned:
    number = _number(text) if text[:1] not in ("+", "-") else None
    if number is not None and number <= _LARGEST_UNSIGNED:
        return Unsigned(number)
    raise _no_conversion("uint")


def _double_of_text(text: str) -> float:
    if _DECIMAL.fullmatch(text):
        number = float(text)
        if not math.isinf(number) or "n" in text.lower():
            return number
    raise _no_conversion("double")


def _int_of_double(number: float) -> int:
    if _SMALLEST < number < 1 << 63:
        return int(number)
    raise EvaluationProblem(INT_OVERFLOW)


def _uint_of_double(number: float) -> Unsigned:
    if 0 <= number < 1 << 64:
        return Unsigned(int(number))
    raise EvaluationProblem(UINT_OVERFLOW)


def timestamp_of_text(text: str) -> Timestamp:
    """A moment as RFC 3339 writes it. Raises EvaluationProblem."""
    try:
        date = times.to_datetime(text)
    except times.TimeError:
        raise _no_conversion("google.protobuf.Timestamp") from None
    fraction = re.search(r"[.,](\d+)", text)
    nanoseconds = int(fraction[1][:9].ljust(9, "0")) if fraction else 0
    zone = re.search(r"([+-])(\d\d):(\d\d)$", text)
    offset = (int(zone[2]) * 60 + int(zone[3])) * (-60 if zone[1] == "-" else 60) if zone else 0
    return moment(_seconds(date) * _SECOND + nanoseconds, offset)


def _seconds(date: datetime) -> int:
    since = date - _EPOCH
    return since.days * 86_400 + since.seconds


def duration_of_text(text: str) -> Duration:
    """A span of time as Go writes it: `1h30m`. Raises EvaluationProblem."""
    try:
        return Duration(times.duration_nanoseconds(text))
    except times.TimeError:
        raise _no_conversion("google.protobuf.Duration") from None


def _no_duration(number: int) -> Duration:
    """There is an overload for it, and nothing else."""
    raise EvaluationProblem("type conversion error from 'int' to 'google.protobuf.Duration'")


def _text_of_bytes(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise EvaluationProblem("invalid UTF-8 in bytes, cannot convert to string") from None


def _same(value: Value) -> Value:
    return value


CONVERSIONS = (
    overload("type(A): type(A)", type_of_value),
    overload("dyn(A): dyn", _same),
    overload("bool(bool): bool", _same),
    overload("bool(string): bool", _bool_of_text),
    overload("bytes(bytes): bytes", _same),
    overload("bytes(string): bytes", str.encode),
    overload("double(double): double", _same),
    overload("double(int): double", float),
    overload("double(uint): double", float),
    overload("double(string): double", _double_of_text),
    overload("duration(duration): duration", _same),
    overload("duration(int): duration", _no_duration),
    overload("duration(string): duration", duration_of_text),
    overload("int(int): int", _same),
    overload("int(uint): int", lambda number: integer(int(number))),
    overload("int(double): int", _int_of_double),
    overload("int(string): int", _int_of_text),
    overload("int(timestamp): int", lambda value: value.nanoseconds // _SECOND),
    overload("int(duration): int", lambda value: value.nanoseconds),
    overload("string(string): string", _same),
    overload("string(bool): string", lambda value: "true" if value else "false"),
    overload("string(bytes): string", _text_of_bytes),
    overload("string(double): string", double_text),
    overload("string(duration): string", duration_text),
    overload("string(int): string", str),
    overload("string(timestamp): string", timestamp_text),
    overload("string(uint): string", str),
    overload("timestamp(timestamp): timestamp", _same),
    overload("timestamp(int): timestamp", lambda seconds: moment(seconds * _SECOND)),
    overload("timestamp(string): timestamp", timestamp_of_text),
    overload("uint(uint): uint", _same),
    overload("uint(int): uint", unsigned),
    overload("uint(double): uint", _uint_of_double),
    overload("uint(string): uint", _uint_of_text),
)


def matches(text: str, pattern: str) -> bool:
    """Whether the pattern (RE2) is found in the text. Raises EvaluationProblem."""
    try:
        return compiled(pattern).is_in(text)
    except PatternError as error:
        raise EvaluationProblem(str(error)) from None


_SIZED = ("string", "bytes", "list(A)", "map(A, B)")
TEXTS = (
    *(overload(f"size({name}): int", len) for name in _SIZED),
    *(overload(f"{name}.size(): int", len) for name in _SIZED),
    overload("string.contains(string): bool", operator.contains),
    overload("string.startsWith(string): bool", str.startswith),
    overload("string.endsWith(string): bool", str.endswith),
    overload("matches(string, string): bool", matches),
    overload("string.matches(string): bool", matches),
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _date(value: Timestamp, zone: str = "UTC") -> tuple[datetime, int]:
    """The moment on the clocks of a zone (`UTC`, `Europe/Berlin`, `+05:30`, `-7:00`), and the year that it is there.

    Python knows no year 0 and no year 10000: the date is then that of the same day 400 years apart. Raises EvaluationProblem.
    """
    seconds, nanoseconds = divmod(value.nanoseconds, _SECOND)
    date = _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
    hours, colon, minutes = zone.partition(":")
    offset = timedelta(minutes=_offset(hours, minutes)) if colon else None
    for years in (0, 400, -400):
        try:
            there = date.replace(year=date.year + years) if years else date
            there = there.astimezone(_zone(zone)) if offset is None else there + offset
        except (OverflowError, ValueError):
            continue
        return there, there.year - years
    raise EvaluationProblem(TIMESTAMP_OVERFLOW)


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    if name in ("", "UTC"):
        return UTC
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise EvaluationProblem(f"unknown time zone {name}") from None


def _offset(hours: str, minutes: str) -> int:
    """In minutes."""
    parts = []
    for text in (hours, minutes):
        number = _number(text)
        if number is None:
            raise EvaluationProblem(f'strconv.Atoi: parsing "{text}": invalid syntax')
        parts.append(number)
    offset = parts[0] * 60
    return offset - parts[1] if hours.startswith("-") else offset + parts[1]


_PARTS: dict[str, Callable[[datetime], int]] = {
    "getMonth": lambda date: date.month - 1,
    "getDayOfYear": lambda date: date.timetuple().tm_yday - 1,
    "getDayOfMonth": lambda date: date.day - 1,
    "getDate": lambda date: date.day,
    "getDayOfWeek": lambda date: date.isoweekday() % 7,
    "getHours": lambda date: date.hour,
    "getMinutes": lambda date: date.minute,
    "getSeconds": lambda date: date.second,
    "getMilliseconds": lambda date: date.microsecond // 1000,
}
_UNITS = {
    "getHours": 3600 * _SECOND,
    "getMinutes": 60 * _SECOND,
    "getSeconds": _SECOND,
    "getMilliseconds": _SECOND // 1000,
}


def _getters() -> Iterator[Overload]:
    def of_date(part: Callable[[datetime], int]) -> Callable[[Timestamp], int]:
        return lambda value: part(_date(value)[0])

    def of_date_in(part: Callable[[datetime], int]) -> Callable[[Timestamp, str], int]:
        return lambda value, zone: part(_date(value, zone)[0])

    def of_span(unit: int) -> Callable[[Duration], int]:
        return lambda value: _quotient(value.nanoseconds, unit)

    yield overload("timestamp.getFullYear(): int", lambda value: _date(value)[1])
    yield overload("timestamp.getFullYear(string): int", lambda value, zone: _date(value, zone)[1])
    for function, part in _PARTS.items():
        yield overload(f"timestamp.{function}(): int", of_date(part))
        yield overload(f"timestamp.{function}(string): int", of_date_in(part))
    for function, unit in _UNITS.items():
        yield overload(f"duration.{function}(): int", of_span(unit))


KNOWN = tuple(
    map(
        overload,
        (
            "_?_:_(bool, A, A): A",
            "_&&_(bool, bool): bool",
            "_||_(bool, bool): bool",
            "_==_(A, A): bool",
            "_!=_(A, A): bool",
            "_[_](list(A), int): A",
            "_[_](map(A, B), A): B",
            "@in(A, list(A)): bool",
            "@in(A, map(A, B)): bool",
        ),
    )
)

STANDARD: tuple[Overload, ...] = (
    *KNOWN,
    overload("!_(bool): bool", operator.not_),
    *ARITHMETIC,
    *_orders(),
    *TEXTS,
    *CONVERSIONS,
    *_getters(),
    *optionals.OVERLOADS,
    *strings.OVERLOADS,
)
"""In the order in which compilers try them."""
