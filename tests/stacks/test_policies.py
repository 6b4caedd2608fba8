import json

import pytest

from stacks import policies
from stacks.names import Names
from stacks.settings import Caller, EnvironmentSettings
from tests.stacks.conftest import FULL, SMALL, changed


def names(settings: dict) -> Names:
    return Names("dev", EnvironmentSettings.model_validate(settings))


def statements(document: str) -> dict[str, dict]:
    content = json.loads(document)
    assert content["Version"] == "2012-10-17"
    return {statement["Sid"]: statement for statement in content["Statement"]}


def test_the_execution_role_reaches_the_endpoints_own_resources_only():
    found = statements(policies.execution(names(SMALL)))
    bucket = "arn:aws:s3:::multi-model-dev-models-111111111111-eu-central-1"
    assert found["ReadModels"]["Resource"] == f"{bucket}/models/*"
    assert found["ListModels"]["Condition"] == {"StringLike": {"s3:prefix": ["models/", "models/*"]}}
    assert found["PullImage"]["Resource"] == (
        "arn:aws:ecr:eu-central-1:111111111111:repository/multi-model-dev-model-server"
    )
    assert sorted(found) == ["ListModels", "LogInToRegistry", "PublishMetrics", "PullImage", "ReadModels", "WriteLogs"]


@pytest.mark.parametrize("settings", [SMALL, FULL])
def test_the_execution_role_has_no_wildcard_that_aws_does_not_force(settings):
    # Actions that know no resources, from the service authorization reference; PutMetricData is narrowed by namespace.
    unscoped = {"ecr:GetAuthorizationToken", "cloudwatch:PutMetricData"}
    for statement in json.loads(policies.execution(names(settings)))["Statement"]:
        assert not [action for action in statement["Action"] if "*" in action]
        if statement["Resource"] == "*":
            assert all(action in unscoped or action.startswith("ec2:") for action in statement["Action"])


def test_a_key_and_a_vpc_add_the_rights_they_need():
    found = statements(policies.execution(names(FULL)))
    assert found["DecryptModels"] | {"Resource": ""} == {
        "Sid": "DecryptModels",
        "Effect": "Allow",
        "Action": ["kms:Decrypt"],
        "Resource": "",
    }
    assert found["DecryptModels"]["Resource"] == found["EncryptVolumes"]["Resource"] == FULL["kms_key_arn"]
    assert "ec2:CreateNetworkInterface" in found["AttachToVpc"]["Action"]


def test_the_rights_on_a_prebuilt_image():
    prebuilt = changed(SMALL, image={"prebuilt_uri": "333333333333.dkr.ecr.eu-central-1.amazonaws.com/a/b:1"})
    found = statements(policies.execution(names(prebuilt)))
    assert found["PullImage"]["Resource"] == "arn:aws:ecr:eu-central-1:333333333333:repository/a/b"


def test_only_sagemaker_for_this_account_may_assume_the_role():
    (statement,) = json.loads(policies.trust_sagemaker("111111111111"))["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "111111111111"}}


@pytest.mark.parametrize(
    ("models", "targets"),
    [
        (["tenant-1/"], ["tenant-1/*"]),
        (["tenant-1", "squeezenet"], ["tenant-1/*", "squeezenet/*"]),
        (["*"], ["*"]),
    ],
)
def test_a_caller_reaches_its_own_models_only(models, targets):
    found = statements(policies.invoke(names(SMALL), Caller(models=models)))
    assert found["InvokeModels"]["Action"] == ["sagemaker:InvokeEndpoint"]
    assert found["InvokeModels"]["Resource"] == "arn:aws:sagemaker:eu-central-1:111111111111:endpoint/multi-model-dev"
    # "tenant-1/*" does not match the models of tenant-10.
    assert found["InvokeModels"]["Condition"] == {"StringLike": {"sagemaker:TargetModel": targets}}


def test_a_bucket_refuses_requests_without_tls():
    (statement,) = json.loads(policies.tls_only("arn:aws:s3:::b"))["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_images_expire_by_count():
    rules = json.loads(policies.image_expiry(7))["rules"]
    assert [rule["selection"]["countNumber"] for rule in rules] == [7, 9999, 7]
    assert [rule["selection"]["tagStatus"] for rule in rules] == ["untagged", "tagged", "any"]


def expired(policy: str, images: list[set[str]]) -> list[int]:
    """Which of `images`, tags from the newest image to the oldest, a policy expires by count.

    As AWS documents it: rules in the order of their priority, and an image that a rule is for by its tags is expired by
    that rule or by none.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """
    left, gone = dict(enumerate(images)), []
    for rule in sorted(json.loads(policy)["rules"], key=lambda item: item["rulePriority"]):
        selection = rule["selection"]
        if selection["tagStatus"] == "untagged":
            continue
        prefixes = selection.get("tagPrefixList")
        # The images of an earlier rule still count.
        meant = [
            index
            for index, tags in enumerate(images)
            if prefixes is None or all(any(tag.startswith(prefix) for tag in tags) for prefix in prefixes)
        ]
        gone += [index for index in meant[selection["countNumber"] :] if index in left]
        left = {index: tags for index, tags in left.items() if index not in meant}
    return gone


def test_images_in_use_never_expire():
    policy = policies.image_expiry(2)
    images = [{"a"}, {"b"}, {"c"}, {"d", "in-use.multi-model-dev-0123456789ab"}, {"e"}, {"f", "in-use.x"}]
    assert expired(policy, images) == [2, 4]
