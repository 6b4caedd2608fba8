"""A lifecycle rule or a tiering moves current objects to where they cannot be read at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.lifecycle_rules import ARCHIVES, changed_rules, concerns_live_objects
from plan_review.plan import Change
from plan_review.redaction import UNKNOWN_TEXT, shown, shown_value
from plan_review.stack import Stack
from plan_review.values import UNKNOWN

_TIERING = "aws_s3_bucket_intelligent_tiering_configuration"


def _check(stack: Stack) -> Iterator[Hit]:
    for change, before, after in changed_rules(stack.plan):
        known = {(rule.prefix, rule.tags, *item) for rule in before for item in rule.transitions}
        for rule in after if after is not UNKNOWN else ():
            for storage_class, time in rule.transitions:
                if storage_class not in ARCHIVES | {UNKNOWN_TEXT}:
                    continue
                if (rule.prefix, rule.tags, storage_class, time) in known:
                    continue
                message = f"rule {rule.name} moves current objects to {storage_class} after {time}"
                concerned = concerns_live_objects(stack.plan, change, rule) and storage_class in ARCHIVES
                yield Hit(change.address, message, *(() if concerned else (Severity.APPROVAL, Verdict.OTHER)))
    for change in stack.plan.of_type(_TIERING):
        if change.action.changes and change.after.exists and change.after.at("status") != "Disabled":
            yield from _tiering(change)


def _tiering(change: Change) -> Iterator[Hit]:
    before = {} if change.before.at("status") == "Disabled" else _tiers(change, "before")
    for tier, days in _tiers(change, "after").items():
        if before.get(tier) != days:
            bucket = shown(change.after, "bucket")
            yield Hit(
                change.address,
                f"objects of bucket {bucket} that nobody reads move to {tier} after {shown_value(days)} days",
            )


def _tiers(change: Change, side: str) -> dict[str, object]:
    blocks = getattr(change, side).block("tiering")
    found = blocks if isinstance(blocks, list) else []
    return {
        str(item.get("access_tier")): item.get("days")
        for item in found
        if isinstance(item, Mapping) and item.get("access_tier") in ARCHIVES
    }


RULE = Rule(
    id="artifacts-archived",
    title="Current objects move to an archive",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "GetObject refuses an object in GLACIER, DEEP_ARCHIVE or an archive tier of Intelligent-Tiering until "
        "somebody restores it, which takes minutes to days. No instance can load the model, and Terraform cannot "
        "read such a state. A model in memory is not read from S3, so even a busy one counts as unused."
    ),
    advice=(
        "Use STANDARD_IA, GLACIER_IR or INTELLIGENT_TIERING without archive tiers; they answer at once. Archive "
        "noncurrent versions only."
    ),
    source=(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html "
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/intelligent-tiering-overview.html"
    ),
    check=_check,
)
