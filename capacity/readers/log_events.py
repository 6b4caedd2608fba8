"""The model server's event lines as a trace: requests, and the loads that were measured.

Each line is one JSON object (container/README.md, Observability). A `request` is written when it is answered, which is
`milliseconds` after it arrived.
"""

import json
import math
import re
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from capacity.errors import CapacityError, Complaints
from capacity.fleet import MIB
from capacity.trace import Trace, make_trace

_INVOKE = re.compile(r"/models/([^/]+)/invoke")
# SageMaker asks again after these: the caller sees one invocation.
_ASKED_AGAIN = (404, 507)


@dataclass(frozen=True)
class Observed:
    """What a log shows of one model; None where it shows nothing.

    Attributes:
        load_seconds: the median load in the container.
        memory_bytes: the most private memory after a load.
        service_seconds: the median time of an answered request. It includes the wait for a worker, if there was one.
    """

    load_seconds: float | None = None
    memory_bytes: int | None = None
    service_seconds: float | None = None


@dataclass(frozen=True)
class Observations:
    """A log's trace, what it shows of each model by name, and how many lines were something else."""

    trace: Trace
    models: dict[str, Observed]
    other_lines: int


@dataclass
class _Collected:
    times: list[float] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    service: dict[str, list[float]] = field(default_factory=dict)
    load: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    known_as: dict[str, str] = field(default_factory=dict)
    others: int = 0


def read_events(lines: Iterable[tuple[int, str]], source: str) -> Observations:
    """The trace of numbered `lines`. What precedes the first brace of a line, such as CloudWatch's time, is ignored.

    Raises:
        CapacityError: event lines are damaged, or none is a request.
    """
    found, complaints = _Collected(), Complaints(source)
    for number, line in lines:
        event = _event(line)
        kind = None if event is None else event.get("event")
        if event is None or kind not in ("request", "load"):
            found.others += 1
            continue
        try:
            _take_request(event, found) if kind == "request" else _take_load(event, found)
        except ValueError as error:
            complaints.add(number, f"{kind} event: {error}.")
    complaints.raise_if_any()
    if not found.times:
        raise CapacityError(
            f"{source}: has no `request` events of /models/NAME/invoke. Give the model server's standard output, from "
            "a container whose MODEL_SERVER_ACCESS_LOG is not false."
        )
    names = [found.known_as.get(name, name) for name in found.names]
    return Observations(make_trace(found.times, names), _observed(found), found.others)


def _event(line: str) -> dict[str, Any] | None:
    begin = line.find("{")
    if begin < 0:
        return None
    try:
        event = json.loads(line[begin:])
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _take_request(event: dict[str, Any], found: _Collected) -> None:
    path, status = event.get("path"), event.get("status")
    match = _INVOKE.fullmatch(path) if isinstance(path, str) else None
    if match is None or status in _ASKED_AGAIN:
        found.others += 1
        return
    seconds = _number(event, "milliseconds") / 1000
    name = _name(event, match[1], found)
    found.times.append(_number(event, "time") - seconds)
    found.names.append(name)
    if status == 200:
        found.service.setdefault(name, []).append(seconds)


def _take_load(event: dict[str, Any], found: _Collected) -> None:
    name = _name(event, None, found)
    found.load.setdefault(name, []).append(_number(event, "milliseconds") / 1000)
    found.memory[name] = max(found.memory.get(name, 0.0), _number(event, "memory_mib") * MIB)


def _name(event: dict[str, Any], opaque: str | None, found: _Collected) -> str:
    """The name inside the container. The TargetModel that stands for it may be in some of its lines only."""
    model = event.get("model", opaque)
    if not isinstance(model, str) or not model:
        raise ValueError("model must be a name")
    target = event.get("target_model")
    if isinstance(target, str) and target:
        found.known_as[model] = target
    return model


def _number(event: dict[str, Any], key: str) -> float:
    value = event.get(key)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value < 1e15
        or not math.isfinite(value)
    ):
        raise ValueError(f"{key} must be a number of at least 0, not {json.dumps(value)[:40]}")
    return float(value)


def _observed(found: _Collected) -> dict[str, Observed]:
    names = {*found.service, *found.load}
    return {
        found.known_as.get(name, name): Observed(
            load_seconds=statistics.median(found.load[name]) if name in found.load else None,
            memory_bytes=int(found.memory[name]) if found.memory.get(name) else None,
            service_seconds=statistics.median(found.service[name]) if name in found.service else None,
        )
        for name in names
    }
