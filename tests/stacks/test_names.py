import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stacks.names import SHARD_STACKS, SHARED_STACKS, Names, content_hash, name_complaints
from stacks.settings import EnvironmentSettings
from tests.stacks.conftest import CONTEXT_HASH, FULL, SMALL, changed


def names(environment: str = "dev", **changes) -> Names:
    return Names(environment, EnvironmentSettings.model_validate(changed(SMALL, **changes)))


def test_names_of_an_environment():
    dev = names()
    assert [dev.stack(stack) for stack in SHARED_STACKS] == ["dev-state", "dev-image"]
    assert [dev.stack(stack) for stack in SHARD_STACKS] == ["dev-models", "dev-endpoint"]
    assert dev.state_bucket == "multi-model-dev-state-111111111111-eu-central-1"
    assert dev.state_key("models") == "dev-models/terraform.tfstate"
    assert dev.model_data_url == "s3://multi-model-dev-models-111111111111-eu-central-1/models/"
    assert dev.role_arn == "arn:aws:iam::111111111111:role/multi-model-dev-eu-central-1"
    assert dev.endpoint_arn == "arn:aws:sagemaker:eu-central-1:111111111111:endpoint/multi-model-dev"
    assert dev.log_group == "/aws/sagemaker/Endpoints/multi-model-dev"


def test_the_buckets_and_the_endpoint_can_be_named():
    named = names(state_bucket="our-state", models_bucket="our-models", endpoint_name="Our-Endpoint")
    assert named.state_bucket == "our-state"
    assert named.model_data_url == "s3://our-models/models/"
    assert named.log_group == "/aws/sagemaker/Endpoints/Our-Endpoint"
    assert named.endpoint_arn.endswith(":endpoint/our-endpoint")


def test_a_shard_has_names_of_its_own_and_the_environment_s_state_and_image():
    first = names()
    second = Names("dev", first.settings, 2)
    assert [second.stack(stack) for stack in SHARED_STACKS] == [first.stack(stack) for stack in SHARED_STACKS]
    assert [second.stack(stack) for stack in SHARD_STACKS] == ["dev-models-2", "dev-endpoint-2"]
    assert second.state_key("models") == "dev-models-2/terraform.tfstate"
    assert (second.state_bucket, second.image_uri(CONTEXT_HASH)) == (first.state_bucket, first.image_uri(CONTEXT_HASH))
    assert second.models_bucket == "multi-model-dev-2-models-111111111111-eu-central-1"
    assert (second.role, second.endpoint) == ("multi-model-dev-2-eu-central-1", "multi-model-dev-2")
    assert second.log_group == "/aws/sagemaker/Endpoints/multi-model-dev-2"
    named = Names("dev", names(models_bucket="our-models", endpoint_name="Our-Endpoint").settings, 2)
    assert (named.models_bucket, named.endpoint) == ("our-models-2", "Our-Endpoint-2")


def test_a_revision_gives_the_same_content_new_names_and_none_leaves_them():
    arguments = {"image": "image"}
    first, raised = names(), names(revision=1)
    assert names(revision=0).model(arguments) == first.model(arguments)
    assert raised.model(arguments) != first.model(arguments)
    assert raised.endpoint_configuration(arguments) != first.endpoint_configuration(arguments)
    assert raised.endpoint == first.endpoint


@pytest.mark.parametrize(
    ("region", "partition", "registry"),
    [
        ("us-east-1", "aws", "111111111111.dkr.ecr.us-east-1.amazonaws.com"),
        ("cn-north-1", "aws-cn", "111111111111.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "111111111111.dkr.ecr.us-gov-west-1.amazonaws.com"),
    ],
)
def test_partitions(region, partition, registry):
    there = names(region=region)
    assert there.endpoint_arn.startswith(f"arn:{partition}:sagemaker:{region}:")
    assert there.repository_uri == f"{registry}/multi-model-dev-model-server"


def test_the_image_is_named_by_its_content_and_platform():
    assert names().image_uri(CONTEXT_HASH).endswith("/multi-model-dev-model-server:0123456789abcdef")
    arm64 = names(image={"platform": "linux/arm64"}, instance_type="ml.c7g.large")
    assert arm64.image_uri(CONTEXT_HASH).endswith(":0123456789abcdef-arm64")


@pytest.mark.parametrize("suffix", [":1.0", "@sha256:" + "0" * 64])
def test_a_prebuilt_image(suffix):
    uri = f"333333333333.dkr.ecr.eu-central-1.amazonaws.com/team/server{suffix}"
    prebuilt = names(image={"prebuilt_uri": uri})
    assert prebuilt.image_uri(CONTEXT_HASH) == uri
    assert prebuilt.pulled_repository_arn == "arn:aws:ecr:eu-central-1:333333333333:repository/team/server"


def test_the_content_hash_does_not_depend_on_the_order_of_keys():
    assert content_hash({"a": 1, "b": [1, 2]}) == content_hash({"b": [1, 2], "a": 1})
    assert len({content_hash(arguments) for arguments in ({"a": 1}, {"a": "1"}, {"a": [1]}, {"b": 1}, {})}) == 5


@given(
    st.from_regex(r"[a-z][a-z0-9]{0,11}", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9]{1,5}(-[a-z0-9]{1,5}){0,2}", fullmatch=True),
    st.sampled_from(["us-east-1", "ap-southeast-1", "us-gov-west-1"]),
    st.sampled_from([1, 2, 100]),
)
@settings(max_examples=150, derandomize=True, deadline=None)
def test_names_without_a_complaint_are_names_that_aws_allows(environment, prefix, region, shard):
    there = names(environment, name_prefix=prefix, region=region, callers={"a" * 32: {"models": ["*"]}})
    there = Names(environment, there.settings, shard)
    assert (name_complaints(there) == []) is (len(there.models_bucket) <= 63)
    if name_complaints(there):
        return
    bucket, sagemaker = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
    for pattern, name in [
        (bucket, there.state_bucket),
        (bucket, there.models_bucket),
        (r"(?=.{2,256}$)[a-z0-9]+([._-][a-z0-9]+)*", there.repository),
        (sagemaker, there.endpoint),
        (sagemaker, there.model({})),
        (sagemaker, there.endpoint_configuration({})),
        (r"[\w+=,.@-]{1,64}", there.role),
        (r"[\w+=,.@-]{1,128}", there.caller_policy("a" * 32)),
    ]:
        assert re.fullmatch(pattern, name), name


def test_all_names_of_the_fullest_environment_are_allowed():
    assert name_complaints(Names("prod", EnvironmentSettings.model_validate(FULL))) == []


def test_a_name_that_is_too_long_is_shown():
    found = name_complaints(names("production1", name_prefix="twenty-characters-ab", region="ap-southeast-1"))
    assert found == [
        f"name_prefix: the name of the {what} bucket would be "
        f"twenty-characters-ab-production1-{what}-111111111111-ap-southeast-1, {length} characters, "
        "and AWS allows 63 there; shorten name_prefix or the environment's name"
        for what, length in (("state", 66), ("models", 67))
    ]


def test_a_given_name_that_is_too_long_with_the_shard_behind_it_is_shown():
    given = names(models_bucket="b" * 60, endpoint_name="e" * 60).settings
    assert name_complaints(Names("dev", given, 99)) == []
    assert name_complaints(Names("dev", given, 100)) == [
        f"{key}: the name of the {what} would be {letter * 60}-100, 64 characters, and AWS allows 63 there; "
        f"shorten {key}"
        for key, what, letter in (("models_bucket", "models bucket", "b"), ("endpoint_name", "endpoint", "e"))
    ]
