"""A bucket that is versioned, encrypted, closed to the public and reached over TLS only."""

from dataclasses import dataclass
from typing import Any

from stacks import policies
from stacks.aws_bindings import (
    S3Bucket,
    S3BucketLifecycleConfiguration,
    S3BucketLifecycleConfigurationRule,
    S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload,
    S3BucketLifecycleConfigurationRuleExpiration,
    S3BucketLifecycleConfigurationRuleFilter,
    S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration,
    S3BucketOwnershipControls,
    S3BucketPolicy,
    S3BucketPublicAccessBlock,
    S3BucketServerSideEncryptionConfigurationA,
    S3BucketServerSideEncryptionConfigurationRuleA,
    S3BucketVersioningA,
    TerraformResourceLifecycle,
    TerraformStack,
)


@dataclass(frozen=True)
class PrivateBucket:
    """What is to be made of a bucket.

    Attributes:
        stack: what it is added to.
        id: the id of the bucket; those of its settings begin with it.
        name: the bucket's name.
        arn: its ARN.
        kms_key_arn: the key that encrypts it; S3's own when None.
        is_disposable: whether it is destroyed with what is in it.
        lifecycle: the lifecycle of the bucket itself.
    """

    stack: TerraformStack
    id: str
    name: str
    arn: str
    kms_key_arn: str | None
    is_disposable: bool
    lifecycle: TerraformResourceLifecycle | None

    def add(self, noncurrent_days: int | None, archive_prefix: str | None) -> tuple[S3Bucket, S3BucketVersioningA]:
        """Add the bucket and its settings.

        Args:
            noncurrent_days: after how many days replaced and deleted objects go for good; never when None.
            archive_prefix: where copies of removed objects lie, which go as many days after they were made.

        Returns:
            The bucket, and its versioning, which stands when the bucket is encrypted as well.
        """
        bucket = S3Bucket(
            self.stack, self.id, bucket=self.name, force_destroy=self.is_disposable, lifecycle=self.lifecycle
        )
        encrypted = self._encrypt(bucket)
        versioning = S3BucketVersioningA(
            self.stack,
            f"{self.id}_versioning",
            bucket=bucket.bucket,
            versioning_configuration={"status": "Enabled"},
            depends_on=[encrypted],
        )
        self._close(bucket)
        S3BucketLifecycleConfiguration(
            self.stack,
            f"{self.id}_expiry",
            bucket=bucket.bucket,
            rule=_expiry_rules(noncurrent_days, archive_prefix),
            depends_on=[versioning],
        )
        return bucket, versioning

    def _encrypt(self, bucket: S3Bucket) -> S3BucketServerSideEncryptionConfigurationA:
        key = self.kms_key_arn
        encryption: dict[str, Any] = {"sse_algorithm": "AES256"}
        if key is not None:
            encryption = {"sse_algorithm": "aws:kms", "kms_master_key_id": key}
        return S3BucketServerSideEncryptionConfigurationA(
            self.stack,
            f"{self.id}_encryption",
            bucket=bucket.bucket,
            rule=[
                S3BucketServerSideEncryptionConfigurationRuleA(
                    apply_server_side_encryption_by_default=encryption, bucket_key_enabled=key is not None
                )
            ],
        )

    def _close(self, bucket: S3Bucket) -> None:
        closed = S3BucketPublicAccessBlock(
            self.stack,
            f"{self.id}_public_access",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
        )
        S3BucketOwnershipControls(
            self.stack,
            f"{self.id}_ownership",
            bucket=bucket.bucket,
            rule={"object_ownership": "BucketOwnerEnforced"},
        )
        # S3 refuses to change a bucket's policy while it changes the block of public policies.
        S3BucketPolicy(
            self.stack,
            f"{self.id}_tls_only",
            bucket=bucket.bucket,
            policy=policies.tls_only(self.arn),
            depends_on=[closed],
        )


def _expiry_rules(noncurrent_days: int | None, archive_prefix: str | None) -> list[S3BucketLifecycleConfigurationRule]:
    everything = [S3BucketLifecycleConfigurationRuleFilter(prefix="")]
    rules = [
        S3BucketLifecycleConfigurationRule(
            id="abort-interrupted-uploads",
            status="Enabled",
            filter=everything,
            abort_incomplete_multipart_upload=[
                S3BucketLifecycleConfigurationRuleAbortIncompleteMultipartUpload(days_after_initiation=7)
            ],
        )
    ]
    if noncurrent_days is not None:
        rules.append(
            S3BucketLifecycleConfigurationRule(
                id="expire-deleted-objects",
                status="Enabled",
                filter=everything,
                noncurrent_version_expiration=[
                    S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration(noncurrent_days=noncurrent_days)
                ],
            )
        )
    if archive_prefix is not None:
        rules.append(_archive_expiry(archive_prefix, noncurrent_days))
    return rules


def _archive_expiry(prefix: str, days: int | None) -> S3BucketLifecycleConfigurationRule:
    return S3BucketLifecycleConfigurationRule(
        id="expire-archive",
        status="Enabled",
        filter=[S3BucketLifecycleConfigurationRuleFilter(prefix=prefix)],
        expiration=[S3BucketLifecycleConfigurationRuleExpiration(days=days)],
        # In a bucket with versions, expiry only hides the object; a day later it is gone.
        noncurrent_version_expiration=[
            S3BucketLifecycleConfigurationRuleNoncurrentVersionExpiration(noncurrent_days=1)
        ],
    )
