"""The rights of continuous integration, held against what the AWS provider was recorded calling for these stacks."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.iam.access_control import IAMPolicy, PermissionResult

from operations.account_check.account import RIGHTS
from stacks.access_rights import AccessRights
from stacks.names import Names
from stacks.settings_reader import parse_settings
from tests.stacks.conftest import FULL, LOCAL, changed
from tests.stacks.recorded_actions import Permission, permission

RECORDINGS = Path(__file__).parent.parent / "local_aws" / "recordings"
BOUNDARY = "arn:aws:iam::222222222222:policy/boundary"
EXISTING = {
    "execution_role_arn": "arn:aws:iam::222222222222:role/model-server",
    "state_bucket": "states",
    "models_bucket": "models",
    "repository": "server",
}
KEY = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
# IAM's limits, without spaces: one managed policy, and all inline policies of a role together.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MANAGED_LIMIT, INLINE_LIMIT = 6_144, 10_240

# Recorded against the local AWS, whose provider settings differ from those for AWS.
NOT_ON_AWS = {"iam:GetUser": "skip_credentials_validation makes the provider look for the account this way"}
# The recorded chains end with the destruction of everything. From continuous integration the states' bucket stays.
NOT_ALLOWED = {"s3:DeleteBucket", "s3:DeleteObjectVersion"}
# Reads that only an apply or a destroy makes.
READS_OF_AN_APPLY = {"iam:ListInstanceProfilesForRole", "iam:ListPolicyVersions", "s3:ListBucketVersions"}
# Allowed though no recorded chain calls it.
NOT_RECORDED = {
    **dict.fromkeys(
        [
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchDeleteImage",
            "ecr:BatchGetImage",
            "ecr:CompleteLayerUpload",
            "ecr:DescribeImages",
            "ecr:GetAuthorizationToken",
            "ecr:GetDownloadUrlForLayer",
            "ecr:InitiateLayerUpload",
            "ecr:PutImage",
            "ecr:UploadLayerPart",
        ],
        "the image builder pushes, checks and tags images; the provider does not",
    ),
    **dict.fromkeys(
        [
            "application-autoscaling:UntagResource",
            "cloudwatch:UntagResource",
            "ecr:UntagResource",
            "iam:UntagPolicy",
            "iam:UntagRole",
            "logs:UntagResource",
            "s3:UntagResource",
            "sagemaker:DeleteTags",
        ],
        "a tag is taken out of the settings; the chains only add",
    ),
    **dict.fromkeys(
        [
            "ecr:PutImageScanningConfiguration",
            "ecr:PutImageTagMutability",
            "iam:UpdateAssumeRolePolicy",
            "iam:UpdateRole",
        ],
        "an update in place of what the stacks declare, undoing a change by hand",
    ),
    **dict.fromkeys(
        [
            "ec2:DescribeRegions",
            "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcEndpoints",
            "s3:ListAllMyBuckets",
            "servicequotas:ListAWSDefaultServiceQuotas",
            "servicequotas:ListServiceQuotas",
        ],
        "`make check-account`",
    ),
    **dict.fromkeys(
        ["s3:GetBucketTagging", "s3:PutBucketTagging"],
        "bucket tags before S3 Control, which the provider falls back to",
    ),
    **dict.fromkeys(
        [
            "cloudwatch:DeleteDashboards",
            "cloudwatch:GetDashboard",
            "cloudwatch:PutDashboard",
            "sns:CreateTopic",
            "sns:DeleteTopic",
            "sns:GetSubscriptionAttributes",
            "sns:GetTopicAttributes",
            "sns:ListTagsForResource",
            "sns:Subscribe",
            "ssm:DeleteParameter",
            "ssm:DescribeParameters",
            "ssm:GetParameter",
            "ssm:ListTagsForResource",
            "ssm:PutParameter",
        ],
        "newer than the recorded chains; named by the provider's source, see MONITORING below",
    ),
    **dict.fromkeys(
        [
            "sns:SetTopicAttributes",
            "sns:TagResource",
            "sns:Unsubscribe",
            "sns:UntagResource",
            "ssm:AddTagsToResource",
            "ssm:RemoveTagsFromResource",
        ],
        "a changed topic or tag, and a subscription that somebody confirmed and that is taken out of the settings",
    ),
    "iam:CreateServiceLinkedRole": "Application Auto Scaling creates its role with the first target of an account",
    "iam:GetOpenIDConnectProvider": "the access stack itself, which no chain has",
    "iam:PassRole": "CreateModel passes the execution role; a right without a call of its own",
    "kms:CreateGrant": "KMS is called by the services",
    "kms:Decrypt": "KMS is called by the services",
    "kms:DescribeKey": "KMS is called by the services",
    "kms:GenerateDataKey": "KMS is called by the services",
    "kms:RetireGrant": "KMS is called by the services",
    "s3:AbortMultipartUpload": "an upload of a large artifact that fails",
    "s3:GetObjectVersion": "an earlier version of a state, and a copy of an object in a bucket with versions",
    "sagemaker:UpdateEndpointWeightsAndCapacities": "Application Auto Scaling asks for it when a target is registered",
}


_CALLS = "arn:aws:{}:123456789012:{}"
_TOPIC, _PARAMETER, _DASHBOARD = (
    _CALLS.format("sns:us-east-1", "multi-model-local{}-alarms"),
    _CALLS.format("ssm:us-east-1", "parameter/multi-model/local{}/endpoint-name"),
    _CALLS.format("cloudwatch:", "dashboard/multi-model-local{}"),
)
# What the provider calls by its source (internal/service/sns, ssm, cloudwatch) for what no recorded chain has yet.
MONITORING = {
    _TOPIC: [
        "CreateTopic",
        "DeleteTopic",
        "GetTopicAttributes",
        "ListTagsForResource",
        "SetTopicAttributes",
        "Subscribe",
    ],
    _PARAMETER: ["DeleteParameter", "GetParameter", "ListTagsForResource", "PutParameter"],
    _DASHBOARD: ["DeleteDashboards", "GetDashboard", "PutDashboard"],
    "*": ["sns:GetSubscriptionAttributes", "sns:Unsubscribe", "ssm:DescribeParameters"],
}


def rights_of(settings: dict, environment: str = "local") -> AccessRights:
    parsed = parse_settings({"environments": {environment: settings}}, {}).environments[environment]
    return AccessRights(Names(environment, parsed), ["team-models"])


@pytest.fixture(scope="module")
def recorded() -> list[Permission]:
    return [permission(request) for request in _requests()]


def _requests() -> Iterator[dict]:
    for name in ("main", "scaling"):
        with gzip.open(RECORDINGS / f"{name}.jsonl.gz", "rt") as lines:
            yield from map(json.loads, lines)


def permits(document: str, wanted: Permission) -> bool:
    return IAMPolicy(document).is_action_permitted(wanted.action, wanted.resource) is PermissionResult.PERMITTED


def actions(document: str) -> set[str]:
    return {action for statement in json.loads(document)["Statement"] for action in statement["Action"]}


def test_a_plan_may_read_all_that_it_reads_and_write_nothing(recorded):
    plan = rights_of(LOCAL).plan()
    reads = {
        wanted
        for wanted in recorded
        if not wanted.writes and not wanted.resource.endswith(".tflock") and wanted.action not in NOT_ON_AWS
    }
    assert {wanted.action for wanted in reads if not permits(plan, wanted)} == READS_OF_AN_APPLY
    assert [wanted for wanted in recorded if wanted.writes and permits(plan, wanted)] == []
    names = {action.partition(":")[2] for action in actions(plan)}
    assert {name for name in names if not name.startswith(("Get", "List", "Describe"))} == set()


def test_a_deployment_may_do_all_that_it_does(recorded):
    rights = rights_of(LOCAL)
    missing = {
        wanted
        for wanted in set(recorded)
        if not permits(rights.plan(), wanted) and not permits(rights.deploy(), wanted)
    }
    assert {wanted.action for wanted in missing} == {*NOT_ON_AWS, *NOT_ALLOWED}
    assert all("-state-" in wanted.resource for wanted in missing if wanted.action in NOT_ALLOWED)


def test_nothing_is_allowed_without_a_call_or_a_reason(recorded):
    rights = rights_of(changed(FULL, kms_key_arn=KEY))
    allowed = actions(rights.plan()) | actions(rights.deploy())
    assert allowed - {wanted.action for wanted in recorded} == set(NOT_RECORDED)


@pytest.mark.parametrize("existing", [{}, EXISTING])
def test_a_plan_role_may_check_the_account(existing):
    settings = changed(FULL, kms_key_arn=KEY, existing=existing, state_bucket=None, permissions_boundary_arn=BOUNDARY)
    plan = rights_of(settings).plan()
    assert set(RIGHTS.values()) <= actions(plan)
    wanted = [("iam:GetPolicy", BOUNDARY)]
    if existing:
        wanted.append(("iam:GetRole", existing["execution_role_arn"]))
        wanted += [
            ("s3:GetBucketVersioning", f"arn:aws:s3:::{existing[key]}") for key in ("state_bucket", "models_bucket")
        ]
    assert all(permits(plan, Permission(action, resource, writes=False)) for action, resource in wanted)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", "arn:aws:s3:::multi-model-prod-models-123456789012-us-east-1/models/a/1.tar.gz"),
        ("s3:PutObject", "arn:aws:s3:::multi-model-local-state-123456789012-us-east-1/prod-models/terraform.tfstate"),
        ("iam:PutRolePolicy", "arn:aws:iam::123456789012:role/multi-model-local-us-east-1-ci-deploy"),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/administrator"),
        ("sagemaker:DeleteEndpoint", "arn:aws:sagemaker:us-east-1:123456789012:endpoint/another"),
    ],
)
def test_another_environment_and_the_roles_themselves_are_out_of_reach(action, resource):
    rights = rights_of(LOCAL)
    wanted = Permission(action, resource, writes=True)
    assert not permits(rights.plan(), wanted)
    assert not permits(rights.deploy(), wanted)


def test_a_later_shard_needs_no_new_rights():
    rights = rights_of(LOCAL)
    bucket = "arn:aws:s3:::multi-model-local-7-models-123456789012-us-east-1"
    assert permits(rights.deploy(), Permission("s3:CreateBucket", bucket, writes=True))
    endpoint = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/multi-model-local-7"
    assert permits(rights.deploy(), Permission("sagemaker:CreateEndpoint", endpoint, writes=True))


def test_the_longest_names_stay_within_iams_limits():
    settings = changed(
        FULL,
        name_prefix="a" * 20,
        models_bucket="m" * 59,
        state_bucket="s" * 63,
        endpoint_name="e" * 60,
    )
    rights = rights_of(settings, "abcdefghijkl")
    assert len("".join(rights.plan().split())) <= MANAGED_LIMIT
    assert len("".join(rights.deploy().split())) <= INLINE_LIMIT


@pytest.mark.parametrize("shard", ["", "-7"])
@pytest.mark.parametrize("resource", MONITORING)
def test_topics_parameters_and_dashboards_are_within_reach_and_only_reads_for_a_plan(resource, shard):
    rights = rights_of(LOCAL)
    for name in MONITORING[resource]:
        action = name if ":" in name else f"{resource.split(':')[2]}:{name}"
        wanted = Permission(action, resource.format(shard), writes=False)
        reads = action.partition(":")[2].startswith(("Get", "List", "Describe"))
        assert permits(rights.plan(), wanted) is reads, action
        assert reads or permits(rights.deploy(), wanted), action
        if resource != "*":
            elsewhere = Permission(action, resource.format(shard).replace("multi-model", "another"), writes=False)
            assert not permits(rights.plan(), elsewhere) and not permits(rights.deploy(), elsewhere)
