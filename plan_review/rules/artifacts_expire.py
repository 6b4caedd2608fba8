"""A lifecycle rule deletes current objects: artifacts that the endpoint uses, or the state."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.lifecycle_rules import changed_rules, concerns_live_objects
from plan_review.stack import Stack
from plan_review.values import UNKNOWN


def _check(stack: Stack) -> Iterator[Hit]:
    for change, before, after in changed_rules(stack.plan):
        if after is UNKNOWN:
            yield Hit(change.address, "the rules are unknown until the apply", Severity.APPROVAL, Verdict.OTHER)
            continue
        known = {(rule.prefix, rule.tags, rule.expires) for rule in before}
        for rule in after:
            if rule.expires is None or (rule.prefix, rule.tags, rule.expires) in known:
                continue
            message = f"rule {rule.name} deletes current objects after {rule.expires}"
            if concerns_live_objects(stack.plan, change, rule):
                yield Hit(change.address, message)
            else:
                where = f"{message}, of what is below {rule.prefix or 'any prefix'} or tagged as it says"
                yield Hit(change.address, where, Severity.APPROVAL, Verdict.OTHER)


RULE = Rule(
    id="artifacts-expire",
    title="A lifecycle rule deletes current objects",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "An artifact is written once and used for years: a rule that expires current objects removes live models by "
        "age, and no plan shows it. Rules for noncurrent versions do no such harm. A rule for a prefix or tags that "
        "no artifact has asks for approval."
    ),
    advice="Use `noncurrent_version_expiration` and `abort_incomplete_multipart_upload` only.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html",
    check=_check,
)
