"""Saved plans of real Terraform, and reviews of them.

`plans/` holds plans made by `make_plans.py`, `cases/` plans that Terraform 1.11 cannot make, edited by hand, and
`recorded/` plans made by the real AWS provider.
"""

from __future__ import annotations

import datetime
import functools
import gzip
import json
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plan_review.acceptance import Acceptance
from plan_review.findings import Severity, Verdict
from plan_review.plan import Plan
from plan_review.policy import read_policy
from plan_review.prices import bundled_prices
from plan_review.reading import read_plan
from plan_review.review import Review, Settings, StackReview, review
from plan_review.rules import RULES, RULES_BY_ID

HERE = Path(__file__).parent
PLANS = HERE / "plans"
CASES = HERE / "cases"
RECORDED = HERE / "recorded"
TODAY = datetime.date(2026, 1, 15)


@functools.cache
def recorded(chain: str) -> dict[str, bytes]:
    """The recorded plans of a chain by `CHAIN/STEP/STACK.KIND` (`main/00-base/models.second`)."""
    with tarfile.open(RECORDED / f"{chain}.tar.xz") as archive:
        members = [(member.name.removesuffix(".json"), archive.extractfile(member)) for member in archive.getmembers()]
        return {name: content.read() for name, content in members if content is not None}


def content_of(scenario: str) -> bytes:
    """A saved plan's JSON: a scenario of `plans/`, a case of `cases/`, or a recorded plan."""
    if "/" in scenario:
        return recorded(scenario.partition("/")[0])[scenario]
    path = PLANS / f"{scenario}.json"
    return path.read_bytes() if path.exists() else gzip.decompress((CASES / f"{scenario}.json.gz").read_bytes())


def document_of(scenario: str) -> dict[str, Any]:
    """A saved plan as a document that the caller may edit."""
    document = json.loads(content_of(scenario))
    assert isinstance(document, dict)
    return document


def read_document(document: dict[str, Any] | bytes, stack: str) -> Plan:
    """A document as the plan of `stack`, read from a file of that name."""
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{stack}.json"
        path.write_bytes(content)
        return replace(read_plan(path), source=path.name)


def saved_plan(scenario: str, stack: str | None = None) -> Plan:
    """The plan of a scenario, under the name of `stack`."""
    name = stack if stack is not None else scenario.rpartition("/")[2]
    return read_document(content_of(scenario), name)


def settings(acceptances: Sequence[Acceptance] = (), policy: Path | None = None) -> Settings:
    return Settings(
        rules=RULES,
        policy=read_policy(policy, frozenset(RULES_BY_ID)),
        acceptances=acceptances,
        prices=bundled_prices(),
        today=TODAY,
    )


def review_of(**documents: dict[str, Any]) -> Review:
    """Reviews documents by the stack's name, with underscores for hyphens: review_of(dev_models=..., ...)."""
    plans = [read_document(document, stack.replace("_", "-")) for stack, document in documents.items()]
    return review(plans, settings())


def element(document: dict[str, Any], address: str) -> dict[str, Any]:
    """The element of `resource_changes` at an address."""
    return next(item for item in document["resource_changes"] if item["address"] == address)


def block(document: dict[str, Any], address: str) -> dict[str, Any]:
    """The block of the configuration at an address."""
    resources = document["configuration"]["root_module"]["resources"]
    return next(item for item in resources if item["address"] == address)


def stack_of(document: dict[str, Any]) -> StackReview:
    """The review of a document as the plan of dev-models."""
    return review_of(dev_models=document).stacks[0]


def asked(document: dict[str, Any]) -> tuple[Verdict, Severity, dict[str, str]]:
    """The verdict, the decision, and the rules that ask for something with the address of their finding."""
    stack = stack_of(document)
    rules = {item.rule.id: item.address for item in stack.findings if item.severity is not Severity.NOTE}
    return stack.verdict, stack.decision, rules


@pytest.fixture
def reviewed() -> Callable[..., Review]:
    """Reviews scenarios: reviewed("model-added"), or reviewed(("model-added", "dev-models"), ...)."""

    def run(*scenarios: str | tuple[str, str], **options: object) -> Review:
        plans = [saved_plan(*item) if isinstance(item, tuple) else saved_plan(item) for item in scenarios]
        return review(plans, settings(**options))

    return run
