"""What the refresh found changed outside Terraform, and whether that has an effect.

It has one when the resource is gone, when the plan undoes it, or when the configuration sets the attribute. What the
provider notes on a resource because a sibling wrote it (a bucket's policy, a role's inline policies) has none; what
nothing of the stack explains has none either, unless it decides over access or over what is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from plan_review.endpoint import label
from plan_review.plan import Action, Change
from plan_review.redaction import scrub, shown
from plan_review.siblings import who_wrote
from plan_review.stack import Stack
from plan_review.values import UNKNOWN, Path, Values, settled

_SHOWN = 4
# Attributes by which access is given, wherever they are.
_ACCESS = frozenset(
    {"acl", "access_policy", "assume_role_policy", "egress", "grant", "ingress", "inline_policy"}
    | {"managed_policy_arns", "permissions_boundary", "policy", "public_access_block_configuration"}
    | {"resource_policy", "website", "website_redirect"}
)
# What a bucket keeps, and where else it goes.
_KEEPING = frozenset({"lifecycle_rule", "object_lock_configuration", "replication_configuration", "versioning"})


@dataclass(frozen=True, slots=True)
class Drift:
    """What was found of one resource. `counts` says that it has an effect, so that somebody must look at it."""

    address: str
    message: str
    counts: bool


def drift_of(stack: Stack) -> Iterator[Drift]:
    """Everything that the refresh found, by resource: first what has an effect, then what has none."""
    for change in stack.plan.drift:
        if not change.after.exists:
            yield Drift(change.address, _gone(stack, change), counts=True)
            continue
        counting: list[Path] = []
        noticed: list[Path] = []
        written: list[str] = []
        for attribute, paths in _differing(change).items():
            writer = who_wrote(stack.plan, change, attribute)
            if _counts(stack, change, attribute, paths, writer is not None):
                counting += paths
            elif writer is not None:
                written.append(scrub(f"{attribute} (written by {writer})"))
            else:
                noticed += paths
        if counting:
            yield Drift(change.address, f"was changed outside Terraform: {_told(change, counting)}", counts=True)
        if written:
            yield Drift(change.address, f"noticed, no effect: {', '.join(written)}", counts=False)
        if noticed:
            yield Drift(change.address, f"noticed, no effect: {_told(change, noticed)}", counts=False)


def _gone(stack: Stack, change: Change) -> str:
    planned = stack.plan.at.get(change.address)
    if planned is not None and (planned.action is Action.CREATE or planned.action.replaces):
        return "was deleted outside Terraform; the apply creates it again"
    return "was deleted outside Terraform, and nothing in this plan creates it again"


def _differing(change: Change) -> dict[str, list[Path]]:
    """The paths whose values differ, by attribute. The same said in another way is no difference."""
    old, new = dict(_leaves(change.before)), dict(_leaves(change.after))
    found: dict[str, list[Path]] = {}
    for path in [*old, *(path for path in new if path not in old)]:
        if settled(old.get(path)) != settled(new.get(path)):
            found.setdefault(str(path[0]), []).append(path)
    if settled(change.before.at("tags_all")) == settled(change.after.at("tags_all")):
        found.pop("tags", None)  # which of the tags are the provider's defaults moved, not the tags
    return {
        attribute: paths
        for attribute, paths in found.items()
        if settled(change.before.at(attribute)) != settled(change.after.at(attribute))
    }


def _leaves(values: Values) -> Iterator[tuple[Path, object]]:
    return (item for item in values.leaves() if item[0])


def _counts(stack: Stack, change: Change, attribute: str, paths: list[Path], explained: bool) -> bool:
    if _undone(stack, change, attribute):
        return True
    block = stack.plan.configuration.resource(change.address)
    if block is not None and any(block.sets(*path) for path in paths):
        return True
    if explained:
        return False
    if block is None:
        return True  # nothing says that it is not set
    if stack.is_artifact(change) or attribute == "server_side_encryption_configuration":
        # Nobody sets an artifact's checksums, and they are its content. What had no value is filled in: by a newer
        # provider, or by AWS, which encrypts every bucket.
        return settled(change.before.at(attribute)) is not None or attribute in _ACCESS
    return attribute in _ACCESS or (change.type == "aws_s3_bucket" and attribute in _KEEPING)


def _undone(stack: Stack, change: Change, attribute: str) -> bool:
    planned = stack.plan.at.get(change.address)
    if planned is None or not planned.action.changes:
        return False
    if not planned.after.exists:
        return True
    after = planned.after.at(attribute)
    return after is not UNKNOWN and settled(after) != settled(planned.before.at(attribute))


def _told(change: Change, paths: list[Path]) -> str:
    told = [f"{label(path)}: {shown(change.before, *path)} -> {shown(change.after, *path)}" for path in paths[:_SHOWN]]
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{'; '.join(told)}{more}"
