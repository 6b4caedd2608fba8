"""The role that an endpoint runs with is replaced or destroyed."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import served_models
from plan_review.execution_roles import ROLE, execution_roles
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.redaction import shown
from plan_review.stack import Stack
from plan_review.values import Values

_ARN = "execution_role_arn"


def _check(stack: Stack) -> Iterator[Hit]:
    for role in execution_roles(stack.plan, moving=True):
        change = role.change
        if change.destroys:
            name = shown(change.before, "name")
            users = ", ".join(shown(model, "name") for model in role.models)
            used = f"while the SageMaker model {users} uses it" if users else "which SageMaker may assume"
            yield Hit(change.address, f"role {name} is {change.action.value}{change.reason}, {used}")
    for address, before, after in served_models(stack.plan):
        if before.at(_ARN) not in (None, after.at(_ARN)) and not _renewed(stack, before):
            message = f"the endpoint runs with another role: {shown(before, _ARN)} -> {shown(after, _ARN)}"
            yield Hit(address, message, Severity.APPROVAL, Verdict.IN_PLACE)


def _renewed(stack: Stack, model: Values) -> bool:
    """Whether the model's role is replaced in this plan, which is a finding of its own."""
    roles = stack.plan.of_type(ROLE)
    return any(role.destroys and role.before.at("arn") == model.at(_ARN) for role in roles)


RULE = Rule(
    id="execution-role-replaced",
    title="The execution role of an endpoint is replaced or destroyed",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "SageMaker assumes the role for every model that it loads and every instance that it starts. Both fail "
        "while the role is gone. A role created again under the same name is a different principal: key grants and "
        "policies that name the old one do not apply to it. A plan without SageMaker models cannot show who uses a "
        "role, so there any role that SageMaker may assume counts."
    ),
    advice=(
        "Undo what forces the replacement. To change the name or path, create a second role, let a new SageMaker "
        "model name it, and remove the old role in a later change."
    ),
    source=(
        "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html "
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids"
    ),
    check=_check,
)
