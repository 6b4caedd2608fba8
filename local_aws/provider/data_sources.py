"""The table of data sources."""

import zlib
from typing import Any

from botocore.exceptions import ClientError

from .clients import error_code
from .errors import Problem, ProviderError
from .json_text import go_json
from .mapping import plain
from .policy_document import policy_document
from .resource import Call, DataSource
from .resources import s3_bucket
from .resources.tags import from_list

TEXT_TYPES = ("text/", "application/json", "application/ld+json", "application/x-httpd-php", "application/xhtml+xml")
TEXT_NAMES = ("application/javascript", "application/x-javascript", "application/x-sql", "application/x-csh")


def _caller_identity(call: Call) -> dict[str, Any]:
    identity = call.clients.identity
    return {
        "id": identity["Account"],
        "account_id": identity["Account"],
        "arn": identity["Arn"],
        "user_id": identity["UserId"],
    }


def _region(call: Call) -> dict[str, Any]:
    region = call["name"] or call.region
    return {
        "id": region,
        "region": region,
        "name": region,
        "endpoint": f"ec2.{region}.amazonaws.com",
        "description": region,
    }


def _partition(call: Call) -> dict[str, Any]:
    partition = call.clients.partition
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return {
        "id": partition,
        "partition": partition,
        "dns_suffix": suffix,
        "reverse_dns_prefix": ".".join(reversed(suffix.split("."))),
    }


def _policy_document(call: Call) -> dict[str, Any]:
    document = policy_document(call.state)
    text = go_json(document, indent=2)
    return {"json": text, "minified_json": go_json(document), "id": str(zlib.crc32(text.encode()))}


def _ecr_image(call: Call) -> dict[str, Any]:
    repository = call["repository_name"]
    registry = {"registryId": call["registry_id"]} if call["registry_id"] else {}
    wanted = {
        member: call[name]
        for name, member in (("image_tag", "imageTag"), ("image_digest", "imageDigest"))
        if call[name]
    }
    if not wanted and not call["most_recent"]:
        raise ProviderError(Problem("data.aws_ecr_image needs image_digest, image_tag or most_recent"))
    asked = {"imageIds": [wanted]} if wanted else {}
    images = call.client.describe_images(repositoryName=repository, **registry, **asked)["imageDetails"]
    if not images:
        raise ProviderError(Problem(f"ECR repository {repository} has no such image"))
    if len(images) > 1 and not call["most_recent"]:
        raise ProviderError(Problem(f"ECR repository {repository} has {len(images)} such images", "Set most_recent."))
    image = max(images, key=lambda image: image["imagePushedAt"])
    uri = call.client.describe_repositories(repositoryNames=[repository], **registry)["repositories"][0][
        "repositoryUri"
    ]
    return {
        "id": image["imageDigest"],
        "image_digest": image["imageDigest"],
        "image_pushed_at": int(image["imagePushedAt"].timestamp()),
        "image_size_in_bytes": image.get("imageSizeInBytes"),
        "image_tags": image.get("imageTags", []),
        "image_uri": f"{uri}@{image['imageDigest']}",
        "registry_id": image.get("registryId", call.account),
    }


def _s3_bucket(call: Call) -> dict[str, Any]:
    bucket = call["bucket"]
    if not s3_bucket.exists(call.client, bucket):
        raise ProviderError(Problem(f"S3 bucket {bucket} does not exist", "", ("bucket",)))
    return {"id": bucket, **s3_bucket.attributes(call, bucket)}


def _s3_object(call: Call) -> dict[str, Any]:
    where = {"Bucket": call["bucket"], "Key": call["key"]}
    where |= {"VersionId": call["version_id"]} if call["version_id"] else {}
    part = {"Range": call["range"]} if call["range"] else {}
    try:
        head = call.client.head_object(**where, **part)
    except ClientError as error:
        if error_code(error) in ("404", "NoSuchKey", "NoSuchBucket"):
            raise ProviderError(Problem(f"s3://{call['bucket']}/{call['key']} does not exist", "", ("key",))) from error
        raise
    kind = head.get("ContentType", "")
    body = None
    if kind.startswith(TEXT_TYPES) or kind in TEXT_NAMES:
        body = call.client.get_object(**where, **part)["Body"].read().decode(errors="replace")
    tagged = call.client.get_object_tagging(**where)["TagSet"]
    return {
        "id": f"{call['bucket']}/{call['key']}",
        "arn": call.arn("s3", f"{call['bucket']}/{call['key']}", region="", account=""),
        "body": body,
        "bucket_key_enabled": head.get("BucketKeyEnabled", False),
        "cache_control": head.get("CacheControl"),
        "content_disposition": head.get("ContentDisposition"),
        "content_encoding": head.get("ContentEncoding"),
        "content_language": head.get("ContentLanguage"),
        "content_length": head["ContentLength"],
        "content_type": kind,
        "etag": head["ETag"].strip('"'),
        "last_modified": plain(head["LastModified"]),
        "metadata": head.get("Metadata", {}),
        "server_side_encryption": head.get("ServerSideEncryption"),
        "sse_kms_key_id": head.get("SSEKMSKeyId"),
        "storage_class": head.get("StorageClass", "STANDARD"),
        "tags": from_list(tagged),
        "version_id": head.get("VersionId", ""),
        "website_redirect_location": head.get("WebsiteRedirectLocation"),
    }


DATA_SOURCES = {
    "aws_caller_identity": DataSource(service="sts", read=_caller_identity),
    "aws_region": DataSource(service="sts", read=_region, unsupported=("endpoint",)),
    "aws_partition": DataSource(service="sts", read=_partition),
    "aws_iam_policy_document": DataSource(service="iam", read=_policy_document),
    "aws_ecr_image": DataSource(service="ecr", read=_ecr_image),
    "aws_s3_bucket": DataSource(service="s3", read=_s3_bucket),
    "aws_s3_object": DataSource(service="s3", read=_s3_object, unsupported=("checksum_mode",)),
}
