"""The JSON schema that editors use: current, and of one mind with the code that reads the settings.

UPDATE_GOLDEN=1 rewrites stacks/settings.schema.json.
"""

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from pydantic import ValidationError

from stacks.settings import EnvironmentSettings
from stacks.settings_schema import settings_schema
from tests.stacks.conftest import ENVIRONMENTS, FULL, changed

ROOT = Path(__file__).parents[2]
FILE = ROOT / "stacks" / "settings.schema.json"
VALIDATOR = Draft7Validator(settings_schema())
# Rules between several values, which a schema of single values does not have.
BEYOND = {"conflict", "reserved"}
EVERYTHING = changed(
    FULL,
    assume_role={"role_arn": "arn:aws:iam::222222222222:role/deployer", "external_id": "42"},
    existing={"models_bucket": "models", "models_folder": "vision", "repository": "server"},
    local_aws={"endpoint_url": "http://127.0.0.1:4566"},
    shards={"count": 2, "pins": {"squeezenet": 2}, "previous": {"count": 1}},
)


def valid(environment: Any) -> bool:
    return VALIDATOR.is_valid({"context": {"environments": {"dev": environment}}})


def accepted(environment: Any) -> bool:
    """Whether the models take every single value."""
    try:
        EnvironmentSettings.model_validate(environment)
    except ValidationError as error:
        return {fault["type"] for fault in error.errors()} <= BEYOND
    return True


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The places of every value in a block of settings, the innermost and those around them."""
    if path:
        yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from paths(child, (*path, key))


def replaced(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    block = copy.deepcopy(EVERYTHING)
    inner: Any = block
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return block


def test_the_file_is_current():
    text = json.dumps(settings_schema(), indent=2) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        FILE.write_text(text, encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == text
    Draft7Validator.check_schema(json.loads(text))


def test_editors_find_it():
    (entry,) = json.loads((ROOT / ".vscode" / "settings.json").read_text())["json.schemas"]
    assert [ROOT / match.lstrip("/") for match in entry["fileMatch"]] == [ROOT / "cdktf.json"]
    assert (ROOT / entry["url"]).resolve() == FILE


def test_the_project_s_own_settings_are_valid():
    assert list(VALIDATOR.iter_errors(json.loads((ROOT / "cdktf.json").read_text()))) == []
    assert all(valid(environment) for environment in (*ENVIRONMENTS.values(), EVERYTHING))


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"environments": {}},
        {"environments": {"Dev": FULL}},
        {"environments": {"dev": FULL}, "environment": {}},
        {"environments": {"dev": FULL}, "catalog": {"earlier_versions": -1}},
        {"environments": {"dev": FULL}, "tag_policy": {"required": {"Owner": "me"}}},
        {"environments": {"dev": changed(FULL, instance_typ="ml.m5.large")}},
        {"environments": {"dev": changed(FULL, server_environment={"not-a-name": "1"})}},
        {"environments": {"dev": {key: value for key, value in FULL.items() if key != "region"}}},
    ],
)
def test_mistakes_are_underlined(context):
    assert not VALIDATOR.is_valid({"context": context})


def test_every_setting_is_described_with_what_is_allowed():
    schema = settings_schema()
    described = [
        (block, name, setting)
        for block, content in schema["definitions"].items()
        for name, setting in content["properties"].items()
    ]
    assert len(described) > 60
    assert [(block, name) for block, name, setting in described if " Allowed: " not in setting["description"]] == []
    environment = schema["definitions"]["EnvironmentSettings"]["properties"]
    assert environment["state_backend"]["enum"] == ["local", "s3"]
    assert environment["name_prefix"]["default"] == "multi-model"
    assert environment["revision"]["minimum"] == 0 and environment["revision"]["maximum"] == 9999


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 20_000),
    st.sampled_from(["", "a", "s3", "Enabled", "canary", "us-east-1", "ml.m5.large", "a b", "linux/amd64", "1" * 12]),
    st.from_regex(r"[a-z0-9-]{0,70}", fullmatch=True),
    st.lists(st.sampled_from(["a", "subnet-0123456789abcdef0", "sg-0123456789abcdef0"]), max_size=6),
    st.dictionaries(st.sampled_from(["A", "a-b", "count", "models"]), st.sampled_from(["x", 1, ["*"]]), max_size=2),
)


@settings(max_examples=400, deadline=None)
@given(path=st.sampled_from(list(paths(EVERYTHING))), value=VALUES)
def test_schema_and_models_are_of_one_mind(path, value):
    block = replaced(path, value)
    assert valid(block) == accepted(block)
