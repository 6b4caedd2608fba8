"""What the refresh found changed outside Terraform, and whether that has an effect.

It has one when the resource is gone, when the plan undoes it, or when the configuration sets the attribute. What the
provider notes on a resource because a sibling wrote it (a bucket's policy, a role's inline policies) has none; what
nothing of the stack explains has none either, unless it decides over access or over what is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from plan_review.endpoint import label
from plan_review.models import is_artifact
from plan_review.places import Places
from plan_review.plan import Action, Change, Plan
from plan_review.redaction import scrub, shown
from plan_review.siblings import who_wrote
from plan_review.values import UNKNOWN, Path, settled

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


def drift_of(plan: Plan, places: Places) -> Iterator[Drift]:
    """Everything that the refresh found, by resource: first what has an effect, then what has none."""
    for change in plan.drift:
        if not change.after.exists:
            yield Drift(change.address, _gone(plan, change), counts=True)
            continue
        counting: list[Path] = []
        noticed: list[Path] = []
        written: list[str] = []
        for attribute, paths in _differing(change).items():
            writer = who_wrote(plan, change, attribute)
            if _is_set_or_undone(plan, change, attribute, paths):
                counting += paths
            elif writer is not None:
                written.append(scrub(f"{attribute} (written by {writer})"))
            elif _matters(plan, places, change, attribute):
                counting += paths
            else:
                noticed += paths
        if counting:
            yield Drift(change.address, f"was changed outside Terraform: {_told(change, counting)}", counts=True)
        if written:
            yield Drift(change.address, f"noticed, no effect: {', '.join(written)}", counts=False)
        if noticed:
            yield Drift(change.address, f"noticed, no effect: {_told(change, noticed)}", counts=False)


def _gone(plan: Plan, change: Change) -> str:
    planned = plan.at.get(change.address)
    if planned is not None and (planned.action is Action.CREATE or planned.action.replaces):
        return "was deleted outside Terraform; the apply creates it again"
    return "was deleted outside Terraform, and nothing in this plan creates it again"


def _differing(change: Change) -> dict[str, list[Path]]:
    """The paths whose values differ, by attribute. The same said in another way is no difference."""
    before, after = change.before, change.after
    found: dict[str, list[Path]] = {}
    for attribute in {**(before.data or {}), **(after.data or {})}:
        if not _same(before.at(attribute), after.at(attribute)):
            paths = dict.fromkeys([*before.paths(attribute), *after.paths(attribute)])
            differing = [path for path in paths if not _same(before.at(*path), after.at(*path))]
            found[attribute] = differing or [(attribute,)]
    if "tags" in found and "tags_all" not in found:
        del found["tags"]  # which of the tags are the provider's defaults moved, not the tags
    return found


def _same(old: Any, new: Any) -> bool:
    return bool(old == new) or settled(old) == settled(new)


def _is_set_or_undone(plan: Plan, change: Change, attribute: str, paths: list[Path]) -> bool:
    block, planned = plan.configuration.resource(change.address), plan.at.get(change.address)
    if block is not None and any(block.sets(*path) for path in paths):
        return True
    if planned is None or not planned.action.changes:
        return False
    after = planned.after.at(attribute)
    return not planned.after.exists or (after is not UNKNOWN and not _same(planned.before.at(attribute), after))


def _matters(plan: Plan, places: Places, change: Change, attribute: str) -> bool:
    """Whether a value that nobody of the stack wrote, and that the configuration does not set, has an effect."""
    if attribute in _ACCESS or plan.configuration.resource(change.address) is None:
        return True  # without the block nothing says that it is not set
    if is_artifact(change, places) or attribute == "server_side_encryption_configuration":
        # Nobody sets an artifact's checksums, and they are its content. What had no value is filled in: by a newer
        # provider, or by AWS, which encrypts every bucket.
        return settled(change.before.at(attribute)) is not None
    return change.type == "aws_s3_bucket" and attribute in _KEEPING


def _told(change: Change, paths: list[Path]) -> str:
    told = [f"{label(path)}: {shown(change.before, *path)} -> {shown(change.after, *path)}" for path in paths[:_SHOWN]]
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{'; '.join(told)}{more}"
