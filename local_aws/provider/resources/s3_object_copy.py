"""aws_s3_object_copy: a copy that S3 makes itself, of the source's current version if that is the one asked for."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from ..errors import Problem, ProviderError
from ..mapping import plain
from ..resource import Call, Resource
from .s3_object import HEADERS, SENT_ONLY, delete, described, head_of, set_tags, stored_tags

_DIRECTIVES = {
    "copy_if_match": "CopySourceIfMatch",
    "copy_if_none_match": "CopySourceIfNoneMatch",
    "metadata_directive": "MetadataDirective",
    "tagging_directive": "TaggingDirective",
}
_UNSUPPORTED = (
    "bucket_key_enabled",
    "copy_if_modified_since",
    "copy_if_unmodified_since",
    "customer_algorithm",
    "customer_key",
    "customer_key_md5",
    "expected_bucket_owner",
    "expected_source_bucket_owner",
    "expires",
    "grant",
    "kms_encryption_context",
    "request_payer",
    "source_customer_algorithm",
    "source_customer_key",
    "source_customer_key_md5",
)


def _create(call: Call) -> str:
    _copy(call)
    return call["key"]


def _copy(call: Call) -> None:
    """As the real provider, which copies again for a change of any argument."""
    sent = {
        member: call[name]
        for name, member in (HEADERS | SENT_ONLY | _DIRECTIVES).items()
        if call[name] not in (None, "", {})
    }
    if call.tags:
        sent["Tagging"] = urlencode(call.tags)
    # All behind the bucket is the key, a question mark in it, too: as with the real provider, no version can be named.
    bucket, _, key = call["source"].partition("/")
    source = {"Bucket": bucket, "Key": key}
    call.client.copy_object(Bucket=call["bucket"], Key=call["key"], CopySource=source, **sent)


def _read(call: Call) -> dict[str, Any]:
    head = head_of(call)
    return described(call, head) | {
        "bucket_key_enabled": head.get("BucketKeyEnabled"),
        "customer_algorithm": None,
        "customer_key_md5": None,
        "expiration": head.get("Expiration"),
        "kms_encryption_context": None,
        "kms_key_id": head.get("SSEKMSKeyId"),
        "source_version_id": None,
        "last_modified": plain(head["LastModified"]),
        "request_charged": False,
        "tags": stored_tags(call, head),
    }


def _replan(_prior: Mapping[str, Any], _planned: dict[str, Any]) -> Iterable[str]:
    return ("version_id", "last_modified")


def _imports(identifier: str) -> dict[str, str]:
    raise ProviderError(Problem(f"{identifier}: aws_s3_object_copy cannot be imported", "Let the apply copy it again."))


RESOURCES = {
    "aws_s3_object_copy": Resource(
        service="s3",
        create=_create,
        read=_read,
        update=_copy,
        tag=set_tags,
        delete=delete,
        imports=_imports,
        replan=_replan,
        missing=("404", "NoSuchKey", "NoSuchBucket"),
        unsupported=_UNSUPPORTED,
    )
}
