"""Schedules of CronJobs: `*/15 0 1,15 * MON-FRI`, `@daily`, `@every 1h30m`; what is wrong with one, in the words of the server.

https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass

from fakekube.objects.go_text import quoted


class ScheduleError(Exception):
    """Why a text is no schedule."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something happens: in every minute whose parts are all in these sets, or every so many seconds."""

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    """0 is Sunday."""
    any_day: bool = True
    """The day of the month was given as `*`. If neither this nor `any_weekday` is true, one of the two must fit."""
    any_weekday: bool = True
    every_s: int = 0
    """Of `@every`; the sets are empty then."""
    time_zone: str = ""
    """Of a prefix `TZ=` or `CRON_TZ=`."""


@dataclass(frozen=True, slots=True)
class _Bounds:
    least: int
    most: int
    names: Mapping[str, int]


_MONTHS = {
    name: i
    for i, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_WEEKDAYS = {name: i for i, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_MINUTES, _HOURS, _DAYS = _Bounds(0, 59, {}), _Bounds(0, 23, {}), _Bounds(1, 31, {})
_MONTHS_OF_A_YEAR, _DAYS_OF_A_WEEK = _Bounds(1, 12, _MONTHS), _Bounds(0, 6, _WEEKDAYS)
_FIELDS = (_MINUTES, _HOURS, _DAYS, _MONTHS_OF_A_YEAR, _DAYS_OF_A_WEEK)
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_ZONE = re.compile(r"(?:TZ|CRON_TZ)=(\S*)\s*(.*)", re.DOTALL)


def parse(text: str) -> Schedule:
    """Raises ScheduleError. A zone in front must be known."""
    if not text:
        raise ScheduleError("empty spec string")
    zone = ""
    if prefixed := _ZONE.fullmatch(text):
        zone, text = prefixed[1], prefixed[2]
        if not is_time_zone(zone):
            raise ScheduleError(f"provided bad location {zone}: unknown time zone {zone}")
    if text.startswith("@"):
        return _described(text, zone)
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ScheduleError(f"expected exactly {len(_FIELDS)} fields, found {len(parts)}: [{' '.join(parts)}]")
    minutes, hours, days, months, weekdays = (_field(part, bounds) for part, bounds in zip(parts, _FIELDS, strict=True))
    return Schedule(minutes, hours, days, months, weekdays, _is_any(parts[2]), _is_any(parts[4]), time_zone=zone)


def _is_any(field: str) -> bool:
    return any(
        part.partition("/")[0] in ("*", "?") and part.partition("/")[2] in ("", "1") for part in field.split(",")
    )


def is_time_zone(name: str) -> bool:
    """Whether Go finds such a zone; the empty name is UTC's, and `Local` the machine's own."""
    if name in ("", "UTC", "Local"):
        return True
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _described(text: str, zone: str) -> Schedule:
    if text in _DESCRIPTORS:
        return parse(f"TZ={zone} {_DESCRIPTORS[text]}" if zone else _DESCRIPTORS[text])
    if text.startswith(_EVERY):
        try:
            seconds = _duration_s(text.removeprefix(_EVERY))
        except ScheduleError as error:
            raise ScheduleError(f"failed to parse duration {text}: {error}") from None
        return Schedule(every_s=max(1, int(seconds)), time_zone=zone)
    raise ScheduleError(f"unrecognized descriptor: {text}")


def _field(text: str, bounds: _Bounds) -> frozenset[int]:
    return frozenset(number for part in text.split(",") if part for number in _range(part, bounds))


def _range(text: str, bounds: _Bounds) -> range:
    span, *steps = text.split("/")
    ends = span.split("-")
    if ends[0] in ("*", "?"):
        first, last = bounds.least, bounds.most
        single = False
    else:
        first = last = _number(ends[0], bounds)
        if len(ends) == 2:
            last = _number(ends[1], bounds)
        elif len(ends) > 2:
            raise ScheduleError(f"too many hyphens: {text}")
        single = len(ends) == 1
    if len(steps) > 1:
        raise ScheduleError(f"too many slashes: {text}")
    step = _integer(steps[0]) if steps else 1
    if steps and single:
        last = bounds.most
    if first < bounds.least:
        raise ScheduleError(f"beginning of range ({first}) below minimum ({bounds.least}): {text}")
    if last > bounds.most:
        raise ScheduleError(f"end of range ({last}) above maximum ({bounds.most}): {text}")
    if first > last:
        raise ScheduleError(f"beginning of range ({first}) beyond end of range ({last}): {text}")
    if step == 0:
        raise ScheduleError(f"step of range should be a positive number: {text}")
    return range(first, last + 1, step)


def _number(text: str, bounds: _Bounds) -> int:
    named = bounds.names.get(text.lower())
    return _integer(text) if named is None else named


def _integer(text: str) -> int:
    if not re.fullmatch("[+-]?[0-9]+", text):
        raise ScheduleError(f"failed to parse int from {text}: strconv.Atoi: parsing {quoted(text)}: invalid syntax")
    number = int(text) if len(text) < 20 else 1 << 63
    if not -(1 << 63) <= number < 1 << 63:
        raise ScheduleError(
            f"failed to parse int from {text}: strconv.Atoi: parsing {quoted(text)}: value out of range"
        )
    if number < 0:
        raise ScheduleError(f"negative number ({number}) not allowed: {text}")
    return number


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_AMOUNT = re.compile(r"([0-9]*)(\.[0-9]*)?([^0-9.]*)")


def _duration_s(text: str) -> float:
    """A Go duration, `1h30m`; raises ScheduleError with the text of Go's time package."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0.0
    if not rest:
        raise ScheduleError(f"time: invalid duration {quoted(text)}")
    seconds = 0.0
    while rest:
        match = _AMOUNT.match(rest)
        assert match is not None
        digits, fraction, unit = match[1], match[2] or "", match[3]
        if not digits and len(fraction) < 2:
            raise ScheduleError(f"time: invalid duration {quoted(text)}")
        if not unit:
            raise ScheduleError(f"time: missing unit in duration {quoted(text)}")
        if unit not in _UNITS:
            raise ScheduleError(f"time: unknown unit {quoted(unit)} in duration {quoted(text)}")
        seconds += float(f"{digits or '0'}{fraction}") * _UNITS[unit]
        rest = rest[match.end() :]
    return -seconds if text.startswith("-") else seconds
