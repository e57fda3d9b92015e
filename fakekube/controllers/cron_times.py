"""The times at which a schedule is due, in a time zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fakekube.objects import cron
from fakekube.objects.cron import Schedule, ScheduleError

HORIZON_DAYS = 5 * 366
"""A schedule without a time within so many days has none: the 30th of February."""


@dataclass(frozen=True, slots=True)
class Times:
    schedule: Schedule
    zone: tzinfo

    def next(self, after: datetime) -> datetime | None:
        """The first time later than `after`; None when there is none."""
        if self.schedule.every_s:
            return after.replace(microsecond=0) + timedelta(seconds=self.schedule.every_s)
        begin = after.astimezone(self.zone).date()
        for offset in range(HORIZON_DAYS):
            for time in self._times_of(begin + timedelta(days=offset)):
                if time > after:
                    return time
        return None

    def last(self, after: datetime, until: datetime) -> datetime | None:
        """The latest time that is later than `after` and not later than `until`."""
        if self.schedule.every_s:
            begin, period = after.replace(microsecond=0), timedelta(seconds=self.schedule.every_s)
            count = (until - begin) // period
            return begin + count * period if count > 0 else None
        last_day = until.astimezone(self.zone).date()
        days = (last_day - after.astimezone(self.zone).date()).days + 1
        for offset in range(min(days, HORIZON_DAYS)):
            times = [time for time in self._times_of(last_day - timedelta(days=offset)) if after < time <= until]
            if times:
                return times[-1]
        return None

    def _times_of(self, day: date) -> Iterator[datetime]:
        """Those on a day of the zone, in UTC and in order. One that the clock leaps over is none; one that it shows twice is two."""
        if self._is_due_on(day):
            shown = ((hour, minute) for hour in self.schedule.hours for minute in self.schedule.minutes)
            yield from sorted({time for hour, minute in shown for time in self._at(day, hour, minute)})

    def _at(self, day: date, hour: int, minute: int) -> Iterator[datetime]:
        for fold in (0, 1):
            local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone, fold=fold)
            time = local.astimezone(UTC)
            back = time.astimezone(self.zone)
            if (back.hour, back.minute) == (hour, minute):
                yield time

    def _is_due_on(self, day: date) -> bool:
        schedule = self.schedule
        if day.month not in schedule.months:
            return False
        by_day, by_weekday = day.day in schedule.days, day.isoweekday() % 7 in schedule.weekdays
        if schedule.any_day or schedule.any_weekday:
            return by_day and by_weekday
        return by_day or by_weekday


def times_of(text: str, time_zone: str | None = None) -> Times:
    """Of `*/5 * * * *` or `@daily`, in UTC or a zone such as `Europe/Berlin`. Raises ScheduleError."""
    schedule = cron.parse(text)
    name = time_zone or schedule.time_zone
    try:
        return Times(schedule, ZoneInfo(name) if name else UTC)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleError(f"unknown time zone {name}") from None
