"""The four ways to update an endpoint, as a DeploymentConfig."""

from typing import Any

POLICIES = ("all at once", "canary", "linear", "rolling")


def deployment(policy: str, wait_seconds: int) -> dict[str, Any]:
    half = {"Type": "CAPACITY_PERCENT", "Value": 50}
    if policy == "rolling":
        return {"RollingUpdatePolicy": {"MaximumBatchSize": half, "WaitIntervalInSeconds": wait_seconds}}
    routing: dict[str, Any] = {"Type": policy.upper().replace(" ", "_"), "WaitIntervalInSeconds": wait_seconds}
    if policy == "canary":
        routing["CanarySize"] = half
    if policy == "linear":
        routing["LinearStepSize"] = half
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": wait_seconds}}
