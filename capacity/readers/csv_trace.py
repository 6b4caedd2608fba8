"""Traces as CSV: `time,model` and, optionally, `bytes` and `milliseconds`, with a header line (RFC 4180)."""

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np

from capacity.errors import CapacityError, Complaints
from capacity.trace import UNKNOWN_BYTES, Trace, make_trace

REQUIRED = ("time", "model")
COLUMNS = (*REQUIRED, "bytes", "milliseconds")
MAX_NAME_CHARACTERS = 1024
_MAX_BYTES = 2**62


def read_csv(path: Path) -> Trace:
    """The trace in the file at `path`. Its lines may be in any order; times may have any origin.

    Raises:
        CapacityError: the file cannot be read, or lines break the format; holds the first complaints, with their lines.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _parse(csv.reader(file, strict=True), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise CapacityError(f"{path}: cannot be read: {error}.") from error


def write_csv(trace: Trace, path: Path) -> None:
    """Write `trace` so that `read_csv` gives the same trace again, to the microsecond.

    Raises:
        CapacityError: the file cannot be written.
    """
    header = [*REQUIRED]
    columns: list[list[str]] = [
        [f"{second:.6f}" for second in trace.seconds.tolist()],
        [trace.names[model] for model in trace.models.tolist()],
    ]
    if trace.request_bytes is not None:
        header.append("bytes")
        columns.append([str(size) if size >= 0 else "" for size in trace.request_bytes.tolist()])
    if trace.service_seconds is not None:
        header.append("milliseconds")
        columns.append(["" if math.isnan(s) else f"{s * 1000:.6g}" for s in trace.service_seconds.tolist()])
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(zip(*columns, strict=True))
    except OSError as error:
        raise CapacityError(f"{path}: cannot be written: {error}.") from error


def _parse(rows: Any, source: str) -> Trace:
    complaints = Complaints(source)
    columns: tuple[list[Any], list[Any], list[Any], list[Any]] = ([], [], [], [])
    try:
        positions = _positions(next(rows, []), source)
        for row in rows:
            if not row:
                continue
            try:
                values = _values(row, positions)
            except ValueError as error:
                complaints.add(rows.line_num, str(error))
                continue
            for column, value in zip(columns, values, strict=True):
                column.append(value)
    except csv.Error as error:
        complaints.add(rows.line_num, f"is no CSV: {error}.")
    complaints.raise_if_any()
    times, models, sizes, milliseconds = columns
    if not times:
        raise CapacityError(f"{source}: has no invocations below its header; give one line for each invocation.")
    return make_trace(times, models, sizes, np.asarray(milliseconds, dtype=np.float64) / 1000)


def _positions(header: list[str], source: str) -> list[int | None]:
    """Where in a row each of COLUMNS is; None for those that the file lacks. Raises CapacityError."""
    names = [name.strip().lower() for name in header]
    faults = [f"there is no column {name}" for name in REQUIRED if name not in names]
    faults += [f"column {name!r} is not known" for name in names if name not in COLUMNS]
    faults += [f"column {name} is there more than once" for name in COLUMNS if names.count(name) > 1]
    if faults:
        raise CapacityError(
            f"{source}:1: {'; '.join(faults)}. The header has {', '.join(REQUIRED)} and, optionally, "
            f"{', '.join(COLUMNS[len(REQUIRED) :])}."
        )
    return [names.index(name) if name in names else None for name in COLUMNS]


def _values(row: list[str], positions: list[int | None]) -> tuple[float, str, int, float]:
    """Raises ValueError with what is wrong."""
    if len(row) != sum(position is not None for position in positions):
        raise ValueError(f"has {len(row)} values, the header names {sum(p is not None for p in positions)}.")
    time, model, size, milliseconds = (row[position].strip() if position is not None else "" for position in positions)
    if not 1 <= len(model) <= MAX_NAME_CHARACTERS:
        raise ValueError(f"model must have 1 to {MAX_NAME_CHARACTERS} characters, not {len(model)}.")
    return (
        _number("time", time, least=0.0, exclusive=False),
        model,
        _size(size),
        _number("milliseconds", milliseconds, least=0.0, exclusive=True) if milliseconds else math.nan,
    )


def _number(name: str, text: str, *, least: float, exclusive: bool) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < least or (exclusive and value == least):
        raise ValueError(f"{name} must be a number {'above' if exclusive else 'of at least'} {least:g}, not {text!r}.")
    return value


def _size(text: str) -> int:
    if not text:
        return UNKNOWN_BYTES
    if not (text.isascii() and text.isdecimal()) or int(text) > _MAX_BYTES:
        raise ValueError(f"bytes must be a whole number from 0, not {text!r}.")
    return int(text)
