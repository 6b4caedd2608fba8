"""Findings that somebody accepted, each with a reason and an end date. An expired one counts again."""

from __future__ import annotations

import datetime
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plan_review.errors import ReviewError

_REQUIRED = ("rule", "stack", "address", "reason", "until")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """`until` is the last day on which it holds."""

    rule: str
    stack: str
    address: str
    reason: str
    until: datetime.date

    def covers(self, rule: str, stack: str, address: str) -> bool:
        return (self.rule, self.stack, self.address) == (rule, stack, address)


def read_acceptances(path: Path | None, rule_ids: frozenset[str]) -> tuple[Acceptance, ...]:
    """The `[[accepted]]` tables of a TOML file: rule, stack, address, reason, until (a date). No file, no acceptances.

    Raises ReviewError with every complaint about the file.
    """
    if path is None:
        return ()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReviewError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReviewError(f"{path}: is no TOML ({error})") from error
    complaints = [f"{key}: unknown; only [[accepted]] tables are allowed" for key in content if key != "accepted"]
    entries = content.get("accepted", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        complaints.append("accepted: write [[accepted]], with two brackets, before each entry")
        entries = []
    found = []
    for number, entry in enumerate(entries, start=1):
        problems = _complaints(entry, rule_ids)
        complaints += [f"accepted entry {number}: {problem}" for problem in problems]
        if not problems:
            found.append(Acceptance(**entry))
    if complaints:
        raise ReviewError(
            "\n".join([f"{path}: {len(complaints)} complaint(s):", *(f"  {item}" for item in complaints)])
        )
    return tuple(found)


def _complaints(entry: dict[str, Any], rule_ids: frozenset[str]) -> list[str]:
    found = [f"{key} is unknown; allowed are {', '.join(_REQUIRED)}" for key in entry if key not in _REQUIRED]
    found += [f"{key} is missing" for key in _REQUIRED if key not in entry]
    for key in ("rule", "stack", "address", "reason"):
        if key in entry and not (isinstance(entry[key], str) and entry[key].strip()):
            found.append(f"{key} must be a text that is not empty")
    if isinstance(entry.get("rule"), str) and entry["rule"] not in rule_ids:
        found.append(f"rule {entry['rule']!r} does not exist; `python -m plan_review --rules` lists them")
    until = entry.get("until")
    if "until" in entry and (isinstance(until, datetime.datetime) or not isinstance(until, datetime.date)):
        found.append("until must be a date without quotes: until = 2030-01-31")
    return found
