"""Endpoints while they change: what is refused, what is rolled back. In-process, where failures can be arranged."""

import pytest

from tests.local.sagemaker.conftest import CallError, InProcess
from tests.local.sagemaker.test_control_plane import create_config, create_endpoint, gone, settled


def test_nothing_else_may_be_done_while_an_endpoint_is_created(in_process: InProcess) -> None:
    in_process.launcher.gate.clear()
    config = create_config(in_process.call)
    endpoint = create_endpoint(in_process.call, config)
    description = in_process.call("DescribeEndpoint", EndpointName=endpoint)
    assert description["EndpointStatus"] == "Creating"
    assert description["PendingDeploymentSummary"]["EndpointConfigName"] == config
    changes = [
        ("UpdateEndpoint", {"EndpointConfigName": config}),
        ("DeleteEndpoint", {}),
        (
            "UpdateEndpointWeightsAndCapacities",
            {"DesiredWeightsAndCapacities": [{"VariantName": "AllTraffic", "DesiredInstanceCount": 1}]},
        ),
    ]
    for operation, members in changes:
        with pytest.raises(CallError, match="Cannot update in-progress endpoint"):
            in_process.call(operation, EndpointName=endpoint, **members)
    in_process.launcher.gate.set()
    assert settled(in_process.call, endpoint)["EndpointStatus"] == "InService"


def test_failed_creation_leaves_an_endpoint_that_can_only_be_deleted(in_process: InProcess) -> None:
    in_process.launcher.failure = "did not pass the ping health check"
    config = create_config(in_process.call)
    endpoint = create_endpoint(in_process.call, config)
    description = settled(in_process.call, endpoint)
    assert description["EndpointStatus"] == "Failed"
    assert description["FailureReason"] == "did not pass the ping health check"
    assert description["EndpointConfigName"] == config
    with pytest.raises(CallError, match="only operation that can be performed on a failed endpoint"):
        in_process.call("UpdateEndpoint", EndpointName=endpoint, EndpointConfigName=config)
    in_process.call("DeleteEndpoint", EndpointName=endpoint)
    assert gone(in_process.call, endpoint)


def test_failed_update_rolls_back(in_process: InProcess) -> None:
    old = create_config(in_process.call)
    endpoint = create_endpoint(in_process.call, old)
    settled(in_process.call, endpoint)
    in_process.launcher.gate.clear()
    in_process.launcher.failure = "did not pass the ping health check"
    new = create_config(in_process.call)
    in_process.call("UpdateEndpoint", EndpointName=endpoint, EndpointConfigName=new)
    updating = in_process.call("DescribeEndpoint", EndpointName=endpoint)
    assert (updating["EndpointStatus"], updating["EndpointConfigName"]) == ("Updating", old)
    assert updating["PendingDeploymentSummary"]["EndpointConfigName"] == new
    in_process.launcher.gate.set()
    description = settled(in_process.call, endpoint)
    assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", old)
    assert description["FailureReason"] == "did not pass the ping health check"
    assert [host.stopped for host in in_process.launcher.hosts] == [False, True]


def test_update_stops_the_old_instances_once_the_new_ones_serve(in_process: InProcess) -> None:
    endpoint = create_endpoint(in_process.call)
    settled(in_process.call, endpoint)
    in_process.call("UpdateEndpoint", EndpointName=endpoint, EndpointConfigName=create_config(in_process.call))
    settled(in_process.call, endpoint)
    in_process.call("DeleteEndpoint", EndpointName=endpoint)
    assert gone(in_process.call, endpoint)
    assert [host.stopped for host in in_process.launcher.hosts] == [True, True]


def test_ringing_alarm_rolls_back(in_process: InProcess) -> None:
    old = create_config(in_process.call)
    endpoint = create_endpoint(in_process.call, old)
    settled(in_process.call, endpoint)
    in_process.alarms.in_alarm = {"errors"}
    in_process.call(
        "UpdateEndpoint",
        EndpointName=endpoint,
        EndpointConfigName=create_config(in_process.call),
        DeploymentConfig={"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "quiet"}, {"AlarmName": "errors"}]}},
    )
    description = settled(in_process.call, endpoint)
    assert description["EndpointConfigName"] == old
    assert "alarms are in ALARM: errors" in description["FailureReason"]
    assert [host.stopped for host in in_process.launcher.hosts] == [False, True]


@pytest.mark.parametrize(("instance_type", "allowed"), [("ml.m5.large", True), ("ml.m5.xlarge", False)])
def test_scaling_target_blocks_another_instance_type(in_process: InProcess, instance_type: str, allowed: bool) -> None:
    endpoint = create_endpoint(in_process.call)
    settled(in_process.call, endpoint)
    in_process.scaling.variants = {"AllTraffic"}
    config = create_config(in_process.call, InstanceType=instance_type)
    if allowed:
        in_process.call("UpdateEndpoint", EndpointName=endpoint, EndpointConfigName=config)
        assert settled(in_process.call, endpoint)["EndpointConfigName"] == config
    else:
        with pytest.raises(CallError, match='"AllTraffic" must be deregistered as scalable targets'):
            in_process.call("UpdateEndpoint", EndpointName=endpoint, EndpointConfigName=config)


def test_deleting_an_endpoint_deregisters_its_scaling_targets(in_process: InProcess) -> None:
    endpoint = create_endpoint(in_process.call)
    settled(in_process.call, endpoint)
    in_process.call("DeleteEndpoint", EndpointName=endpoint)
    assert gone(in_process.call, endpoint)
    assert in_process.scaling.deregistered == [endpoint]


def test_two_update_policies_at_once_are_refused(in_process: InProcess) -> None:
    with pytest.raises(CallError, match="Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy"):
        create_endpoint(
            in_process.call,
            DeploymentConfig={
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
                },
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                    "WaitIntervalInSeconds": 0,
                },
            },
        )
