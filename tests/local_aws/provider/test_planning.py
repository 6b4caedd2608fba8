"""The rules of planning, on any configuration of any resource type, and the cases that the rules are about."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_aws.provider.json_text import JSON, same_json
from local_aws.provider.planning import plan_change
from local_aws.provider.schema import Block, load_schema, parse_block
from local_aws.provider.settling import settle
from local_aws.provider.values import UNKNOWN, is_empty
from tests.local_aws.provider.strategies import configurations, known

RESOURCES = load_schema().resources


def proposed(block: Block, prior: dict | None, config: dict) -> dict:
    """Terraform's own proposal: what is not configured keeps its earlier value where the provider may choose it."""
    result = dict(config)
    for name, attribute in block.attributes.items():
        if config[name] is None and attribute.computed and prior is not None:
            result[name] = prior[name]
    for name, nested in block.blocks.items():
        if nested.nesting == "list" and isinstance(config[name], list):
            before = (prior or {}).get(name) or []
            result[name] = [
                proposed(nested.block, before[i] if i < len(before) else None, item)
                for i, item in enumerate(config[name])
            ]
    return result


def plan(block: Block, prior: dict | None, config: dict, **more: Any):
    return plan_change(block, prior, proposed(block, prior, config), config, **more)


@pytest.mark.parametrize("type_name", sorted(RESOURCES))
def test_any_resource(type_name: str) -> None:
    block = RESOURCES[type_name]

    @settings(max_examples=8, derandomize=True, deadline=None)
    @given(configurations(block), configurations(block))
    def check(config: dict[str, Any], other: dict[str, Any]) -> None:
        created = plan(block, None, config)
        assert created.replace == []
        assert_creation(block, config, created.planned)
        # The same configuration again plans nothing, whatever the apply found out.
        config = known(block, config)
        state = settle(block, known(block, plan(block, None, config).planned), {})
        again = plan(block, state, config)
        assert again.planned == state
        assert again.replace == []
        # Another configuration is planned whole, and from it the plan is stable as well.
        changed = plan(block, state, other)
        assert set(changed.planned) == block.names
        if changed.planned == state:
            assert changed.replace == []
        other = known(block, other)
        settled = settle(block, known(block, plan(block, state, other).planned), {})
        assert plan(block, settled, other).planned == settled
        # A refresh that finds what the apply wrote changes no more than null to a zero value, once, and plans nothing.
        refreshed = settle(block, state, state)
        assert alike(refreshed, state)
        assert settle(block, refreshed, refreshed) == refreshed
        again = plan(block, refreshed, config)
        assert again.planned == refreshed
        assert again.replace == []

    check()


