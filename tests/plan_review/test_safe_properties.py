"""Nothing destructive, unknown or unlisted is ever safe; adding models, and drift of siblings, asks for nothing."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from plan_review.findings import Severity, Verdict
from tests.plan_review.conftest import document_of
from tests.plan_review.test_properties import BOUNDED, changes, reviewed

STACKS = ("state", "image", "models", "endpoint")
# Plans that are safe: of real Terraform, and what the real provider planned right after a deployment.
SAFE = {
    name: document_of(name)
    for name in (
        "models-no-change",
        "model-added",
        "model-new-version",
        "model-new-version-at-its-address",
        "model-earlier-version-removed",
        "artifact-tagged",
        "copy-added",
        "access-no-change",
        "endpoint-no-change",
        "main/03-model3/models.plan",
        *(f"{chain}/00-base/{stack}.second" for chain in ("main", "scaling", "kms0", "kms") for stack in STACKS),
    )
}
NAMES = st.text(st.characters(categories=("Ll", "Nd"), max_codepoint=127), min_size=1, max_size=12)
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64).filter(lambda text: any(map(str.isdigit, text[:16])))


def safe(document: dict[str, Any]) -> bool:
    return reviewed(document).decision is Severity.NOTE


def test_the_plans_that_the_properties_start_from_are_safe() -> None:
    assert [name for name, document in SAFE.items() if not safe(document)] == []


@st.composite
def new_models(draw: st.DrawFn, document: dict[str, Any]) -> list[dict[str, Any]]:
    """New objects of models, as the models stack writes them."""
    pattern = next(item for item in document["resource_changes"] if item["change"]["actions"] == ["create"])
    models = draw(
        st.lists(st.tuples(NAMES, st.integers(1, 999), HASHES), min_size=1, max_size=5, unique_by=lambda m: m[0])
    )
    added = []
    for number, (name, version, sha256) in enumerate(models):
        item = copy.deepcopy(pattern)
        item["address"] = draw(st.sampled_from((f"aws_s3_object.m{number}", f'aws_s3_object.m["{name}/{number}"]')))
        after = item["change"]["after"]
        after["key"] = f"models/new-{name}/{version}-{sha256[:16]}.tar.gz"
        after["source_hash"] = sha256
        after["metadata"] = draw(st.sampled_from(({"size_bytes": "12"}, {"sha256": sha256}, {})))
        after["tags"] = draw(st.none() | st.dictionaries(NAMES, NAMES, max_size=2))
        added.append(item)
    return added


@BOUNDED
@given(st.sampled_from(("model-added", "main/03-model3/models.plan")), st.data())
def test_what_only_adds_models_asks_for_nothing(name: str, data: st.DataObject) -> None:
    document = copy.deepcopy(SAFE[name])
    document["resource_changes"] += data.draw(new_models(document))
    result = reviewed(document)
    assert (result.verdict, result.decision) == (Verdict.MODELS_ONLY, Severity.NOTE), result.findings


@BOUNDED
@given(st.data())
def test_the_recorded_drift_asks_for_nothing_beside_models(data: st.DataObject) -> None:
    """Any part of the drift that siblings cause, with or without models that are added."""
    document = copy.deepcopy(SAFE["main/00-base/models.second"])
    drift = document["resource_drift"]
    document["resource_drift"] = [item for item in drift if data.draw(st.booleans())]
    for item in document["resource_drift"]:
        sides = item["change"]
        for attribute in data.draw(st.lists(st.sampled_from(sorted(sides["after"])), max_size=3)):
            sides["after"][attribute] = sides["before"][attribute]
    if data.draw(st.booleans()):
        document["resource_changes"] += data.draw(new_models(SAFE["main/03-model3/models.plan"]))
    result = reviewed(document)
    assert result.verdict <= Verdict.MODELS_ONLY
    assert result.decision is Severity.NOTE, result.findings


# What makes a safe plan one that is not: an element that destroys, that is unknown or that is not listed.
UNLISTED = st.text(st.characters(categories=("Ll",)), min_size=3, max_size=12).map(lambda text: f"x_{text}")
NOT_EMPTY = st.sampled_from(({"address": "x"}, [{"address": "x"}], 1, "x", True))
ACTIONS_NEVER_SAFE = st.lists(
    st.sampled_from(("create", "update", "delete", "forget", "read", "no-op", "move", "open", "close")), max_size=3
).filter(lambda actions: actions not in ([], ["no-op"], ["create"], ["update"]))


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A safe plan with one thing more, and what that is."""
    document = copy.deepcopy(SAFE[draw(st.sampled_from(sorted(SAFE)))])
    kind = draw(st.sampled_from(sorted(SPOILERS)))
    SPOILERS[kind](draw, document)
    return kind, document


