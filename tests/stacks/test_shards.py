"""Where models are: each in one shard, evenly, and as few as can be move when the shards become more or fewer."""

import copy
import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_catalog.lock import Lock, Model
from stacks.names import stacks_in_order
from stacks.settings import EnvironmentSettings, ShardLayout, Shards
from stacks.settings_reader import parse_settings
from stacks.shards import locks_by_shard, names_for, pin_complaints, shard_of
from tests.stacks.conftest import SHARDED, SMALL, changed, example_lock, version

NAMES = [f"tenant-{number % 50}/model-{number}" for number in range(4000)]
NAME = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,40}", fullmatch=True)
COUNT = st.integers(1, 99)
PROPERTY = settings(max_examples=200, derandomize=True, deadline=None)


def environment(**shards: object) -> EnvironmentSettings:
    return EnvironmentSettings.model_validate(changed(SMALL, shards=shards))


def lock_of(*names: str) -> Lock:
    return Lock(models={name: Model(versions=(version(name, 1),)) for name in names})


class TestPlace:
    def test_it_never_changes(self):
        # Another function of the name would move every model of every catalog that is spread.
        four = ShardLayout(count=4)
        assert [shard_of(name, four) for name in ("resnet18", "squeezenet", "digits-mlp", "breast-cancer")] == [1, 3, 2, 4]  # fmt: skip # noqa: E501

    @given(NAME, COUNT)
    @PROPERTY
    def test_one_shard_more_takes_models_and_moves_no_other(self, name, count):
        before, after = shard_of(name, ShardLayout(count=count)), shard_of(name, ShardLayout(count=count + 1))
        assert 1 <= before <= count
        assert after in (before, count + 1)

    @pytest.mark.parametrize("count", [1, 2, 3, 7, 10])
    def test_the_new_shard_takes_its_part_and_no_more(self, count):
        before, after = ShardLayout(count=count), ShardLayout(count=count + 1)
        moved = sum(shard_of(name, before) != shard_of(name, after) for name in NAMES)
        assert moved == pytest.approx(len(NAMES) / (count + 1), rel=0.15)

    @pytest.mark.parametrize("count", [2, 3, 10])
    def test_they_are_spread_evenly(self, count):
        sizes = Counter(shard_of(name, ShardLayout(count=count)) for name in NAMES)
        assert sorted(sizes) == list(range(1, count + 1))
        assert all(size == pytest.approx(len(NAMES) / count, rel=0.15) for size in sizes.values())

    @given(NAME, NAME, COUNT, st.data())
    @PROPERTY
    def test_a_pin_wins_and_moves_no_other(self, name, other, count, data):
        shard = data.draw(st.integers(1, count))
        pinned = ShardLayout(count=count, pins={name: shard})
        assert shard_of(name, pinned) == shard
        if other != name:
            assert shard_of(other, pinned) == shard_of(other, ShardLayout(count=count))


class TestParts:
    def test_each_model_is_in_one_part_with_all_its_versions(self):
        lock = example_lock()
        parts = locks_by_shard(lock, Shards(count=3, pins={"squeezenet": 2}))
        assert {shard: sorted(part.models) for shard, part in parts.items()} == {
            1: ["resnet18"],
            2: ["squeezenet"],
            3: ["tenant-a/digits.v2"],
        }
        assert parts[1].models["resnet18"] == lock.models["resnet18"]

    def test_one_shard_is_the_whole_catalog(self):
        assert locks_by_shard(example_lock(), Shards()) == {1: example_lock()}

    @given(st.sets(NAME, max_size=12), st.integers(1, 6), st.integers(1, 6))
    @PROPERTY
    def test_while_models_move_they_are_where_they_were_and_where_they_will_be(self, names, before, after):
        previous = ShardLayout(count=before)
        shards = Shards(count=after, previous=previous)
        parts = locks_by_shard(lock_of(*names), shards)
        assert sorted(parts) == list(range(1, max(before, after) + 1))
        for name in names:
            holding = {shard for shard, part in parts.items() if name in part.models}
            assert holding == {shard_of(name, previous), shard_of(name, shards)}


class TestStacksInOrder:
    @pytest.mark.parametrize(
        ("shards", "expected"),
        [
            ({}, ["state", "image", "models", "endpoint"]),
            ({"count": 1}, ["state", "image", "models", "endpoint"]),
            ({"count": 2}, ["state", "image", "models-2", "endpoint-2", "models", "endpoint"]),
            (
                {"count": 1, "previous": {"count": 2}},
                ["state", "image", "models-2", "endpoint-2", "models", "endpoint"],
            ),
        ],
    )
    def test_later_shards_come_first(self, shards, expected):
        assert list(stacks_in_order(environment(**shards))) == expected

    def test_they_are_those_that_are_synthesised(self, stacks):
        settings = EnvironmentSettings.model_validate(SHARDED)
        assert {f"sharded-{name}" for name in stacks_in_order(settings)} == {
            name for name in stacks if name.startswith("sharded-")
        }


