"""What the IAM policies of a plan allow, before and after, wherever a resource type keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from plan_review.plan import Change, Plan
from plan_review.policy_documents import Statement, allow_statements, covers, covers_action
from plan_review.values import UNKNOWN

ATTACHMENTS: Mapping[str, str] = {
    "aws_iam_role_policy_attachment": "policy_arn",
    "aws_iam_policy_attachment": "policy_arn",
    "aws_iam_user_policy_attachment": "policy_arn",
    "aws_iam_group_policy_attachment": "policy_arn",
}
"""Resource types that attach a managed policy, with the attribute that names it."""

DOCUMENTS: Mapping[str, str] = {
    "aws_iam_role_policy": "policy",
    "aws_iam_policy": "policy",
    "aws_iam_user_policy": "policy",
    "aws_iam_group_policy": "policy",
}
"""Resource types that hold a permission policy of IAM, with its attribute."""

RESOURCE_POLICIES: Mapping[str, str] = dict.fromkeys(
    (
        *("aws_s3_bucket_policy", "aws_ecr_repository_policy", "aws_sns_topic_policy", "aws_sqs_queue_policy"),
        *("aws_kms_key", "aws_kms_key_policy", "aws_secretsmanager_secret_policy"),
        *("aws_vpc_endpoint", "aws_vpc_endpoint_policy"),
    ),
    "policy",
)
"""Resource types that hold the policy of a resource, with its attribute."""

Grant = tuple[str, str, str, str]


def granted(statements: Iterable[Statement]) -> frozenset[Grant]:
    """Each (principal, action, resource, condition) allowed; with `not ` before what a Not element names."""
    return frozenset(
        (
            f"not {principal}" if statement.not_principals else principal,
            f"not {action}" if statement.not_actions or statement.not_resources else action,
            resource,
            condition,
        )
        for statement in statements
        for principal, action, resource, condition in statement.grants
    )


def newly_granted(before: Iterable[Statement] | None, after: Iterable[Statement] | None) -> list[Grant]:
    """What `after` allows and `before` did not, sorted. A part of what was allowed as a whole is not new."""
    known = granted(before or ())
    return sorted(grant for grant in granted(after or ()) if not any(_includes(old, grant) for old in known))


def _includes(old: Grant, new: Grant) -> bool:
    if old[:1] + old[3:] != new[:1] + new[3:]:
        return False
    (action, resource), (other, part) = old[1:3], new[1:3]
    if "not " in (action[:4], other[:4]) or not resource:
        return (action.lower(), resource) == (other.lower(), part)
    return covers_action((action,), other) and covers(resource, part)


PolicySides = tuple[Change, str, tuple[Statement, ...] | None, tuple[Statement, ...] | None]


def policy_sides(plan: Plan) -> Iterator[PolicySides]:
    """Each permission policy that the plan writes: the change, what it is called, the Allow statements of both sides.

    A side is None when it is unknown until the apply or no readable policy.
    """
    for type_, attribute in DOCUMENTS.items():
        for change in plan.of_type(type_):
            if change.action.changes and change.after.exists:
                yield (
                    change,
                    attribute,
                    allow_statements(change.before.visible(attribute)),
                    allow_statements(change.after.visible(attribute)),
                )
    for change in plan.of_type("aws_iam_role"):
        if change.action.changes and change.after.exists:
            inline = change.after.block("inline_policy")
            if inline is UNKNOWN and not change.before.exists:
                continue  # computed: a new role without inline policies
            if inline or change.before.block("inline_policy"):
                yield change, "inline_policy", _inline(change, "before"), _inline(change, "after")


def documents(plan: Plan) -> Iterator[Any]:
    """Every permission policy of the plan's roles on either side, changed or not, as Terraform holds it."""
    for type_, attribute in DOCUMENTS.items():
        for change in plan.of_type(type_):
            yield from (side.visible(attribute) for side in (change.before, change.after))
    for change in plan.of_type("aws_iam_role"):
        for side in (change.before, change.after):
            blocks = side.visible("inline_policy")
            yield from (
                block.get("policy") for block in (blocks if isinstance(blocks, list) else ()) if isinstance(block, dict)
            )


def _inline(change: Change, side: str) -> tuple[Statement, ...] | None:
    blocks = getattr(change, side).visible("inline_policy")
    if blocks is UNKNOWN:
        return None
    found: tuple[Statement, ...] = ()
    for block in blocks if isinstance(blocks, list) else ():
        statements = allow_statements(block.get("policy") if isinstance(block, Mapping) else block)
        if statements is None:
            return None
        found += statements
    return found
