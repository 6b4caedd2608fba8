"""What the local AWS's output says of alarms."""

import logging
import threading
import time
from datetime import UTC, datetime

import pytest

from local_aws.cloudwatch.actions import AlarmActions
from local_aws.cloudwatch.notifications import Transition

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPIC = "arn:aws:sns:us-east-1:123456789012:topic"
POLICY = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:1:resource/sagemaker/endpoint/e/variant/v"


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


def executed(old: str, failure: str | None = None) -> tuple[list[str], list[str], list[str]]:
    """Topics and policies that were called, and the history, after an alarm with one of each was in ALARM."""
    topics, policies, history = [], [], []
    done = threading.Semaphore(0)

    def scale(arn: str, transition: Transition) -> None:
        policies.append(arn)
        done.release()
        if failure is not None:
            raise LookupError(failure)

    def publish(arn: str, subject: str, text: str) -> None:
        topics.append(arn)
        done.release()

    actions = AlarmActions(publish, scale, lambda item: history.append(item.summary))
    configuration = {
        "AlarmName": "a",
        "AlarmConfigurationUpdatedTimestamp": NOW,
        "MetricName": "m",
        "Namespace": "n",
        "Statistic": "Sum",
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 1,
        "AlarmActions": [TOPIC, POLICY],
    }
    actions.execute(Transition(configuration, old, "ALARM", "why", NOW))
    for _ in range(1 if old == "ALARM" else 2):
        assert done.acquire(timeout=10)
    deadline = time.monotonic() + 10
    expected = (failure is not None) if old == "ALARM" else 2
    while len(history) < expected and time.monotonic() < deadline:
        time.sleep(0.01)
    return topics, policies, sorted(history)


def test_scaling_policies_are_invoked_again_while_the_alarm_stays_and_topics_are_not() -> None:
    assert executed("OK") == (
        [TOPIC],
        [POLICY],
        [f"Successfully executed action {POLICY}", f"Successfully executed action {TOPIC}"],
    )
    assert executed("ALARM") == ([], [POLICY], [])
    assert executed("ALARM", "gone") == (
        [],
        [POLICY],
        [f'Failed to execute action {POLICY}. Received error: "gone"'],
    )
