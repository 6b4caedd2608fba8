"""Settings allow only what both SageMaker and Terraform's AWS provider take."""

import re
from collections.abc import Iterable
from typing import Any

import botocore.session
import pytest
from annotated_types import Ge, Le

from stacks.settings import Deployment, EnvironmentSettings

# What the provider's schema takes beyond the API's model, or below it (hashicorp/aws 6.34).
PROVIDER = {
    "maximum_execution_timeout_seconds": (600, 14_400),
    "wait_seconds": (0, 3_600),
    "termination_wait_seconds": (0, 3_600),
    "startup_timeout_seconds": (60, 3_600),
    "volume_size_gb": (1, 512),
}
SHAPES = {
    "maximum_execution_timeout_seconds": "MaximumExecutionTimeoutInSeconds",
    "wait_seconds": "WaitIntervalInSeconds",
    "termination_wait_seconds": "TerminationWaitInSeconds",
    "startup_timeout_seconds": "ProductionVariantContainerStartupHealthCheckTimeoutInSeconds",
    "volume_size_gb": "ProductionVariantVolumeSizeInGB",
}
FIELDS = {**EnvironmentSettings.model_fields, **Deployment.model_fields}


def _bounds(metadata: Iterable[Any]) -> tuple[int, int]:
    (low,) = [item.ge for item in metadata if isinstance(item, Ge)]
    (high,) = [item.le for item in metadata if isinstance(item, Le)]
    return low, high


@pytest.fixture(scope="module")
def sagemaker():
    return botocore.session.get_session().get_service_model("sagemaker")


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_setting_has_the_range_that_both_take(sagemaker, name):
    api = sagemaker.shape_for(SHAPES[name]).metadata
    low = max(api["min"], PROVIDER[name][0])
    high = min(api["max"], PROVIDER[name][1])
    assert _bounds(FIELDS[name].metadata) == (low, high)


def test_every_allowed_instance_type_pattern_takes_the_api_s_types(sagemaker):
    (pattern,) = [item.pattern for item in FIELDS["instance_type"].metadata if hasattr(item, "pattern")]
    types = sagemaker.shape_for("ProductionVariantInstanceType").enum
    assert [type_ for type_ in types if not re.fullmatch(pattern, type_)] == []
