"""Which drift has an effect: the recorded first plans after a deployment, with one thing changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from plan_review.findings import Severity, Verdict
from plan_review.review import Review
from tests.plan_review.conftest import document_of, review_of

Document = dict[str, Any]
BUCKET = "aws_s3_bucket.models_bucket"
ROLE = "aws_iam_role.execution_role"
OPEN = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]})


def drifted(document: Document, address: str) -> Document:
    """Both sides of a drifted resource."""
    found = next(item for item in document["resource_drift"] if item["address"] == address)["change"]
    assert isinstance(found, dict)
    return found


def drift(document: Document, address: str, **after: Any) -> None:
    """Adds drift of a resource that has none: what its attributes are now."""
    element = next(item for item in document["resource_changes"] if item["address"] == address)
    change = element["change"]
    sides = {"actions": ["update"], "before": change["before"], "after": change["before"] | after}
    document.setdefault("resource_drift", []).append(element | {"change": change | sides})
    change["before"] = change["before"] | after
    change["after"] = change["after"] | after


def asked(document: Document) -> tuple[Severity, list[str]]:
    result = review_of(dev_models=document)
    assert result.verdict is Verdict.NO_CHANGE
    found = [f"{item.address}: {item.message}" for item in result.findings if item.rule.id == "drift"]
    return result.decision, found


def models() -> Document:
    return document_of("main/00-base/models.second")


def endpoint() -> Document:
    return document_of("main/00-base/endpoint.second")


def test_what_siblings_wrote_has_no_effect() -> None:
    assert asked(models()) == (Severity.NOTE, [])
    assert asked(endpoint()) == (Severity.NOTE, [])


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("policy", OPEN),
        ("versioning", [{"enabled": False, "mfa_delete": True}]),
        ("lifecycle_rule", [{"id": "all", "enabled": True, "expiration": [{"days": 1}]}]),
        (
            "grant",
            [{"type": "Group", "uri": "http://acs.amazonaws.com/groups/global/AllUsers", "permissions": ["READ"]}],
        ),
        ("website", [{"index_document": "index.html"}]),
        ("replication_configuration", [{"role": "arn:aws:iam::1:role/theirs"}]),
    ],
)
def test_what_nobody_of_the_stack_wrote_to_a_bucket_counts(attribute: str, value: Any) -> None:
    document = models()
    drifted(document, BUCKET)["after"][attribute] = value
    decision, found = asked(document)
    assert decision is Severity.APPROVAL
    assert found[0].startswith(f"{BUCKET}: was changed outside Terraform: {attribute}")


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("grant", [{"type": "CanonicalUser", "id": "0a", "uri": "", "permissions": ["FULL_CONTROL"]}]),
        ("grant", []),
        ("request_payer", "BucketOwner"),
        ("hosted_zone_id", "Z3AQBSTGFYJSTF"),
    ],
)
def test_what_aws_fills_in_is_listed_and_has_no_effect(attribute: str, value: Any) -> None:
    document = models()
    change = drifted(document, BUCKET)
    change["before"][attribute], change["after"][attribute] = None, value
    assert asked(document) == (Severity.NOTE, [])


def test_encryption_that_changes_without_the_stack_counts() -> None:
    document = models()
    change = drifted(document, BUCKET)["after"]
    default = {"sse_algorithm": "aws:kms", "kms_master_key_id": "arn:aws:kms:us-east-1:1:key/theirs"}
    drifted(document, BUCKET)["before"]["server_side_encryption_configuration"] = change[
        "server_side_encryption_configuration"
    ]
    change["server_side_encryption_configuration"] = [
        {"rule": [{"apply_server_side_encryption_by_default": [default]}]}
    ]
    assert asked(document)[0] is Severity.APPROVAL


def test_an_inline_policy_that_no_resource_of_the_stack_has_counts() -> None:
    document = endpoint()
    policies = drifted(document, ROLE)["after"]["inline_policy"]
    policies.append({"name": "backdoor", "policy": OPEN})
    decision, found = asked(document)
    assert decision is Severity.APPROVAL
    assert "backdoor" in found[0]


def test_an_inline_policy_under_a_sibling_s_name_with_other_rights_counts() -> None:
    document = endpoint()
    drifted(document, ROLE)["after"]["inline_policy"][0]["policy"] = OPEN
    assert asked(document)[0] is Severity.APPROVAL


def test_the_layout_of_a_policy_is_no_difference() -> None:
    document = endpoint()
    noted = drifted(document, ROLE)["after"]["inline_policy"][0]
    policy = json.loads(noted["policy"])
    for statement in policy["Statement"]:
        if isinstance(statement["Action"], list) and len(statement["Action"]) == 1:
            statement["Action"] = statement["Action"][0]
    noted["policy"] = json.dumps(policy, indent=2, sort_keys=True)
    assert asked(document) == (Severity.NOTE, [])


@pytest.mark.parametrize(
    ("written", "noted", "counts"),
    [
        ({"Bool": {"aws:SecureTransport": False}}, {"Bool": {"aws:SecureTransport": ["false"]}}, False),
        ({"NumericLessThan": {"s3:TlsVersion": 1.2}}, {"NumericLessThan": {"s3:TlsVersion": "1.2"}}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"Bool": {"aws:SecureTransport": "true"}}, True),
    ],
)
def test_a_bucket_s_policy_is_compared_as_aws_does(written: Document, noted: Document, counts: bool) -> None:
    def policy(condition: Document) -> str:
        statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": condition}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    document = models()
    writer = next(item for item in document["resource_changes"] if item["type"] == "aws_s3_bucket_policy")["change"]
    writer["before"]["policy"] = writer["after"]["policy"] = policy(written)
    drifted(document, BUCKET)["after"]["policy"] = policy(noted)
    assert asked(document)[0] is (Severity.APPROVAL if counts else Severity.NOTE)


def test_a_managed_policy_that_somebody_attached_counts() -> None:
    document = endpoint()
    drifted(document, ROLE)["after"]["managed_policy_arns"] = ["arn:aws:iam::aws:policy/AdministratorAccess"]
    assert asked(document)[0] is Severity.APPROVAL


def test_what_the_configuration_sets_counts_even_when_the_plan_leaves_it() -> None:
    document = endpoint()
    drift(document, "aws_cloudwatch_metric_alarm.invocation_5xx_errors", threshold=99)
    decision, found = asked(document)
    assert decision is Severity.APPROVAL
    assert "threshold: 5 -> 99" in found[0]


def test_what_the_configuration_sets_inside_a_block_counts() -> None:
    document = endpoint()
    model = next(item for item in document["resource_changes"] if item["type"] == "aws_sagemaker_model")
    address, container = model["address"], model["change"]["before"]["primary_container"][0]
    document["resource_drift"] = [item for item in document["resource_drift"] if item["address"] != address]
    drift(document, address, primary_container=[container | {"container_hostname": "x"}])
    assert asked(document) == (Severity.NOTE, [])
    document["resource_drift"].pop()
    drift(document, address, primary_container=[container | {"image": "theirs"}])
    assert asked(document)[0] is Severity.APPROVAL


def test_an_artifact_that_somebody_overwrote_counts() -> None:
    """Nothing of the configuration says so, and the plan leaves it: its source_hash is still the same."""
    document = models()
    drift(document, "aws_s3_object.digits_mlp", etag="0" * 32, version_id="other")
    decision, found = asked(document)
    assert decision is Severity.APPROVAL
    assert "etag" in found[0]


def test_a_checksum_that_a_newer_provider_notes_has_no_effect() -> None:
    document = models()
    drift(document, "aws_s3_object.digits_mlp", checksum_of_tomorrow="x")
    assert asked(document) == (Severity.NOTE, [])


def test_tags_that_only_move_between_own_and_default_are_no_drift() -> None:
    document = models()
    element = next(item for item in document["resource_changes"] if item["address"] == BUCKET)
    document["resource_drift"] = []
    drift(document, BUCKET, tags=element["change"]["before"]["tags_all"])
    result = review_of(dev_models=document)
    assert (result.decision, result.findings) == (Severity.NOTE, ())
    document["resource_drift"] = []
    drift(document, BUCKET, tags={"Owner": "me"}, tags_all={"Owner": "me"})
    assert [item.severity for item in review_of(dev_models=document).findings] == [Severity.NOTE]


def test_drift_of_what_the_configuration_no_longer_has_counts() -> None:
    document = models()
    root = document["configuration"]["root_module"]
    root["resources"] = [item for item in root["resources"] if item["address"] != BUCKET]
    drifted(document, BUCKET)["after"]["request_payer"] = "Requester"
    assert asked(document)[0] is Severity.APPROVAL


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        ("alarm-gone", "was deleted outside Terraform; the apply creates it again"),
        ("alarm-gone-refresh-only", "was deleted outside Terraform, and nothing in this plan creates it again"),
        ("alarm-drifted-refresh-only", "was changed outside Terraform: threshold: 5 -> 7"),
    ],
)
def test_what_is_gone_and_what_a_refresh_only_plan_finds(
    scenario: str, message: str, reviewed: Callable[..., Review]
) -> None:
    (finding,) = reviewed(scenario).findings
    assert (finding.rule.id, finding.severity, finding.message) == ("drift", Severity.APPROVAL, message)
