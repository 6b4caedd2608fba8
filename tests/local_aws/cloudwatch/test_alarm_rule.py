"""The state of an alarm from its datapoints: AWS's own examples first.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.cloudwatch.alarm_rule import AlarmRule, Datapoint, Verdict, evaluate

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
KEPT = "kept"


def verdict(points: str, state: str, comparison: str = "GreaterThanThreshold", **rule: object) -> Verdict:
    """`points` as AWS writes them, oldest first: `0` is within the threshold, `X` breaches, `-` is missing."""
    made = AlarmRule(comparison=comparison, threshold=50, **rule)
    values = {"0": 10.0, "X": 90.0}
    oldest_first = [
        None if point == "-" else Datapoint(START + timedelta(minutes=index), values[point], 1)
        for index, point in enumerate(points.split())
    ]
    assert len(oldest_first) == made.range_length
    return evaluate(made, oldest_first[::-1], state)


@pytest.mark.parametrize("state", ["OK", "ALARM", "INSUFFICIENT_DATA"])
@pytest.mark.parametrize(
    ("needed", "points", "expected"),
    [
        (3, "0 - X - X", ("OK", "OK", "OK", "OK")),
        (3, "- - - - 0", ("OK", "OK", "OK", "OK")),
        (3, "- - - - -", ("INSUFFICIENT_DATA", KEPT, "ALARM", "OK")),
        (3, "0 X X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        (3, "- - X - -", ("ALARM", KEPT, "ALARM", "OK")),
        (2, "0 - X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        (2, "0 0 X 0 X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        (2, "0 - X - -", ("OK", "OK", "ALARM", "OK")),
        (2, "- - - - 0", ("OK", "OK", "ALARM", "OK")),
        (2, "- - - X -", ("ALARM", KEPT, "ALARM", "OK")),
        # Too early to tell: the one datapoint there is breaches, and is not yet as old as M datapoints.
        (3, "- - - - X", (KEPT, KEPT, "ALARM", "OK")),
    ],
)
def test_missing_data(needed: int, points: str, expected: tuple[str, ...], state: str) -> None:
    for treatment, wanted in zip(TREATMENTS, expected, strict=True):
        found = verdict(points, state, evaluation_periods=3, datapoints_to_alarm=needed, treat_missing=treatment)
        assert found.state == (state if wanted == KEPT else wanted), treatment


@pytest.mark.parametrize(
    ("comparison", "at_threshold", "below"),
    [
        ("GreaterThanThreshold", "OK", "OK"),
        ("GreaterThanOrEqualToThreshold", "ALARM", "OK"),
        ("LessThanThreshold", "OK", "ALARM"),
        ("LessThanOrEqualToThreshold", "ALARM", "ALARM"),
    ],
)
def test_comparisons(comparison: str, at_threshold: str, below: str) -> None:
    rule = AlarmRule(comparison, 50, 1, 1)
    for value, expected in ((50.0, at_threshold), (49.0, below)):
        points = [Datapoint(START, value, 1), None, None]
        assert evaluate(rule, points, "INSUFFICIENT_DATA").state == expected


@pytest.mark.parametrize(
    ("points", "state", "rule", "reason"),
    [
        (
            "0 0 X",
            "OK",
            {"evaluation_periods": 1, "datapoints_to_alarm": 1},
            "Threshold Crossed: 1 out of the last 1 datapoints [90.0 (01/03/26 12:02:00)] was greater than the "
            "threshold (50.0) (minimum 1 datapoint for OK -> ALARM transition).",
        ),
        (
            "0 0 0 X 0",
            "ALARM",
            {"evaluation_periods": 3, "datapoints_to_alarm": 2},
            "Threshold Crossed: 2 out of the last 3 datapoints [10.0 (01/03/26 12:04:00), 10.0 (01/03/26 12:02:00)] "
            "were not greater than the threshold (50.0) (minimum 2 datapoints for ALARM -> OK transition).",
        ),
        (
            "- - -",
            "ALARM",
            {"evaluation_periods": 1, "datapoints_to_alarm": 1, "treat_missing": "notBreaching"},
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
            "[NonBreaching].",
        ),
        (
            "- - - -",
            "OK",
            {"evaluation_periods": 2, "datapoints_to_alarm": 2},
            "Insufficient Data: 2 datapoints were unknown.",
        ),
    ],
)
def test_reason(points: str, state: str, rule: dict[str, object], reason: str) -> None:
    assert verdict(points, state, **rule).reason == reason


@given(
    points=st.lists(st.sampled_from([None, 10.0, 90.0]), min_size=12, max_size=12),
    periods=st.integers(1, 10),
    data=st.data(),
)
def test_enough_breaching_datapoints_ring_however_missing_ones_are_treated(
    points: list[float | None], periods: int, data: st.DataObject
) -> None:
    needed = data.draw(st.integers(1, periods))
    newest_first = [
        None if value is None else Datapoint(START - timedelta(minutes=age), value, 1)
        for age, value in enumerate(points)
    ]
    found = [value for value in points[: periods + 2] if value is not None][:periods]
    for treatment in TREATMENTS:
        rule = AlarmRule("GreaterThanThreshold", 50, periods, needed, treatment)
        state = evaluate(rule, newest_first[: rule.range_length], "OK").state
        if found.count(90.0) >= needed:
            assert state == "ALARM"
        elif len(found) == periods or treatment == "notBreaching":
            assert state == "OK"
