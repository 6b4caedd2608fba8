"""Application Auto Scaling over HTTP: targets must exist, limits hold, load adds instances. A minute takes 1.2 s."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.account import Account


def target(endpoint: str, variant: str = "AllTraffic") -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/{variant}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def await_count(account: Account, endpoint: str, holds: Callable[[int], bool]) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        description = account.sagemaker.describe_endpoint(EndpointName=endpoint)
        count = description["ProductionVariants"][0]["CurrentInstanceCount"]
        if holds(count) and description["EndpointStatus"] == "InService":
            return count
        time.sleep(0.1)
    raise TimeoutError(f"{endpoint} has {count} instances")


@pytest.fixture(scope="module")
def scaling(account: Account) -> Any:
    return account.client("application-autoscaling")


@pytest.mark.parametrize("case", ["no endpoint", "no variant"])
def test_what_does_not_exist_is_no_target(account: Account, scaling: Any, case: str) -> None:
    wanted = target("nowhere") if case == "no endpoint" else target(account.serve()[0], "Other")
    with pytest.raises(ClientError, match=f"SageMaker variant doesn't exist: {wanted['ResourceId']}") as error:
        scaling.register_scalable_target(**wanted, MinCapacity=1, MaxCapacity=2)
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_limits_hold_without_a_policy(account: Account, scaling: Any) -> None:
    endpoint, _ = account.serve()
    scaling.register_scalable_target(**target(endpoint), MinCapacity=2, MaxCapacity=3)
    assert await_count(account, endpoint, lambda count: count >= 2) == 2
    # An update without RetainAllVariantProperties goes back to the initial count, and from there to the minimum.
    account.sagemaker.update_endpoint(
        EndpointName=endpoint, EndpointConfigName=account.create_config(account.create_model())
    )
    account.await_settled(endpoint)
    assert await_count(account, endpoint, lambda count: count >= 2) == 2
    scaling.deregister_scalable_target(**target(endpoint))


def test_load_adds_instances_up_to_the_maximum(account: Account, scaling: Any) -> None:
    endpoint, prefix = account.serve()
    account.put_model(prefix, "m")
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=2)
    scaling.put_scaling_policy(
        **target(endpoint),
        PolicyName="load",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 1,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    )
    enough = threading.Event()

    def invoke() -> None:
        while not enough.wait(0.1):
            account.invoke(endpoint, "m")

    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(invoke)
        try:
            assert await_count(account, endpoint, lambda count: count > 1) == 2
        finally:
            enough.set()
        load.result()
    scaling.deregister_scalable_target(**target(endpoint))


STEPS = {
    "AdjustmentType": "ExactCapacity",
    "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 2}],
    "Cooldown": 0,
}


def test_an_alarm_invokes_a_step_scaling_policy(account: Account, scaling: Any) -> None:
    endpoint, _ = account.serve()
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=3)
    put = {**target(endpoint), "PolicyName": "steps", "PolicyType": "StepScaling"}
    arn = scaling.put_scaling_policy(**put, StepScalingPolicyConfiguration=STEPS)["PolicyARN"]
    # A policy that is put again keeps its ARN: alarms name it.
    assert scaling.put_scaling_policy(**put, StepScalingPolicyConfiguration=STEPS)["PolicyARN"] == arn
    cloudwatch = account.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=f"{endpoint}-queue",
        Namespace="Steps",
        MetricName=endpoint,
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=10,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[arn],
    )
    enough = threading.Event()

    def report() -> None:
        while not enough.wait(0.2):
            cloudwatch.put_metric_data(Namespace="Steps", MetricData=[{"MetricName": endpoint, "Value": 12}])

    with ThreadPoolExecutor(1) as pool:
        reporting = pool.submit(report)
        try:
            assert await_count(account, endpoint, lambda count: count > 1) == 2
        finally:
            enough.set()
        reporting.result()
    (activity,) = scaling.describe_scaling_activities(
        ServiceNamespace="sagemaker", ResourceId=target(endpoint)["ResourceId"]
    )["ScalingActivities"]
    assert activity["Cause"] == f"monitor alarm {endpoint}-queue in state ALARM triggered policy steps"
    assert (activity["Description"], activity["StatusCode"]) == ("Setting desired instance count to 2.", "Successful")
    items = cloudwatch.describe_alarm_history(AlarmName=f"{endpoint}-queue", HistoryItemType="Action")
    assert items["AlarmHistoryItems"][-1]["HistorySummary"] == f"Successfully executed action {arn}"
    cloudwatch.delete_alarms(AlarmNames=[f"{endpoint}-queue"])
    scaling.deregister_scalable_target(**target(endpoint))


def test_target_tracking_has_alarms_that_go_with_its_target(account: Account, scaling: Any) -> None:
    endpoint, _ = account.serve()
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=2)
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}

    def put(value: float) -> set[str]:
        answer = scaling.put_scaling_policy(
            **target(endpoint),
            PolicyName="load",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={"TargetValue": value, "PredefinedMetricSpecification": metric},
        )
        return {alarm["AlarmName"] for alarm in answer["Alarms"]}

    def thresholds() -> set[float]:
        pages = account.client("cloudwatch").get_paginator("describe_alarms").paginate()
        alarms = [alarm for page in pages for alarm in page["MetricAlarms"]]
        prefix = f"TargetTracking-{target(endpoint)['ResourceId']}-Alarm"
        return {alarm["Threshold"] for alarm in alarms if alarm["AlarmName"].startswith(prefix)}

    put(50)
    assert thresholds() == {50, 45}
    names = put(100)
    assert thresholds() == {100, 90}
    (policy,) = scaling.describe_scaling_policies(
        ServiceNamespace="sagemaker", ResourceId=target(endpoint)["ResourceId"]
    )["ScalingPolicies"]
    assert {alarm["AlarmName"] for alarm in policy["Alarms"]} == names
    account.sagemaker.delete_endpoint(EndpointName=endpoint)
    deadline = time.monotonic() + 20
    while thresholds() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert thresholds() == set()


def test_a_scheduled_action_changes_the_limits(account: Account, scaling: Any) -> None:
    endpoint, _ = account.serve()
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=3)
    soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 2))
    scaling.put_scheduled_action(
        **target(endpoint),
        ScheduledActionName="soon",
        Schedule=f"at({soon})",
        ScalableTargetAction={"MinCapacity": 2},
    )
    assert await_count(account, endpoint, lambda count: count > 1) == 2
    (found,) = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[target(endpoint)["ResourceId"]]
    )["ScalableTargets"]
    assert (found["MinCapacity"], found["MaxCapacity"]) == (2, 3)
    scaling.deregister_scalable_target(**target(endpoint))
    left = scaling.describe_scheduled_actions(ServiceNamespace="sagemaker", ResourceId=target(endpoint)["ResourceId"])
    assert left["ScheduledActions"] == []


def refusal(call: Callable[..., Any], **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**request)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_wrong_policies_and_schedules_are_refused(account: Account, scaling: Any) -> None:
    endpoint, _ = account.serve()
    action = {**target(endpoint), "ScheduledActionName": "a", "ScalableTargetAction": {"MinCapacity": 1}}
    code, message = refusal(scaling.put_scheduled_action, **action, Schedule="rate(1 day)")
    assert (code, message[:24]) == ("ObjectNotFoundException", "No scalable target found")
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=2)
    code, message = refusal(scaling.put_scheduled_action, **action, Schedule="cron(0 0 * * *)")
    assert (code, "six fields" in message) == ("ValidationException", True)
    policy = {**target(endpoint), "PolicyName": "p", "PolicyType": "StepScaling"}
    step = {**STEPS, "StepAdjustments": [{"ScalingAdjustment": 2}]}
    code, message = refusal(scaling.put_scaling_policy, **policy, StepScalingPolicyConfiguration=step)
    assert (code, "both be null" in message) == ("ValidationException", True)
    policy["PolicyType"] = "TargetTrackingScaling"
    metric = {"PredefinedMetricType": "ALBRequestCountPerTarget"}
    tracking = {"TargetValue": 1, "PredefinedMetricSpecification": metric}
    code, message = refusal(scaling.put_scaling_policy, **policy, TargetTrackingScalingPolicyConfiguration=tracking)
    assert (code, "ALBRequestCountPerTarget" in message) == ("ValidationException", True)
    assert (
        scaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=policy["ResourceId"])[
            "ScalingPolicies"
        ]
        == []
    )
    scaling.deregister_scalable_target(**target(endpoint))
