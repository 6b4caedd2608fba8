"""What is set on a bucket by a resource of its own: versioning, encryption, policy, ... The id is the bucket's."""

from collections.abc import Callable, Mapping
from typing import Any

from ..json_text import JSON
from ..mapping import attributes, structure
from ..resource import Call, Resource
from ..values import UNKNOWN, is_empty

GONE = ("NoSuchBucket", "404")


def _setting(
    *,
    put: Callable[[Call], object],
    read: Callable[[Call], Mapping[str, Any]],
    delete: Callable[[Call], object],
    **more: Any,
) -> Resource:
    def create(call: Call) -> str:
        put(call)
        return call["bucket"]

    return Resource(
        service="s3",
        create=create,
        update=put,
        # Only some of the types have an expected_bucket_owner, and of them all it is refused when it is set.
        read=lambda call: {"bucket": call.id, "expected_bucket_owner": "", **read(call)},
        delete=delete,
        **more,
    )


def _put_versioning(call: Call) -> None:
    wanted = call["versioning_configuration"][0]
    configuration = {"Status": wanted["status"]}
    if not is_empty(wanted["mfa_delete"]):
        configuration["MFADelete"] = wanted["mfa_delete"]
    mfa = {"MFA": call["mfa"]} if call["mfa"] else {}
    if wanted["status"] != "Disabled":
        call.client.put_bucket_versioning(Bucket=call["bucket"], VersioningConfiguration=configuration, **mfa)


def _read_versioning(call: Call) -> dict[str, Any]:
    found = call.client.get_bucket_versioning(Bucket=call.id)
    return {
        "versioning_configuration": [
            {"status": found.get("Status", "Disabled"), "mfa_delete": found.get("MFADelete", "")}
        ]
    }


def _delete_versioning(call: Call) -> None:
    # S3 cannot forget that a bucket was versioned.
    if call["versioning_configuration"][0]["status"] == "Enabled":
        call.client.put_bucket_versioning(Bucket=call.id, VersioningConfiguration={"Status": "Suspended"})


def _put_encryption(call: Call) -> None:
    call.client.put_bucket_encryption(
        Bucket=call["bucket"],
        ServerSideEncryptionConfiguration={"Rules": [_encryption_rule(rule) for rule in call["rule"]]},
    )


