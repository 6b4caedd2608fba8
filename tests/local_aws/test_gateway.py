"""One port for every service."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.local_aws.account import ACCOUNT_ID, BUCKET, Account, Signature, unique


@pytest.fixture(scope="module")
def session() -> Any:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_services_share_the_port(account: Account) -> None:
    assert account.client("sts").get_caller_identity()["Account"] == ACCOUNT_ID
    assert account.client("iam").list_roles()["Roles"]
    key = account.client("kms").create_key()["KeyMetadata"]["KeyId"]
    assert account.client("kms").describe_key(KeyId=key)["KeyMetadata"]["Enabled"]
    assert account.client("sns").create_topic(Name="alarms")["TopicArn"].endswith(":alarms")
    assert account.sagemaker.list_endpoints()["Endpoints"] is not None


class TestS3:
    def test_keys_and_metadata_arrive_as_sent(self, account: Account) -> None:
        key = "models/a b+c%2Fd=é.tar.gz"
        account.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x", Metadata={"under_score": "1"})
        assert account.s3.head_object(Bucket=BUCKET, Key=key)["Metadata"] == {"under_score": "1"}
        listed = account.s3.list_objects_v2(Bucket=BUCKET, Prefix="models/a b+c")["Contents"]
        assert [found["Key"] for found in listed] == [key]

    def test_large_objects_whole_and_in_parts(self, account: Account, tmp_path: Any) -> None:
        content = bytes(range(256)) * (20 * 1024**2 // 256)
        (tmp_path / "large").write_bytes(content)
        account.s3.upload_file(str(tmp_path / "large"), BUCKET, "parts")
        account.s3.put_object(Bucket=BUCKET, Key="whole", Body=content)
        for key in ("parts", "whole"):
            assert account.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == content

    @pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
    def test_checksums(self, account: Account, algorithm: str) -> None:
        account.s3.put_object(Bucket=BUCKET, Key="sum", Body=b"content", ChecksumAlgorithm=algorithm)
        head = account.s3.head_object(Bucket=BUCKET, Key="sum", ChecksumMode="ENABLED")
        assert head[f"Checksum{algorithm}"]
        assert account.s3.get_object(Bucket=BUCKET, Key="sum")["Body"].read() == b"content"

    def test_signed_chunks_with_a_trailer(self, account: Account, session: requests.Session) -> None:
        """What Terraform's S3 backend sends over plain HTTP."""
        body = b"4;chunk-signature=0\r\nlock\r\n0;chunk-signature=0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
        answer = session.put(
            f"{account.url}/{BUCKET}/chunked",
            body,
            auth=Signature(account.key, "s3"),
            headers={
                "Content-Encoding": "aws-chunked",
                "X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
                "X-Amz-Decoded-Content-Length": "4",
                "X-Amz-Trailer": "x-amz-checksum-crc32",
            },
        )
        assert answer.status_code == 200
        assert account.s3.get_object(Bucket=BUCKET, Key="chunked")["Body"].read() == b"lock"

    def test_presigned(self, account: Account, session: requests.Session) -> None:
        place = {"Bucket": BUCKET, "Key": "presigned"}
        put = account.s3.generate_presigned_url("put_object", Params=place)
        assert session.put(put, b"content").status_code == 200
        assert session.get(account.s3.generate_presigned_url("get_object", Params=place)).content == b"content"

    def test_one_of_many_writers_gets_the_lock(self, account: Account) -> None:
        key, start = unique("lock"), threading.Barrier(8)

        def write(number: int) -> bool:
            start.wait()
            try:
                account.s3.put_object(Bucket=BUCKET, Key=key, Body=str(number).encode(), IfNoneMatch="*")
            except ClientError as error:
                assert error.response["Error"]["Code"] == "PreconditionFailed"
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(write, range(8))) == 1


class TestProxy:
    """The provider block makes the local AWS the provider's proxy: what has no address of its own arrives here."""

    @pytest.fixture
    def proxied(self, account: Account) -> Iterator[requests.Session]:
        with requests.Session() as session:
            session.trust_env = False
            session.proxies = {"http": account.url, "https": account.url}
            yield session

    def test_tags_of_a_bucket_through_s3_control(self, account: Account, proxied: requests.Session) -> None:
        bucket = unique("tagged")
        account.s3.create_bucket(Bucket=bucket)
        port = account.url.rpartition(":")[2]
        url = f"http://{ACCOUNT_ID}.127.0.0.1:{port}/v20180820/tags/arn%3Aaws%3As3%3A%3A%3A{bucket}"
        proxied.auth = Signature(account.key, "s3")
        proxied.headers["x-amz-account-id"] = ACCOUNT_ID
        tags = "<Tags><Tag><Key>Team</Key><Value>ml</Value></Tag><Tag><Key>Cost</Key><Value></Value></Tag></Tags>"
        body = (
            f'<TagResourceRequest xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/">{tags}</TagResourceRequest>'
        )
        assert proxied.post(url, body).status_code == 204
        answer = proxied.get(url)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml")
        assert "<Key>Team</Key><Value>ml</Value>" in answer.text
        assert account.s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [
            {"Key": "Team", "Value": "ml"},
            {"Key": "Cost", "Value": ""},
        ]
        assert proxied.delete(f"{url}?tagKeys=Team&tagKeys=Cost").status_code == 204
        assert "<Key>" not in proxied.get(url).text

    def test_a_service_on_aws_is_not_reached(self, proxied: requests.Session) -> None:
        with pytest.raises(requests.exceptions.ProxyError, match="400"):
            proxied.get("https://lambda.us-east-1.amazonaws.com/")


class TestUnsignedSageMaker:
    @pytest.mark.parametrize("headers", [{}, {"X-Amz-Target": "SageMaker.ListModels"}])
    def test_is_refused_as_on_aws(self, account: Account, session: requests.Session, headers: dict[str, str]) -> None:
        path = "/" if headers else "/endpoints/e/invocations"
        answer = session.post(account.url + path, b"{}", headers=headers)
        assert answer.status_code == 403
        assert answer.json()["message"].startswith("Missing Authentication Token")


class TestOwnPages:
    def test_status(self, account: Account, session: requests.Session) -> None:
        status = session.get(f"{account.url}/_local/status", auth=(account.key.id, account.key.secret)).json()
        assert status["url"] == account.url
        assert status["terraform"]["provider"] == "none"

    @pytest.mark.parametrize("path", ["nothing", "blobs/sha256:0", "blobs/../../etc/passwd"])
    def test_unknown(self, account: Account, session: requests.Session, path: str) -> None:
        auth = (account.key.id, account.key.secret)
        request = requests.Request("GET", f"{account.url}/_local/x", auth=auth).prepare()
        request.url = f"{account.url}/_local/{path}"  # as it is, `..` included
        assert session.send(request).status_code == 404
