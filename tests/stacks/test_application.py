"""What each stack waits for when `cdktf deploy` is given several."""

import json
from pathlib import Path
from typing import Any

import pytest

from stacks.names import stacks_in_order
from stacks.settings_reader import parse_settings
from tests.stacks.conftest import SHARDED, SMALL, changed, example_lock, synthesise_into


def _dependencies(root: Path, settings: dict[str, Any]) -> dict[str, set[str]]:
    folder = synthesise_into(root, {"dev": settings}, example_lock())
    stacks = json.loads((folder.parent / "manifest.json").read_text())["stacks"]
    return {
        name.removeprefix("dev-"): {d.removeprefix("dev-") for d in stacks[name]["dependencies"]} for name in stacks
    }


def test_the_endpoint_waits_for_image_and_models_and_a_new_model_for_nothing(tmp_path):
    assert _dependencies(tmp_path, SMALL) == {
        "state": set(),
        "image": set(),
        "models": set(),
        "endpoint": {"image", "models"},
    }


def test_a_shard_waits_for_the_later_one(tmp_path):
    found = _dependencies(tmp_path, SHARDED)
    assert found["models"] == {"models-2", "endpoint-2"}
    assert found["endpoint-2"] == {"image", "models-2"}
    assert found["models-3"] == set()


@pytest.mark.parametrize("count", [1, 2, 100])
def test_the_order_is_that_of_make_deploy(tmp_path, count):
    settings = changed(SMALL, shards={"count": count})
    order = stacks_in_order(parse_settings({"environments": {"dev": settings}}, {}).environments["dev"])
    found = _dependencies(tmp_path, settings)
    assert found.keys() == set(order)
    for position, stack in enumerate(order):
        assert found[stack] <= set(order[:position])
