"""Scalable targets, their policies and scheduled actions as moto keeps them."""

import sys
from datetime import UTC, datetime
from typing import Any

from ..account import ACCOUNT_ID, REGION
from .autoscaler import DIMENSION, ScalableTarget
from .schedule import parse_schedule
from .scheduled import ScheduledAction
from .step_scaling import StepScaling
from .target_tracking import TargetTracking

_MODULE = "moto.applicationautoscaling.models"


class MotoTargets:
    """See `autoscaler.ScalingAccount`."""

    def targets(self) -> list[ScalableTarget]:
        backend = _backend()
        if backend is None:
            return []
        policies = list(backend.policies.values())
        return [
            _target(target, [policy for policy in policies if policy.resource_id == resource_id])
            for resource_id, target in list(backend.targets.get(DIMENSION, {}).items())
        ]

    def scheduled_actions(self) -> list[ScheduledAction]:
        backend = _backend()
        found = list(backend.scheduled_actions) if backend is not None else []
        return [_scheduled(action) for action in found if action.scalable_dimension == DIMENSION]

    def set_limits(self, resource_id: str, minimum: int, maximum: int) -> None:
        backend: Any = _backend()
        backend.targets[DIMENSION][resource_id].update(minimum, maximum, None)


def variant_of(resource_id: str) -> tuple[str, str]:
    """Endpoint and variant of `endpoint/NAME/variant/NAME`. Raises ValueError."""
    kind, endpoint, variant_kind, variant = resource_id.split("/")
    if (kind, variant_kind) != ("endpoint", "variant"):
        raise ValueError(f"{resource_id} is not endpoint/NAME/variant/NAME")
    return endpoint, variant


def _backend() -> Any | None:
    # Not imported here: it takes a second, and until somebody registers a target nothing is there. Another thread
    # may be importing it just now.
    backends = getattr(sys.modules.get(_MODULE), "applicationautoscaling_backends", None)
    return backends[ACCOUNT_ID][REGION] if backends is not None else None


def _target(target: Any, policies: list[Any]) -> ScalableTarget:
    endpoint, variant = variant_of(target.resource_id)
    suspended = target.suspended_state or {}
    return ScalableTarget(
        endpoint=endpoint,
        variant=variant,
        minimum=target.min_capacity,
        maximum=target.max_capacity,
        policies={policy.policy_arn: _policy(policy) for policy in policies},
        may_scale_out=not suspended.get("DynamicScalingOutSuspended", False),
        may_scale_in=not suspended.get("DynamicScalingInSuspended", False),
        has_schedule=not suspended.get("ScheduledScalingSuspended", False),
    )


def _policy(policy: Any) -> TargetTracking | StepScaling:
    steps = policy.step_scaling_policy_configuration
    if steps is not None:
        return StepScaling.read(policy.policy_name, steps)
    return TargetTracking.read(policy.policy_name, policy.target_tracking_scaling_policy_configuration)


def _scheduled(action: Any) -> ScheduledAction:
    limits = action.scalable_target_action or {}
    return ScheduledAction(
        name=action.scheduled_action_name,
        resource_id=action.resource_id,
        schedule=parse_schedule(action.schedule, action.timezone),
        made=datetime.fromtimestamp(action.creation_time, UTC),
        minimum=limits.get("MinCapacity"),
        maximum=limits.get("MaxCapacity"),
        start=_moment(action.start_time),
        end=_moment(action.end_time),
    )


def _moment(given: float | None) -> datetime | None:
    return None if given is None else datetime.fromtimestamp(given, UTC)
