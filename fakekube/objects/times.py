"""Times and durations in the texts of the API: RFC 3339 stamps, Go's durations (`1m30s`) and the ages that tables show (`3d5h`).

Error texts are those of Go's package time, because clients get to see them.
https://pkg.go.dev/time#Parse  https://pkg.go.dev/time#ParseDuration
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

LAYOUT = "2006-01-02T15:04:05Z07:00"
"""How Go spells RFC 3339: the form of metav1.Time."""
MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"
"""The form of metav1.MicroTime, which wants exactly six places."""

_STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))?(?:(Z)|([-+])(\d\d):(\d\d))", re.ASCII)
_MICRO_FRACTION = re.compile(r".{17,19}[.,]\d{6}(?!\d)", re.ASCII)


class TimeError(ValueError):
    """The text is no time or duration; the message is Go's."""


def now() -> str:
    """The present as metav1.Time writes it, `2026-01-02T03:04:05Z`."""
    return from_datetime(datetime.now(UTC))


def from_datetime(moment: datetime) -> str:
    """`2026-01-02T03:04:05Z`: UTC, the fraction of a second cut. A moment without a zone is taken as UTC."""
    return f"{_in_utc(moment).replace(microsecond=0).isoformat()}Z"


def micro_from_datetime(moment: datetime) -> str:
    """`2026-01-02T03:04:05.000000Z`, as Leases and Events hold it."""
    return f"{_in_utc(moment).isoformat(timespec='microseconds')}Z"


def to_datetime(text: str) -> datetime:
    """The moment that a time of the API stands for, aware, in UTC. Raises TimeError."""
    return datetime.fromisoformat(_utc(text, LAYOUT, keep_fraction=True)).replace(tzinfo=UTC)


def canonical(text: str) -> str:
    """A metav1.Time as the server answers it: in UTC, in whole seconds. Raises TimeError."""
    if len(text) == 20 and text.endswith("Z") and _is_plain(text):
        return text
    return f"{_utc(text, LAYOUT, keep_fraction=False)}Z"


def canonical_micro(text: str) -> str:
    """A metav1.MicroTime as the server answers it: in UTC, with six places. Raises TimeError."""
    if len(text) == 27 and text.endswith("Z") and _is_plain(text):
        return text
    return f"{_utc(text, MICRO_LAYOUT, keep_fraction=True)}Z"


def _in_utc(moment: datetime) -> datetime:
    return (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None)


def _is_plain(text: str) -> bool:
    """Whether a text of 20 characters is `YYYY-MM-DDTHH:MM:SSZ`, or one of 27 has six places more, with numbers in their ranges."""
    try:
        return datetime.fromisoformat(text[:-1]).isoformat() == text[:-1]
    except ValueError:
        return False


def _utc(text: str, layout: str, *, keep_fraction: bool) -> str:
    """The UTC clock of a stamp as ISO text without its zone, with six places or none."""
    match = _STAMP.fullmatch(text)
    if match is None or (layout is MICRO_LAYOUT and not _MICRO_FRACTION.match(text)):
        raise TimeError(_why_not(text, layout))
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, _, sign, offset_hours, offset_minutes = match.groups()[6:]
    out_of_range = _out_of_range(
        year, month, day, hour, minute, second, int(offset_hours or 0), int(offset_minutes or 0)
    )
    if out_of_range:
        raise TimeError(f"parsing time {_quoted(text)}: {out_of_range} out of range")
    places = f".{(fraction or '')[:6]:0<6}" if keep_fraction else ""
    if not sign or not (int(offset_hours) or int(offset_minutes)):
        return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{places}"
    offset = timedelta(hours=int(offset_hours), minutes=int(offset_minutes))
    try:
        moment = datetime(year, month, day, hour, minute, second) + (offset if sign == "-" else -offset)
    except (ValueError, OverflowError):
        raise TimeError(f"parsing time {_quoted(text)}: year out of range") from None
    return moment.isoformat() + places


def _out_of_range(
    year: int, month: int, day: int, hour: int, minute: int, second: int, offset_hours: int, offset_minutes: int
) -> str:
    """The first part that is too large, in the order in which Go looks at them; empty if none is."""
    if not 1 <= month <= 12:
        return "month"
    if hour > 23:
        return "hour"
    if minute > 59:
        return "minute"
    if second > 59:
        return "second"
    if offset_hours > 24:
        return "time zone offset hour"
    if offset_minutes > 60:
        return "time zone offset minute"
    if not 1 <= day <= _days_in(month, year):
        return "day"
    return ""


