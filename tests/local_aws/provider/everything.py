"""A configuration with every resource type and data source that the stand-in covers."""

import json
from typing import Any

TLS_ONLY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::everything-models", "arn:aws:s3:::everything-models/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
}
ECR_LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
            "action": {"type": "expire"},
        }
    ]
}
ECR_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Pull",
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": ["ecr:BatchGetImage"],
        }
    ],
}
LISTS_BUCKETS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:ListAllMyBuckets"], "Resource": ["*"]}],
}
DASHBOARD = {
    "widgets": [{"type": "text", "x": 0, "y": 0, "width": 6, "height": 3, "properties": {"markdown": "models"}}]
}
ALARM = {
    "alarm_name": "everything-errors",
    "comparison_operator": "GreaterThanThreshold",
    "evaluation_periods": 1,
    "threshold": 0.1,
    "metric_name": "Invocation5XXErrors",
    "namespace": "AWS/SageMaker",
    "period": 60,
    "statistic": "Sum",
    "dimensions": {"EndpointName": "everything"},
    "alarm_actions": ["${aws_sns_topic.alarms.arn}"],
}
SCALING = {
    "service_namespace": "sagemaker",
    "resource_id": "endpoint/${aws_sagemaker_endpoint.endpoint.name}/variant/AllTraffic",
    "scalable_dimension": "sagemaker:variant:DesiredInstanceCount",
}


def data_sources() -> dict[str, Any]:
    return {
        "aws_caller_identity": {"me": {}},
        "aws_region": {"here": {}},
        "aws_partition": {"aws": {}},
        "aws_iam_policy_document": {
            "trust": {
                "statement": [
                    {
                        "actions": ["sts:AssumeRole"],
                        "principals": [{"type": "Service", "identifiers": ["sagemaker.amazonaws.com"]}],
                    }
                ]
            },
            "access": {
                "statement": [
                    {
                        "sid": "Read",
                        "actions": ["s3:GetObject", "s3:ListBucket"],
                        "resources": ["arn:aws:s3:::everything-models", "arn:aws:s3:::everything-models/*"],
                    }
                ]
            },
        },
        "aws_ecr_image": {"image": {"repository_name": "fake", "image_tag": "1"}},
        "aws_s3_bucket": {"models": {"bucket": "${aws_s3_bucket.models.id}"}},
        "aws_s3_object": {
            "settings": {"bucket": "${aws_s3_object.settings.bucket}", "key": "${aws_s3_object.settings.key}"}
        },
    }