def alike(one: Any, other: Any) -> bool:
    """Equal but for null in the place of what is empty."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other or (is_empty(one) and is_empty(other))


def assert_creation(block: Block, config: dict, planned: dict) -> None:
    for name, attribute in block.attributes.items():
        if config[name] is not None:
            assert planned[name] == config[name]
        elif attribute.default is not None:
            assert planned[name] == attribute.default
        else:
            assert planned[name] is (UNKNOWN if attribute.computed and not attribute.stays_null else None)
    for name, nested in block.blocks.items():
        if nested.computed and config[name] == []:
            assert planned[name] is UNKNOWN
        elif nested.nesting == "list":
            assert len(planned[name]) == len(config[name])
            for inner, item in zip(config[name], planned[name], strict=True):
                assert_creation(nested.block, inner, item)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.permutations(["a", "b", "c"]))
def test_a_set_has_no_order(order: list[str]) -> None:
    block = RESOURCES["aws_cloudwatch_metric_alarm"]
    base = block.conform({"alarm_name": "x", "comparison_operator": "y", "evaluation_periods": 1})
    queries = [block.blocks["metric_query"].block.conform({"id": name, "expression": f"{name}+1"}) for name in "abc"]
    config = {**base, "alarm_actions": ["a", "b", "c"], "metric_query": queries}
    state = known(block, plan(block, None, config).planned)
    shuffled = {
        **config,
        "alarm_actions": order,
        "metric_query": sorted(queries, key=lambda query: order.index(query["id"])),
    }
    replanned = plan(block, state, shuffled).planned
    assert sorted(query["id"] for query in replanned["metric_query"]) == ["a", "b", "c"]
    assert all(query in state["metric_query"] for query in replanned["metric_query"])
    assert replanned["alarm_actions"] == state["alarm_actions"]


def state_of(block: Block, **arguments: Any) -> tuple[dict, dict]:
    config = block.conform(arguments)
    return config, known(block, plan(block, None, config).planned)


def test_a_change_of_a_forcing_argument_replaces() -> None:
    block = RESOURCES["aws_s3_object"]
    config, state = state_of(block, bucket="b", key="k", source="s", source_hash="1")
    assert plan(block, state, {**config, "source_hash": "2"}).replace == []
    assert plan(block, state, {**config, "key": "l"}).replace == [("key",)]
    # Nobody knows yet whether it changes: the provider plans a replacement.
    assert plan(block, state, {**config, "bucket": UNKNOWN}).replace == [("bucket",)]


ROLLBACK = {"auto_rollback_configuration": [{"alarms": [{"alarm_name": "one"}]}]}
ENDPOINT = {"endpoint_config_name": "c1", "name": "e"}


def test_a_forcing_block_counts_when_its_number_changes() -> None:
    block = RESOURCES["aws_sagemaker_endpoint"]
    config, state = state_of(block, **ENDPOINT, deployment_config=[ROLLBACK])
    other = block.conform(
        {**config, "deployment_config": [{"auto_rollback_configuration": [{"alarms": [{"alarm_name": "two"}]}]}]}
    )
    assert plan(block, state, other).replace == []
    none = block.conform({**config, "deployment_config": [{}]})
    assert plan(block, state, none).replace == [("deployment_config", 0, "auto_rollback_configuration")]
    assert plan(block, state, {**config, "endpoint_config_name": "c2"}).replace == []


def test_forcing_arguments_inside_blocks_replace_however_they_change() -> None:
    block = RESOURCES["aws_sagemaker_endpoint_configuration"]
    variant = {"variant_name": "v", "model_name": "m", "instance_type": "ml.m5.large", "initial_instance_count": 1}
    config, state = state_of(block, name="c", production_variants=[variant])

    def replaced(*variants: dict) -> list:
        return plan(block, state, block.conform({**config, "production_variants": list(variants)})).replace

    assert replaced(variant) == []
    assert replaced({**variant, "instance_type": "ml.m5.xlarge"}) == [("production_variants", 0, "instance_type")]
    assert ("production_variants", 1, "model_name") in replaced(variant, {**variant, "variant_name": "w"})
    added = replaced({**variant, "managed_instance_scaling": [{"status": "ENABLED", "min_instance_count": 1}]})
    assert ("production_variants", 0, "managed_instance_scaling", 0, "status") in added


def test_other_words_for_the_same_json_are_no_change() -> None:
    block = RESOURCES["aws_s3_bucket_policy"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:Get*"], "Resource": ["a", "b"]}],
    }
    config, state = state_of(block, bucket="b", policy=json.dumps(policy))
    wordings = {("policy",): JSON}
    policy["Statement"][0] |= {"Action": "s3:Get*", "Resource": ["b", "a"]}
    other = json.dumps(policy, indent=2, sort_keys=True)
    assert plan(block, state, {**config, "policy": other}, wordings=wordings).planned == state
    assert settle(block, state, {"policy": other}, wordings) == state
    policy["Statement"][0]["Effect"] = "Deny"
    denied = plan(block, state, {**config, "policy": json.dumps(policy)}, wordings=wordings)
    assert json.loads(denied.planned["policy"]) == policy
    assert not same_json("not json", "{}")


def test_blocks_that_the_provider_may_fill_stay_when_they_are_not_configured() -> None:
    block = RESOURCES["aws_ecr_repository"]
    config, state = state_of(block, name="r")
    found = settle(block, state, {"encryption_configuration": [{"encryption_type": "AES256", "kms_key": ""}]})
    again = plan(block, found, config)
    assert again.planned == found
    assert again.replace == []


def test_drift_is_what_differs_in_meaning() -> None:
    block = RESOURCES["aws_iam_role"]
    _, state = state_of(block, name="r", assume_role_policy="{}", path="/")
    nothing = {"description": "", "permissions_boundary": None, "path": "/"}
    assert settle(block, state, nothing) == {**state, "description": "", "permissions_boundary": ""}
    assert settle(block, state, {"description": "by hand"})["description"] == "by hand"
    assert settle(block, state, {"path": "/other/"})["path"] == "/other/"


def test_unset_again() -> None:
    block = parse_block({"a": {"type": "string", "optional": True}, "n": {"type": "number", "optional": True}})
    state = {"a": "x", "n": 3}
    assert plan(block, state, {"a": None, "n": None}).planned == {"a": None, "n": None}
    kept = plan(block, {"a": "", "n": 0}, {"a": None, "n": None}).planned
    assert kept == {"a": "", "n": 0}
    assert is_empty(kept["a"])
