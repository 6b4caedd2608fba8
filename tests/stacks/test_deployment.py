import pytest

from stacks.deployment import deployment_config
from stacks.settings import Deployment


def config(**settings) -> dict:
    return deployment_config(Deployment(**settings), ["errors", "latency"])


@pytest.mark.parametrize(
    ("policy", "step", "routing"),
    [
        ("all_at_once", None, {"type": "ALL_AT_ONCE", "wait_interval_in_seconds": 120}),
        (
            "canary",
            5,
            {
                "type": "CANARY",
                "wait_interval_in_seconds": 120,
                "canary_size": {"type": "CAPACITY_PERCENT", "value": 5},
            },
        ),
        (
            "linear",
            10,
            {
                "type": "LINEAR",
                "wait_interval_in_seconds": 120,
                "linear_step_size": {"type": "CAPACITY_PERCENT", "value": 10},
            },
        ),
    ],
)
def test_blue_green(policy, step, routing):
    assert config(policy=policy, step_percent=step)["blue_green_update_policy"] == {
        "traffic_routing_configuration": routing,
        "termination_wait_in_seconds": 0,
        "maximum_execution_timeout_in_seconds": 3600,
    }


def test_rolling():
    found = config(policy="rolling", step_percent=50, wait_seconds=0, maximum_execution_timeout_seconds=600)
    assert "blue_green_update_policy" not in found
    assert found["rolling_update_policy"] == {
        "maximum_batch_size": {"type": "CAPACITY_PERCENT", "value": 50},
        "wait_interval_in_seconds": 0,
        "maximum_execution_timeout_in_seconds": 600,
    }


@pytest.mark.parametrize(
    "settings", [{}, {"policy": "canary", "step_percent": 1}, {"policy": "rolling", "step_percent": 5}]
)
def test_the_block_on_rollbacks_is_always_there(settings):
    alarms = config(**settings)["auto_rollback_configuration"]["alarms"]
    assert [alarm.alarm_name for alarm in alarms] == ["errors", "latency"]
