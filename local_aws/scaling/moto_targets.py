"""Scalable targets and their policies as moto keeps them."""

import logging
import sys
from typing import Any

from ..account import ACCOUNT_ID, REGION
from ..cloudwatch.watched_alarm import MetricQuery
from .autoscaler import ScalableTarget
from .target_tracking import TargetTracking

logger = logging.getLogger(__name__)

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_MODULE = "moto.applicationautoscaling.models"
_INVOCATIONS = "SageMakerVariantInvocationsPerInstance"


class MotoTargets:
    """Callable: the targets among endpoints' variants. What of their policies does not act is said once in the log."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self) -> list[ScalableTarget]:
        # Not imported here: it takes a second, and until somebody registers a target nothing is there. Another thread
        # may be importing it just now.
        backends = getattr(sys.modules.get(_MODULE), "applicationautoscaling_backends", None)
        if backends is None:
            return []
        backend = backends[ACCOUNT_ID][REGION]
        policies = list(backend.policies.values())
        return [
            self._target(target, [policy for policy in policies if policy.resource_id == resource_id])
            for resource_id, target in list(backend.targets.get(DIMENSION, {}).items())
        ]

    def _target(self, target: Any, policies: list[Any]) -> ScalableTarget:
        endpoint, variant = variant_of(target.resource_id)
        suspended = target.suspended_state or {}
        read = [self._policy(policy, endpoint, variant) for policy in policies]
        return ScalableTarget(
            endpoint=endpoint,
            variant=variant,
            minimum=target.min_capacity,
            maximum=target.max_capacity,
            policies=tuple(policy for policy in read if policy is not None),
            may_scale_out=not suspended.get("DynamicScalingOutSuspended", False),
            may_scale_in=not suspended.get("DynamicScalingInSuspended", False),
        )

    def _policy(self, policy: Any, endpoint: str, variant: str) -> TargetTracking | None:
        given = policy.target_tracking_scaling_policy_configuration
        query = _query(given, endpoint, variant) if given is not None else None
        if query is None:
            if policy.policy_arn not in self._told:
                self._told.add(policy.policy_arn)
                logger.warning(
                    "scaling policy %s does not act: the local AWS acts on target tracking of %s, or of one metric.",
                    policy.policy_name,
                    _INVOCATIONS,
                )
            return None
        cooldowns = {
            name: given[member]
            for name, member in (
                ("scale_out_cooldown_seconds", "ScaleOutCooldown"),
                ("scale_in_cooldown_seconds", "ScaleInCooldown"),
            )
            if given.get(member) is not None
        }
        return TargetTracking(
            name=policy.policy_name,
            target_value=given["TargetValue"],
            query=query,
            scales_in=not given.get("DisableScaleIn", False),
            **cooldowns,
        )


def variant_of(resource_id: str) -> tuple[str, str]:
    """Endpoint and variant of `endpoint/NAME/variant/NAME`. Raises ValueError."""
    kind, endpoint, variant_kind, variant = resource_id.split("/")
    if (kind, variant_kind) != ("endpoint", "variant"):
        raise ValueError(f"{resource_id} is not endpoint/NAME/variant/NAME")
    return endpoint, variant


def _query(configuration: dict[str, Any], endpoint: str, variant: str) -> MetricQuery | None:
    predefined = configuration.get("PredefinedMetricSpecification")
    if predefined is not None:
        if predefined["PredefinedMetricType"] != _INVOCATIONS:
            return None
        own = frozenset({("EndpointName", endpoint), ("VariantName", variant)})
        return MetricQuery("AWS/SageMaker", "InvocationsPerInstance", own, "Sum")
    custom = configuration.get("CustomizedMetricSpecification") or {}
    if "MetricName" not in custom:
        return None
    dimensions = frozenset((item["Name"], item["Value"]) for item in custom.get("Dimensions", []))
    return MetricQuery(custom["Namespace"], custom["MetricName"], dimensions, custom["Statistic"], custom.get("Unit"))
