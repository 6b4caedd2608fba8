"""Findings, the rules that make them, and the verdicts that follow. https://docs.aws.amazon.com/sagemaker/latest/dg/"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from plan_review.stack import Stack


class Severity(enum.IntEnum):
    """What a finding or a verdict asks of the reviewer. The value orders them."""

    NOTE = 0
    APPROVAL = 1
    BLOCKED = 2

    @property
    def label(self) -> str:
        return ("safe", "needs approval", "blocked")[self]

    @property
    def exit_code(self) -> int:
        return (0, 2, 3)[self]


class Verdict(enum.IntEnum):
    """What a plan does to the endpoint, mildest first."""

    NO_CHANGE = 0
    MODELS_ONLY = 1
    OTHER = 2
    IN_PLACE = 3
    OUTAGE = 4

    @property
    def label(self) -> str:
        return (
            "no change",
            "models only",
            "other changes",
            "endpoint updates in place",
            "outage or loss",
        )[self]

    @property
    def key(self) -> str:
        """The name in policy files and in JSON."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Hit:
    """One place where a rule applies.

    `severity` and `verdict` are the rule's own unless a hit says otherwise; `verdict` is the least verdict that the
    stack then has.
    """

    address: str
    message: str
    severity: Severity | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the catalogue.

    `check` is a pure function of one stack's typed changes. `explanation` says why it matters, `advice` what to do,
    `source` is a link (or several, separated by a space).
    """

    id: str
    title: str
    severity: Severity
    explanation: str
    advice: str
    source: str
    check: Callable[[Stack], Iterable[Hit]]
    verdict: Verdict = Verdict.NO_CHANGE


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's hit in a stack, with the policy applied; `accepted` is the reason when someone accepted it."""

    rule: Rule
    stack: str
    address: str
    message: str
    severity: Severity
    verdict: Verdict
    accepted: str | None = None

    @property
    def sort_key(self) -> tuple[int, int, str, str, str]:
        return (-self.severity, -self.verdict, self.rule.id, self.address, self.message)
