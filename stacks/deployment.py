"""The endpoint's deployment configuration: how SageMaker rolls an update out, and what rolls it back.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeploymentConfig.html
"""

from typing import Any

from stacks.aws_bindings import SagemakerEndpointDeploymentConfigAutoRollbackConfigurationAlarms as Alarm
from stacks.settings import Deployment

_ROUTING = {"all_at_once": "ALL_AT_ONCE", "canary": "CANARY", "linear": "LINEAR"}
_STEP_KEY = {"canary": "canary_size", "linear": "linear_step_size"}


def deployment_config(deployment: Deployment, alarm_names: list[str]) -> dict[str, Any]:
    """The arguments of `deployment_config`.

    The block on rollbacks is always there: Terraform replaces an endpoint that gets it later.
    """
    alarms = {"alarms": [Alarm(alarm_name=name) for name in alarm_names]}
    if deployment.policy == "rolling":
        update = {"rolling_update_policy": _rolling(deployment)}
    else:
        update = {"blue_green_update_policy": _blue_green(deployment)}
    return {"auto_rollback_configuration": alarms, **update}


def _percent(value: int | None) -> dict[str, Any]:
    return {"type": "CAPACITY_PERCENT", "value": value}


def _rolling(deployment: Deployment) -> dict[str, Any]:
    return {
        "maximum_batch_size": _percent(deployment.step_percent),
        "wait_interval_in_seconds": deployment.wait_seconds,
        "maximum_execution_timeout_in_seconds": deployment.maximum_execution_timeout_seconds,
    }


def _blue_green(deployment: Deployment) -> dict[str, Any]:
    routing: dict[str, Any] = {
        "type": _ROUTING[deployment.policy],
        "wait_interval_in_seconds": deployment.wait_seconds,
    }
    if deployment.policy != "all_at_once":
        routing[_STEP_KEY[deployment.policy]] = _percent(deployment.step_percent)
    wait = deployment.termination_wait_seconds
    return {
        "traffic_routing_configuration": routing,
        "termination_wait_in_seconds": 0 if wait is None else wait,
        "maximum_execution_timeout_in_seconds": deployment.maximum_execution_timeout_seconds,
    }
