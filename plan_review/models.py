"""The models stack's artifacts: which models a plan adds, gives a new version, or takes away.

A model's version is one S3 object under `models/NAME/VERSION-<first 16 of its sha256>.tar.gz`. Which address holds it
does not matter here: a new version takes over the address of the one that falls out.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plan_review.plan import Change, Plan
from plan_review.redaction import scrub
from plan_review.values import UNKNOWN, Unknown, Values

ARTIFACT_TYPES = ("aws_s3_object", "aws_s3_object_copy")
"""Uploaded, and copied by S3 from where it was."""
_KEY = re.compile(r"(?:.*/)?models/(?P<name>.+)/(?P<version>[^/]+)-(?P<digest>[0-9a-f]{16})\.tar\.gz")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ModelAction(enum.Enum):
    """What happens to a model. The value is the word shown to people."""

    ADDED = "added"
    NEW_VERSION = "new version"
    EARLIER_REMOVED = "earlier version removed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One version of a model. `sha256` is whole when the plan states it, else its first 16 digits from the key."""

    name: str
    version: str
    key: str
    sha256: str
    size_bytes: int | Unknown | None
    address: str


@dataclass(frozen=True, slots=True)
class ModelChange:
    """`previous` is the version that was current before, for a new version."""

    action: ModelAction
    artifact: Artifact
    previous: Artifact | None = None


def _key_of(values: Values) -> re.Match[str] | None:
    key = values.visible("key")
    return _KEY.fullmatch(key) if isinstance(key, str) else None


def artifact_of(change: Change, values: Values) -> Artifact | None:
    """The model version that one side of an S3 object is, or None when its key is none of a model's."""
    match = _key_of(values)
    if match is None:
        return None
    whole = content_hash(values) or match["digest"]
    return Artifact(scrub(match["name"]), scrub(match["version"]), match[0], whole, _size_bytes(values), change.address)


def content_hash(values: Values) -> str | None:
    """The sha256 that the stack notes for an artifact: to see a new upload by, or, of a copy, in its metadata."""
    metadata = values.visible("metadata")
    for noted in (values.visible("source_hash"), metadata.get("sha256") if isinstance(metadata, Mapping) else None):
        if isinstance(noted, str) and _SHA256.fullmatch(noted):
            return noted
    return None


def _size_bytes(values: Values) -> int | Unknown | None:
    """The artifact's size as the stack notes it in the object's metadata or tags; None when it does not."""
    for holder in ("metadata", "tags"):
        noted = values.visible(holder)
        if noted is UNKNOWN:
            return UNKNOWN
        for name, value in noted.items() if isinstance(noted, Mapping) else ():
            if name.lower().replace("_", "-") in ("size-bytes", "size"):
                return _whole_number(value)
    return None


def _whole_number(value: Any) -> int | Unknown | None:
    if value is UNKNOWN:
        return UNKNOWN
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _order(artifact: Artifact) -> tuple[tuple[int, int, str], ...]:
    """Sorts versions as people count: 2 before 10, and letters after digits."""
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+", artifact.version)
    return tuple((0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts)


def is_artifact(change: Change) -> bool:
    """Whether a change concerns nothing but a model's artifact."""
    return change.type in ARTIFACT_TYPES and all(
        _key_of(side) is not None for side in (change.before, change.after) if side.exists
    )


def _models_of(change: Change) -> set[str]:
    return {match["name"] for side in (change.before, change.after) if (match := _key_of(side)) is not None}


def artifacts_after(plan: Plan) -> Iterator[Artifact]:
    """Every model version that is there once the plan is applied, the unchanged ones too."""
    for change in plan.of_type(*ARTIFACT_TYPES):
        artifact = artifact_of(change, change.after) if change.deposed is None else None
        if artifact is not None:
            yield artifact


def model_changes(plan: Plan) -> tuple[ModelChange, ...]:
    """What happens to each model, by name; within a model what comes before what goes."""
    objects = tuple(plan.of_type(*ARTIFACT_TYPES))
    touched = {name for change in objects if change.action.changes for name in _models_of(change)}
    before: dict[str, dict[str, Artifact]] = {}
    after: dict[str, dict[str, Artifact]] = {}
    for change in objects:
        if touched.isdisjoint(_models_of(change)):
            continue
        old = artifact_of(change, change.before)
        new = artifact_of(change, change.after) if change.action.changes else old
        for versions, artifact in ((before, old), (after, new)):
            if artifact is not None:
                versions.setdefault(artifact.name, {})[artifact.key] = artifact
    found: list[ModelChange] = []
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            found += _changes_of_model(before.get(name, {}), after.get(name, {}))
    return tuple(found)


def _changes_of_model(before: Mapping[str, Artifact], after: Mapping[str, Artifact]) -> list[ModelChange]:
    added = sorted((after[key] for key in after.keys() - before.keys()), key=_order)
    gone = sorted((before[key] for key in before.keys() - after.keys()), key=_order)
    current = max(before.values(), key=_order, default=None)
    newest_added = max(added, key=_order, default=None)
    superseded = current is not None and newest_added is not None and _order(newest_added) > _order(current)
    kind = ModelAction.ADDED if current is None else ModelAction.NEW_VERSION
    changes = [ModelChange(kind, artifact, current) for artifact in added]
    for artifact in gone:
        live = artifact is current and not superseded
        changes.append(ModelChange(ModelAction.REMOVED if live else ModelAction.EARLIER_REMOVED, artifact))
    return changes
