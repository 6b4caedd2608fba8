"""S3: bucket policies, the end of delete markers, the status of objects whose bucket is gone, copies on a condition,
and tags of a bucket from its creation on.

moto denies a request that a conditional Deny statement names, whether its condition holds or not. The stacks' buckets
refuse requests without TLS; loopback stands in for TLS here, so that condition never holds.

moto fails when the last that is left of a key is deleted and delete markers are among it: it disposes of what it held
in memory, and delete markers, which hold nothing, do not know how to.

moto asks for an object's status when it lists what it holds (/moto-api/data.json), and fails where the object's bucket
has been deleted.

moto copies whatever the source holds, also where the request names the ETag it must have.

moto drops the tags in CreateBucket's configuration, with which Terraform's provider creates a bucket since its 6.23.
"""

import json
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse
from xml.etree import ElementTree

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.exceptions import DuplicateTagKeys, MissingBucket, NoSystemTags, PreconditionFailed
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey
from moto.s3.responses import S3Response

_copy_object = S3Response.copy_object
_status = FakeKey.status
_put_bucket = S3Response._bucket_response_put
_WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}


def fill_s3_gaps() -> None:
    """Make moto's buckets behave as said above. Safe to repeat."""
    FakeBucket.get_permission = _get_permission
    FakeDeleteMarker.dispose = _dispose_of_nothing
    FakeKey.status = property(_status_of_any)
    S3Response.copy_object = _copy_object_if_match
    S3Response._bucket_response_put = _put_bucket_with_tags


def _dispose_of_nothing(marker: FakeDeleteMarker, garbage: bool = False) -> None:
    pass


def _status_of_any(key: FakeKey) -> str | None:
    try:
        return _status.fget(key)
    except MissingBucket:
        return None


def _copy_object_if_match(response: S3Response) -> Any:
    wanted = response.headers.get("x-amz-copy-source-if-match")
    if wanted is not None:
        source = urlparse(response.headers["x-amz-copy-source"])
        bucket, key = unquote(source.path).lstrip("/").split("/", 1)
        version_id = parse_qs(source.query).get("versionId", [None])[0]
        found = response.backend.get_object(bucket, key, version_id=version_id)
        if found is not None and wanted.strip('"') != found.etag.strip('"'):
            raise PreconditionFailed(failed_condition="x-amz-copy-source-If-Match")
    return _copy_object(response)


def _put_bucket_with_tags(response: S3Response, request: Any, bucket_name: str, query: dict[str, Any]) -> Any:
    tags = _tags_of_creation(response.body)
    buckets = response.backend.buckets
    exists = bucket_name in buckets
    answer = _put_bucket(response, request, bucket_name, query)
    if not exists and bucket_name in buckets:
        # Without tags as well: moto keeps those of a deleted bucket of the same name.
        response.backend.put_bucket_tagging(bucket_name, tags)
    return answer


def _tags_of_creation(body: bytes | str) -> dict[str, str]:
    """The tags of a CreateBucketConfiguration; none where the body is another operation's, or no XML."""
    if "<CreateBucketConfiguration" not in (body.decode("utf-8", "replace") if isinstance(body, bytes) else body):
        return {}
    try:
        configuration = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return {}  # moto refuses it
    tags: dict[str, str] = {}
    for tag in configuration.findall("{*}Tags/{*}Tag"):
        key, value = tag.findtext("{*}Key", ""), tag.findtext("{*}Value", "")
        if key in tags:
            raise DuplicateTagKeys
        if key.startswith("aws:"):
            raise NoSystemTags
        tags[key] = value
    return tags


def _get_permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    return _parsed(bucket.policy).is_action_permitted(action, resource)


@lru_cache(maxsize=256)
def _parsed(policy: bytes) -> IAMPolicy:
    """Every request asks."""
    document: dict[str, Any] = json.loads(policy)
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    document["Statement"] = [statement for statement in statements if statement.get("Condition") != _WITHOUT_TLS]
    return IAMPolicy(json.dumps(document))
