"""Large objects on their way to S3 and back: on the disk, not in memory; and only those that came whole."""

import base64
import hashlib
import socket
import time
import zlib
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local_aws.account import REGION
from local_aws.content import PIECE_BYTES
from local_aws.process import LocalAws
from tests.local_aws.account import BUCKET, Account, unique

MIB = 2**20
OBJECT_MIB = 96
MAX_GROWTH_MIB = 64
"""All at once: eleven pieces of 8 MiB would be more, if each were held whole."""
LARGE = Random(1).randbytes(3 * MIB + 17)


def peak_mib(pid: int) -> int:
    return _memory(pid, "VmHWM")


def _memory(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) // 1024


def start_measuring(pid: int) -> int:
    """The memory in use now, in MiB, with which the peak begins again."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _memory(pid, "VmRSS")


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    block = Random(2).randbytes(MIB)
    with path.open("wb") as file:
        for _ in range(OBJECT_MIB):
            file.write(block)
    return path


def test_an_object_is_never_in_memory_whole(local_aws: LocalAws, account: Account, large_file: Path) -> None:
    one, parts, copy = unique("one"), unique("parts"), unique("copy")
    account.s3.put_object(Bucket=BUCKET, Key=unique("first"), Body=LARGE)  # what is loaded once, is
    before = start_measuring(local_aws.pid)
    with large_file.open("rb") as file:
        expected = hashlib.file_digest(file, "md5").hexdigest()
        file.seek(0)
        account.s3.put_object(Bucket=BUCKET, Key=one, Body=file)
    account.s3.upload_file(str(large_file), BUCKET, parts)
    account.s3.copy_object(Bucket=BUCKET, Key=copy, CopySource={"Bucket": BUCKET, "Key": one})
    for key in (one, parts, copy):
        digest = hashlib.md5(usedforsecurity=False)
        for piece in account.s3.get_object(Bucket=BUCKET, Key=key)["Body"].iter_chunks(MIB):
            digest.update(piece)
        assert digest.hexdigest() == expected
        some = account.s3.get_object(Bucket=BUCKET, Key=key, Range=f"bytes={50 * MIB + 3}-{50 * MIB + 9}")
        assert some["Body"].read() == Random(2).randbytes(MIB)[3:10]
        account.s3.delete_object(Bucket=BUCKET, Key=key)
    assert peak_mib(local_aws.pid) - before < MAX_GROWTH_MIB


@pytest.mark.parametrize("size", [PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1])
def test_either_side_of_the_border(account: Account, size: int) -> None:
    key = unique("border")
    answer = account.s3.put_object(Bucket=BUCKET, Key=key, Body=LARGE[:size], Metadata={"a": "b"}, Tagging="c=d")
    assert answer["ETag"] == f'"{hashlib.md5(LARGE[:size]).hexdigest()}"'
    found = account.s3.get_object(Bucket=BUCKET, Key=key)
    assert found["Body"].read() == LARGE[:size]
    assert (found["Metadata"], found["TagCount"], found["ContentLength"]) == ({"a": "b"}, 1, size)


@pytest.mark.parametrize("algorithm", ["SHA256", "CRC32"])
def test_the_checksum_of_a_large_object(account: Account, algorithm: str) -> None:
    sums = {"SHA256": hashlib.sha256(LARGE).digest(), "CRC32": zlib.crc32(LARGE).to_bytes(4)}
    key = unique("summed")
    account.s3.put_object(Bucket=BUCKET, Key=key, Body=LARGE, ChecksumAlgorithm=algorithm)
    head = account.s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert head[f"Checksum{algorithm}"] == base64.b64encode(sums[algorithm]).decode()


def chunked(content: bytes, trailer: bytes) -> bytes:
    pieces = [content[start : start + 65536] for start in range(0, len(content), 65536)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailer + b"\r\n"


def put_in_chunks(account: Account, key: str, body: bytes) -> requests.Response:
    """PUT with a checksum that follows, as SDKs send it over TLS."""
    headers = {
        "Content-Encoding": "aws-chunked",
        "X-Amz-Decoded-Content-Length": str(len(LARGE)),
        "X-Amz-Trailer": "x-amz-checksum-crc32",
        "X-Amz-Sdk-Checksum-Algorithm": "CRC32",
    }
    request = AWSRequest("PUT", f"{account.url}/{BUCKET}/{key}", headers, body)
    request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    S3SigV4Auth(Credentials(account.key.id, account.key.secret), "s3", REGION).add_auth(request)
    assert request.headers["X-Amz-Content-SHA256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    return requests.put(request.url, body, headers=dict(request.headers), timeout=30)


def test_an_object_in_chunks(account: Account) -> None:
    key = unique("chunked")
    checksum = base64.b64encode(zlib.crc32(LARGE).to_bytes(4))
    answer = put_in_chunks(account, key, chunked(LARGE, b"x-amz-checksum-crc32:" + checksum + b"\r\n"))
    assert answer.status_code == 200, answer.text
    found = account.s3.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert found["Body"].read() == LARGE
    assert found["ChecksumCRC32"] == checksum.decode()
    assert "ContentEncoding" not in found


def test_chunks_that_end_too_early(account: Account) -> None:
    key = unique("cut")
    answer = put_in_chunks(account, key, chunked(LARGE, b"")[:-100])
    assert (answer.status_code, "<Code>IncompleteBody</Code>" in answer.text) == (400, True)
    assert "Contents" not in account.s3.list_objects_v2(Bucket=BUCKET, Prefix=key)


@pytest.mark.parametrize("sent", [100, 2 * PIECE_BYTES])
def test_what_does_not_come_whole_is_not_kept(local_aws: LocalAws, account: Account, sent: int) -> None:
    key = unique("aborted")
    url = urlsplit(account.s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key}))
    head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {len(LARGE)}\r\n\r\n"
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(head.encode() + LARGE[:sent])
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        assert "Contents" not in account.s3.list_objects_v2(Bucket=BUCKET, Prefix=key)
        time.sleep(0.1)


def test_as_many_files_as_the_machine_allows(local_aws: LocalAws) -> None:
    soft, hard = Path(f"/proc/{local_aws.pid}/limits").read_text().split("Max open files")[1].split()[:2]
    assert soft == hard
