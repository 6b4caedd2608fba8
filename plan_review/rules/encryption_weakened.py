"""Encryption at rest is taken away, or moves to a weaker or another key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from plan_review.endpoint import CONFIGURATION
from plan_review.findings import Hit, Rule, Severity
from plan_review.places import ARTIFACT_TYPES
from plan_review.plan import Change
from plan_review.redaction import shown
from plan_review.stack import Stack
from plan_review.values import UNKNOWN, Path, dotted

_BUCKET_ENCRYPTION = "aws_s3_bucket_server_side_encryption_configuration"
_DEFAULT = ("rule", 0, "apply_server_side_encryption_by_default", 0)
_SETTINGS: Mapping[str, tuple[Path, ...]] = {
    _BUCKET_ENCRYPTION: ((*_DEFAULT, "sse_algorithm"), (*_DEFAULT, "kms_master_key_id")),
    CONFIGURATION: (("kms_key_arn",), ("data_capture_config", 0, "kms_key_id")),
    **dict.fromkeys(ARTIFACT_TYPES, (("server_side_encryption",), ("kms_key_id",))),
    "aws_ecr_repository": (
        ("encryption_configuration", 0, "encryption_type"),
        ("encryption_configuration", 0, "kms_key"),
    ),
    "aws_sns_topic": (("kms_master_key_id",),),
    "aws_cloudwatch_log_group": (("kms_key_id",),),
    "aws_dynamodb_table": (("server_side_encryption", 0, "enabled"), ("server_side_encryption", 0, "kms_key_arn")),
}
_STRENGTH = {None: 0, "": 0, False: 0, "AES256": 1, "aws:kms": 2, "KMS": 2, "aws:kms:dsse": 3, "KMS_DSSE": 3, True: 2}


def _check(stack: Stack) -> Iterator[Hit]:
    for type_, paths in _SETTINGS.items():
        for change in stack.plan.of_type(type_):
            if not (change.before.exists and change.action.changes):
                continue
            if change.after.exists:
                yield from _weakened(change, paths)
            elif type_ == _BUCKET_ENCRYPTION:
                bucket = shown(change.before, "bucket")
                yield Hit(
                    change.address,
                    f"bucket {bucket} loses its encryption setting: the resource is {change.action.value}",
                )


def _weakened(change: Change, paths: tuple[Path, ...]) -> Iterator[Hit]:
    for path in paths:
        before, after = change.before.at(*path), change.after.at(*path)
        if before == after or before in (None, "", False):
            continue
        message = f"{dotted(path)}: {shown(change.before, *path)} -> {shown(change.after, *path)}"
        if after is UNKNOWN:
            if change.type not in ARTIFACT_TYPES:  # computed there from the bucket's own setting
                yield Hit(change.address, message, severity=Severity.APPROVAL)
        elif _strength(after) < _strength(before):
            yield Hit(change.address, message)
        elif path[-1] not in ("sse_algorithm", "encryption_type", "server_side_encryption"):
            yield Hit(change.address, message, severity=Severity.APPROVAL)


def _strength(value: object) -> int:
    return _STRENGTH.get(value, 2) if isinstance(value, str | bool | None) else 2


RULE = Rule(
    id="encryption-weakened",
    title="Encryption is removed, weakened or moved to another key",
    severity=Severity.BLOCKED,
    explanation=(
        "Artifacts, state and the volumes of the instances hold models and data. Without a customer key there is no "
        "key policy and no audit of its use; under another key what was written before stays under the old one."
    ),
    advice="Keep the algorithm and the key; for a change of keys re-encrypt what exists before the old key goes.",
    source=(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html "
        "https://docs.aws.amazon.com/sagemaker/latest/dg/encryption-at-rest.html"
    ),
    check=_check,
)
