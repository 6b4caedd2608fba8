"""Outages by lifecycle rules of buckets and repositories: kinds of them beyond the saved plans."""

from __future__ import annotations

from typing import Any

import pytest

from plan_review.findings import Severity
from tests.plan_review.conftest import document_of, review_of
from tests.plan_review.edits import (
    APPROVAL,
    BLOCKED,
    Edit,
    Kind,
    added,
    assert_kind,
    element,
    images,
    tagged,
    updated,
)


def lifecycle(**rule: Any) -> Edit:
    block = {"id": "r", "status": "Enabled", "filter": [{"prefix": ""}]} | rule
    return updated("aws_s3_bucket_lifecycle_configuration", rule=[block])


KINDS: dict[str, Kind] = {
    "objects expire on a date": (
        "models-no-change",
        lifecycle(expiration=[{"date": "2030-01-01T00:00:00Z"}]),
        "artifacts-expire",
        BLOCKED,
    ),
    "other objects expire": (
        "models-no-change",
        lifecycle(filter=[{"prefix": "tmp/"}], expiration=[{"days": 1}]),
        "artifacts-expire",
        APPROVAL,
    ),
    "tagged objects expire": (
        "models-no-change",
        lifecycle(filter=[{"tag": [{"key": "a", "value": "b"}]}], expiration=[{"days": 1}]),
        "artifacts-expire",
        APPROVAL,
    ),
    "a rule that is off": (
        "models-no-change",
        lifecycle(status="Disabled", expiration=[{"days": 1}]),
        "artifacts-expire",
        None,
    ),
    "objects go to an archive": (
        "models-no-change",
        lifecycle(transition=[{"days": 90, "storage_class": "GLACIER"}]),
        "artifacts-archived",
        BLOCKED,
    ),
    "objects go to an archive that answers": (
        "models-no-change",
        lifecycle(transition=[{"days": 90, "storage_class": "GLACIER_IR"}]),
        "artifacts-archived",
        None,
    ),
    "old versions go to an archive": (
        "models-no-change",
        lifecycle(noncurrent_version_transition=[{"noncurrent_days": 30, "storage_class": "DEEP_ARCHIVE"}]),
        "artifacts-archived",
        None,
    ),
    "tiering with an archive": (
        "models-no-change",
        added(
            "aws_s3_bucket_intelligent_tiering_configuration",
            bucket="review-models",
            status="Enabled",
            tiering=[{"access_tier": "DEEP_ARCHIVE_ACCESS", "days": 180}],
        ),
        "artifacts-archived",
        BLOCKED,
    ),
    "images by a prefix that the image has": (
        "images-keep-ten",
        images(tagged(tagPrefixList=["1"])),
        "images-expire",
        BLOCKED,
    ),
    "images by a pattern": ("images-keep-ten", images(tagged(tagPatternList=["*"])), "images-expire", BLOCKED),
    "images that were not pulled": (
        "images-keep-ten",
        images({"tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 90}),
        "images-expire",
        BLOCKED,
    ),
    "images go to an archive": (
        "images-keep-ten",
        images(
            {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 90},
            action="transition",
        ),
        "images-expire",
        BLOCKED,
    ),
    "more images": (
        "images-keep-ten",
        images({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 50}),
        "images-expire",
        None,
    ),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_of_outage(kind: str) -> None:
    assert_kind(KINDS[kind])


@pytest.mark.parametrize(
    ("days", "kept", "severity"), [(1, None, BLOCKED), (29, None, BLOCKED), (30, None, APPROVAL), (1, 10, APPROVAL)]
)
def test_versions_of_the_state_are_its_backup(days: int, kept: int | None, severity: Severity) -> None:
    document = document_of("models-no-change")
    document["resource_changes"] = [item for item in document["resource_changes"] if item["type"] != "aws_s3_object"]
    change = element(document, "aws_s3_bucket_lifecycle_configuration")
    change["before"]["rule"] = []
    lifecycle(noncurrent_version_expiration=[{"noncurrent_days": days, "newer_noncurrent_versions": kept}])(document)
    (found,) = [item for item in review_of(dev_state=document).findings if item.rule.id == "versions-expire"]
    assert found.severity is severity
    assert "old versions of the state" in found.message
    assert "(was: never)" in found.message


def test_old_versions_of_the_state_in_an_archive_ask_for_approval() -> None:
    document = document_of("models-no-change")
    lifecycle(noncurrent_version_transition=[{"noncurrent_days": 30, "storage_class": "GLACIER"}])(document)
    (found,) = [item for item in review_of(dev_state=document).findings if item.rule.id == "versions-expire"]
    assert found.severity is APPROVAL
    assert "old versions of the state move to GLACIER after 30 days" in found.message
    assert [item for item in review_of(dev_models=document).findings if item.rule.id == "versions-expire"] == []


def test_another_stack_of_the_environment_names_the_image() -> None:
    document = document_of("images-keep-ten")
    images(tagged(tagPrefixList=["pr-"]))(document)
    alone = [item.rule.id for item in review_of(dev_image=document).findings]
    beside = review_of(dev_image=document, dev_endpoint=document_of("endpoint-no-change"))
    assert "images-expire" in alone
    assert "images-expire" not in [item.rule.id for item in beside.findings]


def test_a_rule_does_not_reach_what_an_earlier_one_is_for() -> None:
    """ECR: an image that one rule is for cannot be expired by a rule after it."""
    newest = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
    for first, reached in ((tagged(30, tagPrefixList=["1"]), False), (tagged(30, tagPrefixList=["x"]), True)):
        document = document_of("images-keep-ten")
        images(first, newest)(document)
        found = review_of(dev_image=document, dev_endpoint=document_of("endpoint-no-change")).findings
        assert ("expires images: all but 1" in [item.message for item in found]) is reached
