import json
from datetime import UTC, datetime, timedelta

import botocore.session
import pytest
from botocore.exceptions import EndpointConnectionError, ProfileNotFound

from operations.account_check.account import Account
from operations.account_check.finding import Finding
from operations.account_check.identity import check_identity, check_region
from stacks.names import Names
from stacks.settings import EnvironmentSettings
from tests.operations.account_check.conftest import SETTINGS

ROLE = "arn:aws:iam::123456789012:role/deployer-of-the-check"


def by_check(findings) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


def test_the_account_s_own_credentials_and_clock(account_of):
    found = by_check(check_identity(account_of()))
    assert {check: finding.status for check, finding in found.items()} == dict.fromkeys(
        ("credentials", "account", "clock"), "ok"
    )
    assert found["credentials"].text.startswith("arn:aws:sts::123456789012:")


def test_another_account(account_of):
    found = by_check(check_identity(account_of(account_id="999999999999")))
    assert found["account"].line == (
        "problem  account: the credentials are those of 123456789012, and `account_id` is 999999999999. To do: use "
        "credentials of 999999999999, or correct `account_id` in cdktf.json"
    )


def test_no_credentials(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    nothing = {name: (None, None, "/dev/null", None) for name in ("config_file", "credentials_file")}
    session = botocore.session.Session(session_vars=nothing)
    (found,) = check_identity(Account(Names("dev", EnvironmentSettings(**SETTINGS)), session))
    assert (found.check, found.status) == ("credentials", "problem")
    assert found.text == "unable to locate credentials"
    assert found.advice.startswith("sign in (aws sso login), or set AWS_PROFILE")


@pytest.mark.parametrize(
    ("error", "text", "advice"),
    [
        ("ExpiredToken", "GetCallerIdentity was refused: ExpiredToken: Prepared", "sign in again"),
        ("SomethingNew", "GetCallerIdentity was refused: SomethingNew: Prepared", "use other credentials"),
        (
            ProfileNotFound(profile="prod"),
            "the config profile (prod) could not be found",
            "sign in (aws sso login), or",
        ),
        (
            EndpointConnectionError(endpoint_url="https://sts.example"),
            'could not connect to the endpoint URL: "https://sts.example"',
            "check network, HTTPS_PROXY and `region`",
        ),
    ],
)
def test_credentials_that_do_not_do(account_of, answer, error, text, advice):
    answer(GetCallerIdentity=error)
    (found,) = check_identity(account_of())
    assert (found.check, found.status, found.text) == ("credentials", "problem", text)
    assert found.advice.startswith(advice)


def test_a_role_that_is_assumed_or_not(account_of, client):
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client("iam").create_role(RoleName=ROLE.rpartition("/")[2], AssumeRolePolicyDocument=trust)
    found = by_check(check_identity(account_of(assume_role={"role_arn": ROLE})))
    assert "assumed-role/deployer-of-the-check/" in found["credentials"].text
    found = by_check(check_identity(account_of(assume_role={"role_arn": f"{ROLE}-too"})))
    assert found["credentials"].text.startswith("AssumeRole was refused: AccessDenied")
    assert found["credentials"].advice.startswith(f"see that {ROLE}-too exists, that its trust policy names you")


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (7, "s ahead of AWS's, which refuses requests from 300 s on"),
        (-7, "s behind AWS's, which refuses requests from"),
    ],
)
def test_a_clock_that_is_wrong(account_of, minutes, text):
    found = by_check(check_identity(account_of(), now=datetime.now(UTC) + timedelta(minutes=minutes)))
    assert found["clock"].status == "problem" and text in found["clock"].text
    assert abs(int(found["clock"].text.split()[3])) in range(410, 431)


def test_a_region_that_is_enabled(account_of):
    (found,) = check_region(account_of())
    assert found.line == "ok       region: us-east-1 is enabled"


@pytest.mark.parametrize(
    ("prepared", "state"),
    [
        ({"Regions": [{"RegionName": "us-east-1", "OptInStatus": "not-opted-in"}]}, "not-opted-in"),
        ({"Regions": []}, "not known to the account"),
        ("AuthFailure", "not known to the account"),
    ],
)
def test_a_region_that_is_not(account_of, answer, prepared, state):
    answer(DescribeRegions=prepared)
    (found,) = check_region(account_of())
    assert found.line == (
        f"problem  region: us-east-1 is {state}. To do: correct `region` in cdktf.json, or: aws account enable-region "
        "--region-name us-east-1"
    )
