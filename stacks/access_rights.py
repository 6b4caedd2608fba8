"""What the roles of continuous integration may do: what the AWS provider calls for these stacks, and nothing beyond.

The actions are those that the provider was recorded calling; tests/stacks/test_access_rights.py holds the two together.
The resources are the environment's own. A pattern covers every shard, so that another shard needs no new rights.
"""

from collections.abc import Iterable
from dataclasses import replace

from stacks.names import Names
from stacks.policies import Statement, allow, document

_BUCKET_READS = (
    "s3:GetAccelerateConfiguration",
    "s3:GetBucketAcl",
    "s3:GetBucketCORS",
    "s3:GetBucketLogging",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketRequestPayment",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetBucketWebsite",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListBucket",
    "s3:ListTagsForResource",
)
_BUCKET_WRITES = (
    "s3:CreateBucket",
    "s3:DeleteBucketPolicy",
    "s3:ListBucketVersions",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketTagging",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:TagResource",
    "s3:UntagResource",
)
# The log groups of an account can only be listed together.
_ALL_LOG_GROUPS = "log-group:*"


class AccessRights:
    """The policy documents of an environment's plan role and deploy role."""

    def __init__(self, names: Names, source_buckets: Iterable[str] = ()) -> None:
        """`source_buckets`: the buckets outside the environment that artifacts are copied from."""
        self._names = names
        self._sources = [f"arn:{names.partition}:s3:::{bucket}/*" for bucket in sorted(source_buckets)]
        self._key = names.settings.kms_key_arn
        every_shard = replace(names, shard="*")
        both = (names, every_shard)
        self._state = f"arn:{names.partition}:s3:::{names.state_bucket}"
        self._models = _distinct(item.models_bucket_arn for item in both)
        self._roles = _distinct(item.role_arn for item in both)
        self._policies = [f"arn:{names.partition}:iam::{names.settings.account_id}:policy/{names.base}-*"]
        self._endpoints = _distinct(item.endpoint_arn for item in both)
        # Models and configurations carry a hash behind the shard's name.
        self._hosting = [names.arn("sagemaker", f"{kind}/{names.base}-*") for kind in ("model", "endpoint-config")]
        self._repository = names.arn("ecr", f"repository/{names.repository}")
        self._alarms = [names.arn("cloudwatch", f"alarm:{names.base}-*")]
        self._logs = _distinct(names.arn("logs", f"log-group:{item.log_group}") for item in both)
        # A scalable target has an id that AWS chooses.
        self._targets = names.arn("application-autoscaling", "scalable-target/*")

    def plan(self) -> str:
        """What a plan reads. It writes nothing, not even a lock: plan with `-lock=false`."""
        names = self._names
        statements = [
            # `operations plan` compares a state with the version before it, to refuse a damaged one.
            allow("ListStates", ["s3:ListBucket", "s3:ListBucketVersions"], self._state),
            allow(
                "ReadStates",
                ["s3:GetObject", "s3:GetObjectVersion"],
                f"{self._state}/{names.environment}-*/terraform.tfstate",
            ),
            allow("ReadBuckets", list(_BUCKET_READS), [self._state, *self._models]),
            allow("ReadModels", ["s3:GetObject", "s3:GetObjectTagging"], [f"{arn}/*" for arn in self._models]),
            allow(
                "ReadRepository",
                ["ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:ListTagsForResource"],
                self._repository,
            ),
            allow(
                "ReadRoles",
                ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"],
                [*self._roles, names.access_role_arn("*")],
            ),
            allow("ReadCallers", ["iam:GetPolicy", "iam:GetPolicyVersion"], self._policies),
            allow(
                "ReadIdentityProvider",
                ["iam:GetOpenIDConnectProvider"],
                f"arn:{names.partition}:iam::{names.settings.account_id}:oidc-provider/*",
            ),
            allow(
                "ReadHosting",
                [
                    "sagemaker:DescribeEndpoint",
                    "sagemaker:DescribeEndpointConfig",
                    "sagemaker:DescribeModel",
                    "sagemaker:ListTags",
                ],
                [*self._hosting, *self._endpoints],
            ),
            allow("ReadAlarms", ["cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"], self._alarms),
            allow("ListLogGroups", ["logs:DescribeLogGroups"], names.arn("logs", _ALL_LOG_GROUPS)),
            allow("ReadLogGroup", ["logs:ListTagsForResource"], self._logs),
            # These two actions know no resources.
            allow(
                "ReadScaling",
                ["application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies"],
                "*",
            ),
            allow("ReadScalingTags", ["application-autoscaling:ListTagsForResource"], self._targets),
        ]
        if self._key is not None:
            statements.append(allow("Decrypt", ["kms:Decrypt", "kms:DescribeKey"], self._key))
        return document(*statements)

    def deploy(self) -> str:
        """What an apply calls beside what a plan reads. The state bucket can be changed, not deleted."""
        return document(*self._storage(), *self._image(), *self._identities(), *self._hosting_writes())

    def _storage(self) -> Iterable[Statement]:
        folder = f"{self._state}/{self._names.environment}-*"
        yield allow("WriteStates", ["s3:PutObject"], f"{folder}/terraform.tfstate")
        yield allow(
            "LockStates", ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], f"{folder}/terraform.tfstate.tflock"
        )
        yield allow("WriteBuckets", list(_BUCKET_WRITES), [self._state, *self._models])
        yield allow("DeleteModelsBucket", ["s3:DeleteBucket"], self._models)
        yield allow(
            "WriteModels",
            [
                "s3:AbortMultipartUpload",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:PutObject",
                "s3:PutObjectTagging",
            ],
            [f"{arn}/*" for arn in self._models],
        )
        if self._sources:
            yield allow("CopyModels", ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion"], self._sources)
        if self._key is not None:
            yield allow("Encrypt", ["kms:GenerateDataKey"], self._key)
            # The repository and the instances' volumes use the key by a grant.
            yield allow(
                "GrantKey",
                ["kms:CreateGrant", "kms:RetireGrant"],
                self._key,
                {"Bool": {"kms:GrantIsForAWSResource": "true"}},
            )

    def _image(self) -> Iterable[Statement]:
        yield allow(
            "WriteRepository",
            [
                "ecr:CreateRepository",
                "ecr:DeleteLifecyclePolicy",
                "ecr:DeleteRepository",
                "ecr:PutImageScanningConfiguration",
                "ecr:PutImageTagMutability",
                "ecr:PutLifecyclePolicy",
                "ecr:TagResource",
                "ecr:UntagResource",
            ],
            self._repository,
        )
        # Of the environment's own images only: tags of images that are in use no longer.
        yield allow("UntagImage", ["ecr:BatchDeleteImage"], self._repository)
        # This action knows no resources.
        yield allow("LogInToRegistry", ["ecr:GetAuthorizationToken"], "*")
        yield allow(
            "PushImage",
            [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:CompleteLayerUpload",
                "ecr:DescribeImages",
                "ecr:GetDownloadUrlForLayer",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:UploadLayerPart",
            ],
            _distinct([self._repository, self._names.pulled_repository_arn]),
        )

    def _identities(self) -> Iterable[Statement]:
        yield allow(
            "WriteExecutionRole",
            [
                "iam:CreateRole",
                "iam:DeleteRole",
                "iam:DeleteRolePolicy",
                "iam:ListInstanceProfilesForRole",
                "iam:PutRolePolicy",
                "iam:TagRole",
                "iam:UntagRole",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
            ],
            self._roles,
        )
        yield allow(
            "PassExecutionRole",
            ["iam:PassRole"],
            self._roles,
            {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
        yield allow(
            "WriteCallers",
            [
                "iam:CreatePolicy",
                "iam:CreatePolicyVersion",
                "iam:DeletePolicy",
                "iam:DeletePolicyVersion",
                "iam:ListPolicyVersions",
                "iam:TagPolicy",
                "iam:UntagPolicy",
            ],
            self._policies,
        )
        yield allow(
            "CreateScalingRole",
            ["iam:CreateServiceLinkedRole"],
            f"arn:{self._names.partition}:iam::{self._names.settings.account_id}:role/aws-service-role/"
            "sagemaker.application-autoscaling.amazonaws.com/*",
            {"StringLike": {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}},
        )

    def _hosting_writes(self) -> Iterable[Statement]:
        yield allow(
            "WriteHosting",
            [
                "sagemaker:AddTags",
                "sagemaker:CreateEndpoint",
                "sagemaker:CreateEndpointConfig",
                "sagemaker:CreateModel",
                "sagemaker:DeleteEndpoint",
                "sagemaker:DeleteEndpointConfig",
                "sagemaker:DeleteModel",
                "sagemaker:DeleteTags",
                "sagemaker:UpdateEndpoint",
                "sagemaker:UpdateEndpointWeightsAndCapacities",
            ],
            [*self._hosting, *self._endpoints],
        )
        yield allow(
            "WriteAlarms",
            [
                "cloudwatch:DeleteAlarms",
                "cloudwatch:PutMetricAlarm",
                "cloudwatch:TagResource",
                "cloudwatch:UntagResource",
            ],
            self._alarms,
        )
        yield allow(
            "WriteLogGroup",
            [
                "logs:CreateLogGroup",
                "logs:DeleteLogGroup",
                "logs:PutRetentionPolicy",
                "logs:TagResource",
                "logs:UntagResource",
            ],
            [arn for group in self._logs for arn in (group, f"{group}:*")],
        )
        yield allow(
            "WriteScaling",
            [
                "application-autoscaling:DeleteScalingPolicy",
                "application-autoscaling:DeregisterScalableTarget",
                "application-autoscaling:PutScalingPolicy",
                "application-autoscaling:RegisterScalableTarget",
                "application-autoscaling:TagResource",
                "application-autoscaling:UntagResource",
            ],
            self._targets,
        )


def _distinct(arns: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(arns))
