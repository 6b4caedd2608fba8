"""Something is opened to everyone: a bucket, an object, a repository, a topic, a network."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.audience import is_public
from plan_review.findings import Hit, Rule, Severity
from plan_review.grants import RESOURCE_POLICIES, newly_granted
from plan_review.places import ARTIFACT_TYPES
from plan_review.plan import Change
from plan_review.policy_documents import allow_statements
from plan_review.redaction import shown, shown_value
from plan_review.stack import Stack
from plan_review.values import UNKNOWN

_BLOCKS = ("aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block")
_FLAGS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
_PUBLIC_ACLS = frozenset({"public-read", "public-read-write", "authenticated-read"})
_ANYWHERE = frozenset({"0.0.0.0/0", "::/0"})


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.of_type(*_BLOCKS):
        if change.action.changes:
            yield from _open_block(change)
    for type_, attribute in RESOURCE_POLICIES.items():
        for change in stack.plan.of_type(type_):
            if change.action.changes and change.after.exists:
                yield from _open_policy(change, attribute)
    for change in stack.plan.of_type("aws_s3_bucket_acl", "aws_s3_bucket", *ARTIFACT_TYPES):
        acl = change.after.visible("acl")
        if change.action.changes and isinstance(acl, str) and acl in _PUBLIC_ACLS and change.before.at("acl") != acl:
            yield Hit(change.address, f"acl: {shown(change.before, 'acl')} -> {acl}")
    for change in stack.plan.of_type(
        "aws_security_group", "aws_security_group_rule", "aws_vpc_security_group_ingress_rule"
    ):
        if change.action.changes and _ranges(change, "after") - _ranges(change, "before"):
            yield Hit(change.address, "accepts connections from every address")


def _open_block(change: Change) -> Iterator[Hit]:
    bucket = f"bucket {shown(change.side, 'bucket')}" if change.type == _BLOCKS[0] else "the account"
    if not change.after.exists:
        yield Hit(change.address, f"{bucket} loses its public access block: it is {change.action.value}")
        return
    for flag in _FLAGS:
        after = change.after.at(flag)
        if after is not True and change.before.at(flag) != after:
            yield Hit(change.address, f"{bucket}: {flag} {shown(change.before, flag)} -> {shown(change.after, flag)}")


def _open_policy(change: Change, attribute: str) -> Iterator[Hit]:
    before = allow_statements(change.before.visible(attribute)) or ()
    after = allow_statements(change.after.visible(attribute))
    own_default = change.type == "aws_kms_key" and not change.before.exists  # AWS writes the policy of a new key
    if after is None and not own_default:
        yield Hit(change.address, f"the {attribute} cannot be read: unknown, sensitive or malformed", Severity.APPROVAL)
    for statement in after or ():
        if is_public(statement) and newly_granted(before, (statement,)):
            actions = ", ".join(sorted(statement.actions)) or "everything but what it lists"
            behind = (
                f", behind a condition that keeps nobody out: {shown_value(statement.condition)}"
                if statement.condition
                else ""
            )
            yield Hit(change.address, f"the {attribute} allows everyone: {actions}{behind}")


def _ranges(change: Change, side: str) -> frozenset[str]:
    """The ranges that mean everyone, among those a security group (rule) lets in on one side."""
    values = getattr(change, side)
    if change.type == "aws_security_group_rule" and values.at("type") == "egress":
        return frozenset()
    blocks = values.block("ingress")
    found = [values.at("cidr_ipv4"), values.at("cidr_ipv6"), values.at("cidr_blocks"), values.at("ipv6_cidr_blocks")]
    for block in blocks if blocks is not UNKNOWN else ():
        found += [block.get("cidr_blocks"), block.get("ipv6_cidr_blocks")] if isinstance(block, dict) else []
    texts = [
        item for value in found for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)
    ]
    return _ANYWHERE.intersection(texts)


RULE = Rule(
    id="public-access",
    title="Something is opened to everyone",
    severity=Severity.BLOCKED,
    explanation=(
        "Artifacts are code that instances run and often hold what was learnt from private data; the state holds "
        "every setting. A principal that can write an artifact's key runs code in the endpoint's container."
    ),
    advice=(
        "Keep all four settings of the public access block on, and name the principals of each policy. A condition "
        "keeps others out only when it fixes who asks: an account, an organization, a VPC, an ARN, a range of "
        "addresses."
    ),
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    check=_check,
)
