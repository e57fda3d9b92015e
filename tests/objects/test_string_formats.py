from __future__ import annotations

from collections.abc import Callable

import pytest

from fakekube.objects.string_formats import date_time_nanoseconds, duration_nanoseconds, is_of_format

UUID = "123e4567-e89b-42d3-a456-426614174000"


@pytest.mark.parametrize(
    ("format", "good", "bad"),
    [
        ("date-time", "2024-01-02T03:04:05Z", "yesterday"),
        ("date-time", "2024-01-02T03:04:05.5+01:00", "2024-13-02T03:04:05Z"),
        ("date", "2024-02-29", "2023-02-29"),
        ("ipv4", "10.0.0.1", "1.2.3"),
        ("ipv6", "::1", "10.0.0.1"),
        ("cidr", "10.0.0.0/8", "1.2.3.4/99"),
        ("mac", "00:1b:63:84:45:e6", "00:1b:63"),
        ("uuid", UUID, "abc"),
        ("uuid4", UUID, UUID.replace("42d3", "32d3")),
        ("byte", "YWI=", "%%"),
        ("email", "a@b.example", "nobody"),
        ("uri", "https://example.com/a", "://x"),
        ("hostname", "www.example.com", "-x-"),
        ("duration", "5m", "long"),
        ("duration", "3 days", "3 eons"),
        ("hexcolor", "#ff00aa", "#xyz"),
    ],
)
def test_texts_of_a_format_are_told_from_others(format: str, good: str, bad: str) -> None:
    assert is_of_format(good, format)
    assert not is_of_format(bad, format)


def test_formats_that_nobody_knows_take_everything() -> None:
    assert is_of_format("anything", "phone")


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("90m", 5_400 * 10**9),
        ("1h0m0.5s", 3_600_500_000_000),
        ("3 days", 259_200 * 10**9),
        ("2 weeks 1 day", 15 * 86_400 * 10**9),
    ],
)
def test_durations_are_as_long_as_they_say(text: str, nanoseconds: int) -> None:
    assert duration_nanoseconds(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-02", 86_400 * 10**9),
        ("1970-01-01T00:00:01.000000005Z", 1_000_000_005),
        ("1970-01-01T00:00:00-01:30", 5_400 * 10**9),
        ("1969-12-31T23:59:59Z", -(10**9)),
    ],
)
def test_dates_and_times_are_moments(text: str, nanoseconds: int) -> None:
    assert date_time_nanoseconds(text) == nanoseconds


@pytest.mark.parametrize("read", [duration_nanoseconds, date_time_nanoseconds])
def test_texts_of_other_formats_are_refused(read: Callable[[str], int]) -> None:
    with pytest.raises(ValueError, match="soon"):
        read("soon")
