"""Metrics inside log lines: what CloudWatch Logs makes of the embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
A line that does not keep to the format stays a line of the log, without a metric and without an error, as on AWS.
"""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .samples import Recorded, Sample
from .statistics import Distribution

_MOST_METRICS = 100
_MOST_DIMENSIONS = 30
_MOST_VALUES = 100
_MOST_NAME_CHARACTERS = 1024
_DAY_SECONDS = 86_400
_PAST_SECONDS, _FUTURE_SECONDS = 14 * _DAY_SECONDS, 2 * 3600
_MARK = '"_aws"'


def embedded_metrics(line: str, now: datetime) -> list[Recorded]:
    """The metrics that a line of a log holds; none for any other line."""
    if _MARK not in line:
        return []
    try:
        document = json.loads(line)
        moment = datetime.fromtimestamp(document["_aws"]["Timestamp"] / 1000, UTC)
        directives = document["_aws"]["CloudWatchMetrics"]
        if not -_FUTURE_SECONDS <= (now - moment).total_seconds() <= _PAST_SECONDS:
            return []
        return [found for directive in directives for found in _metrics(document, directive, moment)]
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        return []


def _metrics(document: dict[str, Any], directive: dict[str, Any], moment: datetime) -> Iterator[Recorded]:
    namespace, definitions = directive["Namespace"], directive["Metrics"]
    if not _is_name(namespace) or len(definitions) > _MOST_METRICS:
        raise ValueError("a directive that CloudWatch does not take")
    for names in directive["Dimensions"]:
        if len(names) > _MOST_DIMENSIONS:
            raise ValueError("too many dimensions")
        dimensions = {name: document[name] for name in names}
        if not all(map(_is_name, dimensions.values())):
            raise ValueError("the value of a dimension is a text")
        for definition in definitions:
            if definition["Name"] in document:
                values = _distribution(document[definition["Name"]])
                unit = definition.get("Unit", "None")
                yield Recorded(namespace, definition["Name"], dimensions, unit, Sample(moment, values))


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MOST_NAME_CHARACTERS


def _distribution(found: Any) -> Distribution:
    values = found if isinstance(found, list) else [found]
    if not 0 < len(values) <= _MOST_VALUES:
        raise ValueError("a metric has 1 to 100 values")
    distribution = Distribution()
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError("a metric's values are numbers")
        distribution.add(float(value))
    return distribution
