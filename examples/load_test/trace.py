"""Arrivals from a file: the CSV of `python -m capacity`, of which the columns `time` and `model` count here."""

from collections.abc import Mapping
from pathlib import Path

from capacity.errors import CapacityError
from capacity.readers.csv_trace import read_csv
from examples.load_test.errors import LoadTestError
from examples.load_test.schedule import Call

_SHOWN = 10


def read_trace(path: Path, names: Mapping[str, str], speed: float = 1.0) -> list[Call]:
    """The calls of a trace, in the order of their times; the first is due at 0.

    Args:
        path: a CSV file with a header line; `time` in seconds from any origin.
        names: the catalog's name of each name or TargetModel that the trace may have.
        speed: 2 replays the trace in half of its time.

    Raises:
        LoadTestError: it cannot be read, or calls models that `names` lacks; has the first complaints.
    """
    try:
        trace = read_csv(path)
    except CapacityError as error:
        raise LoadTestError(str(error)) from error
    unknown = [name for name in trace.names if name not in names]
    if unknown:
        rest = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise LoadTestError(f"{path}: models that the catalog lacks: {', '.join(map(repr, unknown[:_SHOWN]))}{rest}")
    called = [names[name] for name in trace.names]
    times = zip(trace.seconds.tolist(), trace.models.tolist(), strict=True)
    return [Call(seconds / speed, called[model]) for seconds, model in times]
