"""What an alarm sends to an SNS topic.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..account import ACCOUNT_ID, REGION

_REGION_IN_WORDS = "US East (N. Virginia)"
_SUBJECT_LENGTH = 100


@dataclass(frozen=True)
class Transition:
    """A change of an alarm's state, or a minute in which it stays, and its configuration as DescribeAlarms shows it."""

    configuration: dict[str, Any]
    old: str
    new: str
    reason: str
    at: datetime
    reason_data: str | None = None
    """StateReasonData: JSON with the datapoints, None where somebody set the state without it."""

    @property
    def stays(self) -> bool:
        """Whether the alarm is in the state already: the actions that scale come again each minute."""
        return self.old == self.new

    @property
    def alarm(self) -> str:
        return self.configuration["AlarmName"]

    @property
    def actions(self) -> list[str]:
        """ARNs of what the new state sets off."""
        member = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}[self.new]
        return self.configuration.get(member) or []


def subject(transition: Transition) -> str:
    return f'{transition.new}: "{transition.alarm}" in {_REGION_IN_WORDS}'[:_SUBJECT_LENGTH]


def message(transition: Transition) -> str:
    configuration = transition.configuration
    content = {
        "AlarmName": transition.alarm,
        "AlarmDescription": configuration.get("AlarmDescription"),
        "AWSAccountId": ACCOUNT_ID,
        "AlarmConfigurationUpdatedTimestamp": _timestamp(configuration["AlarmConfigurationUpdatedTimestamp"]),
        "NewStateValue": transition.new,
        "NewStateReason": transition.reason,
        "StateChangeTime": _timestamp(transition.at),
        "Region": _REGION_IN_WORDS,
        "AlarmArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT_ID}:alarm:{transition.alarm}",
        "OldStateValue": transition.old,
        "OKActions": configuration.get("OKActions") or [],
        "AlarmActions": configuration.get("AlarmActions") or [],
        "InsufficientDataActions": configuration.get("InsufficientDataActions") or [],
        "Trigger": _trigger(configuration),
    }
    return json.dumps(content)


def _trigger(configuration: dict[str, Any]) -> dict[str, Any]:
    trigger = {
        "Period": configuration.get("Period"),
        "EvaluationPeriods": configuration["EvaluationPeriods"],
        "DatapointsToAlarm": configuration.get("DatapointsToAlarm"),
        "ComparisonOperator": configuration["ComparisonOperator"],
        "Threshold": configuration["Threshold"],
        "TreatMissingData": configuration.get("TreatMissingData") or "missing",
        "EvaluateLowSampleCountPercentile": configuration.get("EvaluateLowSampleCountPercentile") or "",
    }
    if configuration.get("Metrics"):
        return {**trigger, "Metrics": configuration["Metrics"]}
    extended = configuration.get("ExtendedStatistic")
    return {
        "MetricName": configuration["MetricName"],
        "Namespace": configuration["Namespace"],
        "StatisticType": "ExtendedStatistic" if extended else "Statistic",
        "Statistic": extended or configuration["Statistic"].upper(),
        "Unit": configuration.get("Unit"),
        "Dimensions": [
            {"value": item["Value"], "name": item["Name"]} for item in configuration.get("Dimensions") or []
        ],
        **trigger,
    }


def _timestamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"
