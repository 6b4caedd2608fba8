"""Requests that come too late, or from a machine whose clock is wrong."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import requests
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from local_aws.account import REGION
from local_aws.timeliness import why_untimely
from tests.local_aws.account import BUCKET, Account

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def date(**offset: float) -> str:
    return (NOW + timedelta(**offset)).strftime("%Y%m%dT%H%M%SZ")


@pytest.mark.parametrize(
    ("minutes", "is_s3", "expected"),
    [
        (0, True, None),
        (-14, True, None),
        (14, True, None),
        (-16, True, "skewed"),
        (16, True, "skewed"),
        (-4, False, None),
        (-6, False, "skewed"),
        (6, False, "skewed"),
    ],
)
def test_the_clock_of_a_request(minutes: int, is_s3: bool, expected: str | None) -> None:
    assert why_untimely({"x-amz-date": date(minutes=minutes)}, "", NOW, is_s3=is_s3) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, None), (-60, None), (-61, "expired"), (890, None), (901, "skewed")]
)
def test_the_time_of_a_url(seconds: int, expected: str | None) -> None:
    query = f"X-Amz-Date={date(seconds=seconds)}&X-Amz-Expires=60&X-Amz-Credential=x"
    assert why_untimely({}, query, NOW, is_s3=True) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(0, None), (-1, "expired")])
def test_the_time_of_a_url_of_version_2(seconds: int, expected: str | None) -> None:
    query = f"AWSAccessKeyId=x&Signature=y&Expires={int(NOW.timestamp()) + seconds}"
    assert why_untimely({}, query, NOW, is_s3=True) == expected


@given(st.text(), st.text(), st.text())
def test_what_is_no_date_is_not_judged(header: str, query: str, lifetime: str) -> None:
    why_untimely({"x-amz-date": header}, f"X-Amz-Date={query}&X-Amz-Expires={lifetime}", NOW, is_s3=True)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_url_expires(account: Account, version: str) -> None:
    place = {"Bucket": BUCKET, "Key": "expires"}
    account.s3.put_object(**place, Body=b"x")
    client = account.client("s3", signature_version=version)
    url = client.generate_presigned_url("get_object", Params=place, ExpiresIn=1)
    end = time.monotonic() + 2.1  # both versions count whole seconds
    assert requests.get(url, timeout=10).content == b"x"
    time.sleep(max(end - time.monotonic(), 0))
    answer = requests.get(url, timeout=10)
    assert (answer.status_code, "<Code>AccessDenied</Code><Message>Request has expired" in answer.text) == (403, True)


def test_a_wrong_clock_is_told_in_each_services_words(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime.now(UTC) - timedelta(minutes=20))
    credentials = Credentials(account.key.id, account.key.secret)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    cases = [
        (S3SigV4Auth(credentials, "s3", REGION), AWSRequest("GET", f"{account.url}/"), "RequestTimeTooSkewed"),
        (
            SigV4Auth(credentials, "sts", REGION),
            AWSRequest("POST", account.url, form, b"Action=GetCallerIdentity"),
            "SignatureDoesNotMatch",
        ),
        (
            SigV4Auth(credentials, "sagemaker", REGION),
            AWSRequest("POST", account.url, {"X-Amz-Target": "SageMaker.ListModels"}, b"{}"),
            "InvalidSignatureException",
        ),
    ]
    for signer, request, code in cases:
        signer.add_auth(request)
        answer = requests.request(
            request.method, request.url, headers=dict(request.headers), data=request.data, timeout=9
        )
        assert answer.status_code == 403
        assert code in answer.text, answer.text