def resources(image: str) -> dict[str, Any]:
    bucket = "${aws_s3_bucket.models.id}"
    return {
        "aws_s3_bucket": {"models": {"bucket": "everything-models", "force_destroy": True, "tags": {"Kind": "models"}}},
        "aws_s3_bucket_versioning": {"models": {"bucket": bucket, "versioning_configuration": [{"status": "Enabled"}]}},
        "aws_s3_bucket_server_side_encryption_configuration": {
            "models": {
                "bucket": bucket,
                "rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256"}]}],
            }
        },
        "aws_s3_bucket_public_access_block": {
            "models": {
                "bucket": bucket,
                "block_public_acls": True,
                "block_public_policy": True,
                "ignore_public_acls": True,
                "restrict_public_buckets": True,
            }
        },
        "aws_s3_bucket_ownership_controls": {
            "models": {"bucket": bucket, "rule": [{"object_ownership": "BucketOwnerEnforced"}]}
        },
        "aws_s3_bucket_policy": {"models": {"bucket": bucket, "policy": json.dumps(TLS_ONLY)}},
        "aws_s3_bucket_lifecycle_configuration": {
            "models": {
                "bucket": bucket,
                "rule": [
                    {
                        "id": "old",
                        "status": "Enabled",
                        "filter": [{}],
                        "noncurrent_version_expiration": [{"noncurrent_days": 30}],
                        "abort_incomplete_multipart_upload": [{"days_after_initiation": 7}],
                    },
                    {
                        "id": "logs",
                        "status": "Enabled",
                        "filter": [{"prefix": "logs/"}],
                        "expiration": [{"days": 90}],
                        "transition": [{"days": 30, "storage_class": "STANDARD_IA"}],
                    },
                    {
                        "id": "tagged",
                        "status": "Disabled",
                        "filter": [{"and": [{"prefix": "a/", "tags": {"Keep": "no"}}]}],
                        "expiration": [{"days": 10}],
                    },
                ],
            }
        },
        "aws_s3_object": {
            "settings": {
                "bucket": bucket,
                "key": "settings.json",
                "content": json.dumps({"size": 1}),
                "content_type": "application/json",
                "tags": {"Kind": "settings"},
                "depends_on": ["aws_s3_bucket_versioning.models"],
            },
            "model": {
                "bucket": bucket,
                "key": "models/a.tar.gz",
                "source": "../artifacts/a.tar.gz",
                "source_hash": "1",
                "content_type": "application/gzip",
                "checksum_algorithm": "SHA256",
                "metadata": {"model": "a"},
                "override_provider": [{"default_tags": [{"tags": {}}]}],
                "depends_on": ["aws_s3_bucket_versioning.models"],
            },
        },
        "aws_s3_object_copy": {
            "model": {
                "bucket": bucket,
                "key": "models/copy.tar.gz",
                "source": "${aws_s3_object.model.bucket}/${aws_s3_object.model.key}",
                "copy_if_match": "${aws_s3_object.model.etag}",
                "checksum_algorithm": "SHA256",
                "content_type": "application/gzip",
                "metadata": {"model": "copy"},
                "metadata_directive": "REPLACE",
                "tagging_directive": "REPLACE",
            }
        },
        "aws_ecr_repository": {
            "models": {
                "name": "everything",
                "image_tag_mutability": "IMMUTABLE",
                "image_scanning_configuration": [{"scan_on_push": True}],
                "force_delete": True,
            },
            "plain": {"name": "everything-plain"},
        },
        "aws_ecr_lifecycle_policy": {
            "models": {"repository": "${aws_ecr_repository.models.name}", "policy": json.dumps(ECR_LIFECYCLE)}
        },
        "aws_ecr_repository_policy": {
            "models": {"repository": "${aws_ecr_repository.models.name}", "policy": json.dumps(ECR_POLICY)}
        },
        "aws_iam_role": {
            "execution": {
                "name": "everything",
                "assume_role_policy": "${data.aws_iam_policy_document.trust.json}",
                "description": "reads models",
            }
        },
        "aws_iam_role_policy": {
            "access": {
                "role": "${aws_iam_role.execution.name}",
                "name": "access",
                "policy": "${data.aws_iam_policy_document.access.json}",
            }
        },
        "aws_iam_openid_connect_provider": {
            "jobs": {"url": "https://tokens.example.com", "client_id_list": ["sts.amazonaws.com"]}
        },
        "aws_iam_policy": {"access": {"name": "everything", "policy": "${data.aws_iam_policy_document.access.json}"}},
        "aws_iam_role_policy_attachment": {
            "access": {"role": "${aws_iam_role.execution.name}", "policy_arn": "${aws_iam_policy.access.arn}"}
        },
        "aws_sagemaker_model": {
            "model": {
                "name": "everything-1",
                "execution_role_arn": "${aws_iam_role.execution.arn}",
                "primary_container": [
                    {
                        "image": image,
                        "mode": "MultiModel",
                        "model_data_url": "s3://${aws_s3_bucket.models.id}/models/",
                        "environment": {"WORKERS": "2"},
                        "multi_model_config": [{"model_cache_setting": "Enabled"}],
                    }
                ],
                "lifecycle": {"create_before_destroy": True},
            }
        },
        "aws_sagemaker_endpoint_configuration": {
            "configuration": {
                "name": "everything-1",
                "production_variants": [
                    {
                        "variant_name": "AllTraffic",
                        "model_name": "${aws_sagemaker_model.model.name}",
                        "instance_type": "ml.m5.large",
                        "initial_instance_count": 1,
                        "initial_variant_weight": 0.7,
                    }
                ],
                "lifecycle": {"create_before_destroy": True},
            }
        },
        "aws_sagemaker_endpoint": {
            "endpoint": {
                "name": "everything",
                "endpoint_config_name": "${aws_sagemaker_endpoint_configuration.configuration.name}",
                "deployment_config": [
                    {
                        "auto_rollback_configuration": [
                            {"alarms": [{"alarm_name": "${aws_cloudwatch_metric_alarm.errors.alarm_name}"}]}
                        ],
                        "blue_green_update_policy": [
                            {"traffic_routing_configuration": [{"type": "ALL_AT_ONCE", "wait_interval_in_seconds": 0}]}
                        ],
                    }
                ],
            }
        },
        "aws_appautoscaling_target": {"target": {**SCALING, "min_capacity": 1, "max_capacity": 3}},
        "aws_appautoscaling_policy": {
            "policy": {
                "name": "invocations",
                "policy_type": "TargetTrackingScaling",
                **SCALING,
                "target_tracking_scaling_policy_configuration": [
                    {
                        "target_value": 70.5,
                        "scale_in_cooldown": 300,
                        "predefined_metric_specification": [
                            {"predefined_metric_type": "SageMakerVariantInvocationsPerInstance"}
                        ],
                    }
                ],
                "depends_on": ["aws_appautoscaling_target.target"],
            }
        },
        "aws_cloudwatch_metric_alarm": {
            "errors": ALARM,
            "share": {
                "alarm_name": "everything-share",
                "comparison_operator": "GreaterThanThreshold",
                "evaluation_periods": 2,
                "threshold": 5,
                "metric_query": [
                    {"id": "share", "expression": "errors*100", "label": "Share", "return_data": True},
                    {
                        "id": "errors",
                        "metric": [
                            {
                                "metric_name": "Invocation5XXErrors",
                                "namespace": "AWS/SageMaker",
                                "period": 60,
                                "stat": "Sum",
                                "dimensions": {"EndpointName": "everything"},
                            }
                        ],
                    },
                ],
            },
        },
        "aws_cloudwatch_dashboard": {
            "models": {"dashboard_name": "everything", "dashboard_body": json.dumps(DASHBOARD)}
        },
        "aws_cloudwatch_log_group": {
            "endpoint": {"name": "/aws/sagemaker/Endpoints/everything", "retention_in_days": 30}
        },
        "aws_kms_key": {"models": {"description": "models", "enable_key_rotation": True, "deletion_window_in_days": 7}},
        "aws_kms_alias": {"models": {"name": "alias/everything", "target_key_id": "${aws_kms_key.models.key_id}"}},
        "aws_sns_topic": {
            "alarms": {"name": "everything-alarms", "kms_master_key_id": "${aws_kms_key.models.id}"},
            "generated": {"name_prefix": "everything-"},
        },
        "aws_sns_topic_subscription": {
            "alarms": {
                "topic_arn": "${aws_sns_topic.alarms.arn}",
                "protocol": "sqs",
                "endpoint": "arn:aws:sqs:us-east-1:123456789012:alarms",
            },
            "people": {
                "topic_arn": "${aws_sns_topic.alarms.arn}",
                "protocol": "email",
                "endpoint": "on-call@example.com",
            },
        },
        "aws_ssm_parameter": {
            "endpoint": {
                "name": "/everything/endpoint-name",
                "type": "String",
                "insecure_value": "${aws_sagemaker_endpoint.endpoint.name}",
                "description": "what callers name",
            },
            "plain": {"name": "everything-plain", "type": "StringList", "value": "a,b", "allowed_pattern": "^[a-z,]+$"},
        },
    }


def import_ids(state: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The import id of every managed resource: its id, or what the provider's documentation asks for."""
    # A copy cannot be imported.
    left_out = ("data.", "aws_s3_object_copy.")
    ids = {address: item["id"] for address, item in state.items() if not address.startswith(left_out)}
    target = "sagemaker/endpoint/everything/variant/AllTraffic/sagemaker:variant:DesiredInstanceCount"
    ids["aws_appautoscaling_target.target"] = target
    ids["aws_appautoscaling_policy.policy"] = f"{target}/invocations"
    ids["aws_iam_role_policy_attachment.access"] = "everything/arn:aws:iam::123456789012:policy/everything"
    return ids
