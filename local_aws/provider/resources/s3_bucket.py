"""aws_s3_bucket: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html"""

from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from ..clients import error_code
from ..errors import Problem, ProviderError
from ..json_text import JSON
from ..resource import Call, Resource, chosen_name, name_prefix
from . import tags
from .s3_bucket_contents import read_contents

# Route 53's zones of S3 website endpoints: https://docs.aws.amazon.com/general/latest/gr/s3.html
HOSTED_ZONES = {
    "us-east-1": "Z3AQBSTGFYJSTF",
    "us-east-2": "Z2O1EMRO9K5GLX",
    "us-west-1": "Z2F56UZL2M1ACD",
    "us-west-2": "Z3BJ6K6RIION7M",
    "eu-central-1": "Z21DNDUVLTQW6Q",
    "eu-west-1": "Z1BKCTXD74EZPE",
    "ap-northeast-1": "Z2M4EHUR26P7ZW",
    "ap-southeast-1": "Z3O0J2DXBE1FTB",
    "ap-southeast-2": "Z1WCIGYICN2BYD",
}


def exists(client: BaseClient, bucket: str) -> bool:
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error_code(error) in ("404", "NoSuchBucket"):
            return False
        raise
    return True


def attributes(call: Call, bucket: str) -> dict[str, Any]:
    """What follows from a bucket's name and region alone."""
    return {
        "arn": call.arn("s3", bucket, region="", account=""),
        "bucket_domain_name": f"{bucket}.s3.amazonaws.com",
        "bucket_regional_domain_name": f"{bucket}.s3.{call.region}.amazonaws.com",
        "bucket_region": call.region,
        "hosted_zone_id": HOSTED_ZONES.get(call.region, ""),
    }


def delete_versions(client: BaseClient, bucket: str, key: str | None = None, *, force: bool = False) -> None:
    """Delete every version and delete marker of a key, or of all keys. Raises ProviderError with what S3 kept.

    With `force`, versions that object lock keeps in governance mode as well.
    """
    bypass = {"BypassGovernanceRetention": True} if force else {}
    prefix = {} if key is None else {"Prefix": key}
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, **prefix):
        doomed = [
            {"Key": entry["Key"], "VersionId": entry["VersionId"]}
            for entry in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            if key is None or entry["Key"] == key
        ]
        if not doomed:
            continue
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": doomed, "Quiet": True}, **bypass)
        if errors := answer.get("Errors"):
            raise ProviderError(
                Problem(f"deleting s3://{bucket}/{error['Key']} failed: {error['Code']}", error.get("Message", ""))
                for error in errors
            )


def _create(call: Call) -> str:
    bucket = chosen_name(call, "bucket")
    # In us-east-1 S3 answers 200 to the creation of a bucket that one has already.
    if exists(call.client, bucket):
        raise ProviderError(Problem(f"creating aws_s3_bucket ({bucket}): BucketAlreadyExists"))
    parameters: dict[str, Any] = {"Bucket": bucket}
    if call.region != "us-east-1":
        parameters["CreateBucketConfiguration"] = {"LocationConstraint": call.region}
    if call["object_lock_enabled"]:
        parameters["ObjectLockEnabledForBucket"] = True
    call.client.create_bucket(**parameters)
    if call.tags:
        call.client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags.to_list(call.tags)})
    return bucket


def _read(call: Call) -> dict[str, Any] | None:
    if not exists(call.client, call.id):
        return None
    return {
        "bucket": call.id,
        "bucket_prefix": name_prefix(call.id),
        "tags": _tags(call),
        **attributes(call, call.id),
        **read_contents(call),
    }


def _tags(call: Call) -> dict[str, str]:
    try:
        return tags.from_list(call.client.get_bucket_tagging(Bucket=call.id)["TagSet"])
    except ClientError as error:
        if error_code(error) == "NoSuchTagSet":
            return {}
        raise


def _tag(call: Call, _changed: dict[str, str], _removed: list[str]) -> None:
    if call.tags:
        call.client.put_bucket_tagging(Bucket=call.id, Tagging={"TagSet": tags.to_list(call.tags)})
    else:
        call.client.delete_bucket_tagging(Bucket=call.id)


def _delete(call: Call) -> None:
    if call["force_destroy"]:
        delete_versions(call.client, call.id, force=True)
    call.client.delete_bucket(Bucket=call.id)


RESOURCES = {
    "aws_s3_bucket": Resource(
        service="s3",
        create=_create,
        read=_read,
        tag=_tag,
        delete=_delete,
        wordings={"policy": JSON},
        missing=("NoSuchBucket",),
        # Each of these is a resource type of its own by now: aws_s3_bucket_versioning and so on.
        unsupported=(
            "acceleration_status",
            "acl",
            "cors_rule",
            "grant",
            "lifecycle_rule",
            "logging",
            "object_lock_configuration",
            "policy",
            "replication_configuration",
            "request_payer",
            "server_side_encryption_configuration",
            "versioning",
            "website",
        ),
    )
}
