"""A repository's lifecycle policy expires images that an endpoint may be running, or would be rolled back to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plan_review.endpoint import MODEL
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.plan import Change
from plan_review.policy_documents import covers
from plan_review.stack import Stack
from plan_review.values import UNKNOWN

_POLICY = "aws_ecr_lifecycle_policy"
_NEEDED = 2
"""The image that runs and the one before it: during an update both do."""
_TAG = re.compile(r":(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]*)$")


@dataclass(frozen=True, slots=True)
class _ImageRule:
    """One rule of a policy. `patterns` are the tags that it is for, None for all images."""

    patterns: tuple[str, ...] | None
    count: int | None
    age: str | None

    @property
    def words(self) -> str:
        whom = "images" if self.patterns is None else f"images tagged {', '.join(self.patterns)}"
        return f"{whom}: all but {self.count}" if self.age is None else f"{whom} {self.age}"


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.of_type(_POLICY):
        if not (change.action.changes and change.after.exists):
            continue
        before, after = _rules(change.before.visible("policy")), _rules(change.after.visible("policy"))
        if after is None:
            yield Hit(
                change.address, "which images expire is not known until the apply", Severity.APPROVAL, Verdict.OTHER
            )
            continue
        tags = _tags(stack)
        known = _reaching(before or (), tags)
        for rule in _reaching(after, tags):
            if rule not in known:
                yield from _hits(change, rule, known)


def _reaching(rules: tuple[_ImageRule, ...], tags: frozenset[str]) -> list[_ImageRule]:
    """The rules that concern the images in use. What one rule is for is out of reach of those after it."""
    found, left = [], set(tags)
    for rule in rules:
        meant = {tag for tag in left if rule.patterns is None or any(covers(item, tag) for item in rule.patterns)}
        if meant or not tags:
            found.append(rule)
        left -= meant
    return found


def _hits(change: Change, rule: _ImageRule, before: list[_ImageRule]) -> Iterator[Hit]:
    if rule.age is not None or (rule.count is not None and rule.count < _NEEDED):
        yield Hit(change.address, f"expires {rule.words}")
        return
    most = [item.count for item in before if item.patterns == rule.patterns and item.count is not None]
    if rule.count is not None and most and rule.count < max(most):
        message = f"expires {rule.words} (was: all but {max(most)})"
        yield Hit(change.address, message, Severity.APPROVAL, Verdict.OTHER)


def _rules(document: Any) -> tuple[_ImageRule, ...] | None:
    """The rules in the order of their priority; None when the document is unknown or no lifecycle policy."""
    if document is None or document == "":
        return ()
    try:
        rules = json.loads(document)["rules"] if document is not UNKNOWN else None
        if rules is None:
            return None
        ordered = sorted(rules, key=lambda item: item["rulePriority"])
        return tuple(rule for item in ordered if (rule := _rule(item)) is not None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _rule(item: Mapping[str, Any]) -> _ImageRule | None:
    """The rule; None for one that is for images without a tag, which no endpoint of this project runs."""
    selection = item["selection"]
    if selection.get("tagStatus") == "untagged":
        return None
    prefixes = [f"{prefix}*" for prefix in selection.get("tagPrefixList") or ()]
    listed = [pattern for pattern in selection.get("tagPatternList") or () if isinstance(pattern, str)]
    patterns = (*prefixes, *listed) if selection.get("tagStatus") == "tagged" else None
    kind, number = selection.get("countType"), selection.get("countNumber")
    if kind == "imageCountMoreThan":
        return _ImageRule(patterns, int(number), None)
    since = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(kind)).lower().removeprefix("since ")
    return _ImageRule(patterns, None, f"{number} {selection.get('countUnit', 'days')} after {since}")


def _tags(stack: Stack) -> frozenset[str]:
    """The tags of the images that the environment's stacks build or run, before and after."""
    found = set()
    for change in (item for plan in stack.plans for item in plan.of_type("terraform_data", MODEL)):
        for side in (change.before, change.after):
            tag = side.text("triggers_replace", "tag")
            match = _TAG.search(side.text("primary_container", 0, "image") or "")
            found |= {tag, match["tag"] if match is not None else None}
    return frozenset(found - {None})  # type: ignore[arg-type]


RULE = Rule(
    id="images-expire",
    title="Images expire that an endpoint may be running",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "SageMaker pulls the image whenever it starts an instance: to replace a failed one, to scale out, to roll "
        "back. An image may run for years, so no age makes it safe to expire. By count, the running image and the "
        "one before it must stay. ECR expires the others within a day of the apply, and no plan shows it. Keeping "
        "fewer images than before asks for approval."
    ),
    advice=(
        "Expire by count, and keep as many images as you may want to go back to. Expire by age only images without "
        "a tag."
    ),
    source="https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html",
    check=_check,
)