def _days_in(month: int, year: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


_ELEMENTS: tuple[tuple[str, str, str, int], ...] = (
    # What Go's layout calls the element, its form, the name of its range and its greatest value.
    ("2006", r"\d{4}", "", 0),
    ("-", "-", "", 0),
    ("01", r"\d\d", "month", 12),
    ("-", "-", "", 0),
    ("02", r"\d\d", "", 0),
    ("T", "T", "", 0),
    ("15", r"\d\d?", "hour", 23),
    (":", ":", "", 0),
    ("04", r"\d\d", "minute", 59),
    (":", ":", "", 0),
    ("05", r"\d\d", "second", 59),
    (".000000", r"[.,]\d{6}", "", 0),
    ("Z07:00", r"Z|[-+]\d\d:\d\d", "", 0),
)


def _why_not(text: str, layout: str) -> str:
    """Go's sentence for the first element of the layout that `text` does not go on with."""
    rest = text
    for element, form, range_, greatest in _ELEMENTS:
        if element == ".000000" and layout is LAYOUT:
            rest = re.sub(r"^[.,]\d+", "", rest, count=1, flags=re.ASCII)
            continue
        match = re.match(form, rest, re.ASCII)
        if match is None:
            return (
                f"parsing time {_quoted(text)} as {_quoted(layout)}: cannot parse {_quoted(rest)} as {_quoted(element)}"
            )
        if range_ and (int(match[0]) > greatest or (range_ == "month" and match[0] == "00")):
            return f"parsing time {_quoted(text)}: {range_} out of range"
        rest = rest[match.end() :]
    return f"parsing time {_quoted(text)}: extra text: {_quoted(rest)}"


def _quoted(text: str) -> str:
    """As package time quotes: control characters and bytes that are no ASCII as `\\xe9`."""
    shown = (
        f"\\{chr(byte)}" if byte in b'"\\' else chr(byte) if 0x20 <= byte < 0x80 else f"\\x{byte:02x}"
        for byte in text.encode()
    )
    return f'"{"".join(shown)}"'


_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_TERM = re.compile(r"(\d*)(\.\d*)?([^.\d]*)", re.ASCII | re.DOTALL)
_LONGEST_NS = 2**63 - 1


def parse_duration(text: str) -> float:
    """The seconds of a Go duration: `parse_duration("1m30s") == 90.0`.

    Raises TimeError with Go's text, `time: missing unit in duration "10"`.
    """
    return duration_nanoseconds(text) / 1e9


def duration_nanoseconds(text: str) -> int:
    """The nanoseconds of a Go duration, which may be negative. Raises TimeError as `parse_duration` does."""
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise TimeError(f"time: invalid duration {_quoted(text)}")
    nanoseconds = 0
    while rest:
        match = _TERM.match(rest)
        assert match is not None  # every part may be empty
        whole, fraction, unit = match[1], match[2] or "", match[3]
        if not whole and len(fraction) < 2:
            raise TimeError(f"time: invalid duration {_quoted(text)}")
        if not unit:
            raise TimeError(f"time: missing unit in duration {_quoted(text)}")
        if unit not in _NANOSECONDS:
            raise TimeError(f"time: unknown unit {_quoted(unit)} in duration {_quoted(text)}")
        nanoseconds += int(whole or 0) * _NANOSECONDS[unit]
        if len(fraction) > 1:
            nanoseconds += int(fraction[1:19]) * _NANOSECONDS[unit] // 10 ** len(fraction[1:19])
        if nanoseconds > _LONGEST_NS:
            raise TimeError(f"time: invalid duration {_quoted(text)}")
        rest = rest[match.end() :]
    return -nanoseconds if text.startswith("-") else nanoseconds


def age(text: str | None, now: datetime) -> str:
    """How long ago a time of the API was, as tables show it; `<unknown>` without one."""
    return human_duration((now - to_datetime(text)).total_seconds()) if text else "<unknown>"


_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def human_duration(seconds: float) -> str:
    """`119s`, `2m7s`, `7h30m`, `3d5h`, `3y10d`: two units at most, cut and never rounded; `<invalid>` for what is still to come.

    Follows HumanDuration of k8s.io/apimachinery/pkg/util/duration.
    """
    elapsed = int(seconds)
    if elapsed < -1:
        return "<invalid>"
    if elapsed < 0:
        return "0s"
    if elapsed < 2 * _MINUTE:
        return f"{elapsed}s"
    if elapsed < 10 * _MINUTE:
        return _two_units(elapsed, _MINUTE, "m", 1, "s")
    if elapsed < 3 * _HOUR:
        return f"{elapsed // _MINUTE}m"
    if elapsed < 8 * _HOUR:
        return _two_units(elapsed, _HOUR, "h", _MINUTE, "m")
    if elapsed < 2 * _DAY:
        return f"{elapsed // _HOUR}h"
    if elapsed < 8 * _DAY:
        return _two_units(elapsed, _DAY, "d", _HOUR, "h")
    if elapsed < 2 * _YEAR:
        return f"{elapsed // _DAY}d"
    if elapsed < 8 * _YEAR:
        return _two_units(elapsed, _YEAR, "y", _DAY, "d")
    return f"{elapsed // _YEAR}y"


def _two_units(elapsed: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    rest = elapsed % large // small
    return f"{elapsed // large}{large_unit}{rest}{small_unit}" if rest else f"{elapsed // large}{large_unit}"
