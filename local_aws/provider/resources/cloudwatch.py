"""CloudWatch alarms and dashboards, CloudWatch Logs groups: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/"""

from collections.abc import Mapping
from typing import Any

from ..errors import Problem, ProviderError
from ..json_text import JSON
from ..mapping import attributes, parameters
from ..resource import Call, Resource, chosen_name, name_prefix
from ..values import UNKNOWN
from . import tags

ALARM_NAMES = {
    "arn": "AlarmArn",
    "ok_actions": "OKActions",
    "metric_query": "Metrics",
    "evaluate_low_sample_count_percentiles": "EvaluateLowSampleCountPercentile",
}


def _customize_alarm(config: Mapping[str, Any], _planned: dict[str, Any]) -> None:
    statistics = (config["statistic"], config["extended_statistic"])
    if config["metric_name"] and not any(item is UNKNOWN or item for item in statistics):
        raise ProviderError(
            Problem("One of `statistic` or `extended_statistic` must be set for a cloudwatch metric alarm")
        )
    queries = [] if config["metric_query"] is UNKNOWN else config["metric_query"]
    if any(query["expression"] and query["metric"] for query in queries):
        raise ProviderError(Problem("No metric_query may have both `expression` and a `metric` specified"))


def _put_alarm(call: Call) -> str:
    sent = parameters(call.client, "PutMetricAlarm", call.block, call.state, ALARM_NAMES)
    if call["dimensions"]:
        sent["Dimensions"] = tags.to_list(call["dimensions"], "Name")
    for query, wanted in zip(sent.get("Metrics", ()), call["metric_query"] or (), strict=True):
        for metric in wanted["metric"]:
            query["MetricStat"] = _metric_stat(metric)
    if call.prior is None and call.tags:
        sent["Tags"] = tags.to_list(call.tags)
    call.client.put_metric_alarm(**sent)
    return call["alarm_name"]


def _metric_stat(metric: Mapping[str, Any]) -> dict[str, Any]:
    stat = {
        "Metric": {
            "MetricName": metric["metric_name"],
            "Namespace": metric["namespace"],
            "Dimensions": tags.to_list(metric["dimensions"] or {}, "Name"),
        },
        "Period": int(metric["period"]),
        "Stat": metric["stat"],
    }
    return stat | ({"Unit": metric["unit"]} if metric["unit"] else {})


def _read_alarm(call: Call) -> dict[str, Any] | None:
    found = call.client.describe_alarms(AlarmNames=[call.id], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    if not found:
        return None
    alarm = found[0]
    state = attributes(call.client, "DescribeAlarms", call.block, alarm, "MetricAlarms", renames=ALARM_NAMES)
    for query, answer in zip(state["metric_query"], alarm.get("Metrics", ()), strict=True):
        query["metric"] = _metric_block(answer.get("MetricStat"))
    answer = call.client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])
    return state | {
        "dimensions": tags.from_list(alarm.get("Dimensions", ()), "Name"),
        "tags": tags.from_list(answer["Tags"]),
    }


def _metric_block(stat: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if not stat:
        return []
    metric = stat["Metric"]
    return [
        {
            "metric_name": metric.get("MetricName"),
            "namespace": metric.get("Namespace"),
            "dimensions": tags.from_list(metric.get("Dimensions", ()), "Name"),
            "period": stat["Period"],
            "stat": stat["Stat"],
            "unit": stat.get("Unit"),
        }
    ]


def _put_dashboard(call: Call) -> str:
    name = call["dashboard_name"]
    call.client.put_dashboard(DashboardName=name, DashboardBody=call["dashboard_body"])
    return name


def _read_dashboard(call: Call) -> dict[str, Any]:
    found = call.client.get_dashboard(DashboardName=call.id)
    return {
        "dashboard_name": call.id,
        "dashboard_arn": found["DashboardArn"],
        "dashboard_body": found["DashboardBody"],
    }


def _create_log_group(call: Call) -> str:
    name = chosen_name(call)
    sent = {"logGroupName": name, "tags": call.tags, "kmsKeyId": call["kms_key_id"]}
    sent["logGroupClass"] = call["log_group_class"]
    call.client.create_log_group(**{key: value for key, value in sent.items() if value})
    if call["retention_in_days"]:
        call.client.put_retention_policy(logGroupName=name, retentionInDays=int(call["retention_in_days"]))
    return name


def _read_log_group(call: Call) -> dict[str, Any] | None:
    pages = call.client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=call.id)
    found = next((group for page in pages for group in page["logGroups"] if group["logGroupName"] == call.id), None)
    if found is None:
        return None
    arn = found["arn"].removesuffix(":*")
    return {
        "name": call.id,
        "name_prefix": name_prefix(call.id),
        "arn": arn,
        "retention_in_days": found.get("retentionInDays", 0),
        "kms_key_id": found.get("kmsKeyId"),
        "log_group_class": found.get("logGroupClass"),
        "deletion_protection_enabled": False,
        "tags": call.client.list_tags_for_resource(resourceArn=arn)["tags"],
    }


def _update_log_group(call: Call) -> None:
    if call.changed("retention_in_days"):
        if call["retention_in_days"]:
            call.client.put_retention_policy(logGroupName=call.id, retentionInDays=int(call["retention_in_days"]))
        else:
            call.client.delete_retention_policy(logGroupName=call.id)
    if call.changed("kms_key_id"):
        if call["kms_key_id"]:
            call.client.associate_kms_key(logGroupName=call.id, kmsKeyId=call["kms_key_id"])
        else:
            call.client.disassociate_kms_key(logGroupName=call.id)


def _delete_log_group(call: Call) -> None:
    if not call["skip_destroy"]:
        call.client.delete_log_group(logGroupName=call.id)


RESOURCES = {
    "aws_cloudwatch_metric_alarm": Resource(
        service="cloudwatch",
        create=_put_alarm,
        customize=_customize_alarm,
        read=_read_alarm,
        update=_put_alarm,
        tag=tags.by_arn(lambda call: call["arn"], "ResourceARN"),
        delete=lambda call: call.client.delete_alarms(AlarmNames=[call.id]),
        missing=("ResourceNotFound",),
    ),
    "aws_cloudwatch_dashboard": Resource(
        service="cloudwatch",
        create=_put_dashboard,
        read=_read_dashboard,
        update=_put_dashboard,
        delete=lambda call: call.client.delete_dashboards(DashboardNames=[call.id]),
        wordings={"dashboard_body": JSON},
        missing=("ResourceNotFound", "DashboardNotFoundError"),
    ),
    "aws_cloudwatch_log_group": Resource(
        service="logs",
        create=_create_log_group,
        read=_read_log_group,
        update=_update_log_group,
        tag=tags.by_arn(lambda call: call["arn"], "resourceArn", "tagKeys", as_map=True),
        delete=_delete_log_group,
        missing=("ResourceNotFoundException",),
        unsupported=("deletion_protection_enabled",),
    ),
}
