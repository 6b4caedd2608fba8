"""Signatures: those of the right secret pass, whatever is signed, and no others."""

import string
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from local_aws.access_key import AccessKey
from local_aws.directory import Running
from local_aws.sigv4 import is_signed_by
from tests.local_aws.account import BUCKET, Account, Signature, unique

KEY = AccessKey("LKIAXXXXXXXXXXXXXXXX", "right")
NAMES = st.text(string.ascii_letters + string.digits + " /-._~+%&=?!*'()ä€", min_size=1, max_size=20)
VALUES = st.text(string.ascii_letters + string.digits + " ,;=/äü", max_size=20).map(str.strip)


def received(method: str, url: str, headers: dict[str, str], service: str, body: bytes) -> Request:
    """A signed request as it arrives."""
    parts = urlsplit(url)
    sent = {"host": parts.netloc, **Signature(KEY, service).headers(method, url, headers, body)}
    return Request(
        {
            "type": "http",
            "method": method,
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        }
    )


@given(
    service=st.sampled_from(["s3", "sagemaker", "sts"]),
    path=NAMES,
    query=st.lists(st.tuples(NAMES, NAMES), max_size=3),
    headers=st.dictionaries(st.sampled_from(["content-type", "x-amz-meta-a", "if-match"]), VALUES),
    body=st.binary(max_size=20),
)
def test_what_is_signed_passes(
    service: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], body: bytes
) -> None:
    asked = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
    url = f"http://127.0.0.1:4566/{quote(path)}" + (f"?{asked}" if asked else "")
    request = received("POST", url, headers, service, body)
    assert is_signed_by(request, body, "right")
    assert not is_signed_by(request, body, "wrong")
    assert not is_signed_by(request, body + b"x", "right")
    request.scope["query_string"] += b"&more=1"
    assert not is_signed_by(request, body, "right")


@pytest.mark.parametrize("name", [b"x-amz-date", b"host", b"content-type"])
def test_a_header_that_was_changed(name: bytes) -> None:
    request = received("GET", "http://127.0.0.1/", {"content-type": "text/csv"}, "sagemaker", b"")
    headers = [(key, value + b"0" if key == name else value) for key, value in request.scope["headers"]]
    assert not is_signed_by(Request({**request.scope, "headers": headers}), b"", "right")


@pytest.mark.parametrize("header", ["AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, Signature=0"])
def test_half_a_signature_is_none(header: str) -> None:
    request = received("GET", "http://127.0.0.1/", {}, "s3", b"")
    scope = {**request.scope, "headers": [(b"authorization", header.encode())]}
    assert not is_signed_by(Request(scope), b"", "right")


@given(st.text(st.characters(max_codepoint=255)), st.binary())
def test_any_header_and_query_get_an_answer(header: str, query: bytes) -> None:
    scope = received("GET", "http://127.0.0.1/", {}, "s3", b"").scope
    for value in (header, f"AWS4-HMAC-SHA256 Credential={header}, SignedHeaders=host, Signature={'0' * 64}"):
        headers = [(b"authorization", value.encode("latin-1"))]
        is_signed_by(Request({**scope, "headers": headers}), b"", "right")
    asked = {**scope, "headers": [], "query_string": b"X-Amz-Credential=" + query}
    is_signed_by(Request(asked), b"", "right")


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda other: other.s3.list_buckets(), "SignatureDoesNotMatch"),
        (lambda other: other.s3.put_object(Bucket=BUCKET, Key="k", Body=bytes(3 << 20)), "SignatureDoesNotMatch"),
        (lambda other: other.client("sts").get_caller_identity(), "SignatureDoesNotMatch"),
        (lambda other: other.sagemaker.list_models(), "InvalidSignatureException"),
        (lambda other: other.runtime.invoke_endpoint(EndpointName="e", Body=b"{}"), "InvalidSignatureException"),
        (lambda other: other.client("ssm").describe_parameters(), "InvalidSignatureException"),
    ],
)
def test_a_wrong_secret(account: Account, call: Callable[[Account], Any], code: str) -> None:
    other = Account(Running(1, account.url, AccessKey(account.key.id, "wrong")))
    with pytest.raises(ClientError, match="signature we calculated") as error:
        call(other)
    assert error.value.response["Error"]["Code"] == code


def test_a_presigned_url_is_for_what_it_names(account: Account) -> None:
    key = unique("presigned")
    account.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    url = account.client("s3", signature_version="s3v4").generate_presigned_url(
        "get_object", Params={"Bucket": BUCKET, "Key": key}
    )
    assert requests.get(url, timeout=10).content == b"x"
    answer = requests.get(url.replace(key, "other"), timeout=10)
    assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True)


@pytest.mark.parametrize("key", ["a b", "a+b", "ä/€", "a//b", "a%2Fb", "~!*'()", "a=b&c?d#e", "./a", "a/../b"])
def test_keys_of_objects(account: Account, key: str) -> None:
    account.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x", Metadata={"a": "b  c"})
    assert account.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"x"
    listed = account.s3.list_objects_v2(Bucket=BUCKET, Prefix=key, EncodingType="url")
    assert listed["KeyCount"] == 1
    account.s3.delete_object(Bucket=BUCKET, Key=key)
