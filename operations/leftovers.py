"""What killed runs leave that no state knows and that a destroy would therefore miss.

`operations.recovery` puts resources into the state of which AWS refuses a second one of the same name. The others,
which the next apply would write over, are deleted here by their names; so are the SageMaker models and endpoint
configurations of earlier settings, whose names hold a hash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from operations.adoption import declared
from operations.aws_clients import AwsClients
from stacks.names import Names

_GONE = (
    "DashboardNotFoundError",
    "NoSuchEntity",
    "ParameterNotFound",
    "ResourceNotFound",
    "ResourceNotFoundException",
)
_HASHED = r"-[0-9a-f]{12}"


def delete_unknown(document: Mapping[str, Any], known: set[str], clients: AwsClients, names: Names) -> list[str]:
    """Delete what a stack declares and its state does not know. Answers the addresses of what there was.

    Args:
        document: the stack's `cdk.tf.json`.
        known: the addresses in its state.
        clients: the environment's account.
        names: of the stack's shard.
    """
    delete = {
        "aws_appautoscaling_target": lambda target: _deregister(clients, target),
        "aws_cloudwatch_dashboard": lambda dashboard: clients.client("cloudwatch").delete_dashboards(
            DashboardNames=[dashboard["dashboard_name"]]
        ),
        "aws_cloudwatch_metric_alarm": lambda alarm: _delete_alarm(clients, alarm["alarm_name"]),
        "aws_iam_policy": lambda policy: clients.client("iam").delete_policy(
            PolicyArn=names.policy_arn(policy["name"])
        ),
        "aws_iam_role_policy": lambda policy: clients.client("iam").delete_role_policy(
            RoleName=policy["role"], PolicyName=policy["name"]
        ),
        "aws_sns_topic": lambda topic: _delete_topic(clients, names.arn("sns", topic["name"])),
        "aws_ssm_parameter": lambda parameter: clients.client("ssm").delete_parameter(Name=parameter["name"]),
    }
    found = []
    for address, arguments in declared(document):
        kind = address.partition(".")[0]
        if kind in delete and address not in known and _existed(delete[kind], arguments):
            found.append(address)
    return found


def _existed(delete: Callable[[Mapping[str, Any]], Any], arguments: Mapping[str, Any]) -> bool:
    try:
        return delete(arguments) is not None
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return False
        raise


def _deregister(clients: AwsClients, target: Mapping[str, Any]) -> object | None:
    """The scalable target goes with its policies; None where there is none."""
    scaling = clients.client("application-autoscaling")
    service, resource = target["service_namespace"], target["resource_id"]
    if not scaling.describe_scalable_targets(ServiceNamespace=service, ResourceIds=[resource])["ScalableTargets"]:
        return None
    answer: object = scaling.deregister_scalable_target(
        ServiceNamespace=service, ResourceId=resource, ScalableDimension=target["scalable_dimension"]
    )
    return answer


def _delete_alarm(clients: AwsClients, name: str) -> object | None:
    """None where there is no such alarm, which DeleteAlarms does not say."""
    cloudwatch = clients.client("cloudwatch")
    if not cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]:
        return None
    answer: object = cloudwatch.delete_alarms(AlarmNames=[name])
    return answer


def _delete_topic(clients: AwsClients, arn: str) -> object | None:
    """None where there is no such topic, which DeleteTopic does not say."""
    sns = clients.client("sns")
    pages = sns.get_paginator("list_topics").paginate()
    if not any(topic["TopicArn"] == arn for page in pages for topic in page["Topics"]):
        return None
    answer: object = sns.delete_topic(TopicArn=arn)
    return answer


def delete_old_hosting(clients: AwsClients, names: Names) -> list[str]:
    """Delete the models and endpoint configurations of a shard whose endpoint is gone. Answers their names.

    They are known by their names, the shard's with a hash, and by their tags.
    """
    sagemaker = clients.client("sagemaker")
    configurations = [
        (item["EndpointConfigName"], item["EndpointConfigArn"])
        for page in sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=f"{names.shard_base}-")
        for item in page["EndpointConfigs"]
    ]
    models = [
        (item["ModelName"], item["ModelArn"])
        for page in sagemaker.get_paginator("list_models").paginate(NameContains=f"{names.shard_base}-")
        for item in page["Models"]
    ]
    deleted = []
    for name in _own(sagemaker, names, configurations):
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
        deleted.append(name)
    for name in _own(sagemaker, names, models):
        sagemaker.delete_model(ModelName=name)
        deleted.append(name)
    return deleted


def _own(sagemaker: Any, names: Names, found: list[tuple[str, str]]) -> Iterator[str]:
    for name, arn in found:
        if re.fullmatch(re.escape(names.shard_base) + _HASHED, name):
            tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
            if (tags.get("Environment"), tags.get("ManagedBy")) == (names.environment, "cdktf"):
                yield name
