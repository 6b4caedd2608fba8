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
_REPOSITORY_WRITES = (
    "ecr:CreateRepository",
    "ecr:DeleteLifecyclePolicy",
    "ecr:DeleteRepository",
    "ecr:PutImageScanningConfiguration",
    "ecr:PutImageTagMutability",
    "ecr:PutLifecyclePolicy",
    "ecr:TagResource",
    "ecr:UntagResource",
)
_ROLE_WRITES = (
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:ListInstanceProfilesForRole",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
)
# With a permissions boundary, the deploy role may call these only for roles that have it.
_BOUNDED_WRITES = ("iam:CreateRole", "iam:PutRolePolicy")
_SCALING_ROLES = "role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/*"
# The log groups of an account can only be listed together.
_ALL_LOG_GROUPS = "log-group:*"


class AccessRights:
    """The policy documents of an environment's plan role and deploy role."""

    def __init__(self, names: Names, source_buckets: Iterable[str] = ()) -> None:
        """`source_buckets`: the buckets outside the environment that artifacts are copied from."""
        self._names = names
        self._sources = [f"{names.bucket_arn(bucket)}/*" for bucket in sorted(source_buckets)]
        self._key = names.settings.kms_key_arn
        every_shard = replace(names, shard="*")
        both = (names, every_shard)
        self._existing = names.settings.existing
        self._state = names.bucket_arn(names.state_bucket)
        self._states = f"{self._state}/{names.state_folder}{names.environment}-*"
        self._models = _distinct(item.models_bucket_arn for item in both)
        # A bucket that others share holds objects of theirs.
        objects = ["*"]
        if self._existing.models_bucket is not None:
            objects = [f"{names.models_prefix}*", f"{names.archive_prefix}*", names.model_list_key]
        self._objects = [f"{arn}/{item}" for arn in self._models for item in objects]
        # The buckets whose settings the stacks hold.
        self._buckets = [self._state] if self._existing.state_bucket is None else []
        if self._existing.models_bucket is None:
            self._buckets += self._models
        self._roles = _distinct(item.role_arn for item in both)
        self._created_roles = self._roles if self._existing.execution_role_arn is None else []
        self._policies = [names.policy_arn(f"{names.base}-*")]
        self._endpoints = _distinct(item.endpoint_arn for item in both)
        # Models and configurations carry a hash behind the shard's name.
        self._hosting = [names.arn("sagemaker", f"{kind}/{names.base}-*") for kind in ("model", "endpoint-config")]
        self._repository = names.arn("ecr", f"repository/{names.repository}")
        self._alarms = [names.arn("cloudwatch", f"alarm:{names.base}-*")]
        self._dashboards = [f"arn:{names.partition}:cloudwatch::{names.settings.account_id}:dashboard/{names.base}*"]
        self._topics = [names.arn("sns", f"{names.base}-*")]
        self._parameters = _distinct(names.arn("ssm", f"parameter{item.parameter('*')}") for item in both)
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
                f"{self._states}/terraform.tfstate",
            ),
            allow("ReadModels", ["s3:GetObject", "s3:GetObjectTagging"], self._objects),
            allow(
                "ReadRoles",
                ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"],
                [*self._created_roles, names.access_role_arn("*")],
            ),
            allow("ReadCallers", ["iam:GetPolicy", "iam:GetPolicyVersion"], self._policies),
            allow(
                "ReadIdentityProvider",
                ["iam:GetOpenIDConnectProvider"],
                names.iam_arn("oidc-provider/*"),
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
            allow("ReadDashboards", ["cloudwatch:GetDashboard"], self._dashboards),
            allow("ReadTopics", ["sns:GetTopicAttributes", "sns:ListTagsForResource"], self._topics),
            # These two actions know no resources.
            allow("ReadLists", ["sns:GetSubscriptionAttributes", "ssm:DescribeParameters"], "*"),
            allow("ReadParameters", ["ssm:GetParameter", "ssm:ListTagsForResource"], self._parameters),
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
        statements += self._check_account()
        if self._buckets:
            statements.append(allow("ReadBuckets", list(_BUCKET_READS), self._buckets))
        if self._existing.models_bucket is not None:
            # Without it, S3 answers 403 for an object that is not there.
            statements.append(allow("ListModels", ["s3:ListBucket"], self._models))
        if self._existing.repository is None:
            reads = ["ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:ListTagsForResource"]
            statements.append(allow("ReadRepository", reads, self._repository))
        if self._key is not None:
            statements.append(allow("Decrypt", ["kms:Decrypt", "kms:DescribeKey"], self._key))
        return document(*statements)

    def _check_account(self) -> Iterable[Statement]:
        """What `make check-account` reads beside what a plan reads."""
        # These actions know no resources, but for those of listings of the whole account.
        yield allow(
            "CheckAccount",
            [
                "ec2:DescribeRegions",
                "ec2:DescribeRouteTables",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcEndpoints",
                "s3:ListAllMyBuckets",
                "servicequotas:ListAWSDefaultServiceQuotas",
                "servicequotas:ListServiceQuotas",
            ],
            "*",
        )
        used = [self._names.iam_arn(_SCALING_ROLES)]
        if self._existing.execution_role_arn is not None:
            used.append(self._existing.execution_role_arn)
        yield allow("CheckRoles", ["iam:GetRole"], used)
        boundary = self._names.settings.permissions_boundary_arn
        if boundary is not None:
            yield allow("CheckBoundary", ["iam:GetPolicy"], boundary)
        buckets = [self._state] if self._existing.state_bucket is not None else []
        if self._existing.models_bucket is not None:
            buckets += self._models
        if buckets:
            yield allow("CheckBuckets", ["s3:GetBucketVersioning", "s3:GetEncryptionConfiguration"], buckets)
        if self._existing.repository is not None:
            yield allow("CheckRepository", ["ecr:DescribeRepositories"], self._repository)

    def deploy(self) -> str:
        """What an apply calls beside what a plan reads. The state bucket can be changed, not deleted."""
        return document(*self._storage(), *self._image(), *self._identities(), *self._hosting_writes())

    def _storage(self) -> Iterable[Statement]:
        yield allow("WriteStates", ["s3:PutObject"], f"{self._states}/terraform.tfstate")
        yield allow(
            "LockStates",
            ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
            f"{self._states}/terraform.tfstate.tflock",
        )
        if self._buckets:
            yield allow("WriteBuckets", list(_BUCKET_WRITES), self._buckets)
        if self._existing.models_bucket is None:
            yield allow("DeleteModelsBucket", ["s3:DeleteBucket"], self._models)
        else:
            # The provider finds out which versions of a removed object to delete.
            yield allow("ListModelVersions", ["s3:ListBucketVersions"], self._models)
        yield allow(
            "WriteModels",
            [
                "s3:AbortMultipartUpload",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:PutObject",
                "s3:PutObjectTagging",
            ],
            self._objects,
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
        if self._existing.repository is None:
            yield allow("WriteRepository", list(_REPOSITORY_WRITES), self._repository)
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
        if self._created_roles:
            yield from self._execution_role(self._names.settings.permissions_boundary_arn)
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
            self._names.iam_arn(_SCALING_ROLES),
            {"StringLike": {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}},
        )

    def _execution_role(self, boundary: str | None) -> Iterable[Statement]:
        if boundary is None:
            yield allow("WriteExecutionRole", sorted([*_ROLE_WRITES, *_BOUNDED_WRITES]), self._created_roles)
            return
        yield allow("WriteExecutionRole", list(_ROLE_WRITES), self._created_roles)
        # Taking a boundary off, or putting on another, stays with an administrator.
        yield allow(
            "WriteBoundedRole",
            [*_BOUNDED_WRITES, "iam:PutRolePermissionsBoundary"],
            self._created_roles,
            {"StringEquals": {"iam:PermissionsBoundary": boundary}},
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
        yield allow("WriteDashboards", ["cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard"], self._dashboards)
        yield allow(
            "WriteTopics",
            [
                "sns:CreateTopic",
                "sns:DeleteTopic",
                "sns:SetTopicAttributes",
                "sns:Subscribe",
                "sns:TagResource",
                "sns:UntagResource",
            ],
            self._topics,
        )
        # This action knows no resources.
        yield allow("Unsubscribe", ["sns:Unsubscribe"], "*")
        yield allow(
            "WriteParameters",
            [
                "ssm:AddTagsToResource",
                "ssm:DeleteParameter",
                "ssm:PutParameter",
                "ssm:RemoveTagsFromResource",
            ],
            self._parameters,
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
