"""Endpoints that run: how they are, which models they serve, and what an error of theirs means."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from operations.commands.options import Environment, Json
from operations.defaults import MINUTES, MOST_MODELS, RATE


def status(
    environment: Environment,
    minutes: Annotated[int, typer.Option(help="How far back invocations are counted.", min=5, max=1440)] = MINUTES,
    as_json: Json = False,
) -> None:
    """Show the endpoints: instances, load, slowest models, alarms, cost.

    Exit codes: 0 all is well, 1 error, 2 an endpoint or an alarm is not.
    """
    from rich.console import Console

    from operations.status import status as show_status

    well = show_status(environment, Console(stderr=as_json), minutes=minutes, as_json=as_json)
    raise typer.Exit(0 if well else 2)


def warm(
    environment: Environment,
    models: Annotated[int, typer.Option(help="How many models at most.", min=1)] = MOST_MODELS,
    rate: Annotated[float, typer.Option(help="Calls a second at most.", min=0.1, max=100)] = RATE,
    samples: Annotated[
        Path | None, typer.Option(help="A folder of inputs, each named after its model.", file_okay=False, exists=True)
    ] = None,
) -> None:
    """Load the models that were invoked most in the last day, pinned ones first, by calling each once."""
    from rich.console import Console

    from operations.warm import Wish
    from operations.warm import warm as warm_models

    done = warm_models(environment, Console(), Wish(models, rate, samples))
    raise typer.Exit(0 if done else 1)


def stacks(environment: Environment, as_json: Json = False) -> None:
    """List the stacks, without the environment's name, in the order in which they are deployed."""
    from operations.commands import work

    names = work.Deployment(environment).stacks
    print(json.dumps(list(names), indent=2) if as_json else "\n".join(names))


def endpoints(
    environment: Environment,
    model: Annotated[str | None, typer.Argument(help="A model of the catalog. Default: all of them.")] = None,
    as_json: Json = False,
) -> None:
    """Show which endpoint each model is invoked on, and by which TargetModel."""
    from model_catalog.lock import read_lock
    from operations.commands import work
    from stacks.shards import held_by, names_for

    settings = work.settings_of(work.environ_of(environment, {}))
    lock = read_lock(work.PROJECT_DIRECTORY / settings.catalog.directory)
    lock = held_by(lock, environment, settings.environments[environment])
    rows = [
        {
            "model": name,
            "endpoint": names_for(name, environment, settings.environments[environment]).endpoint,
            "target_model": lock.target_model(name),
        }
        for name in (sorted(lock.models) if model is None else [model])
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(*row.values(), sep="\t")


def explain() -> None:
    """Read an error from standard input and say what it means and what to do."""
    from operations.explain import explain as explanation_of

    error = sys.stdin.read()
    print(error, end="")
    explained = explanation_of(error, datetime.now(UTC))
    print(f"\n{explained}" if explained else "\nNo rule knows this error.", file=sys.stderr)
