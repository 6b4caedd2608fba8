"""aws_s3_object: uploads by boto3's transfer manager; a refresh costs a head at most, and the tags if there are any."""

import base64
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from boto3.s3.transfer import TransferConfig

from ..errors import Problem, ProviderError
from ..mapping import plain
from ..resource import Call, Resource
from . import tags
from .s3_bucket import delete_versions

MULTIPART_THRESHOLD_BYTES = 8 * 1024 * 1024
IN_THIS_THREAD = TransferConfig(multipart_threshold=MULTIPART_THRESHOLD_BYTES, use_threads=False)
IN_PARTS = TransferConfig(multipart_threshold=MULTIPART_THRESHOLD_BYTES, max_concurrency=4)

# Argument: the parameter of PutObject, which HeadObject answers under the same name.
HEADERS = {
    "cache_control": "CacheControl",
    "content_disposition": "ContentDisposition",
    "content_encoding": "ContentEncoding",
    "content_language": "ContentLanguage",
    "content_type": "ContentType",
    "metadata": "Metadata",
    "object_lock_legal_hold_status": "ObjectLockLegalHoldStatus",
    "object_lock_mode": "ObjectLockMode",
    "server_side_encryption": "ServerSideEncryption",
    "website_redirect": "WebsiteRedirectLocation",
}
SENT_ONLY = {
    "acl": "ACL",
    "checksum_algorithm": "ChecksumAlgorithm",
    "kms_key_id": "SSEKMSKeyId",
    "object_lock_retain_until_date": "ObjectLockRetainUntilDate",
    "storage_class": "StorageClass",
}
CHECKSUMS = {
    "checksum_crc32": "ChecksumCRC32",
    "checksum_crc32c": "ChecksumCRC32C",
    "checksum_crc64nvme": "ChecksumCRC64NVME",
    "checksum_sha1": "ChecksumSHA1",
    "checksum_sha256": "ChecksumSHA256",
}
# A change of any of these uploads the object again.
CONTENT = (
    "bucket_key_enabled",
    "cache_control",
    "checksum_algorithm",
    "content",
    "content_base64",
    "content_disposition",
    "content_encoding",
    "content_language",
    "content_type",
    "etag",
    "kms_key_id",
    "metadata",
    "server_side_encryption",
    "source",
    "source_hash",
    "storage_class",
    "website_redirect",
)


def _create(call: Call) -> str:
    _upload(call)
    return f"{call['bucket']}/{call['key']}"


def _update(call: Call) -> None:
    if call.changed(*CONTENT):
        _upload(call)
    elif call.changed("acl"):
        call.client.put_object_acl(Bucket=call["bucket"], Key=call["key"], ACL=call["acl"])


def _upload(call: Call) -> None:
    extra = {"ContentType": "application/octet-stream"} | {
        member: call[name] for name, member in (HEADERS | SENT_ONLY).items() if call[name] not in (None, "", {})
    }
    if call.tags:
        extra["Tagging"] = urlencode(call.tags)
    where = {"Bucket": call["bucket"], "Key": call["key"], "ExtraArgs": extra}
    if call["source"]:
        path = _source(call)
        config = IN_THIS_THREAD if path.stat().st_size < MULTIPART_THRESHOLD_BYTES else IN_PARTS
        call.client.upload_file(str(path), Config=config, **where)
        return
    content = call["content"]
    body = base64.b64decode(call["content_base64"]) if call["content_base64"] else (content or "").encode()
    call.client.upload_fileobj(io.BytesIO(body), Config=IN_THIS_THREAD, **where)


def _source(call: Call) -> Path:
    """The file to upload; as for the real provider, a relative path starts in the folder where Terraform runs."""
    source = Path(call["source"]).expanduser()
    if not source.is_absolute():
        if call.directory is None:
            raise RuntimeError("the folder where Terraform runs is not known")
        source = call.directory / source
    if not source.is_file():
        raise ProviderError(
            Problem(
                f"{call['key']}: the file to upload does not exist",
                f"source = {call['source']} ({source.resolve()})",
                ("source",),
            )
        )
    return source


def _read(call: Call) -> dict[str, Any]:
    head = head_of(call)
    found = described(call, head) | {"bucket_key_enabled": head.get("BucketKeyEnabled")}
    if "SSEKMSKeyId" in head:
        # The provider's own way: of an object without a key it says nothing.
        found["kms_key_id"] = head["SSEKMSKeyId"]
    if call.refresh is None and call["tags_all"]:
        # They were sent with the upload a moment ago.
        return found | {"tags": call.tags}
    return found | {"tags": stored_tags(call, head)}


def described(call: Call, head: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that HeadObject answers, of an object or a copy."""
    found = {name: head.get(member) for name, member in HEADERS.items()}
    if call["checksum_algorithm"]:
        found |= {name: head.get(member) for name, member in CHECKSUMS.items()}
    return found | {
        "arn": call.arn("s3", f"{call['bucket']}/{call['key']}", region="", account=""),
        "etag": head["ETag"].strip('"'),
        "object_lock_retain_until_date": plain(head.get("ObjectLockRetainUntilDate")),
        "storage_class": head.get("StorageClass", "STANDARD"),
        "version_id": head.get("VersionId", ""),
    }


def stored_tags(call: Call, head: Mapping[str, Any]) -> dict[str, str]:
    """The object's tags; S3 is asked only where there are some, or should be."""
    if not (head.get("TagCount") or call["tags_all"]):
        return {}
    return tags.from_list(call.client.get_object_tagging(Bucket=call["bucket"], Key=call["key"])["TagSet"])


def head_of(call: Call) -> Mapping[str, Any]:
    """What HeadObject says of an object, or said as long as its listing shows no change."""
    client, bucket, key = call.client, call["bucket"], call["key"]
    head = None if call.refresh is None else call.refresh.recall(client, bucket, key)
    if head is None:
        head = client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        call.clients.heads.remember((client.meta.endpoint_url, bucket, key), head)
    return head


def set_tags(call: Call, _changed: dict[str, str], _removed: list[str]) -> None:
    call.client.put_object_tagging(Bucket=call["bucket"], Key=call["key"], Tagging={"TagSet": tags.to_list(call.tags)})


def delete(call: Call) -> None:
    if call["version_id"]:
        delete_versions(call.client, call["bucket"], call["key"], force=bool(call["force_destroy"]))
    else:
        call.client.delete_object(Bucket=call["bucket"], Key=call["key"])


def _replan(prior: Mapping[str, Any], planned: Mapping[str, Any]) -> Iterable[str]:
    if any(prior[name] != planned[name] for name in CONTENT):
        yield "version_id"
    if prior["source_hash"] != planned["source_hash"]:
        yield "etag"


def _imports(identifier: str) -> dict[str, str]:
    bucket, _, key = identifier.removeprefix("s3://").partition("/")
    if not key:
        raise ProviderError(Problem(f"{identifier} is not an object's import id", "Write BUCKET/KEY."))
    return {"id": f"{bucket}/{key}", "bucket": bucket, "key": key}


RESOURCES = {
    "aws_s3_object": Resource(
        service="s3",
        create=_create,
        read=_read,
        update=_update,
        tag=set_tags,
        delete=delete,
        imports=_imports,
        replan=_replan,
        missing=("404", "NoSuchKey", "NoSuchBucket"),
        # The transfer manager cannot set it; a bucket's default encryption can.
        unsupported=("bucket_key_enabled",),
    )
}
