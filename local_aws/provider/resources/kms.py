"""KMS: https://docs.aws.amazon.com/kms/latest/APIReference/"""

from typing import Any

from ..json_text import JSON, Wording
from ..mapping import attributes, parameters
from ..resource import Call, Resource, chosen_name, name_prefix
from . import tags

KEY_NAMES = {"customer_master_key_spec": "KeySpec", "is_enabled": "Enabled"}
MISSING = ("NotFoundException",)


def _create_key(call: Call) -> str:
    sent = parameters(call.client, "CreateKey", call.block, call.state, KEY_NAMES)
    key = call.client.create_key(**sent, Tags=tags.to_list(call.tags, "TagKey", "TagValue"))["KeyMetadata"]["KeyId"]
    if call["enable_key_rotation"]:
        call.client.enable_key_rotation(KeyId=key)
    if call["is_enabled"] is False:
        call.client.disable_key(KeyId=key)
    return key


def _read_key(call: Call) -> dict[str, Any] | None:
    found = call.client.describe_key(KeyId=call.id)["KeyMetadata"]
    if found["KeyState"] == "PendingDeletion":
        return None
    state = attributes(call.client, "DescribeKey", call.block, found, "KeyMetadata", renames=KEY_NAMES)
    rotates = found.get("KeySpec", "SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT"
    rotation = call.client.get_key_rotation_status(KeyId=call.id) if rotates else {}
    answer = call.client.list_resource_tags(KeyId=call.id)
    return state | {
        "policy": call.client.get_key_policy(KeyId=call.id, PolicyName="default")["Policy"],
        "enable_key_rotation": rotation.get("KeyRotationEnabled", False),
        "tags": tags.from_list(answer["Tags"], "TagKey", "TagValue"),
    }


def _update_key(call: Call) -> None:
    if call.changed("is_enabled") and call["is_enabled"]:
        call.client.enable_key(KeyId=call.id)
    if call.changed("enable_key_rotation"):
        (call.client.enable_key_rotation if call["enable_key_rotation"] else call.client.disable_key_rotation)(
            KeyId=call.id
        )
    if call.changed("description"):
        call.client.update_key_description(KeyId=call.id, Description=call["description"] or "")
    if call.changed("policy"):
        call.client.put_key_policy(KeyId=call.id, PolicyName="default", Policy=call["policy"])
    if call.changed("is_enabled") and not call["is_enabled"]:
        call.client.disable_key(KeyId=call.id)


def _tag_key(call: Call, changed: dict[str, str], removed: list[str]) -> None:
    if changed:
        call.client.tag_resource(KeyId=call.id, Tags=tags.to_list(changed, "TagKey", "TagValue"))
    if removed:
        call.client.untag_resource(KeyId=call.id, TagKeys=removed)


def _delete_key(call: Call) -> None:
    days = call["deletion_window_in_days"]
    call.client.schedule_key_deletion(KeyId=call.id, **({} if days is None else {"PendingWindowInDays": int(days)}))


def _create_alias(call: Call) -> str:
    name = chosen_name(call, prefix="alias/terraform-")
    call.client.create_alias(AliasName=name, TargetKeyId=call["target_key_id"])
    return name


def _read_alias(call: Call) -> dict[str, Any] | None:
    pages = call.client.get_paginator("list_aliases").paginate()
    found = next((alias for page in pages for alias in page["Aliases"] if alias["AliasName"] == call.id), None)
    if found is None:
        return None
    key = found["TargetKeyId"]
    return {
        "name": call.id,
        "name_prefix": name_prefix(call.id),
        "arn": found["AliasArn"],
        "target_key_id": key,
        "target_key_arn": call.arn("kms", f"key/{key}"),
    }


def _same_key(before: str, after: str) -> bool:
    """A key's id and its ARN name the same key."""
    return before.rpartition("/")[2] == after.rpartition("/")[2]


RESOURCES = {
    "aws_kms_key": Resource(
        service="kms",
        create=_create_key,
        read=_read_key,
        update=_update_key,
        tag=_tag_key,
        delete=_delete_key,
        wordings={"policy": JSON},
        missing=MISSING,
        unsupported=("custom_key_store_id", "rotation_period_in_days", "xks_key_id"),
    ),
    "aws_kms_alias": Resource(
        service="kms",
        create=_create_alias,
        read=_read_alias,
        update=lambda call: call.client.update_alias(AliasName=call.id, TargetKeyId=call["target_key_id"]),
        delete=lambda call: call.client.delete_alias(AliasName=call.id),
        wordings={"target_key_id": Wording(_same_key)},
        missing=MISSING,
    ),
}