def any_resource(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    found = draw(st.sampled_from(document["resource_changes"]))
    assert isinstance(found, dict)
    return found


def unlisted_section(draw: st.DrawFn, document: dict[str, Any]) -> None:
    document[draw(UNLISTED)] = draw(NOT_EMPTY)


def invocation(draw: st.DrawFn, document: dict[str, Any]) -> None:
    document[draw(st.sampled_from(("action_invocations", "deferred_action_invocations", "deferred_changes")))] = draw(
        NOT_EMPTY
    )


def unlisted_part(draw: st.DrawFn, document: dict[str, Any]) -> None:
    element = any_resource(draw, document)
    draw(st.sampled_from((element, element["change"])))[draw(UNLISTED)] = draw(NOT_EMPTY)


def mode(draw: st.DrawFn, document: dict[str, Any]) -> None:
    any_resource(draw, document)["mode"] = draw(UNLISTED)


def actions_of(draw: st.DrawFn, document: dict[str, Any]) -> None:
    """Other actions for a resource that stays, the model's objects left aside: an earlier version may go."""
    kept = [item for item in document["resource_changes"] if not item["type"].startswith("aws_s3_object")]
    element = draw(st.sampled_from(kept))
    element["change"]["actions"] = draw(ACTIONS_NEVER_SAFE)
    if element["change"]["actions"] == ["delete"]:
        element["change"]["after"] = None


def other_resource(draw: st.DrawFn, document: dict[str, Any]) -> None:
    change = draw(changes())
    if change["change"]["actions"] in (["no-op"], ["read"]) or change["type"].startswith("aws_s3"):
        change = {**change, "type": "aws_lambda_function", "change": {**change["change"], "actions": ["update"]}}
    document["resource_changes"].append(change)


def other_setting(draw: st.DrawFn, document: dict[str, Any]) -> None:
    """An argument of a model's object that is neither tags nor metadata."""
    objects = [item for item in document["resource_changes"] if item["type"].startswith("aws_s3_object")]
    if not objects:
        unlisted_section(draw, document)
        return
    change = draw(st.sampled_from(objects))["change"]
    before = change["before"] or change["after"]
    name = draw(
        st.sampled_from(("storage_class", "acl", "kms_key_id", "object_lock_mode", "content_encoding", "content"))
    )
    change.update(actions=["update"], before=before, after={**before, name: draw(UNLISTED)}, after_unknown={})


def other_output(draw: st.DrawFn, document: dict[str, Any]) -> None:
    change = {"actions": ["update"], "before": draw(NAMES), "after": f"s3://{draw(NAMES)}/", "after_unknown": False}
    document.setdefault("output_changes", {})[draw(NAMES)] = change


def incomplete(draw: st.DrawFn, document: dict[str, Any]) -> None:
    document["complete"] = False


def gone(draw: st.DrawFn, document: dict[str, Any]) -> None:
    element = copy.deepcopy(any_resource(draw, document))
    before = element["change"]["before"] or element["change"]["after"]
    element["change"] |= {"actions": ["delete"], "before": before, "after": None}
    document["resource_drift"] = [*document.get("resource_drift", []), element]


SPOILERS = {
    function.__name__: function
    for function in (
        unlisted_section,
        invocation,
        unlisted_part,
        mode,
        actions_of,
        other_resource,
        other_setting,
        other_output,
        incomplete,
        gone,
    )
}


@settings(BOUNDED, max_examples=200)
@given(spoiled())
def test_no_plan_with_anything_destructive_unknown_or_unlisted_is_safe(found: tuple[str, dict[str, Any]]) -> None:
    kind, document = found
    result = reviewed(document)
    assert result.decision >= Severity.APPROVAL, kind
    assert kind in ("other_output", "other_resource") or result.findings, f"{kind} has no finding that names it"
