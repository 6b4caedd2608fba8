"""`make status`: an environment's endpoints on one screen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from model_catalog.progress import progress
from operations.connection import connect
from operations.defaults import MINUTES
from operations.observation import Cost, Instances, Load, Observation, observe

SLOWEST = 5
STATUS_VERSION = 1
_STATES = {"OK": "green", "ALARM": "bold red", "InService": "green", "Failed": "bold red"}


def status(environment: str, console: Console, *, minutes: int = MINUTES, as_json: bool = False) -> bool:
    """Show the endpoints of an environment, or print them as JSON.

    Args:
        environment: a key of cdktf.json's `context.environments`.
        console: gets the screen.
        minutes: how far back load and models are counted.
        as_json: print JSON on standard output instead.

    Returns:
        Whether every endpoint is InService, no alarm is in ALARM, and everything could be read.

    Raises:
        LocalAwsError, SettingsError, CatalogError: see `connect`.
        BotoCoreError: there are no credentials, or AWS cannot be reached.
    """
    now = datetime.now(UTC)
    with connect(environment) as connection, progress(console, "asking AWS"):
        found = [observe(connection, shard, minutes, SLOWEST, now) for shard in connection.shards]
    if as_json:
        print(json.dumps(document(environment, found, now), indent=2))
    else:
        for observation in found:
            show(observation, console)
    return all(map(_is_well, found))


def document(environment: str, found: list[Observation], now: datetime) -> dict[str, Any]:
    """The observations for programs. Times are ISO 8601 in UTC."""
    endpoints = []
    for observation in found:
        content = asdict(observation)
        if observation.load is not None:
            content["load"]["hit_ratio"] = observation.load.hit_ratio
        endpoints.append(content)
    whole = {"status_version": STATUS_VERSION, "environment": environment, "at": now, "endpoints": endpoints}
    return dict(json.loads(json.dumps(whole, default=lambda value: value.astimezone(UTC).isoformat())))


def show(observation: Observation, console: Console) -> None:
    """One endpoint as a table of two columns; no frame, so that it reads the same in a log."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for what, text in _rows(observation):
        table.add_row(what, text)
    console.print(table)


def _is_well(observation: Observation) -> bool:
    serving = observation.instances is not None and observation.instances.status == "InService"
    return serving and not observation.missing and all(alarm.state != "ALARM" for alarm in observation.alarms)


def _rows(observation: Observation) -> Iterator[tuple[str, Text]]:
    if observation.instances is None:
        yield "endpoint", Text(f"{observation.endpoint}: {observation.missing['endpoint']}")
    else:
        yield from _instance_rows(observation.endpoint, observation.instances)
    yield "models", Text(f"{observation.models:,} in the catalog")
    if observation.load is not None:
        yield from _load_rows(observation.load, observation.minutes)
    for number, model in enumerate(observation.slowest):
        yield (
            "" if number else "slowest models",
            Text(
                f"{model.name}: {model.average_milliseconds:,.1f} ms on average, {model.longest_milliseconds:,.1f} ms "
                f"at most, of {model.timed:,} answers"
            ),
        )
    for number, alarm in enumerate(observation.alarms):
        yield (
            "" if number else "alarms",
            Text.assemble(f"{alarm.name}: ", (alarm.state, _STATES.get(alarm.state, "yellow"))),
        )
    if observation.cost is not None:
        yield "cost this month", Text(_cost(observation.cost))
    for part, reason in observation.missing.items():
        if part != "endpoint":
            yield part, Text(reason, "yellow")


def _instance_rows(endpoint: str, found: Instances) -> Iterator[tuple[str, Text]]:
    yield "endpoint", Text.assemble(f"{endpoint}: ", (found.status, _STATES.get(found.status, "yellow")))
    if found.failure:
        yield "reason", Text(found.failure)
    updated = found.updated.astimezone(UTC)
    yield "configuration", Text(f"{found.configuration}, since {updated:%Y-%m-%d %H:%M} UTC")
    more = "" if found.current == found.desired else f", {found.desired} wanted"
    yield "instances", Text(f"{found.current} x {found.instance_type or 'unknown type'}{more}")


def _load_rows(load: Load, minutes: int) -> Iterator[tuple[str, Text]]:
    span = f"last {minutes} minutes"
    if not load.invocations:
        yield span, Text("no invocations")
    else:
        errors = f"{load.errors_4xx:,} 4xx, {load.errors_5xx:,} 5xx errors"
        yield span, Text(f"{load.invocations:,} invocations, {errors}")
    if load.hit_ratio is not None:
        cold = "" if load.cold_seconds is None else f", {load.cold_seconds * 1000:,.0f} ms of loading on average"
        yield "hit ratio", Text(f"{load.hit_ratio:.2%}; {load.misses:,} cold starts{cold}")
    if load.latency_seconds is not None and load.longest_seconds is not None:
        yield (
            "latency",
            Text(f"{load.latency_seconds * 1000:,.1f} ms on average, {load.longest_seconds * 1000:,.1f} ms at most"),
        )
    used = [
        f"{value:,.0f}{unit}"
        for value, unit in (
            (load.loaded_models, " models loaded"),
            (load.cpu_percent, " % CPU (100 a core)"),
            (load.memory_percent, " % memory"),
        )
        if value is not None
    ]
    if used:
        yield "each instance", Text(", ".join(used))


def _cost(cost: Cost) -> str:
    amount = "no known price" if cost.amount is None else f"about {cost.amount:,.2f} {cost.currency}"
    return f"{amount} for {cost.instance_hours:,.1f} instance hours (estimate: list price, {cost.basis})"
