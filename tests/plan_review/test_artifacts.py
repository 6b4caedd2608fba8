"""Objects of models: which changes of them are safe. Plans of real Terraform with one thing changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plan_review.findings import Severity, Verdict
from tests.plan_review.conftest import asked, block, document_of, element, stack_of

Document = dict[str, Any]
ADDED = "aws_s3_object.squeezenet_v3"
KEPT = "aws_s3_object.resnet_v1"
DIGEST = "649af340ff89f574"

# What is done to the plan that adds a model: (edit, rule, address)
EDITS: dict[str, tuple[Callable[[Document], object], str, str]] = {
    "the object's provider": (
        lambda d: element(d, ADDED).update(provider_name="registry.terraform.io/evil/aws"),
        "artifact-unproven",
        ADDED,
    ),
    "the provider's alias": (
        lambda d: block(d, ADDED).update(provider_config_key="aws.other"),
        "artifact-unproven",
        ADDED,
    ),
    "provisioners": (
        lambda d: block(d, ADDED).update(provisioners=[{"type": "local-exec"}]),
        "artifact-unproven",
        ADDED,
    ),
    "a key that another has": (
        lambda d: element(d, ADDED)["change"]["after"].update(
            {name: element(d, KEPT)["change"]["after"][name] for name in ("key", "source_hash", "metadata")}
        ),
        "artifact-unproven",
        ADDED,
    ),
    "the prefix": (
        lambda d: element(d, ADDED)["change"]["after"].update(key=f"backup/models/squeezenet/3-{DIGEST}.tar.gz"),
        "artifact-elsewhere",
        ADDED,
    ),
    "no hash in the key": (
        lambda d: element(d, ADDED)["change"]["after"].update(key="models/squeezenet/latest.tar.gz"),
        "unhashed-name",
        ADDED,
    ),
    "a hash in the metadata": (
        lambda d: element(d, ADDED)["change"]["after"]["metadata"].update(sha256="f" * 64),
        "artifact-unproven",
        ADDED,
    ),
    "content in the configuration": (
        lambda d: element(d, ADDED)["change"]["after"].update(content="hello"),
        "artifact-unproven",
        ADDED,
    ),
    "a key of KMS": (
        lambda d: element(d, ADDED)["change"]["after"].update(kms_key_id="arn:aws:kms:us-east-1:1:key/other"),
        "artifact-encryption",
        ADDED,
    ),
    "a redirect": (
        lambda d: element(d, ADDED)["change"]["after"].update(website_redirect="https://example.com"),
        "artifact-access",
        ADDED,
    ),
    "a class that is read at once": (
        lambda d: element(d, ADDED)["change"]["after"].update(storage_class="STANDARD_IA"),
        "artifact-storage-class",
        ADDED,
    ),
    "an argument of tomorrow": (
        lambda d: element(d, ADDED)["change"]["after"].update(replicate_to="elsewhere"),
        "artifact-unproven",
        ADDED,
    ),
}


@pytest.mark.parametrize("edit", sorted(EDITS))
def test_one_thing_more_asks_for_approval_and_is_named(edit: str) -> None:
    document = document_of("model-added")
    change, rule, address = EDITS[edit]
    change(document)
    verdict, decision, rules = asked(document)
    assert (verdict, decision) == (Verdict.OTHER, Severity.APPROVAL)
    assert rules == {rule: address}


# In place, by attribute: (before, after, rule or None when it is safe, decision)
IN_PLACE: dict[str, tuple[Any, Any, str | None, Severity]] = {
    "tags": ({}, {"Owner": "vision"}, None, Severity.NOTE),
    "acl": ("", None, None, Severity.NOTE),
    "version_id": ("1", "2", "artifact-unproven", Severity.APPROVAL),
    "storage_class": ("STANDARD", "GLACIER", "artifact-storage-class", Severity.BLOCKED),
    "kms_key_id": (None, "arn:aws:kms:us-east-1:1:key/other", "artifact-encryption", Severity.APPROVAL),
    "object_lock_mode": (None, "COMPLIANCE", "artifact-lock", Severity.APPROVAL),
    "website_redirect": (None, "https://example.com", "artifact-access", Severity.APPROVAL),
    "cache_control": (None, "no-store", "artifact-unproven", Severity.APPROVAL),
    "source": ("a.tar.gz", "b.tar.gz", "artifact-unproven", Severity.APPROVAL),
}


@pytest.mark.parametrize("attribute", sorted(IN_PLACE))
def test_in_place_only_tags_and_metadata_are_safe(attribute: str) -> None:
    before, after, rule, decision = IN_PLACE[attribute]
    document = document_of("artifact-tagged")
    change = element(document, KEPT)["change"]
    change["after"] = change["before"] | {attribute: after}
    change["before"] = change["before"] | {attribute: before}
    _, found, rules = asked(document)
    assert found is decision
    assert (rule in rules) or rule is None
    assert rule is not None or rules == {}


def test_a_key_of_kms_that_goes_is_weaker_encryption() -> None:
    document = document_of("artifact-tagged")
    element(document, KEPT)["change"]["after"].update(server_side_encryption="AES256", kms_key_id=None)
    assert asked(document)[1] is Severity.BLOCKED
    assert "encryption-weakened" in asked(document)[2]


def test_metadata_may_change_but_not_the_hash_in_it() -> None:
    document = document_of("artifact-tagged")
    after = element(document, KEPT)["change"]["after"]
    after["metadata"] = after["metadata"] | {"team": "vision"}
    assert asked(document) == (Verdict.MODELS_ONLY, Severity.NOTE, {})
    after["source_hash"] = "0" * 64
    assert asked(document) == (Verdict.OUTAGE, Severity.BLOCKED, {"artifact-overwritten": KEPT})


def test_an_unknown_bucket_is_ours_when_the_reference_leads_there() -> None:
    document = document_of("model-added")
    change = element(document, ADDED)["change"]
    del change["after"]["bucket"]
    change["after_unknown"]["bucket"] = True
    assert asked(document) == (Verdict.MODELS_ONLY, Severity.NOTE, {})
    block(document, ADDED)["expressions"]["bucket"] = {"references": ["data.aws_s3_bucket.theirs.id"]}
    assert asked(document) == (Verdict.OTHER, Severity.APPROVAL, {"artifact-elsewhere": ADDED})


def test_a_key_that_ends_in_its_hash_is_enough() -> None:
    document = document_of("model-added")
    element(document, ADDED)["change"]["after"]["key"] = f"models/squeezenet-{DIGEST}.tar.gz"
    assert asked(document) == (Verdict.MODELS_ONLY, Severity.NOTE, {})


def test_forgetting_first_is_known() -> None:
    """OpenTofu's ["forget", "create"]: the object of before stays, under its own key."""
    document = document_of("model-new-version-at-its-address")
    (replaced,) = (item for item in document["resource_changes"] if item["change"]["actions"] != ["no-op"])
    replaced["change"]["actions"] = ["forget", "create"]
    replaced["action_reason"] = "forgot_because_lifecycle_destroy_in_config"
    verdict, decision, rules = asked(document)
    assert (verdict, decision) == (Verdict.MODELS_ONLY, Severity.APPROVAL)
    assert rules == {"resource-forgotten": replaced["address"]}
    assert [item.action.value for item in stack_of(document).models] == ["new version"]
