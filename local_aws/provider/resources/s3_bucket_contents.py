"""What aws_s3_bucket shows of the settings that resources of their own put on a bucket.

The real provider reads them all into the bucket's own state: unknown at its creation, there from the next refresh on.
"""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from ..clients import error_code
from ..mapping import plain
from ..resource import Call

# A setting that a bucket does not have.
_MISSING = (
    "NoSuchBucketPolicy",
    "NoSuchCORSConfiguration",
    "NoSuchLifecycleConfiguration",
    "NoSuchWebsiteConfiguration",
    "ObjectLockConfigurationNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
)


def read_contents(call: Call) -> dict[str, Any]:
    """The bucket's attributes that follow from its settings."""
    lock = _ask(call, "get_object_lock_configuration").get("ObjectLockConfiguration", {})
    return {
        "acceleration_status": _ask(call, "get_bucket_accelerate_configuration").get("Status"),
        "cors_rule": [_cors_rule(rule) for rule in _ask(call, "get_bucket_cors").get("CORSRules", ())],
        "grant": _grants(_ask(call, "get_bucket_acl")),
        "lifecycle_rule": [_rule(rule) for rule in _ask(call, "get_bucket_lifecycle_configuration").get("Rules", ())],
        "logging": _logging(_ask(call, "get_bucket_logging")),
        "object_lock_configuration": _object_lock(lock),
        "object_lock_enabled": lock.get("ObjectLockEnabled") == "Enabled",
        "policy": _ask(call, "get_bucket_policy").get("Policy"),
        "request_payer": _ask(call, "get_bucket_request_payment").get("Payer"),
        "server_side_encryption_configuration": _encryption(_ask(call, "get_bucket_encryption")),
        "versioning": _versioning(_ask(call, "get_bucket_versioning")),
        "website": _website(_ask(call, "get_bucket_website")),
    }


def _ask(call: Call, operation: str) -> Mapping[str, Any]:
    ask: Callable[..., Mapping[str, Any]] = getattr(call.client, operation)
    try:
        return ask(Bucket=call.id)
    except ClientError as error:
        if error_code(error) in _MISSING:
            return {}
        raise


def _cors_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "allowed_headers": rule.get("AllowedHeaders"),
        "allowed_methods": rule.get("AllowedMethods"),
        "allowed_origins": rule.get("AllowedOrigins"),
        "expose_headers": rule.get("ExposeHeaders"),
        "max_age_seconds": rule.get("MaxAgeSeconds"),
    }


def _grants(acl: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One element a grantee, with all its permissions."""
    grants: dict[tuple[Any, ...], dict[str, Any]] = {}
    for grant in acl.get("Grants", ()):
        grantee = grant["Grantee"]
        named = {"id": grantee.get("ID"), "type": grantee["Type"], "uri": grantee.get("URI")}
        grants.setdefault(tuple(named.values()), {**named, "permissions": []})["permissions"].append(
            grant["Permission"]
        )
    return list(grants.values())


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    chosen = rule.get("Filter", {})
    both = chosen.get("And", {})
    tags = both.get("Tags", [chosen["Tag"]] if "Tag" in chosen else [])
    return {
        "id": rule.get("ID"),
        "prefix": chosen.get("Prefix") or both.get("Prefix") or rule.get("Prefix"),
        "tags": {tag["Key"]: tag["Value"] for tag in tags},
        "enabled": rule["Status"] == "Enabled",
        "abort_incomplete_multipart_upload_days": rule.get("AbortIncompleteMultipartUpload", {}).get(
            "DaysAfterInitiation"
        ),
        "expiration": [
            {
                "date": _day(item),
                "days": item.get("Days"),
                "expired_object_delete_marker": item.get("ExpiredObjectDeleteMarker"),
            }
            for item in _maybe(rule.get("Expiration"))
        ],
        "noncurrent_version_expiration": [
            {"days": item.get("NoncurrentDays")} for item in _maybe(rule.get("NoncurrentVersionExpiration"))
        ],
        "noncurrent_version_transition": [
            {"days": item.get("NoncurrentDays"), "storage_class": item.get("StorageClass")}
            for item in rule.get("NoncurrentVersionTransitions", ())
        ],
        "transition": [
            {"date": _day(item), "days": item.get("Days"), "storage_class": item.get("StorageClass")}
            for item in rule.get("Transitions", ())
        ],
    }


def _day(item: Mapping[str, Any]) -> str | None:
    return plain(item["Date"])[:10] if "Date" in item else None


def _logging(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"target_bucket": item.get("TargetBucket"), "target_prefix": item.get("TargetPrefix")}
        for item in _maybe(answer.get("LoggingEnabled"))
    ]


def _object_lock(lock: Mapping[str, Any]) -> list[dict[str, Any]]:
    rules = [
        {"default_retention": [{"days": item.get("Days"), "mode": item.get("Mode"), "years": item.get("Years")}]}
        for item in _maybe(lock.get("Rule", {}).get("DefaultRetention"))
    ]
    return [{"object_lock_enabled": lock.get("ObjectLockEnabled"), "rule": rules}] if lock else []


def _encryption(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    rules = [
        {
            "apply_server_side_encryption_by_default": [
                {"kms_master_key_id": item.get("KMSMasterKeyID"), "sse_algorithm": item["SSEAlgorithm"]}
                for item in _maybe(rule.get("ApplyServerSideEncryptionByDefault"))
            ],
            "bucket_key_enabled": rule.get("BucketKeyEnabled"),
        }
        for rule in answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", ())
    ]
    return [{"rule": rules}] if rules else []


def _versioning(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"enabled": answer.get("Status") == "Enabled", "mfa_delete": answer.get("MFADelete") == "Enabled"}]


def _website(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    if not (answer.get("IndexDocument") or answer.get("RedirectAllRequestsTo")):
        return []
    redirect = answer.get("RedirectAllRequestsTo", {})
    host = f"{redirect['Protocol']}://{redirect['HostName']}" if "Protocol" in redirect else redirect.get("HostName")
    return [
        {
            "error_document": answer.get("ErrorDocument", {}).get("Key"),
            "index_document": answer.get("IndexDocument", {}).get("Suffix"),
            "redirect_all_requests_to": host,
        }
    ]


def _maybe(item: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return [item] if item else []
