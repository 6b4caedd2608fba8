import pytest

from local_aws.credential_scope import signed_service

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
