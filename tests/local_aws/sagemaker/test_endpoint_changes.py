"""Endpoints while they change: what is refused, what is rolled back. In-process, where failures can be arranged."""

import gc
import time
from typing import Any

import pytest

from local_aws.sagemaker.fleet import Fleet
from tests.local_aws.sagemaker.conftest import CallError, InProcess
from tests.local_aws.sagemaker.test_control_plane import create_config, create_endpoint, gone, settled


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


def await_status(in_process: InProcess, endpoint: str, status: str) -> dict[str, Any]:
    for _ in range(500):
        description = in_process.call("DescribeEndpoint", EndpointName=endpoint)
        if description["EndpointStatus"] == status:
            return description
        time.sleep(0.01)
    raise TimeoutError(f"{endpoint} is {description['EndpointStatus']}, not {status}")


def alarms(*names: str) -> dict[str, Any]:
    return {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in names]}}


def test_ringing_alarm_rolls_back(in_process: InProcess) -> None:
    old = create_config(in_process.call)
    endpoint = create_endpoint(in_process.call, old)
    settled(in_process.call, endpoint)
    in_process.alarms.in_alarm = {"errors"}
    in_process.launcher.stop_gate.clear()
    new = create_config(in_process.call, InitialInstanceCount=2)
    in_process.call(
        "UpdateEndpoint", EndpointName=endpoint, EndpointConfigName=new, DeploymentConfig=alarms("quiet", "errors")
    )
    description = await_status(in_process, endpoint, "RollingBack")
    assert description["EndpointConfigName"] == old
    assert "alarms are in ALARM: errors" in description["FailureReason"]
    assert description["PendingDeploymentSummary"]["EndpointConfigName"] == new
    with pytest.raises(CallError, match="Cannot update in-progress endpoint"):
        in_process.call("UpdateEndpoint", EndpointName=endpoint, EndpointConfigName=old)
    in_process.launcher.stop_gate.set()
    description = settled(in_process.call, endpoint)
    assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", old)
    assert "alarms are in ALARM: errors" in description["FailureReason"]
    assert [host.stopped for host in in_process.launcher.hosts] == [False, True, True]
    in_process.alarms.in_alarm = set()
    in_process.call("UpdateEndpoint", EndpointName=endpoint, EndpointConfigName=new)
    description = settled(in_process.call, endpoint)
    assert description["EndpointConfigName"] == new
    assert "FailureReason" not in description


def test_counts_and_stage_while_new_instances_start(in_process: InProcess) -> None:
    endpoint = create_endpoint(in_process.call)
    settled(in_process.call, endpoint)
    in_process.launcher.gate.clear()
    new = create_config(in_process.call, InitialInstanceCount=3, InitialVariantWeight=0.5)
    in_process.call("UpdateEndpoint", EndpointName=endpoint, EndpointConfigName=new)
    for _ in range(500):
        description = in_process.call("DescribeEndpoint", EndpointName=endpoint)
        pending = description["PendingDeploymentSummary"]["ProductionVariants"][0]
        if "DesiredInstanceCount" in pending:
            break
        time.sleep(0.01)
    assert (pending["CurrentInstanceCount"], pending["DesiredInstanceCount"], pending["DesiredWeight"]) == (0, 3, 0.5)
    assert pending["VariantStatus"][0]["Status"] == "Creating"
    assert pending["InstanceType"] == "ml.m5.large"
    serving = description["ProductionVariants"][0]
    assert (serving["CurrentInstanceCount"], serving["DesiredInstanceCount"]) == (1, 1)
    in_process.launcher.gate.set()
    serving = settled(in_process.call, endpoint)["ProductionVariants"][0]
    assert (serving["CurrentInstanceCount"], serving["DesiredInstanceCount"], serving["CurrentWeight"]) == (3, 3, 0.5)


