"""IAM's actions and resources behind recorded requests of the AWS provider and of Terraform's S3 backend.

The names follow AWS's Service Authorization Reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html).
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

_ACCOUNT, _REGION = "123456789012", "us-east-1"
# The setting that a request for a bucket names in its query -> the action that reads it, the one that writes it.
_BUCKET_SETTINGS = {
    "accelerate": ("GetAccelerateConfiguration", None),
    "acl": ("GetBucketAcl", None),
    "cors": ("GetBucketCORS", None),
    "encryption": ("GetEncryptionConfiguration", "PutEncryptionConfiguration"),
    "lifecycle": ("GetLifecycleConfiguration", "PutLifecycleConfiguration"),
    "logging": ("GetBucketLogging", None),
    "object-lock": ("GetBucketObjectLockConfiguration", None),
    "ownershipControls": ("GetBucketOwnershipControls", "PutBucketOwnershipControls"),
    "policy": ("GetBucketPolicy", "PutBucketPolicy"),
    "publicAccessBlock": ("GetBucketPublicAccessBlock", "PutBucketPublicAccessBlock"),
    "replication": ("GetReplicationConfiguration", None),
    "requestPayment": ("GetBucketRequestPayment", None),
    "tagging": ("GetBucketTagging", "PutBucketTagging"),
    "versioning": ("GetBucketVersioning", "PutBucketVersioning"),
    "versions": ("ListBucketVersions", None),
    "website": ("GetBucketWebsite", None),
}
_PREFIXES = {"monitoring": "cloudwatch"}
# Which field of a request names the resource, and the ARN's part before and after it.
_NAMED = {
    "ecr": [("repositoryName", "repository/"), ("repositoryNames", "repository/")],
    "logs": [("logGroupName", "log-group:")],
    "sagemaker": [
        ("ModelName", "model/"),
        ("EndpointName", "endpoint/"),
        ("EndpointConfigName", "endpoint-config/"),
    ],
    "iam": [("RoleName", "role/"), ("PolicyName", "policy/")],
    # A scalable target's ARN has an id that AWS chooses; Describe calls know no resources.
    "application-autoscaling": [("ServiceNamespace", "scalable-target/")],
    "monitoring": [("AlarmName", "alarm:"), ("AlarmNames.member.1", "alarm:"), ("AlarmNames", "alarm:")],
}
_ARN_FIELDS = ("ResourceArn", "resourceArn", "ResourceARN", "PolicyArn")


@dataclass(frozen=True)
class Permission:
    """An action that a request needs, on a resource; `writes` when it changes something."""

    action: str
    resource: str
    writes: bool


def permission(request: dict[str, Any]) -> Permission:
    """What the caller of a recorded request must be allowed."""
    if request["service"] == "s3":
        return _s3(request)
    headers, body = request["headers"], request["body"] or ""
    target = headers.get("x-amz-target")
    if target is not None:
        operation, fields = target.rpartition(".")[2], json.loads(body or "{}")
    else:
        fields = {name: values[0] for name, values in parse_qs(body).items()}
        operation = fields["Action"]
    service = _PREFIXES.get(request["service"], request["service"])
    writes = not operation.startswith(("Get", "List", "Describe"))
    return Permission(f"{service}:{operation}", _resource(request["service"], fields), writes)


def _resource(service: str, fields: dict[str, Any]) -> str:
    for name in _ARN_FIELDS:
        if name in fields:
            return fields[name]
    # A listing names no log group.
    listed = {**fields, "logGroupName": fields.get("logGroupName", "")} if service == "logs" else fields
    for name, kind in _NAMED.get(service, ()):
        if name in listed:
            value = listed[name][0] if isinstance(listed[name], list) else listed[name]
            region = "" if service == "iam" else _REGION
            return f"arn:aws:{_PREFIXES.get(service, service)}:{region}:{_ACCOUNT}:{kind}{value}"
    return "*"


def _s3(request: dict[str, Any]) -> Permission:
    method, path = request["method"], unquote(request["raw_path"])
    writes = method not in ("GET", "HEAD")
    if path.startswith("/v20180820/tags/"):
        action = {"GET": "ListTagsForResource", "POST": "TagResource", "DELETE": "UntagResource"}[method]
        return Permission(f"s3:{action}", path.removeprefix("/v20180820/tags/"), writes)
    bucket, _, key = path.lstrip("/").partition("/")
    query = parse_qs(request["query"], keep_blank_values=True)
    if key:
        return Permission(f"s3:{_object_action(method, query)}", f"arn:aws:s3:::{bucket}/{key}", writes)
    arn = f"arn:aws:s3:::{bucket}"
    for name, (reads, changes) in _BUCKET_SETTINGS.items():
        if name in query:
            action = "DeleteBucketPolicy" if (method, name) == ("DELETE", "policy") else changes if writes else reads
            assert action is not None, f"{method} {name} is not in the table"
            return Permission(f"s3:{action}", arn, writes)
    if method == "POST" and "delete" in query:
        return Permission("s3:DeleteObjectVersion", f"{arn}/*", writes)
    action = {"GET": "ListBucket", "HEAD": "ListBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}[method]
    return Permission(f"s3:{action}", arn, writes)


def _object_action(method: str, query: dict[str, Any]) -> str:
    if "tagging" in query:
        return "GetObjectTagging" if method == "GET" else "PutObjectTagging"
    if method == "DELETE":
        return "DeleteObjectVersion" if "versionId" in query else "DeleteObject"
    return {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject"}[method]
