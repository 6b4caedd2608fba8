"""The check that keeps a rolled-back update's configuration alive goes, or no longer runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from plan_review.endpoint import ENDPOINT
from plan_review.findings import Hit, Rule, Severity
from plan_review.plan import Action, Change
from plan_review.stack import Stack
from plan_review.values import Values, contains_unknown, settled

_TYPES = {"terraform_data": "triggers_replace", "null_resource": "triggers"}
_TRIGGER = "endpoint_configuration"


def _check(stack: Stack) -> Iterator[Hit]:
    endpoints = [change for change in stack.plan.of_type(ENDPOINT) if change.before.exists and change.after.exists]
    if not endpoints and any(True for _ in stack.plan.of_type(ENDPOINT)):
        return
    moves = any(item.updates and item.new_configuration for item in stack.endpoints)
    for change in stack.plan.of_type(*_TYPES):
        if change.deposed is None and change.before.exists and _verifies(change, change.before):
            yield from _lost(stack, change, moves)


def _verifies(change: Change, values: Values) -> bool:
    triggers = values.at(_TYPES[change.type])
    triggered = isinstance(triggers, Mapping) and _TRIGGER in triggers
    return triggered or (change.name.startswith("verif") and triggers is not None)


def _lost(stack: Stack, change: Change, moves: bool) -> Iterator[Hit]:
    attribute = _TYPES[change.type]
    block = stack.plan.configuration.resource(change.address)
    if not change.after.exists:
        yield Hit(change.address, f"the verification is {change.action.value}")
    elif block is not None and not block.provisioners:
        yield Hit(change.address, "the verification runs no command any more: its provisioner is gone")
    elif change.action.changes and not _watches(change.before.at(attribute), change.after.at(attribute)):
        yield Hit(change.address, f"the verification no longer runs for a new configuration: {attribute} is another")
    elif moves and change.action in (Action.NO_OP, Action.UPDATE):
        yield Hit(change.address, "the endpoint moves to another configuration, and the verification does not run")


def _watches(before: object, after: object) -> bool:
    """Whether what the triggers held before, the configuration above all, is still among them."""
    if contains_unknown(after):
        return True
    if not isinstance(before, Mapping):
        return settled(after) is not None
    wanted = [_TRIGGER] if _TRIGGER in before else list(before)
    return isinstance(after, Mapping) and all(settled(after.get(key)) is not None for key in wanted)


RULE = Rule(
    id="verification-removed",
    title="The verification of the endpoint's configuration is removed or does not run",
    severity=Severity.BLOCKED,
    explanation=(
        "SageMaker rolls a bad update back by itself, and Terraform takes that for success: it then destroys the "
        "previous configuration and model, which are the ones in use. The verification fails the apply first. "
        "Without it, the next rolled-back update leaves an endpoint that can neither replace an instance nor scale."
    ),
    advice=(
        "Keep `terraform_data.verification` with its provisioner, `triggers_replace` on the configuration's id, and "
        "`create_before_destroy`."
    ),
    source=(
        "https://github.com/hashicorp/terraform-provider-aws/issues/46663 "
        "https://developer.hashicorp.com/terraform/language/resources/terraform-data"
    ),
    check=_check,
)
