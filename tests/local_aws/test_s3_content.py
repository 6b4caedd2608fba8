"""Objects that were uploaded in parts: what S3 says of them, and ranges, copies and versions of them."""

import base64
import hashlib
import zlib
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.content import PIECE_BYTES, ContentFile
from tests.local_aws.account import BUCKET, Account, unique

MIB = 2**20
# Of different sizes, with a last part below the least size of the others.
PARTS = [Random(size).randbytes(size) for size in (5 * MIB, 6 * MIB + 1, 3)]
WHOLE = b"".join(PARTS)


def upload(account: Account, key: str, order: tuple[int, ...] = (1, 2, 3), **options: Any) -> dict[str, Any]:
    """Upload PARTS in that order and complete."""
    place = {"Bucket": BUCKET, "Key": key}
    place["UploadId"] = account.s3.create_multipart_upload(**place, **options)["UploadId"]
    algorithm = {name: value for name, value in options.items() if name == "ChecksumAlgorithm"}

    etags = {}
    for number in order:
        answer = account.s3.upload_part(**place, PartNumber=number, Body=PARTS[number - 1], **algorithm)
        etags[number] = answer["ETag"]
    parts = [{"PartNumber": number, "ETag": etags[number]} for number in sorted(etags)]
    return account.s3.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})


def content(account: Account, key: str, **options: Any) -> bytes:
    return account.s3.get_object(Bucket=BUCKET, Key=key, **options)["Body"].read()


def test_parts_in_any_order_and_one_of_them_twice(account: Account) -> None:
    key = unique("parts")
    digests = b"".join(hashlib.md5(part).digest() for part in PARTS)
    assert upload(account, key, (3, 2, 1, 2))["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    assert content(account, key) == WHOLE
    head = account.s3.head_object(Bucket=BUCKET, Key=key)
    assert head["ContentLength"] == len(WHOLE)


@pytest.mark.parametrize("algorithm", ["SHA256", "CRC32"])
def test_a_checksum_of_checksums(account: Account, algorithm: str) -> None:
    key = unique("composite")
    upload(account, key, ChecksumAlgorithm=algorithm)
    one = {"SHA256": lambda data: hashlib.sha256(data).digest(), "CRC32": lambda data: zlib.crc32(data).to_bytes(4)}
    expected = one[algorithm](b"".join(map(one[algorithm], PARTS)))
    answer = account.s3.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert answer[f"Checksum{algorithm}"] == f"{base64.b64encode(expected).decode()}-3"
    assert answer["ChecksumType"] == "COMPOSITE"


def test_a_checksum_of_the_whole(account: Account) -> None:
    key = unique("full")
    upload(account, key, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    answer = account.s3.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert answer["ChecksumCRC32"] == base64.b64encode(zlib.crc32(WHOLE).to_bytes(4)).decode()
    assert answer["Body"].read() == WHOLE


def test_ranges(account: Account) -> None:
    key = unique("ranges")
    upload(account, key)
    border = 5 * MIB
    for first, last in ((0, 0), (border - 2, border + 2), (border, len(WHOLE) - 1), (len(WHOLE) - 4, len(WHOLE) - 1)):
        assert content(account, key, Range=f"bytes={first}-{last}") == WHOLE[first : last + 1]
    assert content(account, key, Range="bytes=-5") == WHOLE[-5:]
    with pytest.raises(ClientError, match="InvalidRange"):
        content(account, key, Range=f"bytes={len(WHOLE)}-")


def test_copies_outlive_what_they_were_made_of(account: Account) -> None:
    key, copied, again = unique("source"), unique("copy"), unique("part-copy")
    upload(account, key)
    account.s3.copy_object(
        Bucket=BUCKET, Key=copied, CopySource={"Bucket": BUCKET, "Key": key}, ChecksumAlgorithm="SHA256"
    )
    place = {"Bucket": BUCKET, "Key": again}
    place["UploadId"] = account.s3.create_multipart_upload(**place)["UploadId"]
    part = account.s3.upload_part_copy(
        **place, PartNumber=1, CopySource={"Bucket": BUCKET, "Key": key}, CopySourceRange=f"bytes=1-{6 * MIB}"
    )["CopyPartResult"]
    account.s3.complete_multipart_upload(**place, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    account.s3.delete_object(Bucket=BUCKET, Key=key)
    assert content(account, copied) == WHOLE
    assert content(account, again) == WHOLE[1 : 6 * MIB + 1]
    head = account.s3.head_object(Bucket=BUCKET, Key=copied, ChecksumMode="ENABLED")
    assert head["ETag"] == f'"{hashlib.md5(WHOLE).hexdigest()}"'
    assert head["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(WHOLE).digest()).decode()


def test_versions_are_listed_and_read(account: Account) -> None:
    bucket, key = unique("versions-of-parts"), "key"
    account.s3.create_bucket(Bucket=bucket)
    account.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for size in (9 * MIB, 10 * MIB):
        body = bytes(size)
        place = {"Bucket": bucket, "Key": key}
        place["UploadId"] = account.s3.create_multipart_upload(**place)["UploadId"]
        etag = account.s3.upload_part(**place, PartNumber=1, Body=body)["ETag"]
        account.s3.complete_multipart_upload(**place, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    listed = account.s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [version["Size"] for version in listed] == [10 * MIB, 9 * MIB]
    older = account.s3.get_object(Bucket=bucket, Key=key, VersionId=listed[1]["VersionId"])
    assert older["Body"].read() == bytes(9 * MIB)


def test_wrong_parts_are_refused(account: Account) -> None:
    place = {"Bucket": BUCKET, "Key": unique("wrong")}
    place["UploadId"] = account.s3.create_multipart_upload(**place)["UploadId"]
    small = account.s3.upload_part(**place, PartNumber=1, Body=b"small")["ETag"]
    last = account.s3.upload_part(**place, PartNumber=2, Body=b"last")["ETag"]

    def refusal(*parts: tuple[int, str]) -> str:
        chosen = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
        with pytest.raises(ClientError) as error:
            account.s3.complete_multipart_upload(**place, MultipartUpload={"Parts": chosen})
        return error.value.response["Error"]["Code"]

    assert refusal((1, last)) == "InvalidPart"
    assert refusal((3, last)) == "InvalidPart"
    assert refusal((1, small), (2, last)) == "EntityTooSmall"


def test_content_in_segments_reads_as_one_piece() -> None:
    file = ContentFile()
    pieces = [Random(size).randbytes(size) for size in (PIECE_BYTES + 1, 1, 2 * PIECE_BYTES)]
    with ThreadPoolExecutor(3) as pool:
        appended = list(pool.map(lambda piece: file.append([piece[:1], piece[1:]]), pieces))
    whole = type(appended[0])(tuple(one.segments[0] for one in appended))
    expected = b"".join(pieces)
    assert b"".join(whole) == expected
    assert max(map(len, whole)) == PIECE_BYTES
    for part in (slice(None), slice(PIECE_BYTES, PIECE_BYTES + 3), slice(3, 3), slice(-1, None)):
        assert b"".join(whole[part]) == expected[part]
        assert len(whole[part]) == len(expected[part])
