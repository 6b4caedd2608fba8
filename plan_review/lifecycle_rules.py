"""The lifecycle rules of a bucket as a plan holds them, and which of the bucket's objects each concerns.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plan_review.places import ARTIFACT_TYPES
from plan_review.plan import Change, Plan
from plan_review.redaction import shown_value
from plan_review.values import UNKNOWN, Unknown, Values

TYPES = {"aws_s3_bucket_lifecycle_configuration": "rule", "aws_s3_bucket": "lifecycle_rule"}
"""Resource types that hold lifecycle rules, with their block; the bucket's own is the old way."""

ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE", "ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"})
"""Storage classes and tiers whose objects must be restored, for minutes to days, before GetObject answers."""

# Where artifacts and states are, when the plan does not hold the objects themselves.
_LIKELY_PREFIXES = ("models/", "")


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """One rule that is switched on. Times are text: `30 days`, a date, or that they are unknown.

    `noncurrent_days` is None when versions do not expire; `kept_versions` newer ones stay whatever their age.
    """

    name: str
    prefix: str
    tags: tuple[tuple[str, str], ...]
    expires: str | None
    transitions: tuple[tuple[str, str], ...]
    noncurrent_transitions: tuple[tuple[str, str], ...]
    noncurrent_days: int | Unknown | None
    kept_versions: int

    def concerns(self, key: str, tags: Mapping[str, Any]) -> bool:
        return key.startswith(self.prefix) and all(tags.get(name) == value for name, value in self.tags)


def in_days(days: object) -> str:
    """A number of days, or that it is unknown, as text."""
    return f"{shown_value(days)} day{'' if days == 1 else 's'}"


def changed_rules(
    plan: Plan,
) -> Iterator[tuple[Change, tuple[LifecycleRule, ...], tuple[LifecycleRule, ...] | Unknown]]:
    """Each change of a bucket's rules: the rules before, and after (or UNKNOWN)."""
    for type_, block in TYPES.items():
        for change in plan.of_type(type_):
            if change.action.changes and change.after.exists:
                before, after = _rules(change.before, block), _rules(change.after, block)
                if before != after and not (after is UNKNOWN and type_ == "aws_s3_bucket"):
                    yield change, () if before is UNKNOWN else before, after


def concerns_live_objects(plan: Plan, change: Change, rule: LifecycleRule) -> bool | None:
    """Whether a rule concerns an object that the plan keeps in the bucket; None when it holds none of that bucket's."""
    bucket = change.side.at("bucket")
    objects = [
        item.after
        for item in plan.of_type(*ARTIFACT_TYPES)
        if item.after.exists and item.after.at("bucket") == bucket and item.after.text("key") is not None
    ]
    if objects:
        return any(rule.concerns(str(values.at("key")), _tags(values)) for values in objects)
    if rule.tags or not any(prefix.startswith(rule.prefix) for prefix in _LIKELY_PREFIXES):
        return None
    return True


def _tags(values: Values) -> Mapping[str, Any]:
    found = values.at("tags_all")
    return found if isinstance(found, Mapping) else {}


def _rules(values: Values, block: str) -> tuple[LifecycleRule, ...] | Unknown:
    blocks = values.visible(block)
    if blocks is UNKNOWN:
        return UNKNOWN
    found = [item for item in (blocks if isinstance(blocks, list) else ()) if isinstance(item, Mapping)]
    return tuple(_rule(item) for item in found if item.get("status") != "Disabled" and item.get("enabled") is not False)


def _rule(block: Mapping[str, Any]) -> LifecycleRule:
    prefix, tags = _filter(block)
    versions = next(iter([*_blocks(block, "noncurrent_version_expiration")]), {})
    days = versions.get("noncurrent_days", versions.get("days"))
    kept = versions.get("newer_noncurrent_versions")
    return LifecycleRule(
        name=shown_value(block.get("id")),
        prefix=prefix,
        tags=tags,
        expires=next((time for item in _blocks(block, "expiration") if (time := _time(item)) is not None), None),
        transitions=tuple(
            (shown_value(item.get("storage_class")), _time(item) or "0 days") for item in _blocks(block, "transition")
        ),
        noncurrent_transitions=tuple(
            (shown_value(item.get("storage_class")), in_days(item.get("noncurrent_days", item.get("days"))))
            for item in _blocks(block, "noncurrent_version_transition")
        ),
        noncurrent_days=_number(days) if versions else None,
        kept_versions=kept if (kept := _number(kept)) is not None and kept is not UNKNOWN else 0,
    )


def _blocks(block: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    value = block.get(name)
    for item in value if isinstance(value, list) else [value]:
        if item is UNKNOWN:
            yield {"days": UNKNOWN, "storage_class": UNKNOWN}
        elif isinstance(item, Mapping):
            yield item


def _filter(block: Mapping[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    prefix = block.get("prefix")
    tags: dict[str, str] = {}
    parts = [part for item in _blocks(block, "filter") for part in (item, *_blocks(item, "and"))]
    for part in parts:
        prefix = prefix or part.get("prefix")
        for tag in _blocks(part, "tag"):
            tags[str(tag.get("key"))] = str(tag.get("value"))
        listed = part.get("tags")
        tags |= {str(key): str(value) for key, value in listed.items()} if isinstance(listed, Mapping) else {}
    return prefix if isinstance(prefix, str) else "", tuple(sorted(tags.items()))


def _time(block: Mapping[str, Any]) -> str | None:
    """When something happens: after a number of days, or on a date."""
    days, date = block.get("days"), block.get("date")
    number = _number(days)
    if number is UNKNOWN or (number or 0) > 0:
        return in_days(days)
    return shown_value(date) if (isinstance(date, str) and date) or date is UNKNOWN else None


def _number(value: Any) -> int | Unknown | None:
    """Whole numbers, also as text: the provider has both."""
    if value is UNKNOWN:
        return UNKNOWN
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