def test_the_endpoint_of_a_model_is_that_of_its_shard_after_the_move():
    moving = environment(count=1, pins={}, previous={"count": 2})
    grown = environment(count=2, previous={"count": 1})
    assert names_for("squeezenet", "dev", moving).endpoint == "multi-model-dev"
    assert names_for("squeezenet", "dev", grown).endpoint == "multi-model-dev-2"
    assert names_for("resnet18", "dev", grown).endpoint == "multi-model-dev"


def test_pins_of_models_that_are_not_there():
    found = parse_settings(
        {
            "environments": {
                "one": changed(SMALL, shards={"count": 2, "pins": {"net": 2, "squeezenet": 1}}),
                "two": changed(SMALL, shards={"count": 2, "previous": {"pins": {"gone": 1}}}),
            }
        },
        {},
    )
    assert pin_complaints(found, example_lock()) == [
        f"context.environments.{key}: there is no such model in the catalog (models); add it, or remove the pin."
        for key in ("one.shards.pins.net", "two.shards.previous.pins.gone")
    ]


class TestStacks:
    """Three shards, as they are synthesised."""

    def test_the_first_is_as_if_it_were_alone_but_for_its_models(self, synthesise, stacks):
        alone = synthesise({"sharded": {key: value for key, value in SHARDED.items() if key != "shards"}})
        for name in ("sharded-state", "sharded-image", "sharded-endpoint"):
            assert stacks[name] == alone[name]
        held, whole = copy.deepcopy(stacks["sharded-models"]), alone["sharded-models"]
        for address in ("resnet18_v1", "resnet18_v2"):
            object_ = held["resource"]["aws_s3_object"].pop(address)
            assert object_ == whole["resource"]["aws_s3_object"][address]
        assert held["resource"].pop("aws_s3_object") == {}
        # It is replaced when a version leaves this shard.
        del held["resource"]["terraform_data"]["archive"]["triggers_replace"]
        del whole["resource"]["terraform_data"]["archive"]["triggers_replace"]
        del whole["resource"]["aws_s3_object"]
        assert held == whole

    def test_every_object_is_in_one_shard(self, stacks):
        keys = [
            object_["key"]
            for name in ("sharded-models", "sharded-models-2", "sharded-models-3")
            for object_ in stacks[name]["resource"].get("aws_s3_object", {}).values()
        ]
        assert len(keys) == len(set(keys)) == sum(len(model.versions) for model in example_lock().models.values())

    def test_a_shard_reads_its_own_bucket_and_lets_callers_reach_its_own_endpoint(self, stacks):
        endpoint = stacks["sharded-endpoint-2"]["resource"]
        bucket = stacks["sharded-models-2"]["resource"]["aws_s3_bucket"]["models_bucket"]["bucket"]
        assert bucket == "multi-model-sharded-2-models-333333333333-eu-central-1"
        assert (
            endpoint["aws_sagemaker_model"]["model"]["primary_container"]["model_data_url"] == f"s3://{bucket}/models/"
        )
        rights = endpoint["aws_iam_role_policy"]["execution_rights"]["policy"]
        assert f"arn:aws:s3:::{bucket}/models/*" in rights
        assert "multi-model-sharded-models" not in rights
        policy = json.loads(endpoint["aws_iam_policy"]["invoke_tenant_a"]["policy"])
        (statement,) = policy["Statement"]
        assert statement["Resource"].endswith(":endpoint/multi-model-sharded-2")
        assert statement["Condition"] == {"StringLike": {"sagemaker:TargetModel": ["tenant-a/*"]}}

    def test_no_two_shards_share_a_name(self, stacks):
        found = [
            (type_, argument, block[argument])
            for stack in ("sharded-models", "sharded-models-2", "sharded-models-3", "sharded-endpoint",
                          "sharded-endpoint-2", "sharded-endpoint-3")
            for type_, named in stacks[stack]["resource"].items()
            for block in named.values()
            for argument in ("name", "alarm_name", "bucket")
            if isinstance(block.get(argument), str) and "${" not in block[argument] and type_ != "aws_iam_role_policy"
        ]  # fmt: skip
        assert len(found) > 20
        assert len(found) == len(set(found))
