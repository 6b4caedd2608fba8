"""Old versions of objects, which are the backup of the state and of models, go sooner than before."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.lifecycle_rules import ARCHIVES, LifecycleRule, changed_rules, in_days
from plan_review.plan import Change
from plan_review.redaction import shown
from plan_review.stack import Stack
from plan_review.values import UNKNOWN

_SHORT_DAYS = 30
"""A damaged state may be noticed only at the next change of its stack."""


def _check(stack: Stack) -> Iterator[Hit]:
    for change, before, after in changed_rules(stack.plan):
        state = stack.name.endswith("-state") or "tfstate" in str(change.side.at("bucket"))
        for rule in after if after is not UNKNOWN else ():
            if rule.noncurrent_days is not None and (state or change.before.exists):
                yield from _sooner(change, rule, _days(before, rule), state)
            if state:
                yield from _archived(change, rule, before)


def _archived(change: Change, rule: LifecycleRule, before: tuple[LifecycleRule, ...]) -> Iterator[Hit]:
    known = {item for old in before for item in old.noncurrent_transitions}
    for storage_class, time in rule.noncurrent_transitions:
        if storage_class in ARCHIVES and (storage_class, time) not in known:
            message = f"old versions of the state move to {storage_class} after {time}: hours until one can be put back"
            yield Hit(change.address, message, Severity.APPROVAL, Verdict.OTHER)


def _days(before: tuple[LifecycleRule, ...], rule: LifecycleRule) -> float:
    """After how many days the same versions went before; never is infinite."""
    found = [item.noncurrent_days for item in before if rule.prefix.startswith(item.prefix) and not item.tags]
    return min((float(item) for item in found if isinstance(item, int)), default=float("inf"))


def _sooner(change: Change, rule: LifecycleRule, before: float, state: bool) -> Iterator[Hit]:
    days = rule.noncurrent_days
    if isinstance(days, int) and days >= before:
        return
    was = "never" if before == float("inf") else in_days(int(before))
    kept = f", all but {rule.kept_versions} of each" if rule.kept_versions else ""
    what = "the state" if state else "objects"
    message = f"old versions of {what} in bucket {shown(change.side, 'bucket')} go after {in_days(days)}{kept}"
    short = state and (days is UNKNOWN or (isinstance(days, int) and days < _SHORT_DAYS))
    if short and not rule.kept_versions:
        yield Hit(change.address, f"{message} (was: {was})")
    else:
        yield Hit(change.address, f"{message} (was: {was})", Severity.APPROVAL, Verdict.OTHER)


RULE = Rule(
    id="versions-expire",
    title="Old versions go sooner",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "The old versions of Terraform's state are its only backup: a damaged state is repaired by restoring the "
        f"version before. Damage may go unnoticed for more than {_SHORT_DAYS} days. A longer retention, and the "
        "versions of removed or overwritten models, ask for approval."
    ),
    advice=(
        "Keep the state's versions for good (they are small), or the newest of each with `newer_noncurrent_versions`."
    ),
    source=(
        "https://developer.hashicorp.com/terraform/language/backend/s3 "
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html"
    ),
    check=_check,
)
