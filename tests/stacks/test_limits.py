"""Settings allow only what both AWS and Terraform's AWS provider take: every setting is held against both."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import botocore.session
import pytest
from annotated_types import Ge, Le, MaxLen, MinLen
from botocore.model import Shape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stacks.settings import EnvironmentSettings
from stacks.settings_block import Block, block_of

# What the provider's schema takes, where that is less than the API's model says (hashicorp/aws 6.34).
PROVIDER = {
    "deployment.maximum_execution_timeout_seconds": (600, 14_400),
    "deployment.wait_seconds": (0, 3_600),
    "deployment.termination_wait_seconds": (0, 3_600),
    "startup_timeout_seconds": (60, 3_600),
    "volume_size_gb": (1, 512),
}
# Service and shape of what a setting becomes; of a list or an object, of each item (`[]`) or key (`{}`), too.
SHAPES = {
    "account_id": ("sagemaker", "AccountId"),
    "assume_role.external_id": ("sts", "externalIdType"),
    "assume_role.role_arn": ("sts", "arnType"),
    "assume_role.session_name": ("sts", "roleSessionNameType"),
    "access.identity_provider_arn": ("iam", "arnType"),
    "callers.NAME.models[]": ("sagemaker-runtime", "TargetModelHeader"),
    "deployment.alarm_names": ("sagemaker", "AlarmList"),
    "deployment.alarm_names[]": ("sagemaker", "AlarmName"),
    "deployment.maximum_execution_timeout_seconds": ("sagemaker", "MaximumExecutionTimeoutInSeconds"),
    "deployment.step_percent": ("sagemaker", "CapacitySizeValue"),
    "deployment.termination_wait_seconds": ("sagemaker", "TerminationWaitInSeconds"),
    "deployment.wait_seconds": ("sagemaker", "WaitIntervalInSeconds"),
    "endpoint_name": ("sagemaker", "EndpointName"),
    "existing.execution_role_arn": ("sagemaker", "RoleArn"),
    "existing.repository": ("ecr", "RepositoryName"),
    "iam_path": ("iam", "policyPathType"),
    "initial_instance_count": ("sagemaker", "InitialTaskCount"),
    "instance_type": ("sagemaker", "ProductionVariantInstanceType"),
    "kms_key_arn": ("sagemaker", "KmsKeyId"),
    "model_cache_setting": ("sagemaker", "ModelCacheSetting"),
    "permissions_boundary_arn": ("iam", "arnType"),
    "region": ("sagemaker", "RegionName"),
    "server_environment": ("sagemaker", "EnvironmentMap"),
    "server_environment[]": ("sagemaker", "EnvironmentValue"),
    "server_environment{}": ("sagemaker", "EnvironmentKey"),
    "startup_timeout_seconds": ("sagemaker", "ProductionVariantContainerStartupHealthCheckTimeoutInSeconds"),
    "tags": ("sagemaker", "TagList"),
    "tags[]": ("sagemaker", "TagValue"),
    "tags{}": ("sagemaker", "TagKey"),
    "variant_name": ("sagemaker", "VariantName"),
    "volume_size_gb": ("sagemaker", "ProductionVariantVolumeSizeInGB"),
    "vpc.security_group_ids": ("sagemaker", "VpcSecurityGroupIds"),
    "vpc.security_group_ids[]": ("sagemaker", "SecurityGroupId"),
    "vpc.subnet_ids": ("sagemaker", "Subnets"),
    "vpc.subnet_ids[]": ("sagemaker", "SubnetId"),
}
_NO_RANGE = "botocore's model has no range for it"
_BUCKET = "botocore's model has no rule for names of buckets; tests/stacks/test_settings_reader.py holds S3's"
_OWN = "the project's own; no call holds it"
_OTHERS = "another system's"
_THRESHOLD = "CloudWatch takes any number"
# Settings without a shape of their own, and why.
WITHOUT_A_SHAPE = {
    "access.github.repository": _OTHERS,
    "access.gitlab.branch": _OTHERS,
    "access.gitlab.host": _OTHERS,
    "access.gitlab.project": _OTHERS,
    "auto_scaling.maximum_instance_count": _NO_RANGE,
    "auto_scaling.minimum_instance_count": _NO_RANGE,
    "auto_scaling.scale_in_cooldown_seconds": _NO_RANGE,
    "auto_scaling.scale_out_cooldown_seconds": _NO_RANGE,
    "auto_scaling.target_invocations_per_instance_per_minute": _NO_RANGE,
    "callers{}": "part of a policy's name, whose length names.py checks",
    "callers.NAME.models": "values of one condition of a policy",
    "deleted_model_retention_days": _NO_RANGE,
    "deletion_protection": _OWN,
    "deployment.maximum_5xx_errors_per_minute": _NO_RANGE,
    "deployment.policy": "the names of three routings and of rolling updates, below",
    "existing.models_bucket": _BUCKET,
    "existing.models_folder": "part of a key",
    "existing.state_bucket": _BUCKET,
    "existing.state_folder": "part of a key",
    "image.container_engine": _OWN,
    "image.kept_images": "part of the JSON of a lifecycle policy",
    "image.platform": _OWN,
    "image.prebuilt_uri": "tests/stacks/test_partitions.py",
    "local_aws.endpoint_url": _OWN,
    "log_retention_days": "botocore's model has the values in its documentation, below",
    "models_bucket": _BUCKET,
    "model_list": "true or false",
    "monitoring.alarms.cache_hit_percent": _THRESHOLD,
    "monitoring.alarms.disk_percent": _THRESHOLD,
    "monitoring.alarms.invocation_5xx_errors": "true or false",
    "monitoring.alarms.loading_wait_milliseconds": _THRESHOLD,
    "monitoring.alarms.memory_percent": _THRESHOLD,
    "monitoring.alarms.model_errors_per_minute": _THRESHOLD,
    "monitoring.alarms.p99_latency_milliseconds": _THRESHOLD,
    "monitoring.alarms.unloads_per_minute": _THRESHOLD,
    "monitoring.dashboard": "true or false",
    "monitoring.emails": "a subscription each",
    "monitoring.emails[]": "botocore's model has no rule for addresses",
    "monitoring.topic_arn": "botocore's model has no rule for ARNs of topics",
    "parameters": "true or false",
    "production": _OWN,
    "promoted_models_only": "true or false",
    "name_prefix": "part of every name, whose length names.py checks",
    "network_isolation": "true or false",
    "revision": _OWN,
    "shards.count": _OWN,
    "shards.pins{}": _OWN,
    "shards.pins[]": _OWN,
    "shards.previous.count": _OWN,
    "shards.previous.pins{}": _OWN,
    "shards.previous.pins[]": _OWN,
    "state_backend": _OWN,
    "state_bucket": _BUCKET,
}


@dataclass(frozen=True)
class Setting:
    """A value that can be set: its type, and what narrows it."""

    path: str
    type_: Any
    constraints: tuple[Any, ...]

    def found(self, kind: type, attribute: str) -> int | None:
        return next((getattr(item, attribute) for item in self.constraints if isinstance(item, kind)), None)

    @property
    def pattern(self) -> str | None:
        return next((item.pattern for item in self.constraints if getattr(item, "pattern", None)), None)

    @property
    def longest(self) -> int:
        limits = [getattr(item, "max_length", None) for item in self.constraints]
        return min((limit for limit in limits if limit is not None), default=10_000)


def walk(model: type[Block], prefix: str = "") -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        yield from _values(f"{prefix}{name}", field.annotation, tuple(field.metadata))


def _values(path: str, annotation: Any, constraints: tuple[Any, ...]) -> Iterator[Setting]:
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        yield from _values(path, inner, (*constraints, *more))
        return
    if get_origin(annotation) in (Union, UnionType):
        given = [item for item in get_args(annotation) if item is not type(None)]
        # `int | Literal[False]`: the number, or switched off.
        (annotation,) = [item for item in given if len(given) == 1 or get_origin(item) is not Literal]
        yield from _values(path, annotation, constraints)
        return
    block, origin = block_of(annotation), get_origin(annotation)
    if origin is dict:
        key, value = get_args(annotation)
        if block is None:
            yield Setting(path, dict, constraints)
            yield from _values(f"{path}[]", value, ())
        else:
            yield from walk(block, f"{path}.NAME.")
        yield from _values(f"{path}{{}}", key, ())
    elif block is not None:
        yield from walk(block, f"{path}.")
    elif origin is tuple:
        yield Setting(path, tuple, constraints)
        yield from _values(f"{path}[]", get_args(annotation)[0], ())
    else:
        yield Setting(path, annotation, constraints)


SETTINGS = {setting.path: setting for setting in walk(EnvironmentSettings)}
# Objects whose size is the project's own matter; their keys and values are walked.
SIZES = {"shards.pins", "shards.previous.pins"}
NUMBERS = sorted(path for path in SHAPES if SETTINGS[path].type_ is int)
COLLECTIONS = sorted(path for path in SHAPES if SETTINGS[path].type_ in (tuple, dict))
CHOICES = sorted(path for path in SHAPES if get_origin(SETTINGS[path].type_) is Literal)
TEXTS = sorted(path for path in SHAPES if SETTINGS[path].type_ is str)


def shape_of(path: str) -> Shape:
    service, name = SHAPES[path]
    return botocore.session.get_session().get_service_model(service).shape_for(name)


def test_every_setting_is_held_against_aws_or_has_a_reason():
    assert set(SHAPES) | set(WITHOUT_A_SHAPE) | SIZES == set(SETTINGS)
    assert not set(SHAPES) & set(WITHOUT_A_SHAPE)
    assert sorted((*NUMBERS, *COLLECTIONS, *CHOICES, *TEXTS)) == sorted(SHAPES)


@pytest.mark.parametrize("path", NUMBERS)
def test_a_number_is_within_the_range_of_both(path):
    api, setting = shape_of(path).metadata, SETTINGS[path]
    low, high = PROVIDER.get(path, (api["min"], api.get("max", 10**9)))
    low, high = max(low, api["min"]), min(high, api.get("max", 10**9))
    ours = setting.found(Ge, "ge"), setting.found(Le, "le")
    assert low <= ours[0] <= ours[1] <= high
    if path in PROVIDER:
        # Nor less than both take.
        assert ours == (low, high)


@pytest.mark.parametrize("path", COLLECTIONS)
def test_a_collection_is_of_a_size_that_aws_takes(path):
    api, setting = shape_of(path).metadata, SETTINGS[path]
    least = setting.found(MinLen, "min_length") or 0
    # The alarm on 5xx errors is always there.
    added = 1 if path == "deployment.alarm_names" else 0
    assert least + added >= api.get("min", 0)
    assert setting.found(MaxLen, "max_length") + added <= api["max"]


@pytest.mark.parametrize("path", CHOICES)
def test_a_choice_has_what_aws_has_and_nothing_else(path):
    assert set(get_args(SETTINGS[path].type_)) == set(shape_of(path).enum)


@pytest.mark.parametrize("path", TEXTS)
def test_what_a_text_may_be_aws_takes(path):
    setting, api = SETTINGS[path], shape_of(path).metadata
    # The classes that Python's expressions do not know; settings are narrower.
    translated = api.get("pattern", r"[\s\S]*")
    for unknown, known in ((r"\p{L}\p{Z}\p{N}", r"\w "), (r"[\p{Print}]", r"[ -~]"), (r"\z", r"\Z")):
        translated = translated.replace(unknown, known)
    pattern = re.compile(rf"(?:{translated})")
    least = setting.found(MinLen, "min_length") or next(
        (item.min_length for item in setting.constraints if getattr(item, "min_length", None)), 0
    )
    texts = st.text(max_size=50) if setting.pattern is None else st.from_regex(setting.pattern, fullmatch=True)

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(texts.filter(lambda text: least <= len(text) <= setting.longest and "\n" not in text))
    def every(text: str) -> None:
        assert pattern.fullmatch(text), text
        assert api.get("min", 0) <= len(text)

    every()
    if setting.longest < 10_000 and "max" in api:
        assert setting.longest <= api["max"]


def test_the_days_that_cloudwatch_keeps_logs():
    text = botocore.session.get_session().get_service_model("logs").shape_for("Days").documentation
    listed = re.search(r"Possible values are: ([^.]*)\.", text)[1]
    assert set(get_args(SETTINGS["log_retention_days"].type_)) == {int(number) for number in re.findall(r"\d+", listed)}


def test_the_ways_to_shift_traffic():
    model = botocore.session.get_session().get_service_model("sagemaker")
    ways = {name.lower() for name in model.shape_for("TrafficRoutingConfigType").enum}
    assert set(get_args(SETTINGS["deployment.policy"].type_)) == ways | {"rolling"}
    assert "RollingUpdatePolicy" in model.shape_for("DeploymentConfig").members
