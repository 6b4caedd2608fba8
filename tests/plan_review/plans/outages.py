"""Scenarios of outages that have a name, and their neighbours: two more stacks, and changes of scenarios.py's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.plan_review.plans import scenarios
from tests.plan_review.plans.scenarios import (
    ACCOUNT,
    LIST_MODELS,
    TRUST,
    Configuration,
    Scenario,
    allow,
    endpoint_stack,
    policy,
    root,
)

GUARDED_BUCKET = "review-guarded"


def deny(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource, **more}


def _tls_only(bucket: str) -> dict[str, Any]:
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    return deny("s3:*", resources, Condition={"Bool": {"aws:SecureTransport": "false"}})


def _image_rules(*rules: dict[str, Any]) -> str:
    numbered = [
        {"rulePriority": number, "selection": rule, "action": {"type": "expire"}}
        for number, rule in enumerate(rules, start=1)
    ]
    return json.dumps({"rules": numbered})


def _all_but(count: int) -> dict[str, Any]:
    return {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count}


UNTAGGED = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7}
OLD = {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 90}


def guarded_stack() -> Configuration:
    """A bucket whose policy refuses plain HTTP, and a repository that keeps thirty images."""
    return root(
        {
            "aws_s3_bucket": {"models_bucket": {"bucket": GUARDED_BUCKET, "force_destroy": False}},
            "aws_s3_bucket_policy": {
                "models_bucket": {
                    "bucket": "${aws_s3_bucket.models_bucket.bucket}",
                    "policy": policy(_tls_only(GUARDED_BUCKET)),
                }
            },
            "aws_ecr_repository": {"images": {"name": "review-guarded-server"}},
            "aws_ecr_lifecycle_policy": {
                "images": {"repository": "${aws_ecr_repository.images.name}", "policy": _image_rules(_all_but(30))}
            },
        }
    )


def verified_stack() -> Configuration:
    """The endpoint's stack, with the check that its configuration is the one in use."""
    text = json.dumps(endpoint_stack())
    for name in ("review-endpoint", "review-0a1b2c3d4e5f", "review-1a2b3c4d5e6f", "review-errors", "review-latency"):
        text = text.replace(f'"{name}"', f'"verified{name[6:]}"')
    text = text.replace('"name": "review"', '"name": "verified"').replace("endpoint/review/", "endpoint/verified/")
    configuration: Configuration = json.loads(text)
    configuration["resource"]["terraform_data"]["verification"] = {
        "triggers_replace": {
            "endpoint_configuration": "${aws_sagemaker_endpoint_configuration.endpoint_configuration.id}"
        },
        "depends_on": ["aws_sagemaker_endpoint.endpoint"],
        "lifecycle": {"create_before_destroy": True},
        "provisioner": [{"local-exec": {"command": "true"}}],
    }
    return configuration


STACKS = {"guarded": guarded_stack, "verified": verified_stack}

Change = Callable[[Configuration], object]


def _set(type_: str, name: str, **changes: Any) -> Change:
    return lambda configuration: configuration["resource"][type_][name].update(changes)


def _rights(*statements: dict[str, Any]) -> Change:
    return _set("aws_iam_role_policy", "execution_rights", policy=policy(*statements))


def _model(configuration: Configuration, prefix: str = "review", **container: Any) -> None:
    """Another SageMaker model, and a configuration that names it."""
    model = configuration["resource"]["aws_sagemaker_model"]["model"]
    model["name"] = f"{prefix}-9f8e7d6c5b4a"
    model["primary_container"].update(container)
    configuration["resource"]["aws_sagemaker_endpoint_configuration"]["endpoint_configuration"]["name"] = (
        f"{prefix}-8e7d6c5b4a39"
    )


def _model_removed(configuration: Configuration) -> None:
    """The block of the SageMaker model goes; the configuration names it as before."""
    name = configuration["resource"].pop("aws_sagemaker_model")["model"]["name"]
    _configuration(configuration)["production_variants"][0]["model_name"] = name


def _configuration(configuration: Configuration) -> Configuration:
    return configuration["resource"]["aws_sagemaker_endpoint_configuration"]["endpoint_configuration"]


def _role_replaced(configuration: Configuration) -> None:
    """As in the stacks, the SageMaker model names the role's ARN, and does not refer to it."""
    configuration["resource"]["aws_sagemaker_model"]["model"]["execution_role_arn"] = (
        f"arn:aws:iam::{ACCOUNT}:role/review-endpoint"
    )
    configuration["resource"]["aws_iam_role"]["execution_role"]["path"] = "/models/"


def _endpoint_forgotten(configuration: Configuration) -> None:
    configuration["resource"].pop("aws_sagemaker_endpoint")
    configuration["resource"]["aws_appautoscaling_target"]["scaling_target"].pop("depends_on")
    configuration["removed"] = [{"from": "aws_sagemaker_endpoint.endpoint", "lifecycle": {"destroy": False}}]


def _variant_renamed(configuration: Configuration) -> None:
    _configuration(configuration)["name"] = "review-4a3928170615"
    _configuration(configuration)["production_variants"][0]["variant_name"] = "v2"


def _bucket_policy(*statements: dict[str, Any]) -> Change:
    resource = {"models_bucket": {"bucket": "${aws_s3_bucket.models_bucket.bucket}", "policy": policy(*statements)}}
    return lambda configuration: configuration["resource"].update(aws_s3_bucket_policy=resource)


def _lifecycle_rule(**actions: Any) -> Change:
    rule = {"id": "old-versions", "status": "Enabled", "filter": [{"prefix": ""}], **actions}
    return _set("aws_s3_bucket_lifecycle_configuration", "models_bucket", rule=[rule])


