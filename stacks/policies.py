"""Policy documents, rendered here rather than by data sources, so that a plan shows their content.

What the execution role may do follows "CreateModel API: Execution Role Permissions" in
https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, narrowed to this endpoint's own resources.
"""

import json
from typing import Any

from image_builder.settings import IN_USE_TAG_PREFIX
from stacks.names import Names
from stacks.settings import Caller

Statement = dict[str, Any]
# More than there ever are: two for each shard.
_MOST_IMAGES_IN_USE = 9999


def document(*statements: Statement) -> str:
    """A policy document of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(sid: str, actions: list[str], resources: str | list[str], condition: Statement | None = None) -> Statement:
    """A statement that allows `actions` on `resources`, under `condition` where there is one."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
    return statement if condition is None else statement | {"Condition": condition}


def tls_only(bucket_arn: str) -> str:
    """A bucket policy that refuses every request without TLS."""
    return document(
        {
            "Sid": "DenyWithoutTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket_arn, f"{bucket_arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )


def trust_sagemaker(account_id: str) -> str:
    """Lets SageMaker assume the role, on behalf of this account only."""
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
        }
    )


def trust_web_identity(provider_arn: str, issuer: str, audience: str, subject: str) -> str:
    """Lets the jobs assume the role whose token `issuer`, a host name, made out to `audience`.

    `subject` is what the token says of the job, with IAM's wildcards where it holds one.
    """
    operator = "StringLike" if "*" in subject else "StringEquals"
    conditions = [("StringEquals", f"{issuer}:aud", audience), (operator, f"{issuer}:sub", subject)]
    found: Statement = {}
    for name, key, value in conditions:
        found.setdefault(name, {})[key] = value
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Federated": provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": found,
        }
    )


def execution(names: Names) -> str:
    """What the endpoint's containers and SageMaker itself may do: nothing beyond this endpoint's own resources."""
    settings = names.settings
    log_group_arn = names.arn("logs", f"log-group:{names.log_group}")
    statements = [
        allow("ReadModels", ["s3:GetObject"], f"{names.models_bucket_arn}/{names.models_prefix}*"),
        allow(
            "ListModels",
            ["s3:ListBucket"],
            names.models_bucket_arn,
            {"StringLike": {"s3:prefix": [names.models_prefix, f"{names.models_prefix}*"]}},
        ),
        # This action knows no resources.
        allow("LogInToRegistry", ["ecr:GetAuthorizationToken"], "*"),
        allow(
            "PullImage",
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            names.pulled_repository_arn,
        ),
        allow(
            "WriteLogs",
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            [log_group_arn, f"{log_group_arn}:*"],
        ),
        # This action knows no resources either: the namespace narrows it.
        allow(
            "PublishMetrics",
            ["cloudwatch:PutMetricData"],
            "*",
            {"StringEquals": {"cloudwatch:namespace": ["AWS/SageMaker", "/aws/sagemaker/Endpoints"]}},
        ),
    ]
    if settings.kms_key_arn is not None:
        statements.append(allow("DecryptModels", ["kms:Decrypt"], settings.kms_key_arn))
        statements.append(
            allow(
                "EncryptVolumes",
                ["kms:CreateGrant"],
                settings.kms_key_arn,
                {"Bool": {"kms:GrantIsForAWSResource": "true"}},
            )
        )
    if settings.vpc is not None:
        statements.append(
            allow(
                "AttachToVpc",
                [
                    "ec2:CreateNetworkInterface",
                    "ec2:CreateNetworkInterfacePermission",
                    "ec2:DeleteNetworkInterface",
                    "ec2:DeleteNetworkInterfacePermission",
                    "ec2:DescribeDhcpOptions",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSecurityGroups",
                    "ec2:DescribeSubnets",
                    "ec2:DescribeVpcs",
                ],
                "*",
            )
        )
    return document(*statements)


def invoke(names: Names, caller: Caller) -> str:
    """Lets a caller invoke its own models. Without the condition it would reach every model of the endpoint."""
    # A pattern ends in "/*": "1*" would match the models of tenant 10, too.
    targets = ["*" if prefix == "*" else f"{prefix.rstrip('/')}/*" for prefix in caller.models]
    return document(
        allow(
            "InvokeModels",
            ["sagemaker:InvokeEndpoint"],
            names.endpoint_arn,
            {"StringLike": {"sagemaker:TargetModel": targets}},
        )
    )


def image_expiry(kept_images: int) -> str:
    """The lifecycle policy of the repository: what an interrupted push left goes soon, old images by count.

    ECR does not know which images are in use. The endpoint stack tags them, and ECR expires no image by a rule when a
    rule before it is for the image's tags: the second keeps them from the third.
    """
    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7}
    in_use = {
        "tagStatus": "tagged",
        "tagPrefixList": [IN_USE_TAG_PREFIX],
        "countType": "imageCountMoreThan",
        "countNumber": _MOST_IMAGES_IN_USE,
    }
    surplus = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": kept_images}
    return json.dumps(
        {
            "rules": [
                {
                    "rulePriority": 1,
                    "description": "untagged images, after a week",
                    "selection": untagged,
                    "action": {"type": "expire"},
                },
                {
                    "rulePriority": 2,
                    "description": "never the images that endpoints run or would be rolled back to",
                    "selection": in_use,
                    "action": {"type": "expire"},
                },
                {
                    "rulePriority": 3,
                    "description": f"of all others but the newest {kept_images} images",
                    "selection": surplus,
                    "action": {"type": "expire"},
                },
            ]
        }
    )
