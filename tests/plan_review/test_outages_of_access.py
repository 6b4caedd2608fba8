"""Outages by roles, policies and keys: kinds of them beyond the saved plans."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plan_review.conftest import document_of, review_of
from tests.plan_review.edits import (
    APPROVAL,
    BLOCKED,
    BUCKET,
    NEW,
    NONE,
    ROLE,
    TLS,
    Document,
    Edit,
    Kind,
    added,
    assert_kind,
    both,
    bucket_policy,
    element,
    gone,
    policy,
    updated,
)

READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/models/*"}
LIST = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": BUCKET}
REPOSITORY = "arn:aws:ecr:us-east-1:123456789012:repository/review-model-server"
PULL = {
    "Effect": "Allow",
    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
    "Resource": REPOSITORY,
}
LOGS = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/review:*",
}


def rights(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Edit:
    return updated("aws_iam_role_policy", before={"policy": policy(*before)}, policy=policy(*after))


def another_role(document: Document) -> None:
    element(document, "aws_sagemaker_model")["after"]["execution_role_arn"] = f"{ROLE}-2"


def role_moves_first(document: Document) -> None:
    """Another role under the same address, and a SageMaker model that names it: the endpoint moves after that."""
    role = element(document, "aws_iam_role")
    role |= {"actions": ["delete", "create"], "after": role["before"] | {"name": "other", "arn": f"{ROLE}-2"}}
    model = element(document, "aws_sagemaker_model")
    model |= {"actions": ["create", "delete"], "after": model["before"] | {"execution_role_arn": f"{ROLE}-2"}}


def unknown_policy(document_of_policy: str) -> Edit:
    def edit(document: Document) -> None:
        added("aws_iam_policy", policy=document_of_policy)(document)
        element(document, "aws_iam_policy")["after_unknown"] = {"arn": True}

    return edit


KINDS: dict[str, Kind] = {
    "role policy destroyed": (NONE, gone("aws_iam_role_policy"), "execution-rights-narrowed", BLOCKED),
    "role policy let go of": (NONE, gone("aws_iam_role_policy", action="forget"), "execution-rights-narrowed", None),
    "no more listing": (NONE, rights([READ, LIST], [READ]), "execution-rights-narrowed", BLOCKED),
    "no more pulling": (NONE, rights([READ, LIST, PULL], [READ, LIST]), "execution-rights-narrowed", BLOCKED),
    "another repository": (
        NONE,
        rights([READ, LIST, PULL], [READ, LIST, PULL | {"Resource": f"{REPOSITORY}-2"}]),
        "execution-rights-narrowed",
        BLOCKED,
    ),
    "no more logs": (NONE, rights([READ, LIST, LOGS], [READ, LIST]), "execution-rights-narrowed", APPROVAL),
    "another bucket": (
        NONE,
        rights([READ, LIST], [READ | {"Resource": "arn:aws:s3:::other/models/*"}, LIST]),
        "execution-rights-narrowed",
        BLOCKED,
    ),
    "reading only from a VPC": (
        NONE,
        rights([READ, LIST], [READ | {"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}, LIST]),
        "execution-rights-narrowed",
        BLOCKED,
    ),
    "reading under a condition that holds": (
        NONE,
        rights(
            [READ, LIST],
            [
                READ | {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
                LIST | {"Condition": {"StringLike": {"s3:prefix": ["models/", "models/*"]}}},
            ],
        ),
        "execution-rights-narrowed",
        None,
    ),
    "listing another prefix": (
        NONE,
        rights([READ, LIST], [READ, LIST | {"Condition": {"StringLike": {"s3:prefix": "other/*"}}}]),
        "execution-rights-narrowed",
        BLOCKED,
    ),
    "one statement for all": (
        NONE,
        rights(
            [READ, LIST],
            [{"Effect": "Allow", "Action": ["s3:Get*", "S3:LISTBUCKET"], "Resource": [BUCKET, f"{BUCKET}/*"]}],
        ),
        "execution-rights-narrowed",
        None,
    ),
    "a managed policy is detached": (
        NONE,
        both(
            rights([], []),
            added("aws_iam_role_policy_attachment", role="review-endpoint", policy_arn="arn:aws:iam::aws:policy/X"),
            gone("aws_iam_role_policy_attachment"),
        ),
        "execution-rights-narrowed",
        BLOCKED,
    ),
    "a managed policy takes over": (
        NONE,
        both(
            gone("aws_iam_role_policy"),
            added("aws_iam_role_policy_attachment", role="review-endpoint", policy_arn="arn:aws:iam::aws:policy/X"),
        ),
        "execution-rights-narrowed",
        APPROVAL,
    ),
    "callers may invoke fewer models": (
        NONE,
        both(
            added("aws_iam_policy", arn="arn:aws:iam::123456789012:policy/a", policy=None),
            updated(
                "aws_iam_policy",
                before={
                    "policy": policy(
                        {
                            "Effect": "Allow",
                            "Action": "sagemaker:InvokeEndpoint",
                            "Resource": "*",
                            "Condition": {"StringLike": {"sagemaker:TargetModel": ["a/*", "b/*"]}},
                        }
                    )
                },
                policy=policy(
                    {
                        "Effect": "Allow",
                        "Action": "sagemaker:InvokeEndpoint",
                        "Resource": "*",
                        "Condition": {"StringLike": {"sagemaker:TargetModel": ["a/*"]}},
                    }
                ),
            ),
        ),
        "execution-rights-narrowed",
        APPROVAL,
    ),
    "the role denies reading": (
        NONE,
        rights([READ, LIST], [READ, LIST, {"Effect": "Deny", "Action": "s3:Get*", "Resource": "*"}]),
        "access-denied",
        BLOCKED,
    ),
    "the role denies some models": (
        NONE,
        rights([READ, LIST], [READ, LIST, {"Effect": "Deny", "Action": "s3:*", "Resource": f"{BUCKET}/models/a/*"}]),
        "access-denied",
        BLOCKED,
    ),
    "the role denies writing": (
        NONE,
        rights([READ, LIST], [READ, LIST, {"Effect": "Deny", "Action": "s3:Put*", "Resource": "*"}]),
        "access-denied",
        None,
    ),
    "the role denies all but some actions": (
        NONE,
        rights([READ, LIST], [READ, LIST, {"Effect": "Deny", "NotAction": ["s3:ListBucket"], "Resource": "*"}]),
        "access-denied",
        BLOCKED,
    ),
    "a boundary of elsewhere": (
        NONE,
        updated("aws_iam_role", permissions_boundary="arn:aws:iam::123456789012:policy/limits"),
        "access-denied",
        APPROVAL,
    ),
    "a boundary that does not let read": (
        NONE,
        both(
            updated("aws_iam_role", permissions_boundary="arn:aws:iam::123456789012:policy/limits"),
            added(
                "aws_iam_policy",
                arn="arn:aws:iam::123456789012:policy/limits",
                policy=policy({"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}),
            ),
        ),
        "access-denied",
        BLOCKED,
    ),
    "a boundary goes": (
        NONE,
        updated(
            "aws_iam_role", before={"permissions_boundary": "arn:aws:iam::aws:policy/P"}, permissions_boundary=None
        ),
        "guard-removed",
        BLOCKED,
    ),
    "the bucket denies a role by name": (
        "bucket-tls-only",
        bucket_policy([TLS], [TLS, TLS | {"Principal": {"AWS": ROLE}, "Condition": {}}]),
        "access-denied",
        APPROVAL,
    ),
    "the bucket denies everyone else": (
        "bucket-tls-only",
        bucket_policy(
            [TLS], [TLS, {"Effect": "Deny", "NotPrincipal": {"AWS": ROLE}, "Action": "s3:*", "Resource": "*"}]
        ),
        "access-denied",
        BLOCKED,
    ),
    "the bucket denies another prefix": (
        "bucket-tls-only",
        bucket_policy([TLS], [TLS, TLS | {"Action": "s3:GetObject", "Resource": f"{BUCKET}/tmp/*", "Condition": {}}]),
        "access-denied",
        None,
    ),
    "the bucket denies old TLS": (
        "bucket-tls-only",
        bucket_policy([TLS], [TLS, TLS | {"Condition": {"NumericLessThan": {"s3:TlsVersion": 1.2}}}]),
        "access-denied",
        None,
    ),
    "the key denies decryption": (
        "models-no-change",
        added(
            "aws_kms_key_policy",
            key_id="k",
            policy=policy(TLS | {"Action": "kms:Decrypt", "Resource": "*", "Condition": {}}),
        ),
        "access-denied",
        BLOCKED,
    ),
    "the repository denies pulling": (
        "models-no-change",
        added(
            "aws_ecr_repository_policy",
            policy=policy({"Effect": "Deny", "Principal": "*", "Action": "ecr:BatchGetImage"}),
        ),
        "access-denied",
        BLOCKED,
    ),
    "a guard gets an exception": (
        "bucket-tls-only",
        bucket_policy(
            [TLS], [TLS | {"Condition": TLS["Condition"] | {"StringNotEquals": {"aws:PrincipalTag/a": "b"}}}]
        ),  # type: ignore[operator]
        "guard-removed",
        BLOCKED,
    ),
    "a guard leaves a principal out": (
        "bucket-tls-only",
        bucket_policy([TLS], [{k: v for k, v in TLS.items() if k != "Principal"} | {"NotPrincipal": {"AWS": ROLE}}]),
        "guard-removed",
        BLOCKED,
    ),
    "a guard is for fewer actions": (
        "bucket-tls-only",
        bucket_policy([TLS], [TLS | {"Action": ["s3:PutObject", "s3:DeleteObject"]}]),
        "guard-removed",
        BLOCKED,
    ),
    "a guard is for fewer objects": (
        "bucket-tls-only",
        bucket_policy([TLS], [TLS | {"Resource": f"{BUCKET}/*"}]),
        "guard-removed",
        BLOCKED,
    ),
    "a guard is split": (
        "bucket-tls-only",
        bucket_policy(
            [TLS], [TLS | {"Resource": BUCKET}, TLS | {"Resource": f"{BUCKET}/*", "Principal": {"AWS": "*"}}]
        ),
        "guard-removed",
        None,
    ),
    "a guard goes with its policy": ("guard-removed", gone("aws_s3_bucket_policy"), "guard-removed", BLOCKED),
    "a guard goes with its bucket": (
        "guard-removed",
        both(gone("aws_s3_bucket_policy"), gone("aws_s3_bucket")),
        "guard-removed",
        None,
    ),
    "a key is disabled": (
        "models-no-change",
        updated("aws_kms_key", before={"is_enabled": True}, is_enabled=False),
        "key-deletion",
        BLOCKED,
    ),
    "the account leaves the key's policy": (
        "models-no-change",
        updated(
            "aws_kms_key",
            before={
                "policy": policy({"Effect": "Allow", "Principal": {"AWS": f"{ROLE[:25]}:root"}, "Action": "kms:*"})
            },
            policy=policy({"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:Encrypt"}),
        ),
        "execution-rights-narrowed",
        BLOCKED,
    ),
    "trust on behalf of another account": (
        NONE,
        updated(
            "aws_iam_role",
            assume_role_policy=policy(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sagemaker.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}},
                }
            ),
        ),
        "execution-role-trust",
        BLOCKED,
    ),
    "one more service is trusted": (
        NONE,
        updated(
            "aws_iam_role",
            assume_role_policy=policy(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": ["sagemaker.amazonaws.com", "lambda.amazonaws.com"]},
                    "Action": "sts:AssumeRole",
                }
            ),
        ),
        "execution-role-trust",
        None,
    ),
    "the endpoint runs with another role": (NEW, another_role, "execution-role-replaced", APPROVAL),
    "a key for everybody": (
        "models-no-change",
        updated(
            "aws_kms_key",
            before={"policy": policy({"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:*"})},
            policy=policy({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*"}),
        ),
        "execution-rights-narrowed",
        None,
    ),
    "a role moves, and the old one goes first": (NONE, role_moves_first, "execution-role-replaced", BLOCKED),
    "a new managed policy denies reading": (
        NONE,
        both(
            unknown_policy(policy({"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"})),
            added("aws_iam_role_policy_attachment", role="review-endpoint"),
            lambda document: element(document, "aws_iam_role_policy_attachment").update(
                after_unknown={"policy_arn": True}
            ),
        ),
        "access-denied",
        BLOCKED,
    ),
    "the account is opened": (
        NONE,
        added("aws_s3_account_public_access_block", block_public_acls=True, block_public_policy=False),
        "public-access",
        BLOCKED,
    ),
    "the role goes": (NONE, gone("aws_iam_role"), "execution-role-replaced", BLOCKED),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_of_outage(kind: str) -> None:
    assert_kind(KINDS[kind])


def test_another_stack_of_the_environment_names_the_role() -> None:
    """A Deny on everybody but the endpoint's role is harmless; the role is the endpoint stack's."""
    document = document_of("bucket-tls-only")
    exempt = {"ArnNotEquals": {"aws:PrincipalArn": ROLE}}
    bucket_policy([TLS], [TLS, TLS | {"Condition": exempt}])(document)
    alone = [item for item in review_of(dev_models=document).findings if item.rule.id == "access-denied"]
    beside = review_of(dev_models=document, dev_endpoint=document_of("endpoint-no-change"))
    elsewhere = review_of(dev_models=document, prod_endpoint=document_of("endpoint-no-change"))
    assert [item.severity for item in alone] == [BLOCKED]
    assert [item for item in beside.findings if item.rule.id == "access-denied"] == []
    assert [item.severity for item in elsewhere.findings if item.rule.id == "access-denied"] == [BLOCKED]
