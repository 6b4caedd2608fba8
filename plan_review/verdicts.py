"""The verdict that a stack's changes have of themselves; findings may raise it, never lower it.

`no change` and `models only` are what is left when every part of the plan is known to be harmless.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from plan_review.endpoint import ENDPOINT, ENDPOINT_TYPES
from plan_review.findings import Verdict
from plan_review.model_list import follows_models
from plan_review.plan import Action, Change, OutputChange
from plan_review.serving import Service, service_of
from plan_review.stack import Stack
from plan_review.values import UNKNOWN

_ARCHIVE = ("python3", "-m", "stacks.archive_models")

KINDS: Mapping[str, Verdict] = {
    "Nothing": Verdict.NO_CHANGE,
    "A model or a version is added: a new object in the stack's own bucket, below its prefix, under a key that holds "
    "its hash": Verdict.MODELS_ONLY,
    "A newer version of a model takes the place of an earlier one, or an earlier one goes": Verdict.MODELS_ONLY,
    "`terraform_data.archive`, beside models that go: it runs nothing but `stacks.archive_models`": Verdict.MODELS_ONLY,
    "Tags or metadata of a model's object": Verdict.MODELS_ONLY,
    "An output that lists models, or the list in the models bucket, beside models": Verdict.MODELS_ONLY,
    "Any other output, or an output alone": Verdict.OTHER,
    "Any other resource; a resource that is moved or imported": Verdict.OTHER,
    "A first endpoint, with its configuration, model and scaling": Verdict.OTHER,
    "A running endpoint, its configuration, model or scaling": Verdict.IN_PLACE,
}
"""What each kind of change amounts to by itself, for the README's table."""


def verdict_of_changes(stack: Stack) -> Verdict:
    """What the plan's changes amount to.

    Losses are not decided here: each is a rule with its own explanation. But nothing that destroys is ever less than
    `other changes`, except a model's artifact, which the model rules judge.
    """
    plan = stack.plan
    running = any(_runs(stack, change) for change in plan.of_type(ENDPOINT))
    doubtful = {id(concern.change) for concern in stack.concerns}
    verdict = Verdict.NO_CHANGE
    for change in plan.changing:
        if (
            (stack.is_artifact(change) and id(change) not in doubtful)
            or follows_models(change, stack.models)
            or is_archive(stack, change)
        ):
            step = Verdict.MODELS_ONLY
        elif change.type in ENDPOINT_TYPES and running and not _leaves_endpoints(change):
            step = Verdict.IN_PLACE
        else:
            step = Verdict.OTHER
        verdict = max(verdict, step)
    return max(verdict, Verdict.OTHER) if _has_more(stack) else verdict


def is_archive(stack: Stack, change: Change) -> bool:
    """Whether a replacement does nothing but archive the artifacts of models that go in the same plan."""
    if change.type != "terraform_data" or change.action is not Action.CREATE_THEN_DELETE:
        return False
    if not any(artifact.action is Action.DELETE for artifact in stack.artifacts):
        return False
    block = stack.plan.configuration.resource(change.address)
    return block is not None and block.commands == (_ARCHIVE,) and not block.sets("input")


def _runs(stack: Stack, endpoint: Change) -> bool:
    return endpoint.before.exists and service_of(stack, endpoint).service is Service.SERVING


def _leaves_endpoints(change: Change) -> bool:
    """Whether no running endpoint is touched: another one is created, or one is let go as it is."""
    return change.action is Action.FORGET or (change.type == ENDPOINT and change.action is Action.CREATE)


def _has_more(stack: Stack) -> bool:
    """Whether the plan holds anything beside changes of resources that is not known to be harmless."""
    plan = stack.plan
    moved = any(change.previous_address is not None or change.importing for change in plan.changes)
    hidden = plan.unlisted or plan.invocations or plan.deferred or not plan.complete
    return moved or bool(hidden) or any(not _lists_models(stack, output) for output in plan.outputs)


def _lists_models(stack: Stack, output: OutputChange) -> bool:
    """Whether all that changes in an output comes from the models that change: it is their list."""
    if output.hidden:
        return False
    changing = {change.address for change in stack.artifacts if change.action.changes}
    references = stack.plan.configuration.output_references(output.name)
    if references and changing.issuperset(references):
        return True
    if not stack.models:
        return False
    known = {text for model in stack.models for text in _texts_of(model.artifact.name, model.artifact.key)}
    known |= {model.artifact.version for model in stack.models} | {model.artifact.sha256 for model in stack.models}
    before, after = set(_leaves(output.before)), set(_leaves(output.after))
    return UNKNOWN not in after and all(str(item) in known for item in before ^ after)


def _texts_of(name: str, key: str) -> Iterator[str]:
    yield name
    yield key
    for start in range(len(key)):
        if key[start] == "/":
            yield key[start + 1 :]


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield value
