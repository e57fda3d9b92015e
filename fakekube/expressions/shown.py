"""How values are written: by conversions to texts and in errors."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from fakekube.expressions.runtime_types import type_of_value
from fakekube.expressions.types import Type
from fakekube.expressions.values import Duration, Timestamp, Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000_000


def shown(value: Value) -> str:
    """A value as errors show it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, int):
        return str(int(value))
    return value.name if isinstance(value, Type) else str(value)


def double_text(number: float) -> str:
    """As Go's %g writes it: `1.5`, `1e+06`."""
    if not math.isfinite(number):
        return "NaN" if number != number else "+Inf" if number > 0 else "-Inf"
    sign = "-" if math.copysign(1, number) < 0 else ""
    digits, power = _shortest_digits(abs(number))
    if power < -4 or power >= 6:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{fraction}e{power:+03d}"
    if power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    whole, fraction = digits[: power + 1].ljust(power + 1, "0"), digits[power + 1 :]
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def _shortest_digits(number: float) -> tuple[str, int]:
    """The digits that tell the number from all others, and the power of ten that the first of them stands for."""
    _, digits, exponent = Decimal(repr(float(number))).as_tuple()
    written = "".join(map(str, digits)).lstrip("0")
    return written.rstrip("0") or "0", len(written) - 1 + int(exponent) if written else 0


_GO_TYPES = {
    "bool": "types.Bool",
    "int": "types.Int",
    "uint": "types.Uint",
    "double": "types.Double",
    "string": "types.String",
    "bytes": "types.Bytes",
    "null_type": "types.Null",
    "timestamp": "types.Timestamp",
    "duration": "types.Duration",
    "list": "*types.baseList",
    "map": "*types.baseMap",
    "type": "*types.Type",
    "optional_type": "*types.Optional",
}


def go_type(value: Value) -> str:
    """What errors that are not meant for people call the type of a value."""
    name = type_of_value(value).name
    return _GO_TYPES.get(name, name)


def timestamp_text(value: Timestamp) -> str:
    """`2024-01-01T00:00:00.5Z`, `2024-01-01T02:00:00.5+02:00`."""
    seconds, rest = divmod(value.nanoseconds, _SECOND)
    date = _EPOCH + timedelta(seconds=seconds + value.offset)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return f"{date.year:04d}{date:-%m-%dT%H:%M:%S}{fraction}{_zone_text(value.offset)}"


def _zone_text(offset: int) -> str:
    if not offset:
        return "Z"
    hours, minutes = divmod(abs(offset) // 60, 60)
    return f"{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"


def duration_text(value: Duration) -> str:
    """In seconds: `5400s`, `0.5s`; only as exact as a double is."""
    whole, rest = divmod(abs(value.nanoseconds), _SECOND)
    seconds = f"{Decimal(repr(whole + rest / 1e9)):f}".removesuffix(".0")
    return f"{'-' if value.nanoseconds < 0 else ''}{seconds}s"