_OLD_VERSIONS = {"noncurrent_version_expiration": [{"noncurrent_days": 30}]}
_VPC_ONLY = deny(
    "s3:*",
    ["arn:aws:s3:::review-models", "arn:aws:s3:::review-models/*"],
    Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-0a1b2c3d"}},
)
_PARTNER = allow(
    "s3:GetObject", "arn:aws:s3:::review-models/models/*", Principal={"AWS": "arn:aws:iam::111111111111:root"}
)
_REFERRED = allow(
    "s3:GetObject",
    "arn:aws:s3:::review-models/*",
    Principal="*",
    Condition={"StringLike": {"aws:Referer": "https://example.com/*"}},
)
_VERIFICATION = ("terraform_data", "verification")

OUTAGES = (
    Scenario("model-in-use-removed", "endpoint", _model_removed),
    Scenario("endpoint-forgotten", "endpoint", _endpoint_forgotten),
    Scenario("role-replaced", "endpoint", _role_replaced),
    Scenario(
        "trust-another-service",
        "access",
        _set(
            "aws_iam_role",
            "execution_role",
            assume_role_policy=policy(TRUST | {"Principal": {"Service": "lambda.amazonaws.com"}}),
        ),
    ),
    Scenario(
        "endpoint-rights-elsewhere",
        "endpoint",
        _rights(allow(["s3:GetObject"], "arn:aws:s3:::review-models/models/team-a/*"), LIST_MODELS),
    ),
    Scenario(
        "endpoint-rights-by-suffix",
        "endpoint",
        _rights(allow(["s3:GetObject"], "arn:aws:s3:::review-models/models/*.tar.gz"), LIST_MODELS),
    ),
    Scenario("bucket-vpc-only", "models", _bucket_policy(_VPC_ONLY)),
    Scenario("bucket-shared", "models", _bucket_policy(_PARTNER)),
    Scenario("bucket-opened-by-referrer", "models", _bucket_policy(_REFERRED)),
    Scenario(
        "guard-removed",
        "guarded",
        _set(
            "aws_s3_bucket_policy",
            "models_bucket",
            policy=policy(
                allow(
                    "s3:GetObject",
                    f"arn:aws:s3:::{GUARDED_BUCKET}/*",
                    Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                )
            ),
        ),
    ),
    Scenario(
        "guard-added",
        "guarded",
        _set(
            "aws_s3_bucket_policy",
            "models_bucket",
            policy=policy(
                _tls_only(GUARDED_BUCKET),
                deny(
                    "s3:*",
                    [f"arn:aws:s3:::{GUARDED_BUCKET}", f"arn:aws:s3:::{GUARDED_BUCKET}/*"],
                    Condition={"NumericLessThan": {"s3:TlsVersion": "1.2"}},
                ),
            ),
        ),
    ),
    Scenario(
        "images-keep-one", "guarded", _set("aws_ecr_lifecycle_policy", "images", policy=_image_rules(_all_but(1)))
    ),
    Scenario(
        "images-keep-ten", "guarded", _set("aws_ecr_lifecycle_policy", "images", policy=_image_rules(_all_but(10)))
    ),
    Scenario(
        "images-expire-by-age",
        "guarded",
        _set("aws_ecr_lifecycle_policy", "images", policy=_image_rules(OLD)),
    ),
    Scenario(
        "images-untagged-expire",
        "guarded",
        _set("aws_ecr_lifecycle_policy", "images", policy=_image_rules(UNTAGGED, _all_but(30))),
    ),
    Scenario(
        "endpoint-single-model",
        "endpoint",
        lambda c: _model(c, mode="SingleModel", model_data_url="s3://review-models/models/resnet.tar.gz"),
    ),
    Scenario("endpoint-model-data-moved", "endpoint", lambda c: _model(c, model_data_url="s3://review-models/other/")),
    Scenario("endpoint-variant-renamed", "endpoint", _variant_renamed),
    Scenario("scaling-range-lower", "endpoint", _set("aws_appautoscaling_target", "scaling_target", max_capacity=2)),
    Scenario("scaling-to-zero", "endpoint", _set("aws_appautoscaling_target", "scaling_target", min_capacity=0)),
    Scenario("alarm-lenient", "endpoint", _set("aws_cloudwatch_metric_alarm", "errors", threshold=5000)),
    Scenario("alarm-slow", "endpoint", _set("aws_cloudwatch_metric_alarm", "errors", period=3600)),
    Scenario("alarm-stricter", "endpoint", _set("aws_cloudwatch_metric_alarm", "errors", threshold=1)),
    Scenario(
        "verified-new-image", "verified", lambda c: _model(c, "verified", image=f"{scenarios.IMAGE}:2222222222222222")
    ),
    Scenario("verification-removed", "verified", lambda c: c["resource"]["terraform_data"].pop("verification")),
    Scenario("verification-without-trigger", "verified", _set(*_VERIFICATION, triggers_replace={"count": "1"})),
    Scenario(
        "verification-without-command",
        "verified",
        lambda c: c["resource"]["terraform_data"]["verification"].pop("provisioner"),
    ),
    Scenario(
        "artifacts-archived",
        "models",
        _lifecycle_rule(transition=[{"days": 30, "storage_class": "DEEP_ARCHIVE"}], **_OLD_VERSIONS),
    ),
    Scenario(
        "artifacts-to-infrequent-access",
        "models",
        _lifecycle_rule(transition=[{"days": 30, "storage_class": "STANDARD_IA"}], **_OLD_VERSIONS),
    ),
    Scenario(
        "old-versions-expire-sooner",
        "models",
        _lifecycle_rule(noncurrent_version_expiration=[{"noncurrent_days": 1}]),
    ),
)
