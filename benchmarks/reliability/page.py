"""The page of what the experiments reached: benchmarks/reliability.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HEAD = """\
# Reliability

Written by `make chaos` (`python -m benchmarks.reliability`). Raw figures: [reliability.json](reliability.json).

## Deployments killed at random moments

SIGKILL goes to Terraform, or to the whole process group of `make deploy`. The experiment then does what the messages
say: it removes the lock that they name (`make unlock`) and deploys again. Converged means: the next plan of every stack
is empty, the endpoint is in service, and nothing exists that no state knows.

| deployment | killed | runs | converged | locks removed | resources taken over | deployments afterwards, at most |
|---|---|---:|---:|---:|---:|---:|
"""


def page(content: Mapping[str, Any]) -> str:
    """The Markdown of a result."""
    found, machine = content["killed deployments"], content["machine"]
    rows = ""
    for kind, killed in sorted({(run["kind"], run["killed"]) for run in found["runs"]}):
        runs = [run for run in found["runs"] if (run["kind"], run["killed"]) == (kind, killed)]
        rows += (
            f"| {kind} | {killed} | {len(runs)} | {sum(run['complaint'] is None for run in runs)} "
            f"| {sum(run['unlocks'] for run in runs)} | {sum(run['took_over'] for run in runs)} "
            f"| {max(run['deploys'] for run in runs)} |\n"
        )
    applies = sum(run["phase"] == "apply" for run in found["runs"])
    return (
        f"{_HEAD}{rows}\n{found['converged']} of {found['killed']} converged (seed {found['seed']}). {applies} were "
        f"killed during an apply, the others from the start on; {found['done_before']} had ended before.\n\n"
        f"On the local AWS with its stand-in provider; {machine['processor']}, {machine['cores']} cores; "
        f"{content['when'][:10]}.\n"
    )
