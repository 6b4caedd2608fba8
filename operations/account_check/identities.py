"""The key, the role and the policy that the settings name by ARN."""

from __future__ import annotations

import json
from collections.abc import Iterator

from operations.account_check.account import Account, found
from operations.account_check.finding import Finding

_ENCRYPTION, _SYMMETRIC = "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"
_SAGEMAKER = "sagemaker.amazonaws.com"


def check_key(account: Account) -> Iterator[Finding]:
    """The KMS key: a disabled one makes every write fail."""
    arn = account.settings.kms_key_arn
    if arn is None:
        return
    answer = found(lambda: account.client("kms").describe_key(KeyId=arn), "NotFoundException")
    if answer is None:
        yield Finding("key", "problem", f"there is no {arn}", "correct `kms_key_arn` in cdktf.json")
        return
    key = answer["KeyMetadata"]
    symmetric = key.get("KeyUsage", _ENCRYPTION) == _ENCRYPTION and key.get("KeySpec", _SYMMETRIC) == _SYMMETRIC
    if key["KeyState"] == "Enabled" and symmetric:
        yield Finding("key", "ok", f"{arn} is enabled")
    elif key["KeyState"] == "Enabled":
        yield Finding("key", "problem", f"{arn} is no symmetric key for encryption", "name another in `kms_key_arn`")
    else:
        yield Finding(
            "key",
            "problem",
            f"{arn} is {key['KeyState']}",
            f"aws kms enable-key --key-id {arn} (cancel-key-deletion before, where it is to be deleted)",
        )


def check_execution_role(account: Account) -> Iterator[Finding]:
    """The execution role that `existing.execution_role_arn` names."""
    arn = account.settings.existing.execution_role_arn
    if arn is None:
        return
    answer = found(lambda: account.client("iam").get_role(RoleName=arn.rpartition("/")[2]), "NoSuchEntity")
    if answer is None or answer["Role"]["Arn"] != arn:
        yield Finding("execution role", "problem", f"there is no {arn}", "correct `existing.execution_role_arn`")
        return
    document = answer["Role"]["AssumeRolePolicyDocument"]
    if _SAGEMAKER not in (document if isinstance(document, str) else json.dumps(document)):
        yield Finding(
            "execution role",
            "problem",
            f"{arn} does not trust {_SAGEMAKER}, and CreateModel refuses it",
            f"have its owner allow sts:AssumeRole for the service {_SAGEMAKER} in its trust policy",
        )
        return
    advice = "give it the policy in the output `execution_rights` of the endpoint stack"
    yield Finding("execution role", "ok", f"{arn} is there and trusts SageMaker", advice)


def check_boundary(account: Account) -> Iterator[Finding]:
    """The permissions boundary: IAM creates no role with one that does not exist."""
    arn = account.settings.permissions_boundary_arn
    if arn is None:
        return
    if found(lambda: account.client("iam").get_policy(PolicyArn=arn), "NoSuchEntity") is None:
        yield Finding("boundary", "problem", f"there is no {arn}", "correct `permissions_boundary_arn` in cdktf.json")
    else:
        yield Finding("boundary", "ok", f"{arn} is there")
