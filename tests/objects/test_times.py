"""Stamps, durations and ages, with the words of Go's package time."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakekube.objects import times
from fakekube.objects.times import TimeError, age, canonical, canonical_micro, human_duration, parse_duration

STAMPS = {
    "2026-01-01T00:00:00Z": "2026-01-01T00:00:00Z",
    "2024-06-01T12:00:00+02:00": "2024-06-01T10:00:00Z",
    "2026-01-01T00:00:00.999Z": "2026-01-01T00:00:00Z",
    "2026-01-01T1:00:00Z": "2026-01-01T01:00:00Z",
    "2026-01-01T00:00:00-00:00": "2026-01-01T00:00:00Z",
    "2024-02-29T00:30:00+01:00": "2024-02-28T23:30:00Z",
}
AS_SECONDS = '" as "2006-01-02T15:04:05Z07:00": cannot parse '
AS_MICROS = '" as "2006-01-02T15:04:05.000000Z07:00": cannot parse '


@pytest.mark.parametrize(("sent", "answered"), STAMPS.items())
def test_times_are_answered_in_utc_and_whole_seconds(sent: str, answered: str) -> None:
    assert canonical(sent) == answered


def test_micro_times_keep_six_places() -> None:
    assert canonical_micro("2026-01-01T00:00:00.123456+01:00") == "2025-12-31T23:00:00.123456Z"


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("x", AS_SECONDS + '"x" as "2006"'),
        ("2026-01-01", AS_SECONDS + '"" as "T"'),
        ("2026-1-01T00:00:00Z", AS_SECONDS + '"1-01T00:00:00Z" as "01"'),
        ("2026-01-01 00:00:00Z", AS_SECONDS + '" 00:00:00Z" as "T"'),
        ("2026-01-01T00:00:00", AS_SECONDS + '"" as "Z07:00"'),
        ("2026-13-01T00:00:00Z", '": month out of range'),
        ("2026-02-30T00:00:00Z", '": day out of range'),
        ("2026-01-01T24:00:00Z", '": hour out of range'),
        ("2026-01-01T00:60:00Z", '": minute out of range'),
        ("2026-01-01T00:00:60Z", '": second out of range'),
        ("2026-01-01T00:00:00Z ", '": extra text: " "'),
    ],
)
def test_what_is_no_time_is_refused_at_its_first_wrong_element(sent: str, why: str) -> None:
    with pytest.raises(TimeError) as refused:
        canonical(sent)

    assert str(refused.value) == f'parsing time "{sent}{why}'


def test_a_quote_in_a_time_is_escaped_and_other_letters_are_bytes() -> None:
    with pytest.raises(TimeError) as refused:
        canonical('é"')

    assert str(refused.value).startswith(r'parsing time "\xc3\xa9\"" as ')


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("2026-01-01", '"" as "T"'),
        ("2026-01-01T00:00:00Z", '"Z" as ".000000"'),
        ("2026-01-01T00:00:00.12345Z", '".12345Z" as ".000000"'),
        ("2026-01-01T00:00:00.1234567Z", '"7Z" as "Z07:00"'),
    ],
)
def test_micro_times_want_exactly_six_places(sent: str, why: str) -> None:
    with pytest.raises(TimeError) as refused:
        canonical_micro(sent)

    assert str(refused.value) == f'parsing time "{sent}{AS_MICROS}{why}'


@given(st.datetimes(min_value=datetime(1000, 1, 1)), st.integers(-23 * 60, 23 * 60))
def test_every_moment_comes_back_as_itself(moment: datetime, offset_minutes: int) -> None:
    zone = timezone(timedelta(minutes=offset_minutes))
    moment = moment.replace(tzinfo=UTC)
    if not datetime(1001, 1, 1, tzinfo=UTC) < moment < datetime(9998, 1, 1, tzinfo=UTC):
        return

    text = moment.astimezone(zone).isoformat(timespec="microseconds")

    assert canonical_micro(text) == times.micro_from_datetime(moment)
    assert canonical(text) == times.from_datetime(moment)
    assert times.to_datetime(times.micro_from_datetime(moment)) == moment


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_an_error_of_its_own(text: str) -> None:
    with contextlib.suppress(TimeError):
        assert canonical(canonical(text)) == canonical(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("10s", 10),
        ("1m30s", 90),
        ("1.5h", 5400),
        ("-2s", -2),
        ("+1ms", 0.001),
        ("1h1us", 3600.000001),
        (".5s", 0.5),
    ],
)
def test_durations_are_sums_of_numbers_with_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("soon", 'time: invalid duration "soon"'),
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        (".s", 'time: invalid duration ".s"'),
        ("99999999999h", 'time: invalid duration "99999999999h"'),
        ("10", 'time: missing unit in duration "10"'),
        ("1x", 'time: unknown unit "x" in duration "1x"'),
        ("1h 2m", 'time: unknown unit "h " in duration "1h 2m"'),
    ],
)
def test_what_is_no_duration_is_refused_in_gos_words(text: str, message: str) -> None:
    with pytest.raises(TimeError) as refused:
        parse_duration(text)

    assert str(refused.value) == message


MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-2, "<invalid>"),
        (-1.9, "0s"),
        (-1, "0s"),
        (0, "0s"),
        (60, "60s"),
        (119.9, "119s"),
        (120, "2m"),
        (127, "2m7s"),
        (10 * MINUTE, "10m"),
        (179 * MINUTE + 59, "179m"),
        (3 * HOUR, "3h"),
        (7.5 * HOUR, "7h30m"),
        (8 * HOUR, "8h"),
        (47 * HOUR + 59 * MINUTE, "47h"),
        (2 * DAY, "2d"),
        (3 * DAY + 5 * HOUR, "3d5h"),
        (8 * DAY + 23 * HOUR, "8d"),
        (700 * DAY, "700d"),
        (2 * YEAR, "2y"),
        (3 * YEAR + 10 * DAY, "3y10d"),
        (26 * YEAR + 364 * DAY, "26y"),
    ],
)
def test_ages_have_two_units_at_most_and_are_cut(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


def test_without_a_time_there_is_no_age() -> None:
    assert age(None, datetime(2026, 1, 1, tzinfo=UTC)) == "<unknown>"
    assert age("2026-01-01T00:00:00Z", datetime(2026, 1, 1, 0, 2, tzinfo=UTC)) == "2m"
