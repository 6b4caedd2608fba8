import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.signature import access_key_id, form_access_key_id, signed_service

SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


@pytest.mark.parametrize("service", ["s3", "sagemaker", "application-autoscaling"])
def test_header(service: str) -> None:
    assert signed_service({"authorization": SIGNED.format(service)}, "") == service


def test_key_id_with_slashes() -> None:
    assert signed_service({"authorization": "x Credential=a/b/20260101/us-east-1/s3/aws4_request"}, "") == "s3"


def test_presigned() -> None:
    query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20260101%2Fus-east-1%2Fsagemaker%2Faws4_request"
    assert signed_service({}, query) == "sagemaker"


@pytest.mark.parametrize("header", ["", "Basic dGVzdA==", "AWS4-HMAC-SHA256 Credential=short"])
def test_unsigned(header: str) -> None:
    assert signed_service({"authorization": header}, "list-type=2") is None


@pytest.mark.parametrize(
    ("header", "query", "expected"),
    [
        (SIGNED.format("s3"), "", "test"),
        ("AWS LKIA:signature", "", "LKIA"),
        ("", "AWSAccessKeyId=LKIA&Signature=x", "LKIA"),
        ("", "X-Amz-Credential=LKIA%2F20260101%2Fus-east-1%2Fs3%2Faws4_request", "LKIA"),
        ("Basic dGVzdA==", "", None),
        ("", "", None),
    ],
)
def test_key_id(header: str, query: str, expected: str | None) -> None:
    assert access_key_id({"authorization": header}, query) == expected


def test_key_id_of_a_form() -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n--x--'
    assert form_access_key_id(part % (b"X-Amz-Credential", b"LKIA/20260101/us-east-1/s3/aws4_request")) == "LKIA"
    assert form_access_key_id(part % (b"AWSAccessKeyId", b"LKIA")) == "LKIA"
    assert form_access_key_id(part % (b"file", b"LKIA")) is None


@given(st.text(), st.text())
def test_any_header_and_query_get_an_answer(header: str, query: str) -> None:
    signed_service({"authorization": header}, query)
    access_key_id({"authorization": header}, f"X-Amz-Credential={query}")
