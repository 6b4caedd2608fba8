"""What happens to each model, from the objects' keys alone."""

from __future__ import annotations

from typing import Any

import pytest

from plan_review.models import ModelAction, model_changes
from plan_review.plan import Action, Change, Plan
from plan_review.values import UNKNOWN, Values

DIGEST = "0123456789abcdef"


def values(version: str | None, name: str = "a", **more: Any) -> Values:
    if version is None:
        return Values(None)
    return Values({"bucket": "b", "key": f"models/{name}/{version}-{DIGEST}.tar.gz", **more})


def change(address: str, before: str | None, after: str | None, name: str = "a") -> Change:
    actions = {(True, True): Action.CREATE_THEN_DELETE, (True, False): Action.DELETE, (False, True): Action.CREATE}
    action = Action.NO_OP if before == after else actions[(before is not None, after is not None)]
    return Change(
        f"aws_s3_object.{address}", "aws_s3_object", address, action, values(before, name), values(after, name)
    )


def happens(*changes: Change) -> list[tuple[ModelAction, str, str | None]]:
    found = model_changes(Plan("dev-models", "dev-models.json", "1.11.4", changes))
    return [(item.action, item.artifact.version, item.previous.version if item.previous else None) for item in found]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([change("a", None, "1")], [(ModelAction.ADDED, "1", None)]),
        ([change("a", "1", "1"), change("b", None, "2")], [(ModelAction.NEW_VERSION, "2", "1")]),
        # The oldest version leaves its address to the new one.
        (
            [change("a", "9", "11"), change("b", "10", "10")],
            [(ModelAction.NEW_VERSION, "11", "10"), (ModelAction.EARLIER_REMOVED, "9", None)],
        ),
        ([change("a", "9", None), change("b", "10", "10")], [(ModelAction.EARLIER_REMOVED, "9", None)]),
        ([change("a", "9", "9"), change("b", "10", None)], [(ModelAction.REMOVED, "10", None)]),
        ([change("a", "1", None)], [(ModelAction.REMOVED, "1", None)]),
        # Without earlier versions the current one goes, and a newer one comes.
        ([change("a", "1", "2")], [(ModelAction.NEW_VERSION, "2", "1"), (ModelAction.EARLIER_REMOVED, "1", None)]),
        # Going back is not a new version: callers of the current one lose it.
        ([change("a", "2", "1")], [(ModelAction.NEW_VERSION, "1", "2"), (ModelAction.REMOVED, "2", None)]),
        # A move to another address is no change of the model.
        ([change("a", "1", None), change("b", None, "1")], []),
        ([change("a", "1", "1")], []),
    ],
)
def test_what_happens_to_a_model(changes: list[Change], expected: list[tuple[ModelAction, str, str | None]]) -> None:
    assert happens(*changes) == expected


def test_models_are_told_apart_by_name() -> None:
    assert happens(change("b", "1", None, name="b"), change("a", None, "2")) == [
        (ModelAction.ADDED, "2", None),
        (ModelAction.REMOVED, "1", None),
    ]


@pytest.mark.parametrize(
    ("more", "size"),
    [
        ({}, None),
        ({"metadata": {"size_bytes": "12"}}, 12),
        ({"metadata": {"Size-Bytes": "12"}}, 12),
        ({"tags": {"size": "7"}}, 7),
        ({"metadata": {"size_bytes": "many"}}, None),
    ],
)
def test_size_and_sha256(more: dict[str, Any], size: int | None) -> None:
    sha256 = DIGEST * 4
    after = values("1", source_hash=sha256, **more)
    added = Change("aws_s3_object.a", "aws_s3_object", "a", Action.CREATE, Values(None), after)
    artifact = model_changes(Plan("dev-models", "", "", (added,)))[0].artifact
    assert (artifact.sha256, artifact.size_bytes) == (sha256, size)


def test_unknown_metadata_is_an_unknown_size() -> None:
    after = Values(values("1").data, {"metadata": True, "source_hash": True})
    added = Change("aws_s3_object.a", "aws_s3_object", "a", Action.CREATE, Values(None), after)
    artifact = model_changes(Plan("dev-models", "", "", (added,)))[0].artifact
    assert (artifact.sha256, artifact.size_bytes) == (DIGEST, UNKNOWN)
