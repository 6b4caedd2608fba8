"""DeploymentConfig: how an update reaches the instances, checked as AWS checks it.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeploymentConfig.html
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .errors import ValidationError

Policy = Literal["ALL_AT_ONCE", "CANARY", "LINEAR", "ROLLING"]

_TIMEOUT_SECONDS = 28_800
"""The longest that MaximumExecutionTimeoutInSeconds may say; the default is not documented."""

_STEP_MEMBERS = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
_STEP_PERCENT = {"CanarySize": (0, 50), "LinearStepSize": (10, 50), "MaximumBatchSize": (5, 50)}


def instances(fraction: float, total: int) -> int:
    """So much of `total`, rounded up: a step has at least one instance."""
    return min(max(math.ceil(round(fraction * total, 6)), 1), total)


@dataclass(frozen=True)
class CapacitySize:
    """A part of a fleet, as a number of instances or in percent."""

    kind: str
    value: int

    def fraction(self, total: int) -> float:
        return self.value / total if self.kind == "INSTANCE_COUNT" else self.value / 100

    def instances(self, total: int) -> int:
        return instances(self.fraction(total), total)


@dataclass(frozen=True)
class DeploymentPlan:
    """How to update."""

    policy: Policy = "ALL_AT_ONCE"
    step: CapacitySize | None = None
    """The canary, the linear step or the rolling batch."""

    wait_seconds: int = 0
    """The baking period after each step."""

    termination_wait_seconds: int = 0
    timeout_seconds: int = _TIMEOUT_SECONDS
    rollback_batch: CapacitySize = CapacitySize("CAPACITY_PERCENT", 100)
    alarms: tuple[str, ...] = ()

    def fractions(self, instances: int) -> list[float]:
        """How much of the traffic the new fleet has after each step of a blue/green update."""
        if self.step is None:
            return [1.0]
        size = self.step.fraction(instances)
        if self.policy == "CANARY":
            return [size, 1.0]
        return [size * number for number in range(1, math.ceil(round(1 / size, 6)))] + [1.0]

    def waits_seconds(self, instances: int) -> int:
        """All waits together, for a fleet of so many instances."""
        if self.step is not None and self.policy == "ROLLING":
            return math.ceil(instances / self.step.instances(instances)) * self.wait_seconds
        return len(self.fractions(instances)) * self.wait_seconds + self.termination_wait_seconds


def read_deployment_config(
    config: Mapping[str, Any] | None,
    *,
    instance_counts: Mapping[str, int],
    previous_variants: set[str] | None,
    alarm_states: Callable[[list[str]], Mapping[str, str]],
) -> DeploymentPlan:
    """The plan that `config` describes; None is AWS's default, all at once.

    Raises ValidationError with all complaints.

    Args:
        instance_counts: of each variant that is to be deployed.
        previous_variants: names of the variants that serve now; None for a new endpoint.
        alarm_states: the states of those alarms that exist, of the names given.
    """
    if config is None:
        return DeploymentPlan()
    if "BlueGreenUpdatePolicy" in config and "RollingUpdatePolicy" in config:
        raise ValidationError("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy may be given.")
    plan, complaints = _plan(config)
    complaints += _alarm_complaints(plan.alarms, alarm_states)
    complaints += _variant_complaints(plan, instance_counts, previous_variants)
    if not complaints:
        complaints += _timeout_complaints(plan, instance_counts)
    if complaints:
        raise ValidationError(f"Invalid DeploymentConfig: {' '.join(complaints)}")
    return plan


def _plan(config: Mapping[str, Any]) -> tuple[DeploymentPlan, list[str]]:
    """The plan, and what is wrong with how the sizes are given."""
    alarms = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    names = tuple(alarm["AlarmName"] for alarm in alarms if "AlarmName" in alarm)
    complaints = [] if len(names) == len(alarms) else ["Each of AutoRollbackConfiguration.Alarms needs an AlarmName."]
    if "RollingUpdatePolicy" in config:
        rolling = config["RollingUpdatePolicy"]
        return DeploymentPlan(
            policy="ROLLING",
            step=_size(rolling["MaximumBatchSize"]),
            wait_seconds=rolling["WaitIntervalInSeconds"],
            timeout_seconds=rolling.get("MaximumExecutionTimeoutInSeconds", _TIMEOUT_SECONDS),
            rollback_batch=_size(rolling.get("RollbackMaximumBatchSize", {"Type": "CAPACITY_PERCENT", "Value": 100})),
            alarms=names,
        ), complaints
    policy = config.get("BlueGreenUpdatePolicy")
    if policy is None:
        return DeploymentPlan(alarms=names), complaints
    routing = policy["TrafficRoutingConfiguration"]
    kind = routing["Type"]
    member = _STEP_MEMBERS.get(kind)
    if member is not None and member not in routing:
        complaints.append(f"{member} is required where TrafficRoutingConfiguration.Type is {kind}.")
    complaints += [
        f"{other} must not be given where TrafficRoutingConfiguration.Type is {kind}."
        for other in _STEP_MEMBERS.values()
        if other in routing and other != member
    ]
    return DeploymentPlan(
        policy=kind,
        step=_size(routing[member]) if member in routing else None,
        wait_seconds=routing["WaitIntervalInSeconds"],
        termination_wait_seconds=policy.get("TerminationWaitInSeconds", 0),
        timeout_seconds=policy.get("MaximumExecutionTimeoutInSeconds", _TIMEOUT_SECONDS),
        alarms=names,
    ), complaints


def _size(size: Mapping[str, Any]) -> CapacitySize:
    return CapacitySize(size["Type"], size["Value"])


def _alarm_complaints(names: tuple[str, ...], states: Callable[[list[str]], Mapping[str, str]]) -> Iterator[str]:
    found = states(list(names)) if names else {}
    unknown = [name for name in names if name not in found]
    if unknown:
        yield f"These CloudWatch alarms do not exist: {', '.join(unknown)}."


def _variant_complaints(
    plan: DeploymentPlan, counts: Mapping[str, int], previous_variants: set[str] | None
) -> Iterator[str]:
    if previous_variants is not None and set(counts) != previous_variants:
        yield (
            "The new endpoint configuration must have the variants of the current one "
            f"({', '.join(sorted(previous_variants))}); it has {', '.join(sorted(counts))}."
        )
    if plan.policy == "ROLLING" and len(counts) > 1:
        yield f"RollingUpdatePolicy is not supported for endpoints with several variants ({', '.join(sorted(counts))})."
    if plan.step is None:
        return
    member = _STEP_MEMBERS.get(plan.policy, "MaximumBatchSize")
    low, high = _STEP_PERCENT[member]
    for name, count in counts.items():
        if not low <= plan.step.fraction(count) * 100 <= high:
            bounds = f"at most {high}%" if low == 0 else f"{low}% to {high}%"
            yield (
                f"{member} must be {bounds} of the variant's instances: {plan.step.value} "
                f"({plan.step.kind}) is not, for variant {name} with {count}."
            )


def _timeout_complaints(plan: DeploymentPlan, counts: Mapping[str, int]) -> Iterator[str]:
    waits = max((plan.waits_seconds(count) for count in counts.values()), default=0)
    if waits >= plan.timeout_seconds:
        yield (
            f"MaximumExecutionTimeoutInSeconds ({plan.timeout_seconds}) must be longer than all waits together "
            f"({waits} seconds)."
        )
