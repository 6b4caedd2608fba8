"""The configurations behind the saved plans: four small stacks, and what each scenario changes in one of them.

Terraform's JSON syntax, as CDKTF writes it. A scenario is planned against the state that its stack's base left.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Configuration = dict[str, Any]

ACCOUNT = "123456789012"
REGION = "us-east-1"
IMAGE_REPOSITORY = "review-model-server"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{IMAGE_REPOSITORY}"
IMAGE_TAG = "1111111111111111"
PROVIDER = "registry.terraform.io/hashicorp/aws"

ARTIFACTS = {
    name: f"the artifact {name}\n".encode() * 64
    for name in ("squeezenet-1", "squeezenet-2", "squeezenet-3", "resnet-1")
}

# Where S3 copies from. make_plans.py puts the artifacts there: it is not Terraform's.
SOURCE_BUCKET = "review-team"


@dataclass(frozen=True)
class Scenario:
    """`change` alters the base's configuration in place; `arguments` go to `terraform plan`.

    `tamper` names what make_plans.py changes behind Terraform's back before it plans; `state` alters the state first,
    to what an apply that failed leaves.
    """

    name: str
    stack: str
    change: Callable[[Configuration], object] = lambda configuration: None
    arguments: tuple[str, ...] = ()
    tamper: str | None = None
    state: Callable[[dict[str, Any]], object] | None = None
    on_empty_account: bool = False


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def root(resources: Configuration) -> Configuration:
    return {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws", "version": "6.25.0"}}},
        "provider": {"aws": [{"region": REGION, "s3_use_path_style": True, "skip_metadata_api_check": "true"}]},
        "resource": resources,
    }


def artifact(name: str, version: str) -> Configuration:
    content = ARTIFACTS[f"{name}-{version}"]
    sha256 = hashlib.sha256(content).hexdigest()
    return {
        # As in the stack: the bucket's name is known, and what goes is destroyed after the archive has it.
        "bucket": "${[aws_s3_bucket_versioning.models_bucket.bucket, terraform_data.archive.id][0]}",
        "key": f"models/{name}/{version}-{sha256[:16]}.tar.gz",
        "source": f"artifacts/{name}-{version}.tar.gz",
        "source_hash": sha256,
        "content_type": "application/gzip",
        "checksum_algorithm": "SHA256",
        "metadata": {"size_bytes": str(len(content))},
        "lifecycle": {"create_before_destroy": True},
    }


def models_stack() -> Configuration:
    bucket = "${aws_s3_bucket.models_bucket.bucket}"
    return root(
        {
            "aws_kms_key": {"key": {"description": "Artifacts", "deletion_window_in_days": 30}},
            "aws_s3_bucket": {"models_bucket": {"bucket": "review-models", "force_destroy": False}},
            "aws_s3_bucket_versioning": {
                "models_bucket": {"bucket": bucket, "versioning_configuration": {"status": "Enabled"}}
            },
            "aws_s3_bucket_server_side_encryption_configuration": {
                "models_bucket": {
                    "bucket": bucket,
                    "rule": [
                        {
                            "apply_server_side_encryption_by_default": {
                                "sse_algorithm": "aws:kms",
                                "kms_master_key_id": "${aws_kms_key.key.arn}",
                            },
                            "bucket_key_enabled": False,
                        }
                    ],
                }
            },
            "aws_s3_bucket_public_access_block": {
                "models_bucket": {
                    "bucket": bucket,
                    "block_public_acls": True,
                    "block_public_policy": True,
                    "ignore_public_acls": True,
                    "restrict_public_buckets": True,
                }
            },
            "aws_s3_bucket_lifecycle_configuration": {
                "models_bucket": {
                    "bucket": bucket,
                    "rule": [
                        {
                            "id": "old-versions",
                            "status": "Enabled",
                            "filter": [{"prefix": ""}],
                            "noncurrent_version_expiration": [{"noncurrent_days": 30}],
                        }
                    ],
                }
            },
            "aws_s3_object": {
                "squeezenet_v1": artifact("squeezenet", "1"),
                "squeezenet_v2": artifact("squeezenet", "2"),
                "resnet_v1": artifact("resnet", "1"),
            },
            "terraform_data": {
                "archive": {
                    "triggers_replace": {"removed": "000000000000"},
                    "depends_on": ["aws_s3_bucket_versioning.models_bucket"],
                    "lifecycle": {"create_before_destroy": True},
                    "provisioner": [
                        {"local-exec": {"interpreter": ["python3", "-m"], "command": "stacks.archive_models"}}
                    ],
                }
            },
        }
    )


def copied_artifact(name: str, version: str) -> Configuration:
    content = ARTIFACTS[f"{name}-{version}"]
    sha256 = hashlib.sha256(content)
    digest = base64.b64encode(sha256.digest()).decode()
    return {
        "bucket": "${aws_s3_bucket_versioning.models_bucket.bucket}",
        "key": f"models/{name}/{version}-{sha256.hexdigest()[:16]}.tar.gz",
        "source": f"{SOURCE_BUCKET}/{name}-{version}.tar.gz",
        "copy_if_match": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "content_type": "application/gzip",
        "checksum_algorithm": "SHA256",
        "metadata": {"sha256": sha256.hexdigest(), "size_bytes": str(len(content))},
        "metadata_directive": "REPLACE",
        "tagging_directive": "REPLACE",
        "lifecycle": {
            "create_before_destroy": True,
            "postcondition": [
                {"condition": f'${{self.checksum_sha256 == "{digest}"}}', "error_message": "The copy is another."}
            ],
        },
    }


def copies_stack() -> Configuration:
    bucket = "${aws_s3_bucket.models_bucket.bucket}"
    return root(
        {
            "aws_s3_bucket": {"models_bucket": {"bucket": "review-copies", "force_destroy": False}},
            "aws_s3_bucket_versioning": {
                "models_bucket": {"bucket": bucket, "versioning_configuration": {"status": "Enabled"}}
            },
            "aws_s3_object_copy": {"squeezenet_v1": copied_artifact("squeezenet", "1")},
        }
    )


TLS_ONLY = policy(
    {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::review-models/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
)
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "sagemaker.amazonaws.com"},
    "Action": "sts:AssumeRole",
    "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
}
READ_MODELS = allow(["s3:GetObject"], "arn:aws:s3:::review-models/models/*")
LIST_MODELS = allow("s3:ListBucket", "arn:aws:s3:::review-models")


def access_stack() -> Configuration:
    return root(
        {
            "aws_iam_role": {"execution_role": {"name": "review-access", "assume_role_policy": policy(TRUST)}},
            "aws_iam_role_policy": {
                "execution_rights": {
                    "name": "execution",
                    "role": "${aws_iam_role.execution_role.name}",
                    "policy": policy(READ_MODELS, LIST_MODELS),
                }
            },
        }
    )


def endpoint_stack() -> Configuration:
    variant = {
        "variant_name": "all-models",
        "model_name": "${aws_sagemaker_model.model.name}",
        "instance_type": "ml.m5.large",
        "initial_instance_count": 1,
        "initial_variant_weight": 1,
    }
    return root(
        {
            "aws_iam_role": {"execution_role": {"name": "review-endpoint", "assume_role_policy": policy(TRUST)}},
            "aws_iam_role_policy": {
                "execution_rights": {
                    "name": "execution",
                    "role": "${aws_iam_role.execution_role.name}",
                    "policy": policy(READ_MODELS, LIST_MODELS),
                }
            },
            "aws_sagemaker_model": {
                "model": {
                    "name": "review-0a1b2c3d4e5f",
                    "execution_role_arn": "${aws_iam_role.execution_role.arn}",
                    "primary_container": {
                        "image": f"{IMAGE}:{IMAGE_TAG}",
                        "mode": "MultiModel",
                        "model_data_url": "s3://review-models/models/",
                        "multi_model_config": {"model_cache_setting": "Enabled"},
                    },
                    "depends_on": ["aws_iam_role_policy.execution_rights"],
                    "lifecycle": {"create_before_destroy": True},
                }
            },
            "aws_sagemaker_endpoint_configuration": {
                "endpoint_configuration": {
                    "name": "review-1a2b3c4d5e6f",
                    "production_variants": [variant],
                    "lifecycle": {"create_before_destroy": True},
                }
            },
            "aws_cloudwatch_metric_alarm": {"errors": alarm("review-errors"), "latency": alarm("review-latency")},
            "aws_sagemaker_endpoint": {
                "endpoint": {
                    "name": "review",
                    "endpoint_config_name": "${aws_sagemaker_endpoint_configuration.endpoint_configuration.name}",
                    "deployment_config": {
                        "blue_green_update_policy": {
                            "termination_wait_in_seconds": 300,
                            "traffic_routing_configuration": {
                                "type": "CANARY",
                                "wait_interval_in_seconds": 300,
                                "canary_size": {"type": "CAPACITY_PERCENT", "value": 50},
                            },
                        },
                        "auto_rollback_configuration": {
                            "alarms": [{"alarm_name": "${aws_cloudwatch_metric_alarm.errors.alarm_name}"}]
                        },
                    },
                }
            },
            "terraform_data": {"scaled_instance_type": {"input": "ml.m5.large"}},
            "aws_appautoscaling_target": {
                "scaling_target": {
                    "service_namespace": "sagemaker",
                    "resource_id": "endpoint/review/variant/all-models",
                    "scalable_dimension": "sagemaker:variant:DesiredInstanceCount",
                    "min_capacity": 1,
                    "max_capacity": 4,
                    "depends_on": ["aws_sagemaker_endpoint.endpoint"],
                }
            },
        }
    )


def alarm(name: str) -> Configuration:
    return {
        "alarm_name": name,
        "namespace": "AWS/SageMaker",
        "metric_name": "Invocation5XXErrors",
        "statistic": "Sum",
        "period": 60,
        "evaluation_periods": 1,
        "comparison_operator": "GreaterThanThreshold",
        "threshold": 5,
    }


def static_stack() -> Configuration:
    """Models laid out otherwise: one object for each, made by `for_each`, under a key without version and hash."""
    names = {"resnet": "resnet-1", "squeezenet": "squeezenet-1"}
    model = {
        "for_each": names,
        "bucket": "${aws_s3_bucket.models.bucket}",
        "key": "models/${each.key}.tar.gz",
        "source": "artifacts/${each.value}.tar.gz",
        "source_hash": '${filesha256("artifacts/${each.value}.tar.gz")}',
    }
    return root({"aws_s3_bucket": {"models": {"bucket": "review-static"}}, "aws_s3_object": {"model": model}})


STACKS = {
    "static": static_stack,
    "models": models_stack,
    "copies": copies_stack,
    "access": access_stack,
    "endpoint": endpoint_stack,
}


def _at(type_: str, name: str, **changes: Any) -> Callable[[Configuration], object]:
    """A change that sets arguments of one resource."""
    return lambda configuration: configuration["resource"][type_][name].update(changes)


def _without(type_: str, name: str) -> Callable[[Configuration], object]:
    return lambda configuration: configuration["resource"][type_].pop(name)


def _renamed(type_: str, old: str, new: str, moved: bool) -> Callable[[Configuration], object]:
    def change(configuration: Configuration) -> None:
        resources = configuration["resource"][type_]
        resources[new] = resources.pop(old)
        if moved:
            configuration["moved"] = [{"from": f"{type_}.{old}", "to": f"{type_}.{new}"}]

    return change


def _both(*changes: Callable[[Configuration], object]) -> Callable[[Configuration], object]:
    return lambda configuration: [change(configuration) for change in changes]


def _new_image(configuration: Configuration) -> None:
    model = configuration["resource"]["aws_sagemaker_model"]["model"]
    model["name"] = "review-9f8e7d6c5b4a"
    model["primary_container"]["image"] = f"{IMAGE}:2222222222222222"
    _configuration(configuration)["name"] = "review-8e7d6c5b4a39"


def _configuration(configuration: Configuration) -> Configuration:
    return configuration["resource"]["aws_sagemaker_endpoint_configuration"]["endpoint_configuration"]


def _endpoint(configuration: Configuration) -> Configuration:
    return configuration["resource"]["aws_sagemaker_endpoint"]["endpoint"]


def _variant(name: str | None, **changes: Any) -> Callable[[Configuration], object]:
    def change(configuration: Configuration) -> None:
        _configuration(configuration)["production_variants"][0].update(changes)
        if name is not None:
            _configuration(configuration)["name"] = name

    return change


def _instance_type(registered: bool) -> Callable[[Configuration], object]:
    """Another instance type; the scaling target is replaced with it unless it stays registered."""

    def change(configuration: Configuration) -> None:
        _variant("review-7d6c5b4a3928", instance_type="ml.m5.xlarge")(configuration)
        configuration["resource"]["terraform_data"]["scaled_instance_type"]["input"] = "ml.m5.xlarge"
        if not registered:
            target = configuration["resource"]["aws_appautoscaling_target"]["scaling_target"]
            target["lifecycle"] = {"replace_triggered_by": ["terraform_data.scaled_instance_type"]}

    return change


def _unknown_count(configuration: Configuration) -> None:
    configuration["resource"]["terraform_data"]["count"] = {"input": 2}
    _variant("review-6c5b4a392817", initial_instance_count="${terraform_data.count.output}")(configuration)


def _rights(*statements: dict[str, Any]) -> Callable[[Configuration], object]:
    return _at("aws_iam_role_policy", "execution_rights", policy=policy(*statements))


def _lifecycle_rule(**expiration: Any) -> Callable[[Configuration], object]:
    rule = {"id": "old-versions", "status": "Enabled", "filter": [{"prefix": ""}], **expiration}
    return _at("aws_s3_bucket_lifecycle_configuration", "models_bucket", rule=[rule])


def _encryption(**default: str) -> Callable[[Configuration], object]:
    rule = {"apply_server_side_encryption_by_default": default, "bucket_key_enabled": False}
    return _at("aws_s3_bucket_server_side_encryption_configuration", "models_bucket", rule=[rule])


def _static_key(configuration: Configuration) -> None:
    configuration["resource"]["aws_s3_object"]["alexnet_v1"] = artifact("resnet", "1") | {
        "key": "models/alexnet.tar.gz"
    }


def _copy_of_another(configuration: Configuration) -> None:
    """Other content under the key of the copy that is there."""
    copies = configuration["resource"]["aws_s3_object_copy"]
    copies["squeezenet_v1"] = copied_artifact("squeezenet", "2") | {"key": copies["squeezenet_v1"]["key"]}


def _copy_to_upload(configuration: Configuration) -> None:
    """The same version, uploaded from now on."""
    copied = configuration["resource"]["aws_s3_object_copy"].pop("squeezenet_v1")
    uploaded = artifact("squeezenet", "1") | {name: copied[name] for name in ("bucket", "key")}
    configuration["resource"]["aws_s3_object"] = {"squeezenet_v1": uploaded}


def _bucket_policy(document: str) -> Callable[[Configuration], object]:
    resource = {"models_bucket": {"bucket": "${aws_s3_bucket.models_bucket.bucket}", "policy": document}}
    return lambda configuration: configuration["resource"].update(aws_s3_bucket_policy=resource)


def _added(**arguments: Any) -> Callable[[Configuration], object]:
    """Another version of a model, with more arguments than the others have."""
    more = artifact("squeezenet", "3") | arguments
    return lambda configuration: configuration["resource"]["aws_s3_object"].update(squeezenet_v3=more)


def _removed(name: str) -> Callable[[Configuration], object]:
    """A version of a model goes, and the archive is replaced, as the models stack does it."""

    def change(configuration: Configuration) -> None:
        configuration["resource"]["aws_s3_object"].pop(name)
        configuration["resource"]["terraform_data"]["archive"]["triggers_replace"]["removed"] = "111111111111"

    return change


def _static_models(configuration: Configuration) -> dict[str, str]:
    names = configuration["resource"]["aws_s3_object"]["model"]["for_each"]
    assert isinstance(names, dict)
    return names


def _instance(state: dict[str, Any], type_: str) -> dict[str, Any]:
    """The first instance of a resource type in a state."""
    return next(item for item in state["resources"] if item["type"] == type_)["instances"][0]


def _tainted(state: dict[str, Any]) -> None:
    """As Terraform leaves an endpoint whose creation failed."""
    _instance(state, "aws_sagemaker_endpoint")["status"] = "tainted"


def _tainted_first(state: dict[str, Any]) -> None:
    """What follows the endpoint was never created."""
    _tainted(state)
    state["resources"] = [item for item in state["resources"] if item["type"] != "aws_appautoscaling_target"]


def _tainted_verified(state: dict[str, Any]) -> None:
    _tainted(state)
    attributes = {"id": "00000000-0000-4000-8000-000000000000", "input": None, "output": None, "triggers_replace": None}
    state["resources"].append(
        {
            "mode": "managed",
            "type": "terraform_data",
            "name": "verification",
            "provider": 'provider["terraform.io/builtin/terraform"]',
            "instances": [{"schema_version": 0, "attributes": attributes, "sensitive_attributes": []}],
        }
    )


def _verification(configuration: Configuration) -> None:
    configuration["resource"]["terraform_data"]["verification"] = {
        "depends_on": ["aws_sagemaker_endpoint.endpoint"],
        "provisioner": [{"local-exec": {"command": "true"}}],
    }


def _deposed_configuration(state: dict[str, Any]) -> None:
    """As an update that failed leaves the configuration of before."""
    _instance(state, "aws_sagemaker_endpoint_configuration")["deposed"] = "0a1b2c3d"


OPEN_POLICY = policy(allow("s3:GetObject", "arn:aws:s3:::review-models/*", Principal="*"))
_EMPTY = {"alarms": [{"alarm_name": "review-latency"}]}

SCENARIOS = (
    Scenario("models-no-change", "models"),
    Scenario("models-created", "models", on_empty_account=True),
    Scenario("model-added", "models", _added()),
    Scenario("model-new-version", "models", _both(_removed("squeezenet_v1"), _added())),
    Scenario(
        # As stacks have it that keep one address for each model.
        "model-new-version-at-its-address",
        "models",
        lambda c: c["resource"]["aws_s3_object"].update(squeezenet_v1=artifact("squeezenet", "3")),
    ),
    Scenario("model-earlier-version-removed", "models", _removed("squeezenet_v1")),
    Scenario("model-current-version-removed", "models", _removed("squeezenet_v2")),
    Scenario(
        "artifact-overwritten",
        "models",
        _at(
            "aws_s3_object",
            "resnet_v1",
            source="artifacts/squeezenet-3.tar.gz",
            source_hash=artifact("squeezenet", "3")["source_hash"],
        ),
    ),
    Scenario(
        "artifact-destroyed-first",
        "models",
        _at("aws_s3_object", "squeezenet_v1", **(artifact("squeezenet", "3") | {"lifecycle": {}})),
    ),
    Scenario("artifact-renamed", "models", _renamed("aws_s3_object", "resnet_v1", "resnet_18_v1", moved=False)),
    Scenario("artifact-moved", "models", _renamed("aws_s3_object", "resnet_v1", "resnet_18_v1", moved=True)),
    Scenario("artifact-static-key", "models", _static_key),
    Scenario("artifacts-expire", "models", _lifecycle_rule(expiration=[{"days": 30}])),
    Scenario(
        "old-versions-expire-later", "models", _lifecycle_rule(noncurrent_version_expiration=[{"noncurrent_days": 90}])
    ),
    Scenario("bucket-tagged", "models", _at("aws_s3_bucket", "models_bucket", tags={"Owner": "platform"})),
    Scenario("bucket-renamed", "models", _at("aws_s3_bucket", "models_bucket", bucket="review-models-2")),
    Scenario("bucket-force-destroy", "models", _at("aws_s3_bucket", "models_bucket", force_destroy=True)),
    Scenario(
        "versioning-suspended",
        "models",
        _at("aws_s3_bucket_versioning", "models_bucket", versioning_configuration={"status": "Suspended"}),
    ),
    Scenario("encryption-without-key", "models", _encryption(sse_algorithm="AES256")),
    Scenario("key-described", "models", _at("aws_kms_key", "key", description="Artifacts of all models")),
    Scenario("key-removed", "models", _both(_without("aws_kms_key", "key"), _encryption(sse_algorithm="AES256"))),
    Scenario(
        "bucket-opened",
        "models",
        _both(
            _at(
                "aws_s3_bucket_public_access_block",
                "models_bucket",
                block_public_policy=False,
                restrict_public_buckets=False,
            ),
            _bucket_policy(OPEN_POLICY),
        ),
    ),
    Scenario("bucket-tls-only", "models", _bucket_policy(TLS_ONLY)),
    Scenario("artifact-tagged", "models", _at("aws_s3_object", "resnet_v1", tags={"Owner": "vision"})),
    Scenario("artifact-archived", "models", _at("aws_s3_object", "resnet_v1", storage_class="DEEP_ARCHIVE")),
    Scenario("artifact-other-type", "models", _at("aws_s3_object", "resnet_v1", content_type="binary/octet-stream")),
    Scenario("artifact-without-key", "models", _added(server_side_encryption="AES256")),
    Scenario("artifact-with-acl", "models", _added(acl="bucket-owner-read")),
    Scenario("artifact-locked", "models", _added(object_lock_mode="GOVERNANCE", object_lock_legal_hold_status="ON")),
    Scenario("artifact-elsewhere", "models", _added(bucket="review-team")),
    Scenario("artifact-with-provisioner", "models", _added(provisioner=[{"local-exec": {"command": "true"}}])),
    Scenario("artifact-of-another-hash", "models", _added(source_hash="0" * 64)),
    Scenario("static-model-added", "static", lambda c: _static_models(c).update(alexnet="resnet-1")),
    Scenario("static-model-removed", "static", lambda c: _static_models(c).pop("resnet")),
    Scenario("static-model-overwritten", "static", lambda c: _static_models(c).update(resnet="squeezenet-3")),
    Scenario(
        "copy-added",
        "copies",
        lambda c: c["resource"]["aws_s3_object_copy"].update(squeezenet_v2=copied_artifact("squeezenet", "2")),
    ),
    Scenario(
        "copy-from-elsewhere",
        "copies",
        _at("aws_s3_object_copy", "squeezenet_v1", source=f"{SOURCE_BUCKET}/archive/squeezenet-1.tar.gz"),
    ),
    Scenario("copy-overwritten", "copies", _copy_of_another),
    Scenario("copy-replaced-by-upload", "copies", _copy_to_upload),
    Scenario("rights-narrowed", "access", _rights(READ_MODELS)),
    Scenario(
        "rights-widened",
        "access",
        _rights(READ_MODELS, LIST_MODELS, allow("s3:PutObject", "arn:aws:s3:::review-models/*")),
    ),
    Scenario("rights-wildcard", "access", _rights(READ_MODELS, allow("s3:*", "*"))),
    Scenario(
        "trust-everyone",
        "access",
        _at("aws_iam_role", "execution_role", assume_role_policy=policy(TRUST | {"Principal": {"AWS": "*"}})),
    ),
    Scenario(
        "role-described", "access", _at("aws_iam_role", "execution_role", description="What the endpoint may do.")
    ),
    Scenario(
        "role-policy-forgotten",
        "access",
        _both(
            _without("aws_iam_role_policy", "execution_rights"),
            lambda c: c.update(
                removed=[{"from": "aws_iam_role_policy.execution_rights", "lifecycle": {"destroy": False}}]
            ),
        ),
    ),
    Scenario(
        "provider-not-pinned", "access", lambda c: c["terraform"]["required_providers"]["aws"].update(version=">= 5.0")
    ),
    Scenario(
        "provider-upgraded", "access", lambda c: c["terraform"]["required_providers"]["aws"].update(version="6.30.0")
    ),
    Scenario("access-no-change", "access"),
    Scenario(
        "access-targeted",
        "access",
        _at("aws_iam_role", "execution_role", description="What the endpoint may do."),
        ("-target=aws_iam_role.execution_role",),
    ),
    Scenario("endpoint-no-change", "endpoint"),
    Scenario("endpoint-created", "endpoint", on_empty_account=True),
    Scenario("endpoint-new-image", "endpoint", _new_image),
    Scenario("endpoint-more-instances", "endpoint", _variant("review-5b4a39281706", initial_instance_count=3)),
    Scenario("endpoint-count-unknown", "endpoint", _unknown_count),
    Scenario(
        "endpoint-static-configuration-name", "endpoint", _variant("review-configuration", initial_instance_count=2)
    ),
    Scenario(
        "endpoint-configuration-same-name",
        "endpoint",
        _both(_variant(None, initial_instance_count=2), lambda c: _configuration(c).pop("lifecycle")),
    ),
    Scenario(
        "endpoint-destroyed-first",
        "endpoint",
        _both(
            _new_image,
            lambda c: (
                _configuration(c).pop("lifecycle"),
                c["resource"]["aws_sagemaker_model"]["model"].pop("lifecycle"),
            ),
        ),
    ),
    Scenario("endpoint-renamed", "endpoint", lambda c: _endpoint(c).update(name="review-2")),
    Scenario(
        "endpoint-without-rollback-alarms",
        "endpoint",
        lambda c: _endpoint(c)["deployment_config"].pop("auto_rollback_configuration"),
    ),
    Scenario(
        "endpoint-other-rollback-alarm",
        "endpoint",
        lambda c: _endpoint(c)["deployment_config"].update(auto_rollback_configuration=_EMPTY),
    ),
    Scenario("endpoint-instance-type", "endpoint", _instance_type(registered=False)),
    Scenario("endpoint-instance-type-while-scaled", "endpoint", _instance_type(registered=True)),
    Scenario("scaling-range", "endpoint", _at("aws_appautoscaling_target", "scaling_target", max_capacity=6)),
    Scenario("alarm-removed", "endpoint", _without("aws_cloudwatch_metric_alarm", "latency")),
    Scenario("alarm-renamed", "endpoint", _renamed("aws_cloudwatch_metric_alarm", "latency", "slow", moved=False)),
    Scenario("alarm-moved", "endpoint", _renamed("aws_cloudwatch_metric_alarm", "latency", "slow", moved=True)),
    Scenario("alarm-drifted", "endpoint", tamper="alarm-threshold"),
    Scenario("alarm-drifted-refresh-only", "endpoint", arguments=("-refresh-only",), tamper="alarm-threshold"),
    Scenario("alarm-gone", "endpoint", tamper="alarm-deleted"),
    Scenario("alarm-gone-refresh-only", "endpoint", arguments=("-refresh-only",), tamper="alarm-deleted"),
    Scenario("endpoint-tainted", "endpoint", state=_tainted),
    Scenario("endpoint-tainted-first", "endpoint", state=_tainted_first),
    Scenario("endpoint-tainted-verified", "endpoint", _verification, state=_tainted_verified),
    Scenario("configuration-name-taken", "endpoint", state=_deposed_configuration),
)
