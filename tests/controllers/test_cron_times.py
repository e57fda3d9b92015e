from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fakekube.controllers.cron_times import times_of
from fakekube.objects.cron import ScheduleError


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("* * * * *", "2026-01-02T03:04:05", "2026-01-02T03:05:00"),
        ("* * * * *", "2026-01-02T03:05:00", "2026-01-02T03:06:00"),
        ("*/15 * * * *", "2026-01-02T03:46:00", "2026-01-02T04:00:00"),
        ("0 3 * * *", "2026-01-02T03:00:00", "2026-01-03T03:00:00"),
        ("30 1 1,15 * *", "2026-01-02T00:00:00", "2026-01-15T01:30:00"),
        ("0 0 29 2 *", "2026-01-02T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 * * MON", "2026-01-02T00:00:00", "2026-01-05T00:00:00"),
        ("0 0 13 * 5", "2026-01-02T12:00:00", "2026-01-09T00:00:00"),
        ("0 0 */2 * 5", "2026-01-02T12:00:00", "2026-01-03T00:00:00"),
        ("@hourly", "2026-01-02T03:04:05", "2026-01-02T04:00:00"),
        ("@every 1h30m", "2026-01-02T03:04:05", "2026-01-02T04:34:05"),
    ],
)
def test_the_next_time_is_the_first_that_is_later(schedule: str, after: str, expected: str) -> None:
    assert times_of(schedule).next(at(after)) == at(expected)


def test_a_schedule_may_have_no_time_at_all() -> None:
    assert times_of("0 0 30 2 *").next(at("2026-01-02T00:00:00")) is None


@pytest.mark.parametrize(
    ("schedule", "after", "until", "expected"),
    [
        ("* * * * *", "2020-01-01T00:00:00", "2026-01-02T03:04:05", "2026-01-02T03:04:00"),
        ("0 0 29 2 *", "2023-06-01T00:00:00", "2026-01-02T00:00:00", "2024-02-29T00:00:00"),
        ("0 0 29 2 *", "2024-02-29T00:00:00", "2026-01-02T00:00:00", None),
        ("0 3 * * *", "2026-01-02T03:00:00", "2026-01-02T23:00:00", None),
        ("@every 1h", "2026-01-02T00:00:10", "2026-01-02T05:30:00", "2026-01-02T05:00:10"),
        ("@every 1h", "2026-01-02T00:00:10", "2026-01-02T00:30:00", None),
    ],
)
def test_the_last_time_is_the_latest_that_has_come(schedule: str, after: str, until: str, expected: str | None) -> None:
    assert times_of(schedule).last(at(after), at(until)) == (expected and at(expected))


def test_the_time_zone_says_what_the_clock_shows() -> None:
    times = times_of("0 3 * * *", "Europe/Berlin")

    assert times.next(at("2026-01-02T00:00:00")) == at("2026-01-02T02:00:00")
    assert times.next(at("2026-07-02T00:00:00")) == at("2026-07-02T01:00:00")


def test_an_hour_that_the_clock_leaps_over_has_no_time_and_one_that_it_shows_twice_has_two() -> None:
    times = times_of("30 2 * * *", "Europe/Berlin")

    assert times.next(at("2026-03-28T12:00:00")) == at("2026-03-30T00:30:00")
    first = times.next(at("2026-10-24T12:00:00"))
    assert first == at("2026-10-25T00:30:00")
    assert times.next(first) == at("2026-10-25T01:30:00")


@pytest.mark.parametrize(("schedule", "zone"), [("* * * *", None), ("@never", None), ("* * * * *", "Mars/Base")])
def test_what_is_no_schedule_is_refused(schedule: str, zone: str | None) -> None:
    with pytest.raises(ScheduleError):
        times_of(schedule, zone)
