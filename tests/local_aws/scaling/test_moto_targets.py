"""Targets and policies as moto keeps them."""

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from local_aws.account import ACCOUNT_ID, REGION
from local_aws.scaling.moto_targets import DIMENSION, MotoTargets

RESOURCE = "endpoint/e/variant/v"
MODULE = "moto.applicationautoscaling.models"
INVOCATIONS = {"PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}}


@pytest.fixture
def keep(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let moto have one target with the target tracking policies given."""

    def kept(*policies: dict[str, Any] | None, suspended: dict[str, bool] | None = None) -> None:
        target = SimpleNamespace(resource_id=RESOURCE, min_capacity=1, max_capacity=4, suspended_state=suspended)
        made = {
            number: SimpleNamespace(
                policy_name=f"p{number}",
                policy_arn=f"arn{number}",
                resource_id=RESOURCE,
                target_tracking_scaling_policy_configuration=policy,
            )
            for number, policy in enumerate(policies)
        }
        module = ModuleType(MODULE)
        backend = SimpleNamespace(targets={DIMENSION: {RESOURCE: target}}, policies=made)
        module.applicationautoscaling_backends = {ACCOUNT_ID: {REGION: backend}}
        monkeypatch.setitem(sys.modules, MODULE, module)

    return kept


def test_nothing_is_there_before_moto_has_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    assert MotoTargets()() == []
    assert MODULE not in sys.modules
    # Another thread imports it.
    monkeypatch.setitem(sys.modules, MODULE, ModuleType(MODULE))
    assert MotoTargets()() == []


def test_target_with_invocations_per_instance(keep: Callable[..., None]) -> None:
    keep({"TargetValue": 70.5, "ScaleInCooldown": 0, "DisableScaleIn": True, **INVOCATIONS})
    (target,) = MotoTargets()()
    assert (target.endpoint, target.variant, target.minimum, target.maximum) == ("e", "v", 1, 4)
    (policy,) = target.policies
    assert (policy.name, policy.target_value, policy.scales_in) == ("p0", 70.5, False)
    assert (policy.scale_in_cooldown_seconds, policy.scale_out_cooldown_seconds) == (0, 300)
    assert (policy.query.metric, policy.query.statistic) == ("InvocationsPerInstance", "Sum")
    assert policy.query.dimensions == {("EndpointName", "e"), ("VariantName", "v")}


def test_metric_of_ones_own(keep: Callable[..., None]) -> None:
    metric = {
        "Namespace": "n",
        "MetricName": "m",
        "Statistic": "Average",
        "Dimensions": [{"Name": "EndpointName", "Value": "e"}],
    }
    keep({"TargetValue": 1, "CustomizedMetricSpecification": metric}, suspended={"DynamicScalingInSuspended": True})
    (target,) = MotoTargets()()
    assert (target.may_scale_in, target.may_scale_out) == (False, True)
    assert target.policies[0].query.metric == "m"


@pytest.mark.parametrize(
    "policy",
    [
        None,  # step scaling
        {"TargetValue": 1, "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget"}},
        {"TargetValue": 1, "CustomizedMetricSpecification": {"Metrics": []}},
    ],
)
def test_policy_that_does_not_act_is_told_once(
    keep: Callable[..., None], caplog: pytest.LogCaptureFixture, policy: dict[str, Any] | None
) -> None:
    keep(policy)
    targets = MotoTargets()
    for _ in range(3):
        assert targets()[0].policies == ()
    assert [record.getMessage() for record in caplog.records] == [
        "scaling policy p0 does not act: the local AWS acts on target tracking of "
        "SageMakerVariantInvocationsPerInstance, or of one metric."
    ]
