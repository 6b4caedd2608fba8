"""The page of what the experiments reached: benchmarks/reliability.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.reliability.lost_connections import MOMENTS

_HEAD = """\
# Reliability

Written by `make chaos` (`python -m benchmarks.reliability`). Raw figures: [reliability.json](reliability.json).
The slow tests run a short form of each experiment.

"""

_KILLED = """\
## Deployments killed at random moments

SIGKILL goes to Terraform, or to the whole process group of `make deploy`. The experiment then does what the messages
say: it removes the lock that they name (`make unlock`) and deploys again. Converged means: the next plan of every stack
is empty, the endpoint is in service, and nothing exists that no state knows.

"""

_LOST = """\
## Connections lost

A proxy stands between the commands and the local AWS. From the chosen request on it resets connections and refuses new
ones, until the deployment has failed. Explained means: exit code 1, what happened and what to do, no traceback. Intact
means: every state in the bucket is whole, of the same lineage, and no older than before.

"""

_AT_ONCE = """\
## Several deployments at once

Each starts at the same time from a checkout of its own, with another `revision`. Afterwards the winner's plan must be
empty: no state holds anything of another deployment. A deployment that does not meet the lock itself has a plan that
the winner's apply made stale, and Terraform refuses it.

"""

_SECRETS = """\
## Planted secrets

A secret of this run stands in `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, a credentials file, `GITHUB_TOKEN`,
`HF_TOKEN`, a `TF_VAR_` variable and pip's index addresses. Another one stands in `server_environment`, as `DB_PASSWORD`
and as the password in an address. Terraform writes every value of the configuration into synthesised JSON, plans and
states; only their owner may read these files. The table counts the texts and files that hold a secret.

"""


@dataclass(frozen=True)
class _Row:
    """A line of the summary. `complaint` names what was not reached; empty when all was."""

    experiment: str
    to_reach: str
    reached: str
    complaint: str = ""


def page(content: Mapping[str, Any]) -> str:
    """The Markdown of a result."""
    summary = [(row.experiment, row.to_reach, row.reached) for row in _rows(content)]
    parts = [_HEAD + _table(("experiment", "to reach", "reached"), summary)]
    for name, section in _SECTIONS.items():
        if name in content:
            found = content[name]
            machine = found["machine"]
            parts.append(
                f"{section(found)}\nOn the local AWS with its stand-in provider; {machine['processor']}, "
                f"{machine['cores']} cores, shared with other work; {found['when'][:10]}.\n"
            )
    return "\n".join(parts)


def failures(content: Mapping[str, Any]) -> list[str]:
    """What was not reached."""
    return [f"{row.experiment}: {row.complaint}" for row in _rows(content) if row.complaint]


def _rows(content: Mapping[str, Any]) -> list[_Row]:
    return [row for name, rows in _SUMMARIES.items() if name in content for row in rows(content[name])]


def _killed_rows(found: Mapping[str, Any]) -> list[_Row]:
    reached = f"{found['converged']} of {found['killed']}"
    complaint = "" if found["converged"] == found["killed"] else f"{reached} converged"
    return [
        _Row(
            "deployment killed at a random moment",
            "the next deployments converge, nobody chooses anything, no orphan",
            f"{reached}; {found['deployments_afterwards_at_most']} deployments at most",
            complaint,
        )
    ]


def _lost_rows(found: Mapping[str, Any]) -> list[_Row]:
    rows = []
    for run in found["runs"]:
        faults = [
            *(() if run["explained"] else ("not explained",)),
            *(() if run["intact"] else ("a state was damaged",)),
            *(() if run["complaint"] is None else ("did not converge",)),
        ]
        rows.append(
            _Row(
                f"connections lost, {run['moment']}",
                "error explained, states intact, the next deployments converge",
                ", ".join(faults) or f"all three; {_count(run['deploys'], 'deployment')}",
                ", ".join(faults),
            )
        )
    return rows


def _race_rows(found: Mapping[str, Any]) -> list[_Row]:
    return [
        _Row(
            f"{run['deployments']} deployments at once",
            "one goes on, the others say who holds the lock or that their plan is stale; states not mixed",
            f"{run['applied']} went on, {run['locked']} named the lock, {run['stale']} stale"
            + ("" if run["complaint"] is None else "; not as it should be"),
            run["complaint"] or "",
        )
        for run in found["runs"]
    ]


def _secret_rows(found: Mapping[str, Any]) -> list[_Row]:
    faults = [*found["misplaced"], *(f"{name} may be read by others" for name in found["open_files"]), *found["failed"]]
    count = sum(place["looked_at"] for place in found["places"])
    return [
        _Row(
            "secrets planted",
            "none beyond configuration, plans and states, and these for their owner only",
            f"{len(faults)} misplaced in {count} texts and files" if faults else f"none in {count} texts and files",
            "; ".join(faults),
        )
    ]


def _killed_section(found: Mapping[str, Any]) -> str:
    heads = ("deployment", "killed", "runs", "converged", "locks removed", "taken over", "deployments afterwards")
    rows = []
    for kind, killed in sorted({(run["kind"], run["killed"]) for run in found["runs"]}):
        runs = [run for run in found["runs"] if (run["kind"], run["killed"]) == (kind, killed)]
        rows.append(
            (
                kind,
                killed,
                len(runs),
                sum(run["complaint"] is None for run in runs),
                sum(run["unlocks"] for run in runs),
                sum(run["took_over"] for run in runs),
                f"at most {max(run['deploys'] for run in runs)}",
            )
        )
    applies = sum(run["phase"] == "apply" for run in found["runs"])
    return (
        f"{_KILLED}{_table(heads, rows)}\n{found['converged']} of {found['killed']} converged (seed {found['seed']}). "
        f"{applies} were killed during an apply, the others from the start on; {found['done_before']} had ended "
        "before the kill.\n"
    )


def _lost_section(found: Mapping[str, Any]) -> str:
    heads = ("moment", "explained", "intact", "converged", "locks removed", "taken over", "deployments afterwards")
    rows = [
        (
            run["moment"],
            _yes(run["explained"]),
            _yes(run["intact"]),
            _yes(run["complaint"] is None),
            run["unlocks"],
            run["took_over"],
            run["deploys"],
        )
        for run in found["runs"]
    ]
    return f"{_LOST}{len(rows)} of {len(MOMENTS)} moments were tried.\n\n{_table(heads, rows)}"


def _race_section(found: Mapping[str, Any]) -> str:
    heads = ("at once", "went on", "named the lock's holder", "stale plan", "states of one deployment")
    rows = [
        (run["deployments"], run["applied"], run["locked"], run["stale"], _yes(run["complaint"] is None))
        for run in found["runs"]
    ]
    return _AT_ONCE + _table(heads, rows)


def _secret_section(found: Mapping[str, Any]) -> str:
    kinds = ("variables and credentials", "server_environment")
    rows = [
        (place["place"], place["looked_at"], *(place[kind] for kind in kinds))
        for place in found["places"]
        if place["looked_at"]
    ]
    return _SECRETS + _table(("place", "searched", *kinds), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def _yes(value: bool) -> str:
    return "yes" if value else "**no**"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


_SUMMARIES = {
    "killed deployments": _killed_rows,
    "lost connections": _lost_rows,
    "deployments at once": _race_rows,
    "planted secrets": _secret_rows,
}
_SECTIONS = {
    "killed deployments": _killed_section,
    "lost connections": _lost_section,
    "deployments at once": _race_section,
    "planted secrets": _secret_section,
}
