"""When scheduled actions run."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.scaling.schedule import ScheduleError, parse_schedule
from local_aws.scaling.scheduled import ScheduledAction

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)  # a Thursday


def runs(expression: str, count: int, timezone: str | None = None, after: datetime = NEW_YEAR) -> list[str]:
    schedule, found = parse_schedule(expression, timezone), []
    moment: datetime | None = after
    while len(found) < count and (moment := schedule.next(moment, NEW_YEAR)) is not None:
        found.append(f"{moment:%Y-%m-%dT%H:%M:%S}")
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("at(2026-03-01T12:00:30)", ["2026-03-01T12:00:30"]),
        ("at(2025-03-01T12:00:00)", []),
        ("rate(1 hour)", ["2026-01-01T01:00:00", "2026-01-01T02:00:00"]),
        ("rate(5 minutes)", ["2026-01-01T00:05:00", "2026-01-01T00:10:00"]),
        ("rate(2 days)", ["2026-01-03T00:00:00", "2026-01-05T00:00:00"]),
        ("cron(0 9 * * ? *)", ["2026-01-01T09:00:00", "2026-01-02T09:00:00"]),
        ("cron(0/30 18 ? * MON-FRI *)", ["2026-01-01T18:00:00", "2026-01-01T18:30:00", "2026-01-02T18:00:00"]),
        ("cron(15 10 ? * 6L 2026-2027)", ["2026-01-30T10:15:00", "2026-02-27T10:15:00"]),
        ("cron(0 8 1 JAN,JUL ? *)", ["2026-01-01T08:00:00", "2026-07-01T08:00:00"]),
        ("cron(0 8 L * ? *)", ["2026-01-31T08:00:00", "2026-02-28T08:00:00"]),
        ("cron(0 8 3W * ? *)", ["2026-01-02T08:00:00", "2026-02-03T08:00:00"]),
        ("cron(0 8 1W 2,3 ? *)", ["2026-02-02T08:00:00", "2026-03-02T08:00:00"]),
        ("cron(0 8 ? * TUE#2 *)", ["2026-01-13T08:00:00", "2026-02-10T08:00:00"]),
        ("cron(0 8 ? * L *)", ["2026-01-03T08:00:00", "2026-01-10T08:00:00"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29T00:00:00", "2032-02-29T00:00:00"]),
        ("cron(0 0 1 1 ? 2020)", []),
        ("cron(0 0 31 2 ? *)", []),
    ],
)
def test_runs(expression: str, expected: list[str]) -> None:
    assert runs(expression, max(len(expected), 1)) == expected


def test_timezones_have_summers() -> None:
    assert runs("at(2026-07-01T12:00:00)", 1, "Europe/Berlin") == ["2026-07-01T10:00:00"]
    # On 29 March 2026 Berlin has no half past two.
    after = datetime(2026, 3, 27, 12, tzinfo=UTC)
    assert runs("cron(30 2 * * ? *)", 2, "Europe/Berlin", after) == ["2026-03-28T01:30:00", "2026-03-30T00:30:00"]


@pytest.mark.parametrize(
    ("expression", "timezone"),
    [
        ("at(2026-13-01T00:00:00)", None),
        ("at(tomorrow)", None),
        ("rate(1 minutes)", None),
        ("rate(5 minute)", None),
        ("rate(0 minutes)", None),
        ("rate(5 seconds)", None),
        ("cron(* * * * *)", None),
        ("cron(* * * * * *)", None),
        ("cron(* * ? * ? *)", None),
        ("cron(60 * * * ? *)", None),
        ("cron(* 5-3 * * ? *)", None),
        ("cron(*/0 * * * ? *)", None),
        ("cron(*-3 * * * ? *)", None),
        ("cron(0 0 ? * FUN *)", None),
        ("every day", None),
        ("", None),
        ("cron(0 0 * * ? *)", "Mars/Olympus"),
        ("cron(0 0 * * ? *)", "../etc"),
    ],
)
def test_refused(expression: str, timezone: str | None) -> None:
    with pytest.raises(ScheduleError):
        parse_schedule(expression, timezone)


@given(st.text(alphabet="crontaeL#W?*/,-0123456789() MONJAN", max_size=30))
def test_any_text_is_a_schedule_or_a_schedule_error(text: str) -> None:
    for expression in (text, f"cron({text})", f"rate({text})", f"at({text})"):
        try:
            moment = parse_schedule(expression).next(NEW_YEAR, NEW_YEAR)
        except ScheduleError:
            continue
        assert moment is None or moment > NEW_YEAR


@given(
    st.integers(0, 59),
    st.integers(0, 23),
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
def test_a_daily_run_is_within_two_days_and_at_its_time(minute: int, hour: int, after: datetime, zone: str) -> None:
    start = after.replace(tzinfo=UTC)
    moment = parse_schedule(f"cron({minute} {hour} * * ? *)", zone).next(start, start)
    assert moment is not None and start < moment <= start + timedelta(days=2)
    local = moment.astimezone(ZoneInfo(zone))
    assert (local.hour, local.minute, local.second) == (hour, minute, 0)


@given(st.integers(1, 500), st.sampled_from(["minute", "hour", "day"]), st.integers(0, 10**8))
def test_a_rate_keeps_its_distance_from_the_anchor(value: int, unit: str, passed: int) -> None:
    seconds = value * {"minute": 60, "hour": 3600, "day": 86400}[unit]
    after = NEW_YEAR + timedelta(seconds=passed)
    moment = parse_schedule(f"rate({value} {unit}{'' if value == 1 else 's'})").next(after, NEW_YEAR)
    assert after < moment <= after + timedelta(seconds=seconds)
    assert (moment - NEW_YEAR).total_seconds() % seconds == 0


@pytest.mark.parametrize(
    ("start", "end", "looked", "now", "due"),
    [
        (None, None, 8.9, 9, True),
        (None, None, 9, 9.1, False),
        (9, None, 8.9, 9, True),
        (9.5, None, 8.9, 9, False),
        (None, 8.5, 8.9, 9, False),
        (None, 9, 8.9, 9.1, True),
        (None, None, 0, 1, False),
    ],
)
def test_start_and_end(start: float | None, end: float | None, looked: float, now: float, due: bool) -> None:
    def at(hour: float | None) -> datetime | None:
        return None if hour is None else NEW_YEAR + timedelta(hours=hour)

    action = ScheduledAction(
        "nine", "endpoint/e/variant/v", parse_schedule("cron(0 9 * * ? *)"), NEW_YEAR, start=at(start), end=at(end)
    )
    assert action.is_due(at(looked), at(now)) is due
