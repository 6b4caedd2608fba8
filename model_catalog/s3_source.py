"""Artifacts that are in S3 already: read once to check them, later copied by S3 itself.

A copy names the ETag that was read here, so that S3 refuses to copy anything else.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from model_catalog.errors import CatalogError
from model_catalog.lock import S3_URI, S3Source

COPY_MAXIMUM_BYTES = 5 * 1024**3
"""S3 copies no larger object in one request, and Terraform's provider makes one request."""
_CHUNK_BYTES = 1024 * 1024
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_ABSENT = ("404", "NoSuchKey", "NoSuchBucket", "NoSuchVersion")
_REFUSED = ("403", "AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken")
Progress = Callable[[int, int], None]
"""Called with the bytes that are read and those there are."""


@dataclass(frozen=True)
class Fetched:
    """What was read of an artifact."""

    source: S3Source
    sha256: str
    size_bytes: int


def is_s3_uri(location: str) -> bool:
    """Whether `location` is meant to be in S3, whether it is right or not."""
    return location.lower().startswith("s3:")


def fetch(
    client: BaseClient, uri: str, destination: BinaryIO, sha256: str | None = None, progress: Progress | None = None
) -> Fetched:
    """Read an artifact into `destination` in pieces, and take its digest.

    Args:
        client: boto3's `s3` client.
        uri: `s3://BUCKET/KEY`.
        destination: a file open for writing.
        sha256: what the digest must be; None where nothing is known of it.
        progress: told about each piece.

    Raises:
        CatalogError: no such object, no right to read it, another digest, too large to be copied, or no URI of S3.
    """
    bucket, key = _parts(uri)
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise CatalogError(f"a sha256 is 64 hexadecimal digits, not {sha256!r}.")
    digest = hashlib.sha256()
    size_bytes = 0
    try:
        answer = client.get_object(Bucket=bucket, Key=key)
        total_bytes = answer["ContentLength"]
        if total_bytes > COPY_MAXIMUM_BYTES:
            answer["Body"].close()
            raise CatalogError(
                f"has {total_bytes} bytes, and S3 copies at most {COPY_MAXIMUM_BYTES} in one request; download it and "
                "add the file."
            )
        for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
            destination.write(chunk)
            digest.update(chunk)
            size_bytes += len(chunk)
            if progress is not None:
                progress(size_bytes, total_bytes)
    except (ClientError, BotoCoreError) as error:
        raise CatalogError(_explained(error)) from error
    found = digest.hexdigest()
    if sha256 is not None and found != sha256.lower():
        raise CatalogError(f"its sha256 is {found}, not {sha256.lower()}.")
    version_id = answer.get("VersionId")
    source = S3Source(
        uri=uri, etag=answer["ETag"].strip('"'), version_id=None if version_id in (None, "null") else version_id
    )
    return Fetched(source, found, size_bytes)


def change_since(client: BaseClient, source: S3Source) -> str | None:
    """What keeps the artifact from being copied as it was when it was added; None where nothing does."""
    bucket, key = _parts(source.uri)
    try:
        etag = client.head_object(Bucket=bucket, Key=key)["ETag"].strip('"')
    except (ClientError, BotoCoreError) as error:
        return _explained(error)
    if etag != source.etag:
        return (
            f"it was changed since it was added: its ETag is {etag}, not {source.etag}. Put the object of before back, "
            "or add the new one as a new version."
        )
    return None


def _parts(uri: str) -> tuple[str, str]:
    if not re.fullmatch(S3_URI, uri):
        raise CatalogError(
            "an artifact in S3 is s3://BUCKET/KEY, the key made of letters, digits and !-_.*'()/=@:,$ only."
        )
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _explained(error: Exception) -> str:
    if not isinstance(error, ClientError):
        return f"S3 cannot be asked: {error}"
    code = error.response["Error"].get("Code", "")
    if code in _ABSENT:
        return "there is no such object."
    if code in _REFUSED:
        return (
            f"S3 refuses to let these credentials read it ({code}). They, and those that deploy, need s3:GetObject and "
            "s3:GetObjectTagging on it, and kms:Decrypt on the key it is encrypted with; or there is no such object, "
            "and they lack s3:ListBucket."
        )
    if code == "InvalidObjectState":
        return "it is in an archive class; restore it first."
    return f"{error}."
