"""The list of the models that the models stack keeps for programs that call the endpoint (`stacks/models.py`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from plan_review.models import ModelAction, ModelChange
from plan_review.plan import Action, Change
from plan_review.values import UNKNOWN, Values

_KEY = "model-list.json"
_ADDED = (ModelAction.ADDED, ModelAction.NEW_VERSION)
# What S3 and the provider make up themselves when the content changes.
_FOLLOWS = frozenset({"content", "etag", "version_id", "last_modified"})


def follows_models(change: Change, models: Sequence[ModelChange]) -> bool:
    """Whether a change of the list says no more than the models that change beside it.

    It is an update of the content alone, each entry leads to versions of the model that it names, entries of other
    models stay as they are, and what comes or goes in the content are versions that come or go in the plan. The current
    version stays, or the plan adds the new one.
    """
    if change.type != "aws_s3_object" or change.action is not Action.UPDATE or not models:
        return False
    if (change.before.text("key") or "").rpartition("/")[2] != _KEY or any(
        name not in _FOLLOWS for name in _changed(change)
    ):
        return False
    before, after = _entries(change.before), _entries(change.after)
    if before is None or after is None:
        return False
    names = {model.artifact.name for model in models}
    if any(before.get(name) != after.get(name) for name in (before.keys() | after.keys()) - names):
        return False
    keys = {model.artifact.key.partition("/")[2] for model in models}
    added = {model.artifact.key.partition("/")[2] for model in models if model.action in _ADDED}
    if any(versions[0] not in added and versions[:1] != before.get(name, ())[:1] for name, versions in after.items()):
        return False
    return {*chain(*before.values())} ^ {*chain(*after.values())} <= keys


def _changed(change: Change) -> Iterator[str]:
    before, after = change.before.data or {}, change.after.data or {}
    mask = change.after.unknown if isinstance(change.after.unknown, Mapping) else {}
    for name in {*before, *after, *mask}:
        if change.after.at(name) is UNKNOWN or change.before.at(name) != change.after.at(name):
            yield name


def _entries(values: Values) -> dict[str, tuple[str, ...]] | None:
    """The versions of each model, the current one first; None where the content is not such a list."""
    try:
        document: Any = json.loads(values.text("content") or "")
        if set(document) != {"models"}:
            return None
        found = {}
        for name, entry in document["models"].items():
            if set(entry) != {"target_model", "earlier"}:
                return None
            found[name] = (entry["target_model"], *entry["earlier"])
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None
    # A list that leads from one model to another's artifact would send calls astray.
    every = [(name, key) for name, keys in found.items() for key in keys]
    return found if all(isinstance(key, str) and key.rpartition("/")[0] == name for name, key in every) else None
