"""Arrivals from a file: the CSV of `python -m capacity`, of which the columns `time` and `model` count here."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from examples.load_test.errors import LoadTestError
from examples.load_test.schedule import Call

_COMPLAINTS = 10
_COLUMNS = {"time", "model", "bytes", "milliseconds"}


def read_trace(path: Path, names: Mapping[str, str], speed: float = 1.0) -> list[Call]:
    """The calls of a trace, in the order of their times; the first is due at 0.

    Args:
        path: a CSV file with a header line; `time` in seconds from any origin.
        names: the catalog's name of each name or TargetModel that the trace may have.
        speed: 2 replays the trace in half of its time.

    Raises:
        LoadTestError: it cannot be read; has the first complaints with their lines.
    """
    complaints: list[str] = []
    found: list[tuple[float, str]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = set(reader.fieldnames or ())
            if not {"time", "model"} <= header or not header <= _COLUMNS:
                raise LoadTestError(
                    f"{path}: the header line must have time and model, and may have bytes and milliseconds; "
                    f"here it is {','.join(reader.fieldnames or ()) or 'empty'}"
                )
            for row in reader:
                if len(complaints) == _COMPLAINTS:
                    break
                seconds, name = _seconds(row["time"]), names.get(row["model"] or "")
                if seconds is None:
                    complaints.append(f"line {reader.line_num}: {row['time']!r} is not a number of seconds from 0 on")
                elif name is None:
                    complaints.append(f"line {reader.line_num}: the catalog has no model {row['model']!r}")
                else:
                    found.append((seconds, name))
    except OSError as error:
        raise LoadTestError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise LoadTestError(f"{path}: is not CSV in UTF-8 ({error})") from error
    if complaints:
        raise LoadTestError("\n".join(f"{path}: {line}" for line in complaints))
    if not found:
        raise LoadTestError(f"{path}: there is no invocation in it")
    found.sort(key=lambda item: item[0])
    first = found[0][0]
    return [Call((seconds - first) / speed, name) for seconds, name in found]


def _seconds(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
