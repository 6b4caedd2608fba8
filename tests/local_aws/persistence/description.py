"""Everything that boto3 says of an account, to compare before and after a restart."""

from typing import Any

from tests.local_aws.account import Account


def _plain(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key not in ("ResponseMetadata", "RequestId")}


def describe(account: Account) -> dict[str, Any]:
    """What the services say, by service."""
    return {
        "s3": {bucket["Name"]: _bucket(account.s3, bucket["Name"]) for bucket in account.s3.list_buckets()["Buckets"]},
        "iam": _iam(account.client("iam")),
        "ecr": _ecr(account.ecr),
        "sagemaker": _sagemaker(account.sagemaker),
        "cloudwatch": _cloudwatch(account.client("cloudwatch")),
        "scaling": _scaling(account.client("application-autoscaling")),
        "logs": _logs(account.client("logs")),
        "kms": account.client("kms").list_keys()["Keys"],
        "sns": account.client("sns").list_topics()["Topics"],
    }


def _bucket(s3: Any, bucket: str) -> dict[str, Any]:
    found = s3.list_object_versions(Bucket=bucket)
    versions = []
    for version in found.get("Versions", []):
        which = {"Bucket": bucket, "Key": version["Key"]}
        if version["VersionId"] != "null":  # moto finds no HEAD of version `null`
            which["VersionId"] = version["VersionId"]
        content = s3.get_object(**which)["Body"].read()
        head, tags = _plain(s3.head_object(**which)), s3.get_object_tagging(**which)["TagSet"]
        versions.append({**version, "content": content, "head": head, "tags": tags})
    return {
        "versions": versions,
        "markers": found.get("DeleteMarkers", []),
        "versioning": _plain(s3.get_bucket_versioning(Bucket=bucket)),
        "tags": s3.get_bucket_tagging(Bucket=bucket)["TagSet"] if bucket == "states" else None,
    }


def _iam(iam: Any) -> list[Any]:
    return [
        [
            _plain(iam.get_role(RoleName=role["RoleName"])),
            [
                _plain(iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name))
                for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
            ],
        ]
        for role in iam.list_roles()["Roles"]
    ]


def _ecr(ecr: Any) -> list[Any]:
    return [
        [
            repository,
            ecr.describe_images(repositoryName=repository["repositoryName"])["imageDetails"],
            ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"],
        ]
        for repository in ecr.describe_repositories()["repositories"]
    ]


def _sagemaker(sagemaker: Any) -> dict[str, Any]:
    found = {
        "models": [
            _plain(sagemaker.describe_model(ModelName=item["ModelName"])) for item in sagemaker.list_models()["Models"]
        ],
        "configs": [
            _plain(sagemaker.describe_endpoint_config(EndpointConfigName=item["EndpointConfigName"]))
            for item in sagemaker.list_endpoint_configs()["EndpointConfigs"]
        ],
        "endpoints": [
            _plain(sagemaker.describe_endpoint(EndpointName=item["EndpointName"]))
            for item in sagemaker.list_endpoints()["Endpoints"]
        ],
    }
    arns = [
        item[key]
        for kind, key in (("models", "ModelArn"), ("configs", "EndpointConfigArn"), ("endpoints", "EndpointArn"))
        for item in found[kind]
    ]
    return {**found, "tags": {arn: sagemaker.list_tags(ResourceArn=arn)["Tags"] for arn in arns}}


def _cloudwatch(cloudwatch: Any) -> list[Any]:
    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    history = cloudwatch.describe_alarm_history(MaxRecords=100)["AlarmHistoryItems"]
    made = [item for item in history if item["HistoryItemType"] == "ConfigurationUpdate"]
    # Their state is evaluated all the time.
    return [[{key: value for key, value in alarm.items() if not key.startswith("State")} for alarm in alarms], made]


def _scaling(scaling: Any) -> dict[str, Any]:
    targets = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    return {
        "targets": targets,
        "tags": [scaling.list_tags_for_resource(ResourceARN=target["ScalableTargetARN"])["Tags"] for target in targets],
        "policies": scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"],
        "activities": scaling.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"],
    }


def _logs(logs: Any) -> list[Any]:
    # Containers go on writing into theirs.
    groups = [
        group for group in logs.describe_log_groups()["logGroups"] if not group["logGroupName"].startswith("/aws")
    ]
    return [
        [
            group["logGroupName"],
            group.get("retentionInDays"),
            logs.list_tags_log_group(logGroupName=group["logGroupName"])["tags"],
        ]
        for group in groups
    ]
