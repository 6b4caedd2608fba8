"""The SageMaker model that an endpoint configuration names is destroyed."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import CONFIGURATION, MODEL, model_names
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.plan import Action
from plan_review.redaction import shown
from plan_review.stack import Stack


def _check(stack: Stack) -> Iterator[Hit]:
    users = {
        name: change.address
        for change in stack.plan.of_type(CONFIGURATION)
        for name in model_names(change.before if change.action is Action.FORGET else change.after)
    }
    for change in stack.plan.of_type(MODEL):
        name = change.before.text("name")
        if change.destroys and name in users:
            yield Hit(
                change.address,
                f"SageMaker model {shown(change.before, 'name')} is destroyed while {users[name]} uses it",
            )


RULE = Rule(
    id="model-in-use",
    title="A SageMaker model is destroyed while an endpoint configuration names it",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "The running instances carry on, but SageMaker looks the model up whenever it starts another one: failed "
        "instances are not replaced, scaling out fails, and a rollback to this configuration is impossible."
    ),
    advice=(
        "Move the endpoint to a configuration that names another model first. With `create_before_destroy` and a "
        "name that changes with the content, Terraform does this in one apply."
    ),
    source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteModel.html",
    check=_check,
)
