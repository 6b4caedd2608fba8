"""A role may no longer do what the endpoint, or a caller of it, needs."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint_needs import KEY, Need, needs_of_models, needs_of_rights
from plan_review.execution_roles import ExecutionRole, Rights, execution_roles, rights
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.plan import Change
from plan_review.policy_documents import statements
from plan_review.policy_evaluation import Answer, allowed
from plan_review.redaction import scrub
from plan_review.stack import Stack

_SHOWN = 6
_INVOKING = ("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointAsync", "sagemaker:InvokeEndpointWithResponseStream")
_KEY_POLICIES = ("aws_kms_key", "aws_kms_key_policy")


def _check(stack: Stack) -> Iterator[Hit]:
    for role in execution_roles(stack.plan):
        if role.change.after.exists:
            yield from _narrowed(stack, role)
    for type_ in ("aws_iam_policy", "aws_iam_role_policy", "aws_iam_user_policy", "aws_iam_group_policy"):
        for change in stack.plan.of_type(type_):
            if change.action.changes and change.before.exists and change.after.exists:
                yield from _callers(change)
    for change in stack.plan.of_type(*_KEY_POLICIES):
        if change.action.changes and change.before.exists and change.after.exists:
            yield from _key_policy(change)


def _narrowed(stack: Stack, role: ExecutionRole) -> Iterator[Hit]:
    before, after = rights(stack.plan, role, "before"), rights(stack.plan, role, "after")
    if before == after:
        return
    needs = list(needs_of_rights(before.statements, role, KEY) if role.models else ())
    needs += needs_of_models(stack.plan, role) if role.models else needs_of_rights(before.statements, role)
    lost = {need.text: need for need in needs if _answer(after, need) < _answer(before, need)}
    gone = [need for need in lost.values() if _answer(after, need) is Answer.NO]
    vital = [need for need in gone if need.vital and not _from_everywhere(need, role)]
    for some, severity, verdict in (
        (vital, None, None),
        ([need for need in gone if need not in vital], Severity.APPROVAL, Verdict.OTHER),
    ):
        if some:
            yield Hit(role.change.address, f"loses {_listed(some)}", severity, verdict)
    doubtful = [need for need in lost.values() if need not in gone]
    if doubtful:
        where = f", unless {', '.join(after.opaque)} allows it" if after.opaque else ", or keeps it under a condition"
        yield Hit(role.change.address, scrub(f"loses {_listed(doubtful)}{where}"), Severity.APPROVAL, Verdict.OTHER)
    unread = sorted(set(before.opaque) - set(after.opaque))
    if unread and not lost and not role.models:
        left = Severity.APPROVAL if after.statements else None
        yield Hit(role.change.address, scrub(f"loses {', '.join(unread)}, which the plan does not show"), left)


def _answer(side: Rights, need: Need) -> Answer:
    return max(allowed(side.statements, need.request), Answer.MAYBE if side.opaque else Answer.NO)


def _from_everywhere(need: Need, role: ExecutionRole) -> bool:
    """Whether the right was for every resource, so that nobody can say from the plan which ones are needed."""
    return (
        not role.models and need.text.endswith((" on *", ":::*", ":::*/*")) and not need.text.startswith("ecr:GetAuth")
    )


def _listed(needs: list[Need]) -> str:
    texts = sorted(need.text for need in needs)
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return scrub(", ".join(texts[:_SHOWN]) + more)


def _callers(change: Change) -> Iterator[Hit]:
    """Callers that may invoke less than before."""
    before, after = (statements(side.visible("policy")) for side in (change.before, change.after))
    if before is None or after is None:
        return
    lost = sorted(
        {
            f"{need.text} (TargetModel {need.request.context.get('sagemaker:targetmodel', '*')})"
            for need in needs_of_rights(before, None, _INVOKING)
            if allowed(after, need.request) < allowed(before, need.request)
        }
    )
    if lost:
        more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
        message = scrub(f"who has this policy may no longer {', '.join(lost[:_SHOWN])}{more}")
        yield Hit(change.address, message, Severity.APPROVAL, Verdict.OTHER)


def _key_policy(change: Change) -> Iterator[Hit]:
    before, after = (statements(side.visible("policy")) for side in (change.before, change.after))
    if not before or after is None:
        return
    granted, left = ({name for item in side if item.allows for name in item.principals} for side in (before, after))
    gone = sorted(name for name in granted - left if name.startswith("AWS:"))
    if gone and "*" not in left:
        account = any(item.endswith(":root") for item in gone)
        message = scrub(f"the key policy no longer lets {', '.join(gone)} use the key")
        yield Hit(change.address, message, None if account else Severity.APPROVAL, None if account else Verdict.OTHER)


RULE = Rule(
    id="execution-rights-narrowed",
    title="A role loses rights that the endpoint or its callers need",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "With its execution role SageMaker reads artifacts (`s3:GetObject` below the models' prefix, "
        "`s3:ListBucket`), pulls the image when an instance starts, and decrypts with the key. A lost right is not "
        "missed until the next cold model, the next instance or the next update. Without the rights for logs and "
        "metrics the endpoint runs unseen; that asks for approval. So do rights that a policy outside the plan may "
        "still give, and callers that may invoke less than before."
    ),
    advice=(
        "Restore the right, or grant it by another statement in the same change. SageMaker's guide lists what the "
        "role needs under «CreateModel API: Execution Role Permissions»."
    ),
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createmodel-perms",
    check=_check,
)
