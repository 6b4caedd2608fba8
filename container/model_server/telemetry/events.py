"""Structured lines on stdout: loads and unloads with their reasons, requests, CloudWatch embedded metrics.

Each line is one JSON object, which CloudWatch Logs can query by field.
"""

import time
from typing import Protocol

import orjson

EMF_NAMESPACE = "MultiModelServer"
# CloudWatch takes at most so many values of one metric in a line.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
EMF_MAX_VALUES = 100


class Output(Protocol):
    """Where lines go."""

    def write(self, line: bytes, /) -> object: ...


class EventLog:
    """Writes events as JSON lines."""

    def __init__(self, output: Output) -> None:
        self._output = output

    @property
    def dropped(self) -> int:
        """Lines that nobody could be given."""
        return getattr(self._output, "dropped", 0)

    @property
    def waiting_bytes(self) -> int:
        """What nobody has read yet."""
        return getattr(self._output, "waiting_bytes", 0)

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
        self._output.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def _rounded(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value
