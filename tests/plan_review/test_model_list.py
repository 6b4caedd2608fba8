"""The list of models is safe as long as it says no more than the models that change beside it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from plan_review.findings import Severity, Verdict
from tests.plan_review.conftest import asked, document_of, element

ADDED = "aws_s3_object.squeezenet_v3"
ONE, TWO = "resnet/1-0123456789abcdef.tar.gz", "resnet/2-0123456789abcdef.tar.gz"
BEFORE = {"resnet": {"target_model": TWO, "earlier": [ONE]}}


def plan(
    after: dict[str, Any], key: str = "model-list.json", before: dict[str, Any] = BEFORE, **attributes: Any
) -> dict[str, Any]:
    """The plan that adds a version of a model, with an update of the list."""
    document = document_of("model-added")
    item = copy.deepcopy(element(document, ADDED))
    item |= {"address": "aws_s3_object.model_list", "name": "model_list"}
    old = {"bucket": "review-models", "key": key, "content": json.dumps({"models": before}), "version_id": "1"}
    new = old | {"content": json.dumps({"models": after})} | attributes
    item["change"] = {
        "actions": ["update"],
        "before": old,
        "after": {name: value for name, value in new.items() if name != "version_id"},
        "after_unknown": {"version_id": True},
        "before_sensitive": {},
        "after_sensitive": {},
    }
    document["resource_changes"].append(item)
    return document


def added() -> dict[str, Any]:
    key = element(document_of("model-added"), ADDED)["change"]["after"]["key"].removeprefix("models/")
    return {"target_model": key, "earlier": []}


def test_the_list_follows_its_models() -> None:
    assert asked(plan(BEFORE | {"squeezenet": added()}))[:2] == (Verdict.MODELS_ONLY, Severity.NOTE)


@pytest.mark.parametrize(
    "document",
    [
        lambda: plan(BEFORE | {"resnet": added()}),  # another model's artifact
        lambda: plan(BEFORE | {"squeezenet": added() | {"target_model": "squeezenet/9-ffffffffffffffff.tar.gz"}}),
        lambda: plan({"squeezenet": added(), "resnet": {"target_model": ONE, "earlier": [TWO]}}),  # rolled back
        lambda: plan({"squeezenet": added()}),  # a model that stays goes from the list
        lambda: plan(BEFORE | {"squeezenet": added()}, acl="public-read"),
        lambda: plan(BEFORE | {"squeezenet": added()}, key="other.json"),
        lambda: plan(BEFORE | {"squeezenet": added()}, content="[]"),
    ],
)
def test_anything_else_asks_for_approval(document: Any) -> None:
    assert asked(document())[1] >= Severity.APPROVAL


@pytest.mark.parametrize(("current", "decision"), [(3, Severity.NOTE), (2, Severity.NOTE), (1, Severity.APPROVAL)])
def test_beside_a_new_version_callers_are_not_led_back_to_an_earlier_one(current: int, decision: Severity) -> None:
    keys = {1: "squeezenet/1-0123456789abcdef.tar.gz", 2: "squeezenet/2-0123456789abcdef.tar.gz"}
    before = {"squeezenet": {"target_model": keys[2], "earlier": [keys[1]]}}
    keys[3] = added()["target_model"]
    earlier = [key for version, key in keys.items() if version != current]
    after = {"squeezenet": {"target_model": keys[current], "earlier": earlier}}
    assert asked(plan(after, before=before))[1] is decision
