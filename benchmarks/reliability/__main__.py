"""`make chaos`: run the experiments and write benchmarks/reliability.json and reliability.md."""

from __future__ import annotations

import json
import os
import platform
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.reliability.ground import prepared
from benchmarks.reliability.killed_deployments import kill_deployments, result
from benchmarks.reliability.page import page

RESULT = Path(__file__).resolve().parent.parent / "reliability.json"

application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@application.command()
def deployments(
    kills: Annotated[int, typer.Option(help="How many deployments are killed; one takes about 45 seconds.")] = 50,
    seed: Annotated[int, typer.Option(help="Of what is killed, and when.")] = 1,
    write: Annotated[bool, typer.Option(help="Write the result.")] = True,
) -> None:
    """Kill deployments at random moments and deploy again."""
    outcomes = []
    with tempfile.TemporaryDirectory() as folder, prepared(Path(folder)) as ground:
        for outcome in kill_deployments(ground, kills, seed, lambda line: print(line, flush=True)):
            outcomes.append(outcome)
            if write:  # after each: an hour's figures are not lost to an interruption
                _write(result(outcomes, seed))
    found = result(outcomes, seed)
    print(f"{found['converged']} of {found['killed']} converged")
    if found["converged"] < found["killed"]:
        raise typer.Exit(1)


def _write(found: dict[str, Any]) -> None:
    content = {"killed deployments": found, "machine": _machine(), "when": datetime.now(UTC).isoformat()}
    RESULT.write_text(json.dumps(content, indent=2) + "\n")
    RESULT.with_suffix(".md").write_text(page(content))


def _machine() -> dict[str, Any]:
    names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {"processor": names[0] if names else platform.machine(), "cores": os.cpu_count()}


if __name__ == "__main__":
    application()
