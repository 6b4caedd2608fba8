"""Structured lines on stdout: loads and unloads with their reasons, requests, CloudWatch embedded metrics.

Each line is one JSON object, which CloudWatch Logs can query by field.
"""

import sys
import time
from typing import BinaryIO

import orjson

EMF_NAMESPACE = "MultiModelServer"
# CloudWatch takes at most so many values of one metric in a line.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
EMF_MAX_VALUES = 100


class EventLog:
    """Writes events as JSON lines."""

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = sys.stdout.buffer if stream is None else stream

    def write(self, event: str, **fields: object) -> None:
        """One event, with the time in seconds since 1970. Fields that are None are left out."""
        line = {"event": event, "time": round(time.time(), 3)}
        line |= {key: _rounded(value) for key, value in fields.items() if value is not None}
        self._emit(line)

    def write_metrics(self, dimensions: dict[str, str], metrics: dict[str, tuple[str, object]]) -> None:
        """One line of CloudWatch embedded metrics: `metrics` maps a name to its unit and its value or values."""
        definition = {
            "Namespace": EMF_NAMESPACE,
            "Dimensions": [list(dimensions)],
            "Metrics": [{"Name": name, "Unit": unit} for name, (unit, _) in metrics.items()],
        }
        line: dict[str, object] = {
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [definition]},
            **dimensions,
            **{name: value for name, (_, value) in metrics.items()},
        }
        self._emit(line)

    def _emit(self, line: dict[str, object]) -> None:
        self._stream.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        self._stream.flush()


def _rounded(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value
