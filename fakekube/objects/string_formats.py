"""Which texts are of a format that a schema may ask for: `date-time`, `ipv4`, `uuid` ...

Formats that nobody knows accept everything. The names are those of the server's registry, compared without dashes and in lower case.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

from fakekube.objects import go_urls, times

_HEX = "[0-9a-f]"
_HOSTNAME_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DNS_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"


def is_of_format(text: str, format: str) -> bool:
    check = _CHECKS.get(format.lower().replace("-", ""))
    return check is None or check(text)


def is_known(format: str) -> bool:
    return format.lower().replace("-", "") in _CHECKS


def is_checked(format: str) -> bool:
    """Whether a definition may ask for the format without being told that nobody knows it; here the case counts."""
    return format.replace("-", "") in (*_CHECKS, "password")


def _matches(pattern: str, flags: int = re.IGNORECASE) -> Callable[[str], bool]:
    fits = re.compile(pattern, flags | re.ASCII).fullmatch
    return lambda text: fits(text) is not None


def _survives(read: Callable[[str], object]) -> Callable[[str], bool]:
    """Whether a reader takes the text."""

    def check(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return True

    return check


def _uuid(version: str, variant: str = _HEX) -> Callable[[str], bool]:
    return _matches(f"{_HEX}{{8}}-?{_HEX}{{4}}-?{version}{_HEX}{{3}}-?{variant}{_HEX}{{3}}-?{_HEX}{{12}}")


_is_date_time_text = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})([.][0-9]+)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
).fullmatch


_is_time_text = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|[+-][0-9]{2}:[0-9]{2})").fullmatch


def _date_time(text: str) -> bool:
    """What follows a second `T` is not looked at."""
    day, *rest = text.lower().split("t")
    parts = _is_time_text(rest[0]) if rest else None
    return parts is not None and _date(day) and parts[1] < "24" and parts[2] < "60" and parts[3] < "60"


def _date(text: str) -> bool:
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        return False
    try:
        # Go has a year 0, a leap year, and Python has none.
        date.fromisoformat(text if text[:4] != "0000" else f"2000{text[4:]}")
    except ValueError:
        return False
    return True


def _cidr(text: str) -> bool:
    address, slash, length = text.partition("/")
    if not slash or not length.isascii() or not length.isdecimal():
        return False
    try:
        ipaddress.ip_network(f"{address}/{length}", strict=False)
    except ValueError:
        return False
    return True


_WORDED_TERM = re.compile(r"([0-9]+)\s*([A-Za-zµ]+)")
_NANOSECONDS_BY_WORD = {
    ("ns", "nano"): 1,
    ("us", "µs", "micro"): 1_000,
    ("ms", "milli"): 1_000_000,
    ("s", "sec"): 1_000_000_000,
    ("m", "min"): 60_000_000_000,
    ("h", "hr", "hour"): 3_600_000_000_000,
    ("d", "day"): 86_400_000_000_000,
    ("w", "wk", "week"): 604_800_000_000_000,
}
"""`3 days`: durations in words are taken too; behind the last of its names a unit may have more letters."""


def duration_nanoseconds(text: str) -> int:
    """How long a text of the format `duration` is. Raises ValueError for what is of another."""
    try:
        return times.duration_nanoseconds(text)
    except times.TimeError:
        terms = [
            int(count) * nanoseconds
            for count, unit in _WORDED_TERM.findall(text)
            for names, nanoseconds in _NANOSECONDS_BY_WORD.items()
            if unit.lower() in names or unit.lower().startswith(names[-1])
        ]
        if not terms:
            raise ValueError(f"unable to parse {text} as duration") from None
        return sum(terms)


_EPOCH = datetime(1970, 1, 1)


def date_time_nanoseconds(text: str) -> int:
    """Which moment a text of the format `date-time` or `date` is, since 1970 in UTC. Raises ValueError for what is of another."""
    parts = _is_date_time_text(text if len(text) > 10 else f"{text}T00:00:00Z")
    if parts is None:
        raise ValueError(f"no date and time: {text!r}; one is written as 2024-01-31T23:59:59Z")
    year, month, day, hour, minute, second = (int(parts[group]) for group in range(1, 7))
    moment = datetime(year, month, day, hour, minute, second)
    fraction, zone = (parts[7] or ".")[1:10], (parts[8] or "Z").replace(":", "")
    if zone not in "Zz":
        ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
        moment += -ahead if zone[0] == "+" else ahead
    since = moment - _EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000_000 + int(fraction.ljust(9, "0"))


def _duration(text: str) -> bool:
    try:
        duration_nanoseconds(text)
    except ValueError:
        return False
    return True


_CHECKS: dict[str, Callable[[str], bool]] = {
    "datetime": _date_time,
    "date": _date,
    "ipv4": _survives(ipaddress.IPv4Address),
    "ipv6": _survives(ipaddress.IPv6Address),
    "cidr": _cidr,
    "mac": _matches(f"{_HEX}{{2}}([:-]{_HEX}{{2}}){{5}}|({_HEX}{{4}}[.]){{2}}{_HEX}{{4}}"),
    "uuid": _uuid(_HEX),
    "uuid3": _uuid("3"),
    "uuid4": _uuid("4", "[89ab]"),
    "uuid5": _uuid("5", "[89ab]"),
    "byte": _matches(r"([a-z0-9+/]{4})*([a-z0-9+/]{2}==|[a-z0-9+/]{3}=|[a-z0-9+/]{4})"),
    "email": _matches(r"[^@\s<>()\[\],;:\\\"]+@[^@\s<>()\[\],;:\\\"]+|\"[^\"]*\"@[^@\s]+|[^<@]*<[^@\s]+@[^@\s]+>"),
    "uri": _survives(go_urls.parse_of_request),
    "hostname": _matches(rf"(?=.{{1,255}}$){_HOSTNAME_LABEL}(\.{_HOSTNAME_LABEL})*\.?"),
    "duration": _duration,
    "bsonobjectid": _matches(f"{_HEX}{{24}}"),
    "isbn": _matches(r"([0-9][- ]?){9}[0-9X]|([0-9][- ]?){12}[0-9]"),
    "isbn10": _matches(r"([0-9][- ]?){9}[0-9X]"),
    "isbn13": _matches(r"([0-9][- ]?){12}[0-9]"),
    "creditcard": _matches(r"([0-9][- ]?){12,18}[0-9]"),
    "ssn": _matches(r"[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}"),
    "hexcolor": _matches("#?([0-9a-f]{3}|[0-9a-f]{6})"),
    "rgbcolor": _matches(r"rgb\(\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*\)"),
    "k8sshortname": _matches(_DNS_LABEL, 0),
    "k8slongname": _matches(rf"(?=.{{1,253}}$){_DNS_LABEL}(\.{_DNS_LABEL})*", 0),
}