def test_scaling_shows_what_is_wanted_and_goes_back_when_it_fails(in_process: InProcess) -> None:
    endpoint = create_endpoint(in_process.call)
    settled(in_process.call, endpoint)
    in_process.launcher.gate.clear()
    in_process.launcher.failure = "no capacity"
    in_process.call(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 3, "DesiredWeight": 0.5}],
    )
    for _ in range(500):
        variant = in_process.call("DescribeEndpoint", EndpointName=endpoint)["ProductionVariants"][0]
        if variant["DesiredInstanceCount"] == 3:
            break
        time.sleep(0.01)
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 3)
    assert (variant["CurrentWeight"], variant["DesiredWeight"]) == (1.0, 0.5)
    in_process.launcher.gate.set()
    description = settled(in_process.call, endpoint)
    variant = description["ProductionVariants"][0]
    assert (description["EndpointStatus"], description["FailureReason"]) == ("InService", "no capacity")
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)
    assert (variant["CurrentWeight"], variant["DesiredWeight"]) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("excluded", "count", "weight"),
    [([], 3, 0.25), (["DesiredInstanceCount"], 2, 0.25), (["DesiredWeight"], 3, 0.5)],
)
def test_properties_that_are_retained(in_process: InProcess, excluded: list[str], count: int, weight: float) -> None:
    endpoint = create_endpoint(in_process.call)
    settled(in_process.call, endpoint)
    in_process.call(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 3, "DesiredWeight": 0.25}],
    )
    settled(in_process.call, endpoint)
    in_process.call(
        "UpdateEndpoint",
        EndpointName=endpoint,
        EndpointConfigName=create_config(in_process.call, InitialInstanceCount=2, InitialVariantWeight=0.5),
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": kind} for kind in excluded],
    )
    variant = settled(in_process.call, endpoint)["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (count, weight)


def test_capacity_is_kept_when_an_update_fails(in_process: InProcess) -> None:
    endpoint = create_endpoint(in_process.call)
    settled(in_process.call, endpoint)
    wanted = {"VariantName": "AllTraffic", "DesiredInstanceCount": 3}
    in_process.call("UpdateEndpointWeightsAndCapacities", EndpointName=endpoint, DesiredWeightsAndCapacities=[wanted])
    settled(in_process.call, endpoint)
    in_process.alarms.in_alarm = {"errors"}
    in_process.call(
        "UpdateEndpoint",
        EndpointName=endpoint,
        EndpointConfigName=create_config(in_process.call),
        DeploymentConfig={
            "RollingUpdatePolicy": {
                "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                "WaitIntervalInSeconds": 0,
            },
            **alarms("errors"),
        },
    )
    variant = settled(in_process.call, endpoint)["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (3, 3)


def test_rollback_that_fails_can_be_followed_by_another_update(in_process: InProcess) -> None:
    endpoint = create_endpoint(in_process.call, create_config(in_process.call, InitialInstanceCount=2))
    settled(in_process.call, endpoint)
    batches = {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1}, "WaitIntervalInSeconds": 0}
    in_process.launcher.break_after = 3  # two of the old fleet and one of the new
    new = create_config(in_process.call, InitialInstanceCount=2)
    in_process.call(
        "UpdateEndpoint",
        EndpointName=endpoint,
        EndpointConfigName=new,
        DeploymentConfig={"RollingUpdatePolicy": batches},
    )
    description = settled(in_process.call, endpoint)
    assert description["EndpointStatus"] == "UpdateRollbackFailed"
    assert "The rollback failed, too" in description["FailureReason"]
    in_process.launcher.break_after = None
    in_process.call("UpdateEndpoint", EndpointName=endpoint, EndpointConfigName=new)
    description = settled(in_process.call, endpoint)
    assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", new)
    assert sum(host.healthy for host in in_process.launcher.hosts) == 2


@pytest.mark.parametrize(
    ("given", "retain", "expected"),
    [(None, False, None), (None, True, "CANARY"), ("LINEAR", False, "LINEAR"), ("LINEAR", True, "LINEAR")],
)
def test_last_deployment_config(in_process: InProcess, given: str | None, retain: bool, expected: str | None) -> None:
    half = {"Type": "CAPACITY_PERCENT", "Value": 50}

    def config(kind: str) -> dict[str, Any]:
        size = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}[kind]
        routing = {"Type": kind, "WaitIntervalInSeconds": 0, size: half}
        return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}

    endpoint = create_endpoint(in_process.call, DeploymentConfig=config("CANARY"))
    settled(in_process.call, endpoint)
    members: dict[str, Any] = {"RetainDeploymentConfig": retain}
    if given is not None:
        members["DeploymentConfig"] = config(given)
    in_process.call(
        "UpdateEndpoint", EndpointName=endpoint, EndpointConfigName=create_config(in_process.call), **members
    )
    description = settled(in_process.call, endpoint)
    assert description.get("LastDeploymentConfig") == (config(expected) if expected is not None else None)


def test_what_the_deployment_configuration_violates_is_refused_at_once(in_process: InProcess) -> None:
    endpoint = create_endpoint(in_process.call)
    settled(in_process.call, endpoint)
    in_process.alarms.absent = {"nothing"}
    with pytest.raises(CallError) as error:
        in_process.call(
            "UpdateEndpoint",
            EndpointName=endpoint,
            EndpointConfigName=create_config(in_process.call, VariantName="Other"),
            DeploymentConfig=alarms("nothing"),
        )
    assert error.value.code == "ValidationException"
    assert "alarms do not exist: nothing" in error.value.message
    assert "must have the variants of the current one (AllTraffic); it has Other" in error.value.message
    assert settled(in_process.call, endpoint)["EndpointStatus"] == "InService"


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


def test_failed_updates_leave_no_fleet(in_process: InProcess) -> None:
    endpoint = create_endpoint(in_process.call)
    settled(in_process.call, endpoint)
    before = fleets_in_memory()
    in_process.launcher.failure = "no capacity"
    for count in range(20):
        in_process.call("UpdateEndpoint", EndpointName=endpoint, EndpointConfigName=create_config(in_process.call))
        assert "no capacity" in settled(in_process.call, endpoint)["FailureReason"], count
    traffic = in_process.service.endpoints.traffic(endpoint)
    assert traffic is not None and traffic.arriving is None
    deadline = time.monotonic() + 5
    while (
        fleets_in_memory() > before and time.monotonic() < deadline
    ):  # the last change's thread may not have ended yet
        time.sleep(0.05)
    assert fleets_in_memory() <= before


def fleets_in_memory() -> int:
    gc.collect()
    return sum(isinstance(item, Fleet) for item in gc.get_objects())
