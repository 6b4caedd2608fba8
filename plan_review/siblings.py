"""Attributes that the provider notes on one resource because another resource of the same stack wrote them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plan_review.plan import Change, Plan
from plan_review.values import UNKNOWN, Values, settled


@dataclass(frozen=True, slots=True)
class _Writer:
    """The resource type that writes an attribute of another.

    `owner` of the writer equals one of `identity` of the written. `agrees` says whether what is noted is what the
    writers (as they are on AWS now) write; without it, AWS has one such setting for each owner, and its writer reads
    all of it.
    """

    type: str
    owner: str
    identity: tuple[str, ...]
    agrees: Callable[[Any, list[Values]], bool] | None = None


def who_wrote(plan: Plan, change: Change, attribute: str) -> str | None:
    """Who wrote what is noted of a drifted resource's attribute now: siblings' addresses, or AWS; None when neither."""
    noted = change.after.at(attribute)
    if (change.type, attribute) == ("aws_s3_bucket", "grant"):
        return "AWS" if _is_owners(noted) else None
    writer = _WRITERS.get((change.type, attribute))
    if writer is None:
        return None
    writers = list(_written_by(plan, change, writer))
    if not writers or (writer.agrees is not None and not writer.agrees(noted, [item.before for item in writers])):
        return None
    return ", ".join(sorted(item.address for item in writers))


def _written_by(plan: Plan, change: Change, writer: _Writer) -> Iterator[Change]:
    identities = {change.after.text(name) for name in writer.identity} - {None}
    for other in plan.of_type(writer.type):
        if other.before.exists and other.deposed is None and other.before.text(writer.owner) in identities:
            yield other


def _same_policy(noted: Any, writers: list[Values]) -> bool:
    return any(_normal(noted) == _normal(writer.text("policy")) for writer in writers)


def _same_inline_policies(noted: Any, writers: list[Values]) -> bool:
    written = [(writer.text("name"), _normal(writer.text("policy"))) for writer in writers]
    return all((_first(item).get("name"), _normal(_first(item).get("policy"))) in written for item in _items(noted))


def _normal(policy: Any) -> Any:
    """A policy document as IAM compares it: a list of one is its item, texts have no order, a number is its text."""
    if isinstance(policy, str) and policy.startswith("{"):
        try:
            return _normal(json.loads(policy))
        except (ValueError, RecursionError):
            return policy
    if isinstance(policy, dict):
        return {key: _normal(item) for key, item in policy.items()}
    if isinstance(policy, list):
        items = [_normal(item) for item in policy]
        if all(isinstance(item, str) for item in items):
            items.sort()
        return items[0] if len(items) == 1 else items
    return json.dumps(policy) if isinstance(policy, bool | int | float) else policy


def _same_managed_policies(noted: Any, writers: list[Values]) -> bool:
    written = [writer.text("policy_arn") for writer in writers]
    return all(item in written for item in _items(noted))


def _same_versioning(noted: Any, writers: list[Values]) -> bool:
    enabled = any(writer.at("versioning_configuration", 0, "status") == "Enabled" for writer in writers)
    return bool(_first(noted).get("enabled")) == enabled


def _same_lifecycle(noted: Any, writers: list[Values]) -> bool:
    """Whether the rules are the writer's by name and by what they delete and move; the two types differ in shape."""
    blocks = [writer.block("rule") for writer in writers]
    written = [rule for block in blocks if block is not UNKNOWN for rule in block if isinstance(rule, Mapping)]
    return sorted(map(_lifecycle, _items(noted))) == sorted(map(_lifecycle, written))


def _lifecycle(rule: Any) -> tuple[str, ...]:
    found = settled(rule) or {}
    if not isinstance(found, Mapping):
        return ()
    enabled = bool(found.get("enabled")) or found.get("status") == "Enabled"
    expiry, noncurrent = _first(found.get("expiration")), _first(found.get("noncurrent_version_expiration"))
    moved = [item.get("storage_class") for item in _items(found.get("transition")) if isinstance(item, Mapping)]
    days = noncurrent.get("days") or noncurrent.get("noncurrent_days")
    told = (found.get("id"), enabled, expiry.get("days"), expiry.get("date"), days, sorted(map(str, moved)))
    return tuple(map(str, told))


def _same_encryption(noted: Any, writers: list[Values]) -> bool:
    default = ("rule", 0, "apply_server_side_encryption_by_default", 0)
    found = _first(_first(_first(noted).get("rule")).get("apply_server_side_encryption_by_default"))
    return any(
        settled({name: writer.at(*default, name) for name in ("kms_master_key_id", "sse_algorithm")}) == settled(found)
        for writer in writers
    )


def _is_owners(grants: Any) -> bool:
    """Whether nobody but the bucket's owner has a grant, as AWS sets it for every bucket."""
    return not grants or (
        isinstance(grants, list)
        and len(grants) == 1
        and _first(grants).get("type") == "CanonicalUser"
        and _first(grants).get("permissions") == ["FULL_CONTROL"]
    )


def _items(blocks: Any) -> list[Any]:
    """The blocks of a list; something else counts as one, and nothing as none."""
    return blocks if isinstance(blocks, list) else [] if blocks is None else [blocks]


def _first(block: Any) -> Mapping[str, Any]:
    item = block[0] if isinstance(block, list) and block else block
    return item if isinstance(item, Mapping) else {}


_BUCKET = ("bucket", "id")
_WRITERS: Mapping[tuple[str, str], _Writer] = {
    ("aws_iam_role", "inline_policy"): _Writer("aws_iam_role_policy", "role", ("name", "id"), _same_inline_policies),
    ("aws_iam_role", "managed_policy_arns"): _Writer(
        "aws_iam_role_policy_attachment", "role", ("name", "id"), _same_managed_policies
    ),
    ("aws_s3_bucket", "policy"): _Writer("aws_s3_bucket_policy", "bucket", _BUCKET, _same_policy),
    ("aws_s3_bucket", "versioning"): _Writer("aws_s3_bucket_versioning", "bucket", _BUCKET, _same_versioning),
    ("aws_s3_bucket", "lifecycle_rule"): _Writer(
        "aws_s3_bucket_lifecycle_configuration", "bucket", _BUCKET, _same_lifecycle
    ),
    ("aws_s3_bucket", "server_side_encryption_configuration"): _Writer(
        "aws_s3_bucket_server_side_encryption_configuration", "bucket", _BUCKET, _same_encryption
    ),
    ("aws_s3_bucket", "cors_rule"): _Writer("aws_s3_bucket_cors_configuration", "bucket", _BUCKET),
    ("aws_s3_bucket", "logging"): _Writer("aws_s3_bucket_logging", "bucket", _BUCKET),
    ("aws_s3_bucket", "website"): _Writer("aws_s3_bucket_website_configuration", "bucket", _BUCKET),
    ("aws_s3_bucket", "acl"): _Writer("aws_s3_bucket_acl", "bucket", _BUCKET),
    ("aws_s3_bucket", "replication_configuration"): _Writer(
        "aws_s3_bucket_replication_configuration", "bucket", _BUCKET
    ),
    ("aws_s3_bucket", "object_lock_configuration"): _Writer(
        "aws_s3_bucket_object_lock_configuration", "bucket", _BUCKET
    ),
    ("aws_kms_key", "policy"): _Writer("aws_kms_key_policy", "key_id", ("key_id", "id", "arn"), _same_policy),
    ("aws_sns_topic", "policy"): _Writer("aws_sns_topic_policy", "arn", ("arn", "id"), _same_policy),
}
