"""What the local AWS's output says of alarms."""

import logging
from datetime import UTC, datetime

import pytest

from local_aws.cloudwatch.actions import AlarmActions
from local_aws.cloudwatch.notifications import Transition


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("INSUFFICIENT_DATA", "OK", []),
        ("OK", "ALARM", ["alarm errors: OK -> ALARM: why"]),
        ("INSUFFICIENT_DATA", "ALARM", ["alarm errors: INSUFFICIENT_DATA -> ALARM: why"]),
        ("ALARM", "OK", ["alarm errors: ALARM -> OK: why"]),
        ("OK", "INSUFFICIENT_DATA", ["alarm errors: OK -> INSUFFICIENT_DATA: why"]),
    ],
)
def test_every_change_is_logged_but_that_of_a_new_alarm_with_nothing_wrong(
    caplog: pytest.LogCaptureFixture, old: str, new: str, lines: list[str]
) -> None:
    actions = AlarmActions(lambda arn, subject, text: None, lambda arn, transition: None, lambda item: None)
    with caplog.at_level(logging.INFO):
        actions.execute(Transition({"AlarmName": "errors"}, old, new, "why", datetime.now(UTC)))
    assert [record.getMessage() for record in caplog.records] == lines
