"""What happened to alarms: DescribeAlarmHistory.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_PAGE = 100


class InvalidTokenError(ValueError):
    """The token was not made here."""


@dataclass(frozen=True)
class HistoryItem:
    """One event; `data` is JSON."""

    alarm: str
    at: datetime
    kind: str
    """ConfigurationUpdate, StateUpdate or Action."""

    summary: str
    data: dict[str, Any]


def created(alarm: str, at: datetime, configuration: dict[str, Any], *, new: bool) -> HistoryItem:
    kind = "Create" if new else "Update"
    data = {"version": "1.0", "type": kind, "updatedAlarm": configuration}
    if new:
        data = {"version": "1.0", "type": kind, "createdAlarm": configuration}
    summary = f'Alarm "{alarm}" {"created" if new else "updated"}'
    return HistoryItem(alarm, at, "ConfigurationUpdate", summary, data)


def deleted(alarm: str, at: datetime) -> HistoryItem:
    return HistoryItem(
        alarm, at, "ConfigurationUpdate", f'Alarm "{alarm}" deleted', {"version": "1.0", "type": "Delete"}
    )


def page(items: Iterable[HistoryItem], request: dict[str, Any]) -> dict[str, Any]:
    """The answer to DescribeAlarmHistory: newest first unless asked otherwise. Raises InvalidTokenError."""
    chosen = [item for item in items if _matches(item, request)]
    if request.get("ScanBy", "TimestampDescending") == "TimestampDescending":
        chosen.reverse()
    start, size = _start(request.get("NextToken")), request.get("MaxRecords") or _PAGE
    answer: dict[str, Any] = {
        "AlarmHistoryItems": [
            {
                "AlarmName": item.alarm,
                "AlarmType": "MetricAlarm",
                "Timestamp": item.at,
                "HistoryItemType": item.kind,
                "HistorySummary": item.summary,
                "HistoryData": json.dumps(item.data),
            }
            for item in chosen[start : start + size]
        ]
    }
    if start + size < len(chosen):
        answer["NextToken"] = str(start + size)
    return answer


def _matches(item: HistoryItem, request: dict[str, Any]) -> bool:
    types = request.get("AlarmTypes") or ["MetricAlarm"]
    return (
        request.get("AlarmName") in (None, item.alarm)
        and request.get("HistoryItemType") in (None, item.kind)
        and "MetricAlarm" in types
        and (request.get("StartDate") is None or item.at >= _aware(request["StartDate"]))
        and (request.get("EndDate") is None or item.at <= _aware(request["EndDate"]))
    )


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _start(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal():
        raise InvalidTokenError("The value for parameter NextToken is invalid.")
    return int(token)
