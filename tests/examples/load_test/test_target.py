"""Which endpoint a test may call, and what it may take."""

import json
from pathlib import Path

import pytest

from examples.load_test.errors import LoadTestError
from examples.load_test.limits import HARD_RATE, Demand, Limits, check
from examples.load_test.target import Target, find_target, refuse_unless_allowed
from model_catalog.lock import Lock

REGION = {"region": "us-east-1", "account_id": "111111111111", "instance_type": "ml.m5.large"}
SCALED = {"minimum_instance_count": 1, "maximum_instance_count": 4, "target_invocations_per_instance_per_minute": 100}
ENVIRONMENTS = {
    "local": {**REGION, "account_id": "123456789012", "local_aws": {}, "state_backend": "local"},
    "dev": {**REGION, "auto_scaling": SCALED},
    "prod": {**REGION, "account_id": "222222222222"},
    "live2": {**REGION, "account_id": "333333333333", "production": False},
    "blue": {**REGION, "account_id": "444444444444", "production": True, "shards": {"count": 2}},
}


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    file = tmp_path / "cdktf.json"
    file.write_text(json.dumps({"context": {"environments": ENVIRONMENTS, "catalog": {}}}))
    return file


def target(settings_file: Path, **given: object) -> Target:
    options = {"environment": None, "endpoint": None, "endpoint_url": None, "region": None, **given}
    return find_target(Lock(), settings_file=settings_file, variables={}, **options)


def test_an_environment_names_its_endpoint_and_the_local_aws(settings_file: Path) -> None:
    local = target(settings_file, environment="local")
    assert (local.endpoint, local.endpoint_url) == ("multi-model-local", "http://127.0.0.1:4566")
    assert local.is_loopback
    assert target(settings_file, environment="local", endpoint_url="http://127.0.0.1:1").endpoint_url.endswith(":1")
    assert target(settings_file, environment="blue", shard=2).endpoint == "multi-model-blue-2"


@pytest.mark.parametrize(
    "given",
    [{}, {"environment": "dev", "endpoint": "e"}, {"environment": "dev", "shard": 2}],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
def test_an_endpoint_must_be_named_once(settings_file: Path, given: dict[str, object]) -> None:
    with pytest.raises(LoadTestError):
        target(settings_file, **given)


@pytest.mark.parametrize(
    ("given", "needs"),
    [
        ({"environment": "local"}, set()),
        ({"endpoint": "any", "endpoint_url": "http://127.0.0.1:4566"}, set()),
        ({"endpoint": "any", "endpoint_url": "http://[::1]:4566"}, set()),
        ({"environment": "dev"}, {"aws"}),
        ({"environment": "live2"}, {"aws"}),
        ({"environment": "prod"}, {"aws", "production"}),
        ({"environment": "blue"}, {"aws", "production"}),
        ({"endpoint": "multi-model-dev"}, {"aws"}),
        ({"endpoint": "multi-model-blue-2"}, {"aws", "production"}),
        ({"endpoint": "nobodys"}, {"aws", "production"}),
        ({"environment": "dev", "endpoint_url": "https://runtime.sagemaker.us-east-1.amazonaws.com"}, {"aws"}),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
def test_only_loopback_is_called_without_being_told_to(
    settings_file: Path, given: dict[str, object], needs: set[str]
) -> None:
    found = target(settings_file, **given)
    for aws in (False, True):
        for production in (False, True):
            allowed = {name for name, is_given in (("aws", aws), ("production", production)) if is_given}
            if needs <= allowed:
                refuse_unless_allowed(found, aws=aws, production=production)
                continue
            with pytest.raises(LoadTestError, match="add --aws" if "aws" in needs - allowed else "add --production"):
                refuse_unless_allowed(found, aws=aws, production=production)


def test_the_cost_is_that_of_as_many_instances_as_scaling_allows(settings_file: Path) -> None:
    assert target(settings_file, environment="dev").cost(1800) == pytest.approx(0.115 * 4 / 2)
    assert target(settings_file, environment="prod").cost(3600) == pytest.approx(0.115)
    assert target(settings_file, environment="local").cost(3600) is None
    assert target(settings_file, endpoint="nobodys").cost(3600) is None


def test_a_run_within_its_limits_is_allowed() -> None:
    check(Demand(50, 300, 10_000, 1.0), Limits())
    check(Demand(500, 3000, 1_500_000, 30.0), Limits(500, 3000, 1_500_000, 30))


def test_every_limit_that_is_exceeded_is_named() -> None:
    with pytest.raises(LoadTestError) as refused:
        check(Demand(51, 301, 10_001, 1.01), Limits())
    for option in ("--max-rate", "--max-seconds", "--max-requests", "--max-cost"):
        assert option in str(refused.value)


def test_no_option_raises_the_hard_bounds() -> None:
    with pytest.raises(LoadTestError, match="this program sends at most") as refused:
        check(Demand(HARD_RATE + 1, 10, 10), Limits(rate=1e9))
    assert "--max-rate" not in str(refused.value)
