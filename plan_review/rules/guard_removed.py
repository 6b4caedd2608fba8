"""A Deny that guarded something goes, or no longer holds for as much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from plan_review.execution_roles import ROLE
from plan_review.findings import Hit, Rule, Severity
from plan_review.grants import DOCUMENTS, RESOURCE_POLICIES
from plan_review.plan import Change
from plan_review.policy_documents import Statement, covers_action, covers_any, statements
from plan_review.redaction import scrub, shown, shown_value
from plan_review.stack import Stack
from plan_review.values import UNKNOWN

_POLICIES = (*RESOURCE_POLICIES, *DOCUMENTS)
# A policy goes with what it belongs to.
_OWNERS = {"aws_s3_bucket_policy": ("aws_s3_bucket", "bucket"), "aws_iam_role_policy": (ROLE, "role")}


def _check(stack: Stack) -> Iterator[Hit]:
    for change in stack.plan.of_type(*_POLICIES):
        if change.action.changes and change.before.exists and not _gone_with_owner(stack, change):
            yield from _weakened(change)
    for change in stack.plan.of_type(ROLE):
        before, after = change.before.at("permissions_boundary"), change.after.at("permissions_boundary")
        if change.action.changes and change.after.exists and before and after is not UNKNOWN and not after:
            limit = shown(change.before, "permissions_boundary")
            yield Hit(change.address, f"the role loses its permissions boundary {limit}")


def _gone_with_owner(stack: Stack, change: Change) -> bool:
    type_, attribute = _OWNERS.get(change.type, ("", ""))
    name = change.before.at(attribute) if type_ else None
    return not change.after.exists and any(
        owner.destroys and name in (owner.before.at("id"), owner.before.at("bucket"), owner.before.at("name"))
        for owner in stack.plan.of_type(type_)
        if name is not None
    )


def _weakened(change: Change) -> Iterator[Hit]:
    before = statements(change.before.visible("policy"))
    after = statements(change.after.visible("policy"))
    denies = [item for item in before or () if not item.allows]
    if after is None:
        if denies:
            yield Hit(change.address, "whether its Deny stays is not known until the apply", Severity.APPROVAL)
        return
    left = [item for item in after if not item.allows]
    for statement in denies:
        if not _kept(statement, left):
            what = "goes" if not left else "goes, or denies less than before"
            yield Hit(change.address, scrub(f"the Deny of {_named(statement)} {what}"))


def _named(statement: Statement) -> str:
    actions = sorted(statement.actions) or [f"everything but {', '.join(sorted(statement.not_actions))}"]
    condition = f" if {shown_value(statement.condition)}" if statement.condition else ""
    return f"{', '.join(actions[:4])}{condition}"


def _kept(statement: Statement, left: Iterable[Statement]) -> bool:
    """Whether every part of a Deny is denied by one of the statements that are left."""
    others = [item for item in left if item.condition in ("", statement.condition)]
    if statement.everything_except:
        return any(_as_wide(item, statement) for item in others)
    return all(
        any(_denies(item, principal, action, resource) for item in others)
        for principal in statement.principals or {""}
        for action in statement.actions or {""}
        for resource in statement.resources or {""}
    )


def _denies(statement: Statement, principal: str, action: str, resource: str) -> bool:
    if statement.everything_except:
        return False
    whom = not statement.principals or bool(statement.principals & {principal, "*", "AWS:*"})
    what = covers_action(statement.actions, action)
    return whom and what and (not statement.resources or covers_any(statement.resources, resource))


def _as_wide(statement: Statement, guard: Statement) -> bool:
    """Whether a statement denies all that a guard with NotAction, NotResource or NotPrincipal did."""
    return all(
        _more(*sides)
        for sides in (
            (statement.actions, statement.not_actions, guard.actions, guard.not_actions),
            (statement.resources, statement.not_resources, guard.resources, guard.not_resources),
            (statement.principals, statement.not_principals, guard.principals, guard.not_principals),
        )
    )


def _more(named: frozenset[str], excepted: frozenset[str], old: frozenset[str], old_excepted: frozenset[str]) -> bool:
    if excepted:
        return bool(old_excepted) and excepted <= old_excepted
    return "*" in named or (not old_excepted and old <= named)


RULE = Rule(
    id="guard-removed",
    title="A Deny that guards something is removed or narrowed",
    severity=Severity.BLOCKED,
    explanation=(
        "A Deny holds whatever else is allowed: it keeps out plain HTTP, other accounts, and the mistakes of later "
        "policies. Without it, or with a new exception, any Allow opens what it kept shut. Nothing fails, so nobody "
        "notices. The same is true of a role's permissions boundary."
    ),
    advice="Keep the statement. If one role must pass, exempt that role by `aws:PrincipalArn` and say why.",
    source=(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html "
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"
    ),
    check=_check,
)
