"""The models stack's artifacts: which models a plan adds, gives a new version, or takes away.

A model's version is one S3 object under `models/NAME/VERSION-<first 16 of its sha256>.tar.gz`. Which address holds it
does not matter here. An object that is a model by its
place (`places.py`) but has another key is a model with one version, which is always the current one.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plan_review.places import ARTIFACT_TYPES, Key, Places
from plan_review.plan import Change, Plan
from plan_review.redaction import scrub
from plan_review.values import UNKNOWN, Unknown, Values

_NO_PLACES = Places()
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ModelAction(enum.Enum):
    """What happens to a model. The value is the word shown to people."""

    ADDED = "added"
    NEW_VERSION = "new version"
    EARLIER_REMOVED = "earlier version removed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One version of a model.

    `sha256` is whole when the plan states it, else its first 16 digits from the key, else empty. `version` is empty
    when the key holds none. Versions of one model have one `folder`, the bucket with all of the key but the version.
    """

    name: str
    version: str
    key: str
    sha256: str
    size_bytes: int | Unknown | None
    address: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class ModelChange:
    """`previous` is the version that was current before, for a new version."""

    action: ModelAction
    artifact: Artifact
    previous: Artifact | None = None


def _key_of(values: Values, places: Places) -> Key | None:
    return places.read(values.visible("bucket"), values.visible("key"))


def artifact_of(change: Change, values: Values, places: Places = _NO_PLACES) -> Artifact | None:
    """The model version that one side of an S3 object is, or None when it is no model's."""
    key = _key_of(values, places)
    if key is None:
        return None
    return Artifact(
        name=scrub(key.name),
        version=scrub(key.version),
        key=values.data["key"] if values.data is not None else "",
        sha256=content_hash(values) or key.digest,
        size_bytes=_size_bytes(values),
        address=change.address,
        folder=_folder(values, key),
    )


def _folder(values: Values, key: Key) -> str:
    path = values.text("key") or ""
    return f"{values.text('bucket')}/{path.rpartition('/')[0] if key.version else path}"


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


def newest(one: Artifact, other: Artifact) -> Artifact:
    """Of two versions of a model the later one."""
    return max(one, other, key=_order)


def is_artifact(change: Change, places: Places = _NO_PLACES) -> bool:
    """Whether a change concerns nothing but a model's artifact."""
    return change.type in ARTIFACT_TYPES and all(
        _key_of(side, places) is not None for side in (change.before, change.after) if side.exists
    )


def _models_of(change: Change, places: Places) -> set[str]:
    sides = (change.before, change.after)
    return {_folder(side, key) for side in sides if (key := _key_of(side, places)) is not None}


def artifacts_after(plan: Plan, places: Places = _NO_PLACES) -> Iterator[Artifact]:
    """Every model version that is there once the plan is applied, the unchanged ones too."""
    for change in plan.of_type(*ARTIFACT_TYPES):
        artifact = artifact_of(change, change.after, places) if change.deposed is None else None
        if artifact is not None:
            yield artifact


def model_changes(plan: Plan, places: Places = _NO_PLACES) -> tuple[ModelChange, ...]:
    """What happens to each model, by name; within a model what comes before what goes."""
    objects = tuple(plan.of_type(*ARTIFACT_TYPES))
    touched = {folder for change in objects if change.action.changes for folder in _models_of(change, places)}
    before: dict[str, dict[str, Artifact]] = {}
    after: dict[str, dict[str, Artifact]] = {}
    for change in objects:
        if touched.isdisjoint(_models_of(change, places)):
            continue
        old = artifact_of(change, change.before, places)
        new = artifact_of(change, change.after, places) if change.action.changes else old
        kept = old if change.action.forgets else None
        for versions, artifact in ((before, old), (after, kept), (after, new)):
            if artifact is not None:
                versions.setdefault(artifact.folder, {})[artifact.key] = artifact
    found: list[ModelChange] = []
    for folder in sorted(before.keys() | after.keys()):
        if before.get(folder) != after.get(folder):
            found += _changes_of_model(before.get(folder, {}), after.get(folder, {}))
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
