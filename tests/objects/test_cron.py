from __future__ import annotations

import pytest

from fakekube.objects.cron import Schedule, ScheduleError, parse


def test_fields_become_sets() -> None:
    schedule = parse("*/20 9-17/4 1,15 JAN MON-WED")

    assert schedule == Schedule(
        frozenset({0, 20, 40}),
        frozenset({9, 13, 17}),
        frozenset({1, 15}),
        frozenset({1}),
        frozenset({1, 2, 3}),
        False,
        False,
    )


def test_descriptors_are_schedules() -> None:
    assert parse("@weekly") == parse("0 0 * * 0")
    assert parse("@every 1h30m").every_s == 5400
    assert parse("CRON_TZ=UTC @daily").time_zone == "UTC"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("@every 1x", 'failed to parse duration @every 1x: time: unknown unit "x" in duration "1x"'),
    ],
)
def test_what_is_no_schedule_is_told_as_the_server_does(text: str, why: str) -> None:
    with pytest.raises(ScheduleError) as error:
        parse(text)

    assert str(error.value) == why


def test_a_zone_in_front_must_be_known() -> None:
    with pytest.raises(ScheduleError) as refused:
        parse("CRON_TZ=Mars/North * * * * *")

    assert str(refused.value) == "provided bad location Mars/North: unknown time zone Mars/North"
    assert parse("TZ=Europe/Berlin * * * * *").time_zone == "Europe/Berlin"
