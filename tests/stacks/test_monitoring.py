"""Alarms, topic, dashboard, parameters and the list of models, as the stacks declare them."""

import json

import pytest

from stacks.alarms import INSTANCES, INVOCATIONS, alarms
from stacks.errors import SettingsError
from stacks.settings_monitoring import Alarms
from stacks.settings_reader import parse_settings
from tests.stacks.conftest import LOCAL, SMALL, changed

# Where SageMaker publishes each metric, and in which unit.
# https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
PUBLISHED = {
    INVOCATIONS: {
        "InvocationModelErrors",
        "ModelLatency",
        "ModelLoadingWaitTime",
        "ModelCacheHit",
        "ModelUnloadingTime",
    },
    INSTANCES: {"DiskUtilization", "MemoryUtilization"},
}
OFF = {name: False for name in Alarms.model_fields}


def resources(stacks: dict, stack: str, kind: str) -> dict:
    return stacks[stack]["resource"].get(kind, {})


def complaints(**settings) -> str:
    with pytest.raises(SettingsError) as caught:
        parse_settings({"environments": {"dev": changed(SMALL, **settings)}}, {})
    return str(caught.value)


def test_every_alarm_watches_a_metric_that_sagemaker_publishes_and_says_why():
    found = list(alarms(Alarms()))
    assert len(found) == len(Alarms.model_fields) - 1
    for alarm in found:
        namespace, metric = alarm.metric
        assert metric in PUBLISHED[namespace]
        assert len(alarm.description) > 80
        assert alarm.periods[0] <= alarm.periods[1]


def test_latencies_are_in_microseconds_and_hits_a_ratio():
    by_kind = {alarm.kind: alarm for alarm in alarms(Alarms(p99_latency_milliseconds=250, cache_hit_percent=90))}
    assert (by_kind["p99-latency"].threshold, by_kind["p99-latency"].statistic) == (250_000, "p99")
    assert (by_kind["cache-hits"].threshold, by_kind["cache-hits"].below) == (0.9, True)
    assert by_kind["thrashing"].statistic == "SampleCount"


def test_each_alarm_notifies_the_topic_and_can_be_switched_off(synthesise, stacks):
    found = resources(stacks, "small-endpoint", "aws_cloudwatch_metric_alarm")
    assert len(found) == len(Alarms.model_fields)
    for alarm in found.values():
        assert alarm["alarm_actions"] == alarm["ok_actions"] == ["${aws_sns_topic.alarms.arn}"]
        assert alarm["dimensions"] == {"EndpointName": "multi-model-small", "VariantName": "all-models"}
    switched_off = synthesise({"small": changed(SMALL, monitoring={"alarms": OFF})})
    (name, alarm), *others = resources(switched_off, "small-endpoint", "aws_cloudwatch_metric_alarm").items()
    assert (name, others) == ("invocation_5xx_errors", [])
    assert "alarm_actions" not in alarm
    # What rolls an update back does not depend on who is notified.
    update = resources(switched_off, "small-endpoint", "aws_sagemaker_endpoint")["endpoint"]["deployment_config"]
    assert update == resources(stacks, "small-endpoint", "aws_sagemaker_endpoint")["endpoint"]["deployment_config"]


def test_a_threshold_of_zero_is_not_off():
    kinds = [alarm.kind for alarm in alarms(Alarms(**OFF | {"model_errors_per_minute": 0}))]
    assert kinds == ["model-errors"]


def test_people_subscribe_by_mail_or_the_topic_is_somebody_elses(stacks):
    people = resources(stacks, "full-endpoint", "aws_sns_topic_subscription")
    assert {item["endpoint"] for item in people.values()} == {"on-call@example.com", "Models@example.com"}
    assert all(item["protocol"] == "email" for item in people.values())
    arn = "arn:aws:sns:eu-central-1:333333333333:on-call"
    assert "aws_sns_topic" not in stacks["sharded-endpoint-2"]["resource"]
    for alarm in resources(stacks, "sharded-endpoint-2", "aws_cloudwatch_metric_alarm").values():
        assert alarm["alarm_actions"] == [arn]


