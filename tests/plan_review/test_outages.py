"""Kinds of the named outages beyond the saved plans: real plans with one resource edited, and what they ask for."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from plan_review.findings import Severity
from tests.plan_review.conftest import document_of, review_of

Document = dict[str, Any]
Edit = Callable[[Document], None]
BLOCKED, APPROVAL = Severity.BLOCKED, Severity.APPROVAL

BUCKET = "arn:aws:s3:::review-models"
ROLE = "arn:aws:iam::123456789012:role/review-endpoint"
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
TLS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [BUCKET, f"{BUCKET}/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def element(document: Document, type_: str, name: str | None = None) -> Document:
    found = [item for item in document["resource_changes"] if item["type"] == type_ and name in (None, item["name"])]
    assert len(found) == 1, (type_, name)
    change = found[0]["change"]
    assert isinstance(change, dict)
    return change


def updated(type_: str, name: str | None = None, before: Document | None = None, **after: Any) -> Edit:
    """An in-place update. `before` are attributes that both sides had before it."""

    def edit(document: Document) -> None:
        change = element(document, type_, name)
        change["actions"] = ["update"]
        change["before"] = copy.deepcopy(change["before"] or change["after"]) | copy.deepcopy(before or {})
        change["after"] = copy.deepcopy(change["before"]) | after

    return edit


def gone(type_: str, name: str | None = None, action: str = "delete") -> Edit:
    def edit(document: Document) -> None:
        change = element(document, type_, name)
        change |= {
            "actions": [action],
            "before": change["before"] or change["after"],
            "after": None,
            "after_unknown": {},
        }

    return edit


def added(type_: str, **after: Any) -> Edit:
    def edit(document: Document) -> None:
        change = {"actions": ["create"], "before": None, "after": after, "after_unknown": {}}
        document["resource_changes"].append(
            {"address": f"{type_}.added", "mode": "managed", "type": type_, "name": "added", "change": change}
        )

    return edit


def both(*edits: Edit) -> Edit:
    return lambda document: [edit(document) for edit in edits] and None  # type: ignore[func-returns-value]


def rights(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Edit:
    return updated("aws_iam_role_policy", before={"policy": policy(*before)}, policy=policy(*after))


def bucket_policy(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Edit:
    return updated("aws_s3_bucket_policy", before={"policy": policy(*before)}, policy=policy(*after))


def lifecycle(**rule: Any) -> Edit:
    block = {"id": "r", "status": "Enabled", "filter": [{"prefix": ""}]} | rule
    return updated("aws_s3_bucket_lifecycle_configuration", rule=[block])


def images(*selections: dict[str, Any], action: str = "expire") -> Edit:
    rules = [
        {"rulePriority": number, "selection": item, "action": {"type": action}}
        for number, item in enumerate(selections, start=1)
    ]
    return updated("aws_ecr_lifecycle_policy", policy=json.dumps({"rules": rules}))


def tagged(count: int = 1, **selection: Any) -> dict[str, Any]:
    return {"tagStatus": "tagged", "countType": "imageCountMoreThan", "countNumber": count} | selection


def errors(before: Document | None = None, **after: Any) -> Edit:
    return updated("aws_cloudwatch_metric_alarm", "errors", before, **after)


def variants(document: Document, side: str) -> list[Document]:
    found = element(document, "aws_sagemaker_endpoint_configuration")[side]["production_variants"]
    assert isinstance(found, list)
    return found


def variant(before: Document, after: Document) -> Edit:
    def edit(document: Document) -> None:
        variants(document, "before")[0].update(before)
        variants(document, "after")[0].update(after)

    return edit


def second_variant_goes(document: Document) -> None:
    variants(document, "before").append(variants(document, "before")[0] | {"variant_name": "second"})


def container(**after: Any) -> Edit:
    return lambda document: element(document, "aws_sagemaker_model")["after"]["primary_container"][0].update(after)


def verification_stays(document: Document) -> None:
    change = element(document, "terraform_data", "verification")
    change |= {"actions": ["no-op"], "after": change["before"], "after_unknown": {}}


def another_alarm(document: Document) -> None:
    change = element(document, "aws_sagemaker_endpoint")
    block = change["before"]["deployment_config"][0]["auto_rollback_configuration"][0]
    block["alarms"].append({"alarm_name": "review-latency"})
    change["after"]["deployment_config"][0]["auto_rollback_configuration"][0]["alarms"] = [block["alarms"][0]]
    change["actions"] = ["update"]


def role_moves_first(document: Document) -> None:
    """Another role under the same address, and a SageMaker model that names it: the endpoint moves after that."""
    role = element(document, "aws_iam_role")
    role |= {"actions": ["delete", "create"], "after": role["before"] | {"name": "other", "arn": f"{ROLE}-2"}}
    model = element(document, "aws_sagemaker_model")
    model |= {"actions": ["create", "delete"], "after": model["before"] | {"execution_role_arn": f"{ROLE}-2"}}


def variant_without_name(document: Document) -> None:
    variants(document, "after")[0]["variant_name"] = None
    change = element(document, "aws_sagemaker_endpoint_configuration")
    change["after_unknown"]["production_variants"] = [{"variant_name": True}]


def unknown_policy(document_of_policy: str) -> Edit:
    def edit(document: Document) -> None:
        added("aws_iam_policy", policy=document_of_policy)(document)
        element(document, "aws_iam_policy")["after_unknown"] = {"arn": True}

    return edit


NEW, NONE = "endpoint-new-image", "endpoint-no-change"
# what: (scenario, edit, rule, severity of the worst finding of that rule; None for no finding)
KINDS: dict[str, tuple[str, Edit, str, Severity | None]] = {
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
    "objects expire on a date": (
        "models-no-change",
        lifecycle(expiration=[{"date": "2030-01-01T00:00:00Z"}]),
        "artifacts-expire",
        BLOCKED,
    ),
    "other objects expire": (
        "models-no-change",
        lifecycle(filter=[{"prefix": "tmp/"}], expiration=[{"days": 1}]),
        "artifacts-expire",
        APPROVAL,
    ),
    "tagged objects expire": (
        "models-no-change",
        lifecycle(filter=[{"tag": [{"key": "a", "value": "b"}]}], expiration=[{"days": 1}]),
        "artifacts-expire",
        APPROVAL,
    ),
    "a rule that is off": (
        "models-no-change",
        lifecycle(status="Disabled", expiration=[{"days": 1}]),
        "artifacts-expire",
        None,
    ),
    "objects go to an archive": (
        "models-no-change",
        lifecycle(transition=[{"days": 90, "storage_class": "GLACIER"}]),
        "artifacts-archived",
        BLOCKED,
    ),
    "objects go to an archive that answers": (
        "models-no-change",
        lifecycle(transition=[{"days": 90, "storage_class": "GLACIER_IR"}]),
        "artifacts-archived",
        None,
    ),
    "old versions go to an archive": (
        "models-no-change",
        lifecycle(noncurrent_version_transition=[{"noncurrent_days": 30, "storage_class": "DEEP_ARCHIVE"}]),
        "artifacts-archived",
        None,
    ),
    "tiering with an archive": (
        "models-no-change",
        added(
            "aws_s3_bucket_intelligent_tiering_configuration",
            bucket="review-models",
            status="Enabled",
            tiering=[{"access_tier": "DEEP_ARCHIVE_ACCESS", "days": 180}],
        ),
        "artifacts-archived",
        BLOCKED,
    ),
    "images by a prefix that the image has": (
        "images-keep-ten",
        images(tagged(tagPrefixList=["1"])),
        "images-expire",
        BLOCKED,
    ),
    "images by a pattern": ("images-keep-ten", images(tagged(tagPatternList=["*"])), "images-expire", BLOCKED),
    "images that were not pulled": (
        "images-keep-ten",
        images({"tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 90}),
        "images-expire",
        BLOCKED,
    ),
    "images go to an archive": (
        "images-keep-ten",
        images(
            {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 90},
            action="transition",
        ),
        "images-expire",
        BLOCKED,
    ),
    "more images": (
        "images-keep-ten",
        images({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 50}),
        "images-expire",
        None,
    ),
    "alarm destroyed": (NONE, gone("aws_cloudwatch_metric_alarm", "errors"), "rollback-alarm-weakened", BLOCKED),
    "an alarm that rolls nothing back": (
        NONE,
        updated("aws_cloudwatch_metric_alarm", "latency", threshold=10**6),
        "rollback-alarm-weakened",
        None,
    ),
    "alarm a little milder": (NONE, errors(threshold=7), "rollback-alarm-weakened", APPROVAL),
    "alarm the other way round": (
        NONE,
        errors(comparison_operator="LessThanThreshold"),
        "rollback-alarm-weakened",
        BLOCKED,
    ),
    "alarm after many periods": (NONE, errors(evaluation_periods=30), "rollback-alarm-weakened", BLOCKED),
    "alarm after two periods": (NONE, errors(evaluation_periods=2), "rollback-alarm-weakened", APPROVAL),
    "alarm after an hour, of an update that nobody watches": (
        "main/00-base/endpoint.second",
        updated("aws_cloudwatch_metric_alarm", evaluation_periods=60),
        "rollback-alarm-weakened",
        BLOCKED,
    ),
    "endpoint let go of": ("endpoint-forgotten", lambda document: None, "resource-forgotten", None),
    "alarm after fewer of the periods": (
        NONE,
        errors({"evaluation_periods": 3}, datapoints_to_alarm=2),
        "rollback-alarm-weakened",
        None,
    ),
    "alarm without data": (
        NONE,
        errors({"treat_missing_data": "breaching"}, treat_missing_data="notBreaching"),
        "rollback-alarm-weakened",
        APPROVAL,
    ),
    "alarm of another endpoint": (
        NONE,
        errors({"dimensions": {"EndpointName": "review"}}, dimensions={"EndpointName": "other"}),
        "rollback-alarm-weakened",
        BLOCKED,
    ),
    "alarm of another metric": (NONE, errors(metric_name="Invocations"), "rollback-alarm-weakened", APPROVAL),
    "alarm without actions": (
        NONE,
        errors({"actions_enabled": True}, actions_enabled=False),
        "rollback-alarm-weakened",
        None,
    ),
    "fewer alarms roll back": (NONE, another_alarm, "rollback-alarm-weakened", APPROVAL),
    "verification let go of": (
        "verified-new-image",
        gone("terraform_data", "verification", action="forget"),
        "verification-removed",
        BLOCKED,
    ),
    "verification that does not run": ("verified-new-image", verification_stays, "verification-removed", BLOCKED),
    "scaling goes": (NONE, gone("aws_appautoscaling_target"), "capacity-cut", APPROVAL),
    "fewer instances": (
        NEW,
        variant({"initial_instance_count": 3}, {"initial_instance_count": 1}),
        "capacity-cut",
        APPROVAL,
    ),
    "smaller instances": (
        NEW,
        variant({"instance_type": "ml.m5.2xlarge"}, {"instance_type": "ml.m5.xlarge"}),
        "capacity-cut",
        APPROVAL,
    ),
    "as many instances": (NEW, lambda document: None, "capacity-cut", None),
    "scaling out is suspended": (
        NONE,
        updated("aws_appautoscaling_target", suspended_state=[{"dynamic_scaling_out_suspended": True}]),
        "capacity-cut",
        APPROVAL,
    ),
    "least above most": (NONE, updated("aws_appautoscaling_target", min_capacity=6), "scaled-to-zero", BLOCKED),
    "from zero": (
        NONE,
        updated("aws_appautoscaling_target", before={"min_capacity": 0}, min_capacity=1),
        "scaled-to-zero",
        APPROVAL,
    ),
    "zero by schedule": (
        NONE,
        added(
            "aws_appautoscaling_scheduled_action",
            scalable_dimension="sagemaker:variant:DesiredInstanceCount",
            scalable_target_action=[{"min_capacity": "0", "max_capacity": "0"}],
        ),
        "scaled-to-zero",
        BLOCKED,
    ),
    "no traffic": (NEW, variant({}, {"initial_variant_weight": 0}), "scaled-to-zero", BLOCKED),
    "a second variant goes": (NEW, second_variant_goes, "variant-renamed", BLOCKED),
    "no mode": (NEW, container(mode=None), "multi-model-off", BLOCKED),
    "models in another bucket": (NEW, container(model_data_url="s3://other/models/"), "model-data-moved", BLOCKED),
    "models one folder up": (NEW, container(model_data_url="s3://review-models/"), "model-data-moved", BLOCKED),
    "no models": (NEW, container(model_data_url=None), "model-data-moved", BLOCKED),
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
    "a role moves, and the old one goes first": (NONE, role_moves_first, "execution-role-replaced", BLOCKED),
    "a variant without a name": (NEW, variant_without_name, "variant-renamed", APPROVAL),
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
    scenario, edit, rule, severity = KINDS[kind]
    document = document_of(scenario)
    edit(document)
    result = review_of(dev_x=document)
    found = [finding for finding in result.findings if finding.rule.id == rule]
    assert max((finding.severity for finding in found), default=None) is severity, [item.message for item in found]
    if severity is not None:
        assert result.decision >= severity


@pytest.mark.parametrize(
    ("days", "kept", "severity"), [(1, None, BLOCKED), (29, None, BLOCKED), (30, None, APPROVAL), (1, 10, APPROVAL)]
)
def test_versions_of_the_state_are_its_backup(days: int, kept: int | None, severity: Severity) -> None:
    document = document_of("models-no-change")
    document["resource_changes"] = [item for item in document["resource_changes"] if item["type"] != "aws_s3_object"]
    change = element(document, "aws_s3_bucket_lifecycle_configuration")
    change["before"]["rule"] = []
    lifecycle(noncurrent_version_expiration=[{"noncurrent_days": days, "newer_noncurrent_versions": kept}])(document)
    (found,) = [item for item in review_of(dev_state=document).findings if item.rule.id == "versions-expire"]
    assert found.severity is severity
    assert "old versions of the state" in found.message
    assert "(was: never)" in found.message


def test_old_versions_of_the_state_in_an_archive_ask_for_approval() -> None:
    document = document_of("models-no-change")
    lifecycle(noncurrent_version_transition=[{"noncurrent_days": 30, "storage_class": "GLACIER"}])(document)
    (found,) = [item for item in review_of(dev_state=document).findings if item.rule.id == "versions-expire"]
    assert found.severity is APPROVAL
    assert "old versions of the state move to GLACIER after 30 days" in found.message
    assert [item for item in review_of(dev_models=document).findings if item.rule.id == "versions-expire"] == []


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


def test_another_stack_of_the_environment_names_the_image() -> None:
    document = document_of("images-keep-ten")
    images(tagged(tagPrefixList=["pr-"]))(document)
    alone = [item.rule.id for item in review_of(dev_image=document).findings]
    beside = review_of(dev_image=document, dev_endpoint=document_of("endpoint-no-change"))
    assert "images-expire" in alone
    assert "images-expire" not in [item.rule.id for item in beside.findings]


def test_models_that_move_with_their_place_ask_for_approval() -> None:
    """One stack for everything: the artifacts go to the new prefix in the same plan, under the same relative keys."""
    document = document_of("endpoint-model-data-moved")
    artifacts = copy.deepcopy(document_of("models-no-change"))["resource_changes"]
    for item in artifacts:
        if item["type"] == "aws_s3_object":
            after = item["change"]["after"]
            item["change"] |= {"actions": ["create", "delete"], "before": copy.deepcopy(after)}
            after["key"] = after["key"].replace("models/", "other/", 1)
            document["resource_changes"].append(item)
    (found,) = [item for item in review_of(dev_endpoint=document).findings if item.rule.id == "model-data-moved"]
    assert found.severity is APPROVAL
    assert found.message.endswith("every model of these plans is there too")
