"""Application Auto Scaling over HTTP: targets must exist, limits hold, load adds instances. A minute takes 1.2 s."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.account import Account


def target(endpoint: str, variant: str = "AllTraffic") -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/{variant}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def await_count(account: Account, endpoint: str, holds: Callable[[int], bool]) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        description = account.sagemaker.describe_endpoint(EndpointName=endpoint)
        count = description["ProductionVariants"][0]["CurrentInstanceCount"]
        if holds(count) and description["EndpointStatus"] == "InService":
            return count
        time.sleep(0.1)
    raise TimeoutError(f"{endpoint} has {count} instances")


@pytest.fixture(scope="module")
def scaling(account: Account) -> Any:
    return account.client("application-autoscaling")


@pytest.mark.parametrize("case", ["no endpoint", "no variant"])
def test_what_does_not_exist_is_no_target(account: Account, scaling: Any, case: str) -> None:
    wanted = target("nowhere") if case == "no endpoint" else target(account.serve()[0], "Other")
    with pytest.raises(ClientError, match=f"SageMaker variant doesn't exist: {wanted['ResourceId']}") as error:
        scaling.register_scalable_target(**wanted, MinCapacity=1, MaxCapacity=2)
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_limits_hold_without_a_policy(account: Account, scaling: Any) -> None:
    endpoint, _ = account.serve()
    scaling.register_scalable_target(**target(endpoint), MinCapacity=2, MaxCapacity=3)
    assert await_count(account, endpoint, lambda count: count >= 2) == 2
    # An update without RetainAllVariantProperties goes back to the initial count, and from there to the minimum.
    account.sagemaker.update_endpoint(
        EndpointName=endpoint, EndpointConfigName=account.create_config(account.create_model())
    )
    account.await_settled(endpoint)
    assert await_count(account, endpoint, lambda count: count >= 2) == 2
    scaling.deregister_scalable_target(**target(endpoint))


def test_load_adds_instances_up_to_the_maximum(account: Account, scaling: Any) -> None:
    endpoint, prefix = account.serve()
    account.put_model(prefix, "m")
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=2)
    scaling.put_scaling_policy(
        **target(endpoint),
        PolicyName="load",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 1,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    )
    enough = threading.Event()

    def invoke() -> None:
        while not enough.wait(0.1):
            account.invoke(endpoint, "m")

    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(invoke)
        try:
            assert await_count(account, endpoint, lambda count: count > 1) == 2
        finally:
            enough.set()
        load.result()
    scaling.deregister_scalable_target(**target(endpoint))
