"""What a check found: one line each, with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["ok", "note", "problem", "unknown"]
PASSED, PROBLEMS, UNKNOWN = 0, 1, 2


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        check: what was looked at, e.g. `quota`.
        status: `ok`; `note`: works, and is worth knowing; `problem`: the deployment would fail or harm; `unknown`: AWS
            could not be asked.
        text: what was found.
        advice: what to do; None where there is nothing to do.
    """

    check: str
    status: Status
    text: str
    advice: str | None = None

    @property
    def line(self) -> str:
        advice = "" if self.advice is None else f". To do: {self.advice}"
        return f"{self.status:<7}  {self.check}: {self.text}{advice}"


def exit_code(findings: Iterable[Finding]) -> int:
    """0: nothing stands in the way; 1: there are problems; 2: none was found, but not everything could be looked at."""
    found = {finding.status for finding in findings}
    if "problem" in found:
        return PROBLEMS
    return UNKNOWN if "unknown" in found else PASSED


def document(environment: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """The report as JSON: `environment`, `exit_code` and `findings`."""
    return {
        "environment": environment,
        "exit_code": exit_code(findings),
        "findings": [asdict(finding) for finding in findings],
    }
