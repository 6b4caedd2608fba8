"""The alarms of policies: made and deleted through CloudWatch's API, and what their actions tell the autoscaler."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from ..cloudwatch.notifications import Transition
from .autoscaler import Ring


class CloudWatchAlarms:
    """See `gaps.application_autoscaling.AlarmApi`. `client` is called when it is needed first."""

    def __init__(self, client: Callable[[], Any]) -> None:
        self._client = client

    def put(self, request: dict[str, Any]) -> str:
        client = self._client()
        try:
            client.put_metric_alarm(**request)
            (alarm,) = client.describe_alarms(AlarmNames=[request["AlarmName"]])["MetricAlarms"]
        except ClientError as error:
            raise ValueError(error.response["Error"]["Message"]) from error
        return alarm["AlarmArn"]

    def delete(self, names: list[str]) -> None:
        if names:
            self._client().delete_alarms(AlarmNames=names)


def ring_of(transition: Transition) -> Ring:
    """What an alarm says to the policy that one of its actions names."""
    return Ring(
        alarm=transition.alarm,
        state=transition.new,
        datapoints=_datapoints(transition.reason_data),
        threshold=transition.configuration["Threshold"],
        is_high=transition.configuration["ComparisonOperator"].startswith("Greater"),
        at=transition.at,
    )


def _datapoints(reason_data: str | None) -> list[float]:
    """Newest first; none where somebody has set the alarm's state by hand."""
    try:
        data = json.loads(reason_data or "{}")
    except ValueError:
        return []
    found = data.get("recentDatapoints") if isinstance(data, dict) else None
    numbers = found if isinstance(found, list) else []
    return [value for value in reversed(numbers) if isinstance(value, int | float)]
