"""Outages by models, variants, scaling and alarms: kinds of them beyond the saved plans."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.plan_review.conftest import document_of, review_of
from tests.plan_review.edits import (
    APPROVAL,
    BLOCKED,
    NEW,
    NONE,
    Document,
    Edit,
    Kind,
    added,
    assert_kind,
    element,
    gone,
    updated,
)


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


def watched(wait: int, termination: int) -> Edit:
    """Other waits of the blue/green update."""

    def edit(document: Document) -> None:
        change = element(document, "aws_sagemaker_endpoint")
        change["after"] = copy.deepcopy(change["before"])
        update = change["after"]["deployment_config"][0]["blue_green_update_policy"][0]
        update["termination_wait_in_seconds"] = termination
        update["traffic_routing_configuration"][0]["wait_interval_in_seconds"] = wait
        change["actions"] = ["update"]

    return edit


def triggers(before: Any, after: Any) -> Edit:
    def edit(document: Document) -> None:
        change = element(document, "terraform_data", "verification")
        change |= {
            "actions": ["create", "delete"],
            "before": change["before"] | {"triggers_replace": before},
            "after": change["before"] | {"triggers_replace": after},
            "after_unknown": {"id": True},
        }

    return edit


def another_alarm(document: Document) -> None:
    change = element(document, "aws_sagemaker_endpoint")
    block = change["before"]["deployment_config"][0]["auto_rollback_configuration"][0]
    block["alarms"].append({"alarm_name": "review-latency"})
    change["after"]["deployment_config"][0]["auto_rollback_configuration"][0]["alarms"] = [block["alarms"][0]]
    change["actions"] = ["update"]


def variant_without_name(document: Document) -> None:
    variants(document, "after")[0]["variant_name"] = None
    change = element(document, "aws_sagemaker_endpoint_configuration")
    change["after_unknown"]["production_variants"] = [{"variant_name": True}]


KINDS: dict[str, Kind] = {
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
    "alarm under another name": (NONE, errors(alarm_name="other"), "rollback-alarm-weakened", BLOCKED),
    "an update that is not watched": (NONE, watched(0, 0), "rollback-alarm-weakened", BLOCKED),
    "an update that is watched for less": (NONE, watched(120, 120), "rollback-alarm-weakened", APPROVAL),
    "an update that is watched for longer": (NONE, watched(600, 600), "rollback-alarm-weakened", None),
    "verification let go of": (
        "verified-new-image",
        gone("terraform_data", "verification", action="forget"),
        "verification-removed",
        BLOCKED,
    ),
    "verification that does not run": ("verified-new-image", verification_stays, "verification-removed", BLOCKED),
    "verification with triggers of its own": (
        "verified-new-image",
        triggers("verified-1", "verified-2"),
        "verification-removed",
        None,
    ),
    "verification without triggers of its own": (
        "verified-new-image",
        triggers("verified-1", None),
        "verification-removed",
        BLOCKED,
    ),
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
    "a variant without a name": (NEW, variant_without_name, "variant-renamed", APPROVAL),
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_of_outage(kind: str) -> None:
    assert_kind(KINDS[kind])


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
