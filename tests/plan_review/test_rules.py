"""Each rule against a plan that it must find and a neighbouring one that it must not, made by Terraform if it can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import plan_review.rules
from plan_review import catalogue
from plan_review.findings import Severity, Verdict
from plan_review.policy import read_policy
from plan_review.review import Review
from plan_review.rules import RULES, RULES_BY_ID
from plan_review.verdicts import KINDS
from tests.plan_review import outage_cases
from tests.plan_review.conftest import PLANS
from tests.plan_review.plans.outages import OUTAGES
from tests.plan_review.plans.scenarios import SCENARIOS as OTHERS

SCENARIOS = (*OTHERS, *OUTAGES)

# rule: (scenario without it, scenario with it, the address found, part of the message)
CASES = {
    "endpoint-replaced": (
        "endpoint-new-image",
        "endpoint-renamed",
        "aws_sagemaker_endpoint.endpoint",
        "forced by name",
    ),
    "rollback-alarms-block": (
        "endpoint-other-rollback-alarm",
        "endpoint-without-rollback-alarms",
        "aws_sagemaker_endpoint.endpoint",
        "block is removed",
    ),
    "configuration-in-use": (
        "endpoint-new-image",
        "endpoint-configuration-same-name",
        "aws_sagemaker_endpoint_configuration.endpoint_configuration",
        "while aws_sagemaker_endpoint.endpoint uses it",
    ),
    "destroyed-before-created": (
        "endpoint-new-image",
        "endpoint-destroyed-first",
        "aws_sagemaker_model.model",
        "before its successor exists",
    ),
    "data-store-replaced": (
        "bucket-tagged",
        "bucket-renamed",
        "aws_s3_bucket.models_bucket",
        "bucket review-models is replaced",
    ),
    "live-model-removed": (
        "model-earlier-version-removed",
        "model-current-version-removed",
        "aws_s3_object.squeezenet_v2",
        "current version 2 is removed",
    ),
    "artifact-overwritten": (
        "model-new-version",
        "artifact-overwritten",
        "aws_s3_object.resnet_v1",
        "is overwritten in place",
    ),
    "shared-key-destroyed": (
        "artifact-moved",
        "artifact-renamed",
        "aws_s3_object.resnet_v1",
        "which aws_s3_object.resnet_18_v1 needs",
    ),
    "artifacts-expire": (
        "old-versions-expire-later",
        "artifacts-expire",
        "aws_s3_bucket_lifecycle_configuration.models_bucket",
        "after 30 days",
    ),
    "versioning-off": (
        "bucket-tagged",
        "versioning-suspended",
        "aws_s3_bucket_versioning.models_bucket",
        "Enabled -> Suspended",
    ),
    "key-deletion": ("key-described", "key-removed", "aws_kms_key.key", "window in days: 30"),
    "renamed-address": (
        "alarm-moved",
        "alarm-renamed",
        "aws_cloudwatch_metric_alarm.latency",
        "aws_cloudwatch_metric_alarm.slow is created",
    ),
    "instance-type-under-scaling": (
        "endpoint-instance-type",
        "endpoint-instance-type-while-scaled",
        "aws_sagemaker_endpoint.endpoint",
        "ml.m5.large -> ml.m5.xlarge",
    ),
    "public-access": (
        "bucket-tls-only",
        "bucket-opened",
        "aws_s3_bucket_policy.models_bucket",
        "allows everyone: s3:GetObject",
    ),
    "encryption-weakened": (
        "key-described",
        "encryption-without-key",
        "aws_s3_bucket_server_side_encryption_configuration.models_bucket",
        "sse_algorithm: aws:kms -> AES256",
    ),
    "iam-wildcard": ("rights-widened", "rights-wildcard", "aws_iam_role_policy.execution_rights", "s3:* on *"),
    "iam-trust": ("role-described", "trust-everyone", "aws_iam_role.execution_role", "everyone may assume the role"),
    "iam-permissions": (
        "rights-narrowed",
        "rights-widened",
        "aws_iam_role_policy.execution_rights",
        "s3:PutObject on arn:aws:s3:::review-models/*",
    ),
    "capacity-reset": (
        "endpoint-other-rollback-alarm",
        "endpoint-new-image",
        "aws_sagemaker_endpoint.endpoint",
        "(1 to 4 instances) the update starts again at 1",
    ),
    "unhashed-name": (
        "endpoint-more-instances",
        "endpoint-static-configuration-name",
        "aws_sagemaker_endpoint_configuration.endpoint_configuration",
        "review-configuration holds no content hash",
    ),
    "unknown-value": (
        "endpoint-more-instances",
        "endpoint-count-unknown",
        "aws_sagemaker_endpoint_configuration.endpoint_configuration",
        "instances is unknown",
    ),
    "drift": ("endpoint-no-change", "alarm-drifted", "aws_cloudwatch_metric_alarm.errors", "threshold: 5 -> 7"),
    "provider-version": (
        "access-no-change",
        "provider-upgraded",
        "provider registry.terraform.io/hashicorp/aws",
        "from 6.25.0, which the policy approves, to 6.30.0",
    ),
    "force-destroy": ("bucket-tagged", "bucket-force-destroy", "aws_s3_bucket.models_bucket", "false -> true"),
    "resource-destroyed": ("alarm-moved", "alarm-removed", "aws_cloudwatch_metric_alarm.latency", "is destroyed"),
    "resource-forgotten": (
        "access-no-change",
        "role-policy-forgotten",
        "aws_iam_role_policy.execution_rights",
        "no longer managed",
    ),
    "incomplete-plan": ("role-described", "access-targeted", "plan", "-target"),
    "artifact-storage-class": (
        "artifact-tagged",
        "artifact-archived",
        "aws_s3_object.resnet_v1",
        "storage_class: STANDARD -> DEEP_ARCHIVE: no endpoint can load it",
    ),
    "artifact-elsewhere": (
        "model-added",
        "artifact-elsewhere",
        "aws_s3_object.squeezenet_v3",
        "goes to bucket review-team",
    ),
    "artifact-encryption": (
        "model-added",
        "artifact-without-key",
        "aws_s3_object.squeezenet_v3",
        "server_side_encryption is AES256",
    ),
    "artifact-access": (
        "model-added",
        "artifact-with-acl",
        "aws_s3_object.squeezenet_v3",
        "acl is bucket-owner-read",
    ),
    "artifact-lock": ("model-added", "artifact-locked", "aws_s3_object.squeezenet_v3", "object_lock_"),
    "artifact-unproven": (
        "model-added",
        "artifact-with-provisioner",
        "aws_s3_object.squeezenet_v3",
        "the apply runs commands for it",
    ),
    "name-still-taken": (
        "endpoint-new-image",
        "configuration-name-taken",
        "aws_sagemaker_endpoint_configuration.endpoint_configuration",
        "the object 0a1b2c3d, left over of a failed apply, still has that name",
    ),
    "action-invoked": (
        "models-no-change",
        "action-invoked",
        "action.aws_lambda_invoke.purge",
        "this action runs, set off by the command line (-invoke)",
    ),
    "unlisted-part": ("models-no-change", "unknown-section", "section side_effects", "is not known to the review"),
    "unknown-action": ("models-no-change", "unknown-action", "aws_s3_object.resnet_v1", "the actions create, rename"),
    "drift-without-effect": (
        "main/03-model3/models.second",
        "main/00-base/models.second",
        "aws_s3_bucket.models_bucket",
        "policy (written by aws_s3_bucket_policy.models_bucket_tls_only)",
    ),
} | outage_cases.CASES

VERDICTS = {
    "models-no-change": (Verdict.NO_CHANGE, Severity.NOTE),
    "access-no-change": (Verdict.NO_CHANGE, Severity.NOTE),
    "endpoint-no-change": (Verdict.NO_CHANGE, Severity.NOTE),
    "model-added": (Verdict.MODELS_ONLY, Severity.NOTE),
    "model-new-version": (Verdict.MODELS_ONLY, Severity.NOTE),
    "model-new-version-at-its-address": (Verdict.MODELS_ONLY, Severity.NOTE),
    "model-earlier-version-removed": (Verdict.MODELS_ONLY, Severity.NOTE),
    "models-created": (Verdict.OTHER, Severity.APPROVAL),
    "endpoint-created": (Verdict.OTHER, Severity.APPROVAL),
    "bucket-tagged": (Verdict.OTHER, Severity.APPROVAL),
    "rights-widened": (Verdict.OTHER, Severity.APPROVAL),
    "rights-wildcard": (Verdict.OTHER, Severity.BLOCKED),
    "trust-everyone": (Verdict.OTHER, Severity.BLOCKED),
    "bucket-opened": (Verdict.OTHER, Severity.BLOCKED),
    "encryption-without-key": (Verdict.OTHER, Severity.BLOCKED),
    "alarm-renamed": (Verdict.OTHER, Severity.BLOCKED),
    "provider-upgraded": (Verdict.NO_CHANGE, Severity.APPROVAL),
    "endpoint-new-image": (Verdict.IN_PLACE, Severity.APPROVAL),
    "endpoint-more-instances": (Verdict.IN_PLACE, Severity.APPROVAL),
    "endpoint-instance-type": (Verdict.IN_PLACE, Severity.APPROVAL),
    "endpoint-instance-type-while-scaled": (Verdict.IN_PLACE, Severity.BLOCKED),
    "endpoint-other-rollback-alarm": (Verdict.IN_PLACE, Severity.APPROVAL),
    "endpoint-count-unknown": (Verdict.IN_PLACE, Severity.APPROVAL),
    "scaling-range": (Verdict.IN_PLACE, Severity.APPROVAL),
    "endpoint-renamed": (Verdict.OUTAGE, Severity.BLOCKED),
    "endpoint-without-rollback-alarms": (Verdict.OUTAGE, Severity.BLOCKED),
    "endpoint-configuration-same-name": (Verdict.OUTAGE, Severity.BLOCKED),
    "endpoint-destroyed-first": (Verdict.OUTAGE, Severity.BLOCKED),
    "bucket-renamed": (Verdict.OUTAGE, Severity.BLOCKED),
    "model-current-version-removed": (Verdict.OUTAGE, Severity.BLOCKED),
    "artifact-overwritten": (Verdict.OUTAGE, Severity.BLOCKED),
    "artifact-renamed": (Verdict.OUTAGE, Severity.BLOCKED),
    "artifact-destroyed-first": (Verdict.OUTAGE, Severity.BLOCKED),
    "artifacts-expire": (Verdict.OUTAGE, Severity.BLOCKED),
    "versioning-suspended": (Verdict.OUTAGE, Severity.BLOCKED),
    "key-removed": (Verdict.OUTAGE, Severity.BLOCKED),
    "artifact-tagged": (Verdict.MODELS_ONLY, Severity.NOTE),
    "artifact-archived": (Verdict.OUTAGE, Severity.BLOCKED),
    "artifact-other-type": (Verdict.OTHER, Severity.APPROVAL),
    "artifact-without-key": (Verdict.OTHER, Severity.APPROVAL),
    "artifact-with-acl": (Verdict.OTHER, Severity.APPROVAL),
    "artifact-locked": (Verdict.OTHER, Severity.APPROVAL),
    "artifact-elsewhere": (Verdict.OTHER, Severity.APPROVAL),
    "artifact-with-provisioner": (Verdict.OTHER, Severity.APPROVAL),
    "artifact-of-another-hash": (Verdict.OTHER, Severity.APPROVAL),
    "artifact-static-key": (Verdict.OTHER, Severity.APPROVAL),
    "static-model-added": (Verdict.OTHER, Severity.APPROVAL),
    "static-model-removed": (Verdict.OUTAGE, Severity.BLOCKED),
    "static-model-overwritten": (Verdict.OUTAGE, Severity.BLOCKED),
    "alarm-drifted": (Verdict.OTHER, Severity.APPROVAL),
    "alarm-drifted-refresh-only": (Verdict.NO_CHANGE, Severity.APPROVAL),
    "alarm-gone": (Verdict.OTHER, Severity.APPROVAL),
    "alarm-gone-refresh-only": (Verdict.NO_CHANGE, Severity.APPROVAL),
    "endpoint-tainted": (Verdict.OTHER, Severity.APPROVAL),
    "endpoint-tainted-first": (Verdict.OTHER, Severity.APPROVAL),
    "endpoint-tainted-verified": (Verdict.OUTAGE, Severity.BLOCKED),
    # Plans that are edited by hand (`cases/`).
    "action-invoked": (Verdict.OTHER, Severity.APPROVAL),
    "live-artifact-to-deep-archive": (Verdict.OUTAGE, Severity.BLOCKED),
    "first-creation-failed": (Verdict.OTHER, Severity.APPROVAL),
    "unknown-action": (Verdict.OTHER, Severity.BLOCKED),
    "unknown-section": (Verdict.OTHER, Severity.APPROVAL),
} | outage_cases.VERDICTS


def found(result: Review, rule: str) -> dict[str, str]:
    return {item.address: item.message for item in result.findings if item.rule.id == rule}


def test_every_rule_has_a_good_and_a_bad_plan() -> None:
    assert set(CASES) == {rule.id for rule in RULES}


def test_every_scenario_has_its_saved_plan() -> None:
    assert {path.stem for path in PLANS.glob("*.json")} == {scenario.name for scenario in SCENARIOS}


@pytest.mark.parametrize("rule", sorted(CASES))
def test_finds_the_bad_plan(rule: str, reviewed: Callable[..., Review]) -> None:
    _, bad, address, message = CASES[rule]
    assert message in found(reviewed(bad), rule)[address]


@pytest.mark.parametrize("rule", sorted(CASES))
def test_leaves_the_good_plan_alone(rule: str, reviewed: Callable[..., Review]) -> None:
    assert found(reviewed(CASES[rule][0]), rule) == {}


@pytest.mark.parametrize("scenario", sorted(VERDICTS))
def test_verdict_and_decision(scenario: str, reviewed: Callable[..., Review]) -> None:
    result = reviewed(scenario)
    assert (result.verdict, result.decision) == VERDICTS[scenario]


@pytest.mark.parametrize("scenario", [scenario.name for scenario in SCENARIOS])
def test_what_destroys_is_safe_only_for_an_earlier_version_of_a_model(
    scenario: str, reviewed: Callable[..., Review]
) -> None:
    result = reviewed(scenario)
    counts = result.stacks[0].counts
    if counts["destroyed"] or counts["replaced"]:
        earlier = {"model-new-version", "model-new-version-at-its-address", "model-earlier-version-removed"}
        assert (result.decision is Severity.NOTE) == (scenario in earlier)


def test_no_rule_module_is_forgotten() -> None:
    modules = {path.stem for path in Path(plan_review.rules.__file__).parent.glob("*.py")} - {"__init__"}
    assert modules == {rule.check.__module__.rpartition(".")[2] for rule in RULES}


def test_rules_are_complete() -> None:
    for rule in RULES:
        assert all(link.startswith("https://") for link in rule.source.split()), rule.id
        assert rule.explanation.endswith("."), rule.id
        assert rule.advice.endswith("."), rule.id
        assert rule.id == rule.check.__module__.rpartition(".")[2].replace("_", "-")


def test_the_catalogue_is_current() -> None:
    written = Path(plan_review.rules.__file__).parents[1] / "RULES.md"
    assert written.read_text(encoding="utf-8") == catalogue.render(RULES), (
        "run: python -m plan_review --rules > plan_review/RULES.md"
    )


def test_the_table_of_verdicts_is_current() -> None:
    written = Path(plan_review.rules.__file__).parents[1] / "VERDICTS.md"
    page = catalogue.verdict_table(RULES, read_policy(None, frozenset(RULES_BY_ID)).verdicts)
    assert written.read_text(encoding="utf-8") == page, (
        "run: python -m plan_review --verdicts > plan_review/VERDICTS.md"
    )


KINDS_SHOWN = {
    "Nothing": ("models-no-change", "main/00-base/models.second"),
    "A model or a version": ("model-added", "copy-added", "main/03-model3/models.plan"),
    "A newer version": ("model-new-version", "model-new-version-at-its-address"),
    "`terraform_data.archive`": ("model-new-version", "model-earlier-version-removed"),
    "Tags or metadata": ("artifact-tagged",),
    "Any other resource": ("bucket-tagged", "artifact-moved", "alarm-moved"),
    "A first endpoint": ("endpoint-created", "main/00-base/endpoint.plan"),
    "A running endpoint": ("endpoint-new-image", "scaling-range"),
}


@pytest.mark.parametrize("kind", sorted(KINDS_SHOWN))
def test_a_kind_of_change_has_its_verdict(kind: str, reviewed: Callable[..., Review]) -> None:
    (verdict,) = (found for text, found in KINDS.items() if text.startswith(kind))
    for scenario in KINDS_SHOWN[kind]:
        assert reviewed((scenario, "dev-stack")).verdict is verdict


def test_every_kind_of_change_is_shown() -> None:
    """Those of outputs in test_safe.py."""
    shown = {text for text in KINDS if "output" in text}
    shown |= {text for kind in KINDS_SHOWN for text in KINDS if text.startswith(kind)}
    assert shown == set(KINDS)
