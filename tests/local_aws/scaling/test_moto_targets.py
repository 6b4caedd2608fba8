"""Targets, policies and scheduled actions as moto keeps them."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from local_aws.account import ACCOUNT_ID, REGION
from local_aws.scaling.autoscaler import DIMENSION
from local_aws.scaling.moto_targets import MotoTargets, variant_of
from local_aws.scaling.step_scaling import StepScaling
from local_aws.scaling.target_tracking import TargetTracking

RESOURCE = "endpoint/e/variant/v"
MODULE = "moto.applicationautoscaling.models"


@pytest.fixture
def keep(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SimpleNamespace]:
    """Let moto have one target with the policies and scheduled actions given."""

    def kept(
        *policies: dict[str, Any], suspended: dict[str, bool] | None = None, actions: list[Any] | None = None
    ) -> SimpleNamespace:
        target = SimpleNamespace(resource_id=RESOURCE, min_capacity=1, max_capacity=4, suspended_state=suspended)
        made = {
            number: SimpleNamespace(
                policy_name=f"p{number}",
                policy_arn=f"arn{number}",
                resource_id=RESOURCE,
                step_scaling_policy_configuration=policy if "StepAdjustments" in policy else None,
                target_tracking_scaling_policy_configuration=policy if "TargetValue" in policy else None,
            )
            for number, policy in enumerate(policies)
        }
        module = ModuleType(MODULE)
        backend = SimpleNamespace(
            targets={DIMENSION: {RESOURCE: target}}, policies=made, scheduled_actions=actions or []
        )
        module.applicationautoscaling_backends = {ACCOUNT_ID: {REGION: backend}}
        monkeypatch.setitem(sys.modules, MODULE, module)
        return target

    return kept


def test_nothing_is_there_before_moto_has_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    assert (MotoTargets().targets(), MotoTargets().scheduled_actions()) == ([], [])
    assert MODULE not in sys.modules
    # Another thread imports it.
    monkeypatch.setitem(sys.modules, MODULE, ModuleType(MODULE))
    assert MotoTargets().targets() == []


def test_target_with_policies_of_both_kinds(keep: Callable[..., SimpleNamespace]) -> None:
    steps = {
        "AdjustmentType": "ExactCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 3}],
    }
    keep({"TargetValue": 70.5, "ScaleInCooldown": 0, "DisableScaleIn": True}, steps)
    (target,) = MotoTargets().targets()
    assert (target.endpoint, target.variant, target.minimum, target.maximum) == ("e", "v", 1, 4)
    assert target.policies["arn0"] == TargetTracking("p0", 70.5, 300, 0, scales_in=False)
    policy = target.policies["arn1"]
    assert isinstance(policy, StepScaling)
    assert (policy.name, policy.adjustment_type, policy.cooldown_seconds) == ("p1", "ExactCapacity", 300)


def test_suspended(keep: Callable[..., SimpleNamespace]) -> None:
    keep(suspended={"DynamicScalingInSuspended": True, "ScheduledScalingSuspended": True})
    (target,) = MotoTargets().targets()
    assert (target.may_scale_in, target.may_scale_out, target.has_schedule) == (False, True, False)


def test_scheduled_actions_of_variants(keep: Callable[..., SimpleNamespace]) -> None:
    action = SimpleNamespace(
        scheduled_action_name="night",
        resource_id=RESOURCE,
        scalable_dimension=DIMENSION,
        schedule="cron(0 22 * * ? *)",
        timezone="Europe/Berlin",
        scalable_target_action={"MinCapacity": 0},
        creation_time=0.0,
        start_time=3600,
        end_time=None,
    )
    other = SimpleNamespace(scalable_dimension="ecs:service:DesiredCount")
    keep(actions=[action, other])
    (found,) = MotoTargets().scheduled_actions()
    assert (found.name, found.minimum, found.maximum, found.end) == ("night", 0, None, None)
    assert found.start == datetime(1970, 1, 1, 1, tzinfo=UTC)


def test_variants_are_read_from_resource_ids() -> None:
    assert variant_of(RESOURCE) == ("e", "v")
    with pytest.raises(ValueError, match="is not endpoint/NAME/variant/NAME"):
        variant_of("a/b/c/d")
