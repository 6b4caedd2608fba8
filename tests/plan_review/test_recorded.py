"""Plans of the real AWS provider: what each step of the stacks' life is, and that the plan after it is no change."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from plan_review.findings import Severity, Verdict
from plan_review.review import Review
from tests.plan_review.conftest import recorded

NO_CHANGE = (Verdict.NO_CHANGE, Severity.NOTE)
MODELS_ONLY = (Verdict.MODELS_ONLY, Severity.NOTE)
OTHER = (Verdict.OTHER, Severity.APPROVAL)
IN_PLACE = (Verdict.IN_PLACE, Severity.APPROVAL)
STACKS = ("state", "image", "models", "endpoint")

# What each step changes. A stack that is not named does not change.
STEPS = {
    "main/00-base": dict.fromkeys(STACKS, OTHER),
    "main/01-image": {"image": OTHER, "endpoint": IN_PLACE},
    "main/02-type": {"endpoint": IN_PLACE},
    "main/03-model3": {"models": MODELS_ONLY},
    "main/04-tagslogs": {"state": OTHER, "image": OTHER, "models": OTHER, "endpoint": IN_PLACE},
    "main/05-misc": {"models": OTHER, "endpoint": IN_PLACE},
    "scaling/00-base": dict.fromkeys(STACKS, OTHER),
    "scaling/01-type": {"endpoint": IN_PLACE},
    "scaling/02-target": {"state": OTHER, "image": OTHER, "models": OTHER, "endpoint": IN_PLACE},
    "scaling/03-off": {"endpoint": IN_PLACE},
    "kms0/00-base": dict.fromkeys(STACKS, OTHER),
    "kms/00-base": dict.fromkeys(STACKS, OTHER),
    # ECR cannot encrypt what is there with another key: the repository is replaced.
    "kms/01-kms": {"state": OTHER, "image": (Verdict.OUTAGE, Severity.BLOCKED), "models": OTHER, "endpoint": IN_PLACE},
    # Back to S3's own key.
    "kms/02-off": {"state": (Verdict.OTHER, Severity.BLOCKED)},
}
# Applies that failed half-way: the plan after them has work left.
UNFINISHED = {
    "kms/01-kms/image": OTHER,  # the lifecycle policy went with the repository
    "kms/01-kms/endpoint": IN_PLACE,  # the endpoint is still on the configuration of before
}
PLANS = [name for chain in ("main", "scaling", "kms0", "kms") for name in recorded(chain)]


@pytest.mark.parametrize("name", [name for name in PLANS if name.endswith(".plan")])
def test_each_step_is_what_it_is(name: str, reviewed: Callable[..., Review]) -> None:
    step, _, stack = name.removesuffix(".plan").rpartition("/")
    result = reviewed((name, f"dev-{stack}"))
    assert (result.verdict, result.decision) == STEPS[step].get(stack, NO_CHANGE), result.findings


@pytest.mark.parametrize("name", [name for name in PLANS if name.endswith(".second")])
def test_the_plan_after_a_deployment_asks_for_nothing(name: str, reviewed: Callable[..., Review]) -> None:
    what = name.removesuffix(".second")
    result = reviewed((name, f"dev-{what.rpartition('/')[2]}"))
    assert (result.verdict, result.decision) == UNFINISHED.get(what, NO_CHANGE), result.findings


def test_what_siblings_wrote_is_listed_with_who_did(reviewed: Callable[..., Review]) -> None:
    found = [
        (item.address, item.message)
        for name in ("models", "endpoint")
        for item in reviewed((f"main/00-base/{name}.second", f"dev-{name}")).findings
    ]
    assert found == [
        (
            "aws_s3_bucket.models_bucket",
            "noticed, no effect: lifecycle_rule (written by "
            "aws_s3_bucket_lifecycle_configuration.models_bucket_expiry), "
            "policy (written by aws_s3_bucket_policy.models_bucket_tls_only), "
            "server_side_encryption_configuration (written by "
            "aws_s3_bucket_server_side_encryption_configuration.models_bucket_encryption), "
            "versioning (written by aws_s3_bucket_versioning.models_bucket_versioning)",
        ),
        (
            "aws_iam_role.execution_role",
            "noticed, no effect: inline_policy (written by aws_iam_role_policy.execution_rights)",
        ),
    ]


@pytest.mark.parametrize("chain", ["main", "scaling", "kms0"])
def test_a_first_deployment_of_all_stacks_at_once(chain: str, reviewed: Callable[..., Review]) -> None:
    result = reviewed(*((f"{chain}/00-base/{stack}.plan", f"dev-{stack}") for stack in STACKS))
    assert (result.verdict, result.decision) == OTHER
    assert all(finding.severity is not Severity.BLOCKED for finding in result.findings)


@pytest.mark.parametrize("chain", ["main", "scaling", "kms0", "kms"])
def test_the_plans_after_a_first_deployment_of_all_stacks_at_once(chain: str, reviewed: Callable[..., Review]) -> None:
    result = reviewed(*((f"{chain}/00-base/{stack}.second", f"dev-{stack}") for stack in STACKS))
    assert (result.verdict, result.decision) == NO_CHANGE
