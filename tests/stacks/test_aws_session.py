"""The project's own calls are made by the role that the settings name, on the local AWS's STS and IAM."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import botocore.session
import pytest
from botocore.exceptions import ClientError

from local_aws.process import LocalAws
from stacks.aws_session import assume_role_variables, assumed, role_of_variables
from stacks.settings_account import AssumeRole

REGION = "us-east-1"
ARN = "arn:aws:iam::123456789012:role/platform/deployer"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    folder = tmp_path_factory.mktemp("aws")
    with LocalAws(directory=folder / "aws", port=0, provider="none", log_file=folder / "log") as aws:
        iam = base(aws).create_client("iam", region_name=REGION, endpoint_url=aws.url)
        statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        asked = statement | {"Condition": {"StringEquals": {"sts:ExternalId": "42"}}}
        for name, trusted in (("deployer", asked), ("open", statement)):
            document = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
            iam.create_role(RoleName=name, Path="/platform/", AssumeRolePolicyDocument=document)
        yield aws


def base(aws: LocalAws) -> botocore.session.Session:
    session = botocore.session.Session()
    session.set_credentials(aws.key.id, aws.key.secret)
    return session


def identity(aws: LocalAws, role: AssumeRole | None) -> str:
    session = assumed(base(aws), role, region=REGION, endpoint_url=aws.url)
    return session.create_client("sts", region_name=REGION, endpoint_url=aws.url).get_caller_identity()["Arn"]


def test_without_a_role_the_session_stays_as_it_is(aws):
    session = base(aws)
    assert assumed(session, None, region=REGION) is session


def test_the_calls_are_those_of_the_role(aws):
    role = AssumeRole(role_arn=ARN, external_id="42", session_name="pipeline-7")
    assert identity(aws, role) == "arn:aws:sts::123456789012:assumed-role/deployer/pipeline-7"
    assert identity(aws, AssumeRole(role_arn=ARN.replace("deployer", "open"))).endswith("/open/multi-model-endpoint")


@pytest.mark.parametrize(
    "role",
    [
        AssumeRole(role_arn=ARN, external_id="43"),
        AssumeRole(role_arn=ARN),
        AssumeRole(role_arn=ARN.replace("/platform/", "/")),
        AssumeRole(role_arn="arn:aws:iam::123456789012:role/nobody", external_id="42"),
    ],
)
def test_a_role_that_may_not_be_assumed_is_aws_s_error(aws, role):
    with pytest.raises(ClientError, match=rf"AccessDenied.*sts:AssumeRole on resource: {role.role_arn}"):
        identity(aws, role)


def test_the_role_is_assumed_again_before_it_expires(aws, monkeypatch):
    session = assumed(base(aws), AssumeRole(role_arn=ARN, external_id="42"), region=REGION, endpoint_url=aws.url)
    credentials = session.get_credentials()
    first = credentials.get_frozen_credentials()
    assert credentials.get_frozen_credentials() == first
    later = datetime.now(UTC) + timedelta(minutes=59)
    monkeypatch.setattr(credentials, "_time_fetcher", lambda: later)
    assert credentials.get_frozen_credentials() != first


@pytest.mark.parametrize("external_id", [None, "42"])
def test_the_variables_carry_the_role(external_id):
    role = AssumeRole(role_arn=ARN, external_id=external_id)
    assert role_of_variables({"PATH": "/bin", **assume_role_variables(role)}) == role
    assert role_of_variables({"ASSUME_ROLE_SESSION_NAME": "x"}) is None
