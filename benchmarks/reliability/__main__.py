"""`make chaos`: run the experiments and write benchmarks/reliability.json and reliability.md."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.machine import loaded_machine
from benchmarks.reliability.concurrent_deployments import race_deployments
from benchmarks.reliability.ground import Ground, prepared
from benchmarks.reliability.killed_deployments import kill_deployments, result
from benchmarks.reliability.lost_connections import lose_connections
from benchmarks.reliability.page import failures, page
from benchmarks.reliability.planted_secrets import document, plant_secrets

RESULT = Path(__file__).resolve().parent.parent / "reliability.json"
AT_ONCE = (2, 5)

application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Experiment(StrEnum):
    """The experiments, by their names in the JSON."""

    KILLED = "killed deployments"
    LOST = "lost connections"
    AT_ONCE = "deployments at once"
    SECRETS = "planted secrets"


@application.command()
def deployments(
    kills: Annotated[int, typer.Option(help="How many deployments are killed; one takes about 45 seconds.")] = 50,
    seed: Annotated[int, typer.Option(help="Of what is killed, and when.")] = 1,
    only: Annotated[list[Experiment] | None, typer.Option(help="One of the experiments. Default: all.")] = None,
    write: Annotated[bool, typer.Option(help="Write the result. Experiments that did not run keep theirs.")] = True,
) -> None:
    """Let deployments fail in every way, and deploy again."""
    content: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    for experiment in only or list(Experiment):

        def keep(found: dict[str, Any], name: str = experiment.value) -> None:
            content[name] = {**found, "when": datetime.now(UTC).isoformat(), "machine": loaded_machine()}
            if write:  # after each step: an hour's figures are not lost to an interruption
                RESULT.write_text(json.dumps(content, indent=2) + "\n")
                RESULT.with_suffix(".md").write_text(page(content))

        with tempfile.TemporaryDirectory() as folder, prepared(Path(folder)) as ground:
            _run(experiment, ground, keep, kills=kills, seed=seed)
    failed = failures(content)
    print(*failed or ["everything was reached"], sep="\n")
    if failed:
        raise typer.Exit(1)


def _run(
    experiment: Experiment, ground: Ground, keep: Callable[[dict[str, Any]], None], *, kills: int, seed: int
) -> None:
    """Run one experiment on a ground of its own, and keep what it found so far after each step."""
    if experiment is Experiment.SECRETS:
        keep(document(plant_secrets(ground, _report)))
    elif experiment is Experiment.KILLED:
        outcomes = []
        for outcome in kill_deployments(ground, kills, seed, _report):
            outcomes.append(outcome)
            keep(result(outcomes, seed))
    else:
        runs: list[dict[str, Any]] = []
        lost = experiment is Experiment.LOST
        for run in lose_connections(ground, _report) if lost else race_deployments(ground, AT_ONCE, _report):
            runs.append(vars(run))
            keep({"runs": runs})


def _report(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    application()
