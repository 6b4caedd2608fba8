"""A tainted endpoint: whether it has ever answered, by what a plan of real Terraform holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from plan_review.findings import Severity, Verdict
from plan_review.review import Review
from plan_review.serving import Service, service_of
from plan_review.stack import Stack
from tests.plan_review.conftest import document_of, read_document, review_of

ENDPOINT = "aws_sagemaker_endpoint.endpoint"


@pytest.mark.parametrize(
    ("scenario", "severity", "message"),
    [
        ("endpoint-tainted", Severity.APPROVAL, "it may have served: aws_appautoscaling_target.scaling_target exists"),
        (
            "endpoint-tainted-first",
            Severity.APPROVAL,
            "it never served: aws_appautoscaling_target.scaling_target was never created",
        ),
        (
            "endpoint-tainted-verified",
            Severity.BLOCKED,
            "it serves: terraform_data.verification has checked it after its creation",
        ),
        ("first-creation-failed", Severity.APPROVAL, "it may have served"),
    ],
)
def test_a_tainted_endpoint_is_judged_by_what_it_is(
    scenario: str, severity: Severity, message: str, reviewed: Callable[..., Review]
) -> None:
    (finding,) = (item for item in reviewed(scenario).findings if item.rule.id == "endpoint-replaced")
    assert (finding.severity, finding.address) == (severity, ENDPOINT)
    assert message in finding.message


def test_the_check_of_an_earlier_endpoint_that_is_tainted_too_proves_nothing() -> None:
    document = document_of("endpoint-tainted-verified")
    check = next(item for item in document["resource_changes"] if item["address"] == "terraform_data.verification")
    check["action_reason"] = "replace_because_tainted"
    assert review_of(dev_endpoint=document).decision is Severity.APPROVAL


def test_without_anything_that_follows_the_endpoint_nothing_is_known() -> None:
    document = document_of("endpoint-tainted-first")
    root = document["configuration"]["root_module"]
    root["resources"] = [item for item in root["resources"] if not item.get("depends_on")]
    result = review_of(dev_endpoint=document)
    (finding,) = (item for item in result.findings if item.rule.id == "endpoint-replaced")
    assert "it may have served: the plan holds nothing that is created after the endpoint" in finding.message


def test_an_endpoint_that_is_replaced_for_another_reason_serves() -> None:
    plan = read_document(document_of("endpoint-renamed"), "dev-endpoint")
    (endpoint,) = plan.of_type("aws_sagemaker_endpoint")
    assert service_of(Stack(plan), endpoint).service is Service.SERVING


def test_a_tainted_endpoint_s_rollback_alarms_may_change() -> None:
    document = document_of("endpoint-tainted-first")
    endpoint = next(item for item in document["resource_changes"] if item["address"] == ENDPOINT)
    endpoint["change"]["after"]["deployment_config"][0]["auto_rollback_configuration"] = []
    result = review_of(dev_endpoint=document)
    assert (result.verdict, result.decision) == (Verdict.OTHER, Severity.APPROVAL)