def _encryption_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    sent: dict[str, Any] = {}
    for default in rule["apply_server_side_encryption_by_default"]:
        sent["ApplyServerSideEncryptionByDefault"] = {"SSEAlgorithm": default["sse_algorithm"]}
        if default["kms_master_key_id"]:
            sent["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] = default["kms_master_key_id"]
    if rule["bucket_key_enabled"] is not None:
        sent["BucketKeyEnabled"] = rule["bucket_key_enabled"]
    return sent


def _read_encryption(call: Call) -> dict[str, Any]:
    found = call.client.get_bucket_encryption(Bucket=call.id)["ServerSideEncryptionConfiguration"]["Rules"]
    return {
        "rule": [
            {
                "bucket_key_enabled": rule.get("BucketKeyEnabled"),
                "apply_server_side_encryption_by_default": [
                    {"sse_algorithm": default["SSEAlgorithm"], "kms_master_key_id": default.get("KMSMasterKeyID")}
                    for default in [rule.get("ApplyServerSideEncryptionByDefault")]
                    if default
                ],
            }
            for rule in found
        ]
    }


ACCESS_BLOCKS = {
    "block_public_acls": "BlockPublicAcls",
    "block_public_policy": "BlockPublicPolicy",
    "ignore_public_acls": "IgnorePublicAcls",
    "restrict_public_buckets": "RestrictPublicBuckets",
}


def _put_access_block(call: Call) -> None:
    call.client.put_public_access_block(
        Bucket=call["bucket"],
        PublicAccessBlockConfiguration={member: bool(call[name]) for name, member in ACCESS_BLOCKS.items()},
    )


def _read_access_block(call: Call) -> dict[str, Any]:
    found = call.client.get_public_access_block(Bucket=call.id)["PublicAccessBlockConfiguration"]
    return {name: found.get(member, False) for name, member in ACCESS_BLOCKS.items()}


def _delete_access_block(call: Call) -> None:
    if not call["skip_destroy"]:
        call.client.delete_public_access_block(Bucket=call.id)


LIFECYCLE_NAMES = {
    "transition": "Transitions",
    "noncurrent_version_transition": "NoncurrentVersionTransitions",
    "rule": "Rules",
}


def _customize_lifecycle(config: Mapping[str, Any], planned: dict[str, Any]) -> None:
    """The values that the real provider gives to what is not set, where they depend on what is."""
    for given, rule in zip(config["rule"], planned["rule"], strict=True):
        for chosen, block in zip(given["filter"], rule["filter"], strict=True):
            others = [value for name, value in chosen.items() if name != "prefix"]
            if chosen["prefix"] is None and UNKNOWN not in others:
                block["prefix"] = "" if all(value in (None, []) for value in others) else None
        for transition in rule["transition"]:
            if transition["days"] is UNKNOWN:
                transition["days"] = 0 if transition["date"] is None else None


def _put_lifecycle(call: Call) -> None:
    sent: dict[str, Any] = {"Rules": [_lifecycle_rule(call, rule) for rule in call["rule"]]}
    size = call["transition_default_minimum_object_size"]
    more = {"TransitionDefaultMinimumObjectSize": size} if size else {}
    call.client.put_bucket_lifecycle_configuration(Bucket=call["bucket"], LifecycleConfiguration=sent, **more)


def _lifecycle_rule(call: Call, rule: Mapping[str, Any]) -> dict[str, Any]:
    shape = call.client.meta.service_model.shape_for("LifecycleRule")
    sent = structure(call.block.blocks["rule"].block, rule, shape, LIFECYCLE_NAMES)
    expiration = sent.get("Expiration", {})
    if expiration.get("Days") == 0:
        del expiration["Days"]
    if len(expiration) > 1:
        # S3 refuses a delete-marker setting beside an age; the argument's "false" means that it was not set.
        expiration.pop("ExpiredObjectDeleteMarker", None)
    for block in rule["filter"]:
        sent["Filter"] = {name: value for name, value in sent.get("Filter", {}).items() if value}
        for both in block["and"]:
            if both["object_size_less_than"] == 0:
                # What the provider has for "not set"; 0 as the lower bound can be meant.
                sent["Filter"]["And"].pop("ObjectSizeLessThan", None)
            if both["tags"]:
                sent["Filter"]["And"]["Tags"] = [{"Key": key, "Value": value} for key, value in both["tags"].items()]
    if not sent.get("Filter") and not sent.get("Prefix"):
        sent["Filter"] = {"Prefix": ""}
    return sent


def _read_lifecycle(call: Call) -> dict[str, Any]:
    found = call.client.get_bucket_lifecycle_configuration(Bucket=call.id)
    state = attributes(call.client, "GetBucketLifecycleConfiguration", call.block, found, renames=LIFECYCLE_NAMES)
    known = call["rule"] or []
    for position, (rule, answer) in enumerate(zip(state["rule"], found["Rules"], strict=True)):
        rule["prefix"] = rule["prefix"] or ""
        for expiration in rule["expiration"]:
            expiration["days"] = expiration["days"] or 0
            expiration["expired_object_delete_marker"] = bool(expiration["expired_object_delete_marker"])
        both = answer.get("Filter", {}).get("And", {})
        for block in rule["filter"]:
            for part in block["and"]:
                for size in ("object_size_greater_than", "object_size_less_than"):
                    part[size] = part[size] or 0
                part["prefix"] = part["prefix"] or ""
                part["tags"] = {tag["Key"]: tag["Value"] for tag in both.get("Tags", ())}
        if not answer.get("Filter", {}).get("Prefix") and len(answer.get("Filter", {})) <= 1 and not both:
            # "Everything" has many forms: keep to the one that the configuration uses.
            has_filter = position >= len(known) or bool(known[position]["filter"])
            if "Tag" not in answer.get("Filter", {}) and not _sizes(answer.get("Filter", {})):
                rule["filter"] = [{"prefix": ""}] if has_filter else []
    size = found.get("TransitionDefaultMinimumObjectSize")
    return {"rule": state["rule"], **({"transition_default_minimum_object_size": size} if size else {})}


def _sizes(answer: Mapping[str, Any]) -> bool:
    return "ObjectSizeGreaterThan" in answer or "ObjectSizeLessThan" in answer


def _put_ownership(call: Call) -> None:
    rules = [{"ObjectOwnership": rule["object_ownership"]} for rule in call["rule"]]
    call.client.put_bucket_ownership_controls(Bucket=call["bucket"], OwnershipControls={"Rules": rules})


def _read_ownership(call: Call) -> dict[str, Any]:
    found = call.client.get_bucket_ownership_controls(Bucket=call.id)["OwnershipControls"]["Rules"]
    return {"rule": [{"object_ownership": rule["ObjectOwnership"]} for rule in found]}


RESOURCES = {
    "aws_s3_bucket_versioning": _setting(
        put=_put_versioning,
        read=_read_versioning,
        delete=_delete_versioning,
        missing=GONE,
        unsupported=("expected_bucket_owner",),
    ),
    "aws_s3_bucket_server_side_encryption_configuration": _setting(
        put=_put_encryption,
        read=_read_encryption,
        delete=lambda call: call.client.delete_bucket_encryption(Bucket=call.id),
        missing=(*GONE, "ServerSideEncryptionConfigurationNotFoundError"),
        unsupported=("expected_bucket_owner", "rule.blocked_encryption_types"),
    ),
    "aws_s3_bucket_public_access_block": _setting(
        put=_put_access_block,
        read=_read_access_block,
        delete=_delete_access_block,
        missing=(*GONE, "NoSuchPublicAccessBlockConfiguration"),
    ),
    "aws_s3_bucket_policy": _setting(
        put=lambda call: call.client.put_bucket_policy(Bucket=call["bucket"], Policy=call["policy"]),
        read=lambda call: {"policy": call.client.get_bucket_policy(Bucket=call.id)["Policy"]},
        delete=lambda call: call.client.delete_bucket_policy(Bucket=call.id),
        wordings={"policy": JSON},
        missing=(*GONE, "NoSuchBucketPolicy"),
    ),
    "aws_s3_bucket_lifecycle_configuration": _setting(
        put=_put_lifecycle,
        read=_read_lifecycle,
        delete=lambda call: call.client.delete_bucket_lifecycle(Bucket=call.id),
        customize=_customize_lifecycle,
        missing=(*GONE, "NoSuchLifecycleConfiguration"),
        unsupported=("expected_bucket_owner",),
    ),
    "aws_s3_bucket_ownership_controls": _setting(
        put=_put_ownership,
        read=_read_ownership,
        delete=lambda call: call.client.delete_bucket_ownership_controls(Bucket=call.id),
        missing=(*GONE, "OwnershipControlsNotFoundError"),
    ),
}
