"""The columns that a custom resource's definition asks for, and the cells below them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import takewhile
from typing import Any

import orjson

from fakekube.objects import times
from fakekube.registry.kind import Object
from fakekube.server.tables import json_path
from fakekube.server.tables.cells import NAME, Read
from fakekube.server.tables.descriptions import describe
from fakekube.server.tables.printer import Column, Printer, name_column


def custom_columns(printer_columns: Sequence[Mapping[str, Any]] | None) -> Printer:
    """The printer of a version with these `additionalPrinterColumns`; without any, name and age are shown."""
    if not printer_columns:
        age = Column("Age", "date", "", describe("meta.ObjectMeta", "creationTimestamp"), 0)
        return _printer((age,), (".metadata.creationTimestamp",))
    readable = tuple(takewhile(lambda column: _is_readable(column["jsonPath"]), printer_columns))
    return _printer(tuple(map(_column, readable)), tuple(column["jsonPath"] for column in readable))


@lru_cache(1024)
def _is_readable(path: str) -> bool:
    """A column whose path cannot be read ends the table: neither it nor what follows is shown."""
    try:
        json_path.parse(path)
    except json_path.PathError:
        return False
    return True


def _column(column: Mapping[str, Any]) -> Column:
    path = column["jsonPath"]
    description = column.get("description") or f"Custom resource definition column (in JSONPath format): {path}"
    return Column(column["name"], column["type"], column.get("format") or "", description, column.get("priority") or 0)


@lru_cache(256)
def _printer(columns: tuple[Column, ...], paths: tuple[str, ...]) -> Printer:
    cells = (_cell(column.type, path) for column, path in zip(columns, paths, strict=True))
    return Printer((name_column(), *columns), (NAME.read, *cells))


def _cell(type: str, path: str) -> Read:
    """The first value that the path finds, as its declared type allows; None for a miss and for any other type."""
    find = json_path.parse(path)

    def read(object: Object, now: datetime) -> Any:
        try:
            found = find(object)
        except json_path.PathError:
            return None
        return _CONVERSIONS[type](found[0], now) if found and type in _CONVERSIONS else None

    return read


def _string(value: Any, now: datetime) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "<no value>"
    if isinstance(value, float):
        return _as_go_prints_it(value)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _as_go_prints_it(number: float) -> str:
    """The shortest digits, with an exponent from a million on and below 0.0001: `1.5`, `3`, `1.2e+06`."""
    exact = Decimal(repr(number)).normalize()
    if -4 <= exact.adjusted() < 6 or not number:
        return f"{exact:f}"
    return f"{number:.{len(exact.as_tuple().digits) - 1}e}"


_LEAST, _GREATEST = -(2**63), 2**63 - 1


def _integer(value: Any, now: datetime) -> int | None:
    """What does not fit becomes the least integer, as Go's conversion does on the usual processors."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if math.isfinite(value) and _LEAST <= value <= _GREATEST else _LEAST


def _number(value: Any, now: datetime) -> int | float | None:
    """Integers lose what a float cannot hold, and are still written without an exponent."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(Decimal(repr(float(value)))) if isinstance(value, int) else value


def _boolean(value: Any, now: datetime) -> bool | None:
    return value if isinstance(value, bool) else None


def _date(value: Any, now: datetime) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return times.age(value, now)
    except ValueError:
        return "<invalid>"


_CONVERSIONS = {"string": _string, "integer": _integer, "number": _number, "boolean": _boolean, "date": _date}