def test_the_dashboard_has_sagemakers_metrics_and_the_servers_of_each_model(stacks):
    body = resources(stacks, "small-endpoint", "aws_cloudwatch_dashboard")["dashboard"]["dashboard_body"]
    # Terraform would take CloudWatch's ${...} for its own.
    assert "${" not in body.replace("$${", "")
    widgets = json.loads(body.replace("$${", "${"))["widgets"]
    assert widgets[-1]["properties"]["metrics"][0][0]["label"] == "${PROP('Dim.Model')}"
    assert len(widgets[0]["properties"]["alarms"]) == len(Alarms.model_fields)
    text = json.dumps(widgets)
    for metric in set.union(*PUBLISHED.values()) | {"LoadedModelCount", "CPUUtilization"}:
        assert f'"{metric}"' in text
    searches = [widget["properties"]["metrics"][0][0]["expression"] for widget in widgets[-4:]]
    for search in searches:
        assert "{MultiModelServer,EndpointName,VariantName,Model}" in search
        assert 'EndpointName="multi-model-small"' in search
    places = [(widget["x"], widget["y"]) for widget in widgets]
    assert len(set(places)) == len(places)


def test_the_server_is_told_its_endpoint(stacks):
    container = resources(stacks, "sharded-endpoint-2", "aws_sagemaker_model")["model"]["primary_container"]
    assert container["environment"] == {
        "MODEL_SERVER_ENDPOINT": "multi-model-sharded-2",
        "MODEL_SERVER_VARIANT": "all-models",
    }


def test_parameters_say_where_the_endpoint_and_its_models_are(stacks):
    (endpoint,) = resources(stacks, "small-endpoint", "aws_ssm_parameter").values()
    assert (endpoint["name"], endpoint["insecure_value"]) == ("/multi-model/small/endpoint-name", "multi-model-small")
    (models,) = resources(stacks, "small-models", "aws_ssm_parameter").values()
    bucket = resources(stacks, "small-models", "aws_s3_bucket")["models_bucket"]["bucket"]
    assert (models["name"], models["insecure_value"]) == ("/multi-model/small/models-uri", f"s3://{bucket}/models/")
    assert "aws_ssm_parameter" not in stacks["sharded-endpoint"]["resource"]


def test_the_list_names_each_models_target_and_waits_for_the_objects(stacks, lock):
    objects = resources(stacks, "full-models", "aws_s3_object")
    listed = objects["model_list"]
    models = json.loads(listed["content"])["models"]
    assert set(models) == set(lock.models)
    assert models["resnet18"]["target_model"] == lock.models["resnet18"].current.key
    assert models["resnet18"]["earlier"] == [lock.models["resnet18"].versions[0].key]
    assert set(listed["depends_on"]) == {f"aws_s3_object.{name}" for name in objects if name != "model_list"}
    assert not listed["key"].startswith("models/"), "no model of the endpoint"
    assert "model_list" not in resources(stacks, "small-models", "aws_s3_object")


def test_settings_that_cannot_be_are_refused():
    topic = "arn:aws:sns:us-east-1:111111111111:on-call"
    assert "must be a topic in eu-central-1" in complaints(monitoring={"topic_arn": topic})
    both = {"topic_arn": topic.replace("us-east-1", "eu-central-1"), "emails": ["a@example.com"]}
    assert "emails must be empty where topic_arn is given" in complaints(monitoring=both)
    assert "monitoring.emails[0]: must be" in complaints(monitoring={"emails": ["nobody"]})
    assert "must not repeat" in complaints(monitoring={"emails": ["a@example.com", "A@example.com"]})
    for wrong in (True, 101, "90", 0):
        told = complaints(monitoring={"alarms": {"disk_percent": wrong}})
        expected = "monitoring.alarms.disk_percent: must be a whole number from 1 to 100, or false"
        assert told.count("disk_percent") == 1 and expected in told
    assert "SSM keeps names that begin with aws" in complaints(name_prefix="aws-models")
    told = complaints(server_environment={"MODEL_SERVER_ENDPOINT": "x"})
    assert "the endpoint stack sets this variable itself" in told


def test_protection_is_on_unless_it_is_local_or_switched_off():
    def protected(settings: dict) -> bool:
        return parse_settings({"environments": {"dev": settings}}, {}).environments["dev"].is_protected

    assert (protected(SMALL), protected(LOCAL)) == (True, False)
    assert protected(changed(SMALL, deletion_protection=False)) is False
    assert protected(changed(LOCAL, deletion_protection=True)) is True
