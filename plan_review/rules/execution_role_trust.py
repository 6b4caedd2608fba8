"""SageMaker may no longer assume the role that an endpoint runs with."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.execution_roles import execution_roles, trusts_sagemaker
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.policy_evaluation import Answer
from plan_review.redaction import shown
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    for role in execution_roles(stack.plan):
        change = role.change
        if not (change.action.changes and change.after.exists):
            continue
        before, after = trusts_sagemaker(change.before, change), trusts_sagemaker(change.after, change)
        name = shown(change.before, "name")
        if after < before and after is Answer.NO:
            yield Hit(change.address, f"role {name} no longer lets sagemaker.amazonaws.com assume it")
        elif after < before:
            message = f"role {name} lets sagemaker.amazonaws.com assume it only under a condition that may not hold"
            yield Hit(change.address, message, Severity.APPROVAL, Verdict.OTHER)


RULE = Rule(
    id="execution-role-trust",
    title="SageMaker may no longer assume an endpoint's execution role",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "SageMaker assumes the execution role to read artifacts and to start instances. If the trust policy does "
        "not allow it, models that are not in memory cannot be loaded and failed instances are not replaced."
    ),
    advice=(
        "Keep the statement that trusts `sagemaker.amazonaws.com` with the role's own account in `aws:SourceAccount`."
    ),
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html",
    check=_check,
)
