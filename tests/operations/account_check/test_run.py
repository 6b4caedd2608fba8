"""All checks together: what is denied or does not answer is a line, and the rights are those that the calls need."""

import json

import pytest
from botocore.exceptions import EndpointConnectionError

from operations import __main__ as program
from operations import connection
from operations.account_check.account import RIGHTS
from operations.account_check.run import check_account
from operations.commands import work
from tests.operations.account_check.conftest import SETTINGS
from tests.operations.account_check.test_network import made

WITHOUT_A_RIGHT = {"GetCallerIdentity"}


def everything(client) -> dict:
    """Settings under which every check has something to look at, in an account where each name exists."""
    network, kms = made(client), client("kms")
    scaling = {
        "minimum_instance_count": 2,
        "maximum_instance_count": 3,
        "target_invocations_per_instance_per_minute": 1,
    }
    s3 = client("s3")
    for bucket in ("run-states", "run-models"):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return {
        **network.settings,
        "initial_instance_count": 2,
        "auto_scaling": scaling,
        "kms_key_arn": kms.create_key()["KeyMetadata"]["Arn"],
        "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/run-boundary",
        "existing": {
            "state_bucket": "run-states",
            "models_bucket": "run-models",
            "execution_role_arn": "arn:aws:iam::123456789012:role/run-server",
        },
    }


def test_all_problems_are_told_at_once(account_of, client):
    findings = check_account(account_of(**everything(client)))
    problems = {finding.check for finding in findings if finding.status == "problem"}
    assert problems == {"execution role", "boundary", "route to S3", "state bucket", "models bucket"}
    assert all(finding.advice for finding in findings if finding.status == "problem")


def test_every_right_is_one_that_a_call_needs(account_of, client, calls, answer):
    settings = everything(client)
    calls.clear()
    # Each looks further where the first answer does not do.
    answer(ListServiceQuotas={"Quotas": []}, GetCallerIdentity=None)
    check_account(account_of(**settings))
    answer(HeadBucket="403")
    check_account(account_of(**settings))
    assert set(calls) | {"ListServiceQuotas", "HeadBucket"} == set(RIGHTS) | WITHOUT_A_RIGHT


@pytest.mark.parametrize("operation", sorted(set(RIGHTS) - {"HeadBucket", "ListBuckets"}))
def test_a_right_that_is_missing_is_named_and_the_rest_is_looked_at(account_of, client, answer, operation):
    settings = everything(client)
    denied = {operation: "AccessDenied"}
    if operation == "ListAWSDefaultServiceQuotas":
        denied["ListServiceQuotas"] = {"Quotas": []}
    answer(**denied)
    findings = check_account(account_of(**settings))
    unknown = [finding for finding in findings if finding.status == "unknown"]
    assert {finding.text for finding in unknown} == {f"looking at it needs the right {RIGHTS[operation]}"}
    assert len({finding.check for finding in findings}) == 15


def test_what_does_not_answer_is_a_line(account_of, answer):
    answer(
        ListServiceQuotas=EndpointConnectionError(endpoint_url="https://quotas.example"),
        DescribeRepositories="ThrottlingException",
    )
    lines = [finding.line for finding in check_account(account_of()) if finding.status == "unknown"]
    assert lines == [
        'unknown  quota: AWS could not be asked: Could not connect to the endpoint URL: "https://quotas.example"',
        "unknown  repository: DescribeRepositories failed: ThrottlingException: Prepared",
    ]


def test_another_account_is_not_looked_at(account_of, calls):
    findings = check_account(account_of(account_id="999999999999"))
    assert calls == ["GetCallerIdentity"]
    assert [(finding.check, finding.status) for finding in findings] == [
        ("credentials", "ok"),
        ("account", "problem"),
        ("clock", "ok"),
        ("others", "unknown"),
    ]


@pytest.mark.parametrize(("instance_type", "code"), [("ml.m5.large", 0), ("ml.p3.8xlarge", 1)])
def test_the_command(aws, tmp_path, monkeypatch, capsys, instance_type, code):  # noqa: PLR0917
    block = {**SETTINGS, "local_aws": {"endpoint_url": aws.url}, "instance_type": instance_type}
    (tmp_path / "cdktf.json").write_text(json.dumps({"context": {"environments": {"dev": block}}}))
    monkeypatch.setattr(work, "PROJECT_DIRECTORY", tmp_path)
    monkeypatch.setattr(connection, "PROJECT_DIRECTORY", tmp_path)
    for name in ("ENVIRONMENT", "AWS_ENDPOINT_URL", "STATE_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.key.id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.key.secret)
    monkeypatch.setattr("sys.argv", ["operations", "check-account", "dev"])
    assert program.main() == code
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8 and all(line.split()[0] in ("ok", "problem") for line in lines)
    monkeypatch.setattr("sys.argv", ["operations", "check-account", "dev", "--json"])
    assert program.main() == code
    document = json.loads(capsys.readouterr().out)
    assert (document["environment"], document["exit_code"], len(document["findings"])) == ("dev", code, 8)
