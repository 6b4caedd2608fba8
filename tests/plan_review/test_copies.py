"""Artifacts that S3 copies from where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plan_review.findings import Severity, Verdict
from plan_review.models import ModelAction, is_artifact, model_changes
from plan_review.plan import Action, Change, Plan
from plan_review.review import Review
from plan_review.rules import RULES_BY_ID
from plan_review.stack import Stack
from plan_review.values import UNKNOWN, Values


def test_a_copy_brings_a_version(reviewed: Callable[..., Review]) -> None:
    (stack,) = reviewed(("copy-added", "dev-models")).stacks
    assert (stack.verdict, stack.decision, stack.findings) == (Verdict.MODELS_ONLY, Severity.NOTE, ())
    (change,) = stack.models
    assert (change.action, change.artifact.version, change.previous.version) == (ModelAction.NEW_VERSION, "2", "1")
    assert (change.artifact.size_bytes, len(change.artifact.sha256)) == (1664, 64)


@pytest.mark.parametrize(
    ("scenario", "rule", "message"),
    [
        ("copy-overwritten", "artifact-overwritten", "is replaced under the same key"),
        # The same content from another place: the provider replaces the copy for it, and its end deletes the new one.
        ("copy-from-elsewhere", "artifact-overwritten", "is replaced under the same key"),
        ("copy-replaced-by-upload", "shared-key-destroyed", "which aws_s3_object.squeezenet_v1 needs"),
    ],
)
def test_a_version_stays_the_copy_it_is(
    scenario: str, rule: str, message: str, reviewed: Callable[..., Review]
) -> None:
    (stack,) = reviewed((scenario, "dev-models")).stacks
    (finding,) = stack.findings
    assert (finding.rule.id, finding.address) == (rule, "aws_s3_object_copy.squeezenet_v1")
    assert message in finding.message
    assert (stack.verdict, stack.decision) == (Verdict.OUTAGE, Severity.BLOCKED)


SHA256 = "0123456789abcdef" * 4


def copied(version: str, sha256: str = SHA256, **more: Any) -> dict[str, Any]:
    return {
        "bucket": "b",
        "key": f"models/a/{version}-{SHA256[:16]}.tar.gz",
        "source": "team/a.tar.gz",
        "metadata": {"sha256": sha256, "size_bytes": "12"},
        **more,
    }


def copy_change(
    action: Action, before: dict[str, Any] | None, after: dict[str, Any] | None, unknown: Any = None
) -> Change:
    return Change("aws_s3_object_copy.a", "aws_s3_object_copy", "a", action, Values(before), Values(after, unknown))


def plan_of(*changes: Change) -> Plan:
    return Plan("dev-models", "", "", changes)


def test_a_copy_is_a_model_s_version() -> None:
    uploaded = Change("aws_s3_object.a", "aws_s3_object", "a", Action.NO_OP, Values(copied("1")), Values(copied("1")))
    added = copy_change(Action.CREATE, None, copied("2"))
    assert is_artifact(added)
    (change,) = model_changes(plan_of(uploaded, added))
    assert (change.action, change.artifact.version, change.artifact.sha256) == (ModelAction.NEW_VERSION, "2", SHA256)
    assert change.artifact.size_bytes == 12
    (change,) = model_changes(plan_of(copy_change(Action.DELETE, copied("2"), None)))
    assert change.action is ModelAction.REMOVED


@pytest.mark.parametrize(
    ("after", "overwritten"),
    [
        # The provider copies again for any argument; what S3 may copy is the same content.
        (copied("1", tags={"a": "b"}), False),
        (copied("1", sha256="f" * 64), True),
    ],
)
def test_a_copy_under_the_same_key_must_have_the_same_content(after: dict[str, Any], overwritten: bool) -> None:
    change = copy_change(Action.UPDATE, copied("1", etag="x"), after, {"etag": True})
    assert change.after.at("etag") is UNKNOWN
    hits = list(RULES_BY_ID["artifact-overwritten"].check(Stack(plan_of(change))))
    assert [hit.address for hit in hits] == (["aws_s3_object_copy.a"] if overwritten else [])
