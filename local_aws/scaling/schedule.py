"""When a scheduled action runs: `at(...)`, `rate(...)` and `cron(...)`.

https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\(([^()]*)\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_YEARS = (1970, 2199)


class ScheduleError(ValueError):
    """The expression is wrong; the text says where."""


class Schedule(Protocol):
    """Moments at which something runs."""

    def next(self, after: datetime, anchor: datetime) -> datetime | None:
        """The first moment later than `after`, None where none is left. `anchor`: when the action was made, or its
        StartTime."""


@lru_cache(maxsize=256)
def parse_schedule(expression: str, timezone: str | None = None) -> Schedule:
    """`timezone`: a name of the IANA database, default UTC; for `at` and `cron`. Raises ScheduleError."""
    zone = _zone(timezone)
    if match := _AT.fullmatch(expression):
        try:
            return _Once(datetime.fromisoformat(match[1]).replace(tzinfo=zone))
        except ValueError as error:
            raise ScheduleError(f"{expression}: {error}") from error
    if match := _RATE.fullmatch(expression):
        value, unit, plural = int(match[1]), match[2], match[3]
        if value < 1 or (value == 1) == bool(plural):
            raise ScheduleError(f"{expression}: a positive number, with `{unit}` for 1 and `{unit}s` for more.")
        return _Rate(value * _SECONDS[unit])
    if match := _CRON.fullmatch(expression):
        return _cron(match[1].upper().split(), zone)
    raise ScheduleError(f"{expression}: must be at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(fields).")


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, OSError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ScheduleError(f"Timezone {name} is not known.") from error


@dataclass(frozen=True)
class _Once:
    moment: datetime

    def next(self, after: datetime, anchor: datetime) -> datetime | None:
        return self.moment.astimezone(UTC) if self.moment > after else None


@dataclass(frozen=True)
class _Rate:
    seconds: int

    def next(self, after: datetime, anchor: datetime) -> datetime | None:
        """The first run is one interval after the anchor."""
        passed = max((after - anchor).total_seconds() // self.seconds, 0)
        return anchor + timedelta(seconds=self.seconds * (passed + 1))


@dataclass(frozen=True)
class _Cron:
    minutes: frozenset[int]
    hours: frozenset[int]
    days: "_MonthDays | _WeekDays"
    months: frozenset[int]
    years: frozenset[int]
    zone: ZoneInfo

    def next(self, after: datetime, anchor: datetime) -> datetime | None:
        local = after.astimezone(self.zone)
        for day in self._dates(local.date()):
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone).astimezone(UTC)
                    if moment > after and _exists(moment, self.zone, hour, minute):
                        return moment
        return None

    def _dates(self, first: date) -> Iterator[date]:
        """The days on which it runs, from `first` on. After 29 years every weekday has had its 29 February."""
        for year in range(first.year, min(max(self.years), first.year + 40) + 1):
            for month in sorted(self.months) if year in self.years else ():
                for day in range(1, calendar.monthrange(year, month)[1] + 1):
                    found = date(year, month, day)
                    if found >= first and self.days.holds(found):
                        yield found


def _exists(moment: datetime, zone: ZoneInfo, hour: int, minute: int) -> bool:
    """False for the hour that a clock skips when summer begins."""
    local = moment.astimezone(zone)
    return (local.hour, local.minute) == (hour, minute)


@dataclass(frozen=True)
class _MonthDays:
    days: frozenset[int]
    last: bool = False
    nearest_weekday: int | None = None

    def holds(self, day: date) -> bool:
        length = calendar.monthrange(day.year, day.month)[1]
        if self.last:
            return day.day == length
        if self.nearest_weekday is None:
            return day.day in self.days
        if self.nearest_weekday > length:
            return False
        wanted = date(day.year, day.month, self.nearest_weekday)
        # To Friday from Saturday and to Monday from Sunday, but never into another month.
        if wanted.weekday() == 5:
            return day.day == (wanted.day - 1 if wanted.day > 1 else wanted.day + 2)
        if wanted.weekday() == 6:
            return day.day == (wanted.day + 1 if wanted.day < length else wanted.day - 2)
        return day == wanted


@dataclass(frozen=True)
class _WeekDays:
    days: frozenset[int]
    """1 (Sunday) to 7."""

    nth: int | None = None
    last: bool = False

    def holds(self, day: date) -> bool:
        if day.isoweekday() % 7 + 1 not in self.days:
            return False
        if self.last:
            return day.day + 7 > calendar.monthrange(day.year, day.month)[1]
        return self.nth is None or (day.day - 1) // 7 + 1 == self.nth


def _cron(fields: list[str], zone: ZoneInfo) -> _Cron:
    if len(fields) != 6:
        raise ScheduleError(
            f"cron({' '.join(fields)}): needs six fields: minutes, hours, day of month, month, day of week, year."
        )
    minutes, hours, month_day, month, week_day, year = fields
    if (month_day == "?") == (week_day == "?"):
        raise ScheduleError(f"cron({' '.join(fields)}): exactly one of day of month and day of week must be `?`.")
    return _Cron(
        minutes=_numbers("minutes", minutes, 0, 59),
        hours=_numbers("hours", hours, 0, 23),
        days=_month_days(month_day) if week_day == "?" else _week_days(week_day),
        months=_numbers("month", month, 1, 12, _MONTHS),
        years=_numbers("year", year, *_YEARS),
        zone=zone,
    )


def _month_days(field: str) -> _MonthDays:
    if field == "L":
        return _MonthDays(frozenset(), last=True)
    if match := re.fullmatch(r"(\d+)W", field):
        (day,) = _numbers("day of month", match[1], 1, 31)
        return _MonthDays(frozenset(), nearest_weekday=day)
    return _MonthDays(_numbers("day of month", field, 1, 31))


def _week_days(field: str) -> _WeekDays:
    if field == "L":
        return _WeekDays(frozenset({7}))
    if match := re.fullmatch(r"(\w+)#([1-5])", field):
        return _WeekDays(_numbers("day of week", match[1], 1, 7, _DAYS), nth=int(match[2]))
    if match := re.fullmatch(r"([1-7]|[A-Z]{3})L", field):
        return _WeekDays(_numbers("day of week", match[1], 1, 7, _DAYS), last=True)
    return _WeekDays(_numbers("day of week", field, 1, 7, _DAYS))


def _numbers(what: str, field: str, least: int, most: int, names: dict[str, int] | None = None) -> frozenset[int]:
    """The numbers that `*`, `A`, `A-B`, `A/STEP`, `*/STEP`, `A-B/STEP`, and lists of these stand for."""
    found: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", part)
        if match is None or (match[1] == "*" and match[2] is not None):
            raise ScheduleError(f"cron: {what} `{part}` is not understood.")
        first = least if match[1] == "*" else _number(what, match[1], least, most, names)
        open_ended = match[1] == "*" or (match[2] is None and match[3] is not None)
        last = first if match[2] is None else _number(what, match[2], least, most, names)
        last, step = most if open_ended else last, int(match[3] or 1)
        if step < 1 or last < first:
            raise ScheduleError(f"cron: {what} `{part}` stands for nothing.")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(what: str, text: str, least: int, most: int, names: dict[str, int] | None) -> int:
    value = (names or {}).get(text)
    if value is None and text.isascii() and text.isdecimal():
        value = int(text)
    if value is None or not least <= value <= most:
        raise ScheduleError(f"cron: {what} `{text}` is not from {least} to {most}.")
    return value
