"""What can go wrong, as data; transport turns it into Terraform's diagnostics."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One diagnostic: what was wrong, what to do, and the attribute it is about (names and list positions)."""

    summary: str
    detail: str = ""
    attribute: tuple[str | int, ...] = ()
    is_warning: bool = False


class ProviderError(Exception):
    """A user's mistake or the AWS side's refusal: every problem found, none of them a traceback."""

    def __init__(self, problems: Problem | Iterable[Problem]):
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__("; ".join(f"{problem.summary} {problem.detail}".strip() for problem in self.problems))
