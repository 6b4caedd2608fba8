"""Every address and the whole synthesised JSON of four environments stay as they were.

UPDATE_GOLDEN=1 writes the files again. Even then an address may go only with a `moved` block that says where to, or
when ALLOW_REMOVED names it (a resource that is to be destroyed on purpose).
"""

import json
import os
from pathlib import Path

import pytest

from stacks.names import stacks_in_order
from stacks.settings_reader import parse_settings
from tests.stacks.conftest import ENVIRONMENTS

GOLDEN = Path(__file__).parent / "golden"
ADDRESSES = GOLDEN / "addresses.json"
SETTINGS = parse_settings({"environments": ENVIRONMENTS}, {}).environments
STACKS = [f"{environment}-{stack}" for environment in SETTINGS for stack in stacks_in_order(SETTINGS[environment])]


def addresses(stack: dict) -> list[str]:
    return sorted(f"{type_}.{name}" for type_, named in stack.get("resource", {}).items() for name in named)


def lost(before: list[str], stack: dict) -> set[str]:
    """The addresses that went without a `moved` block to one that is there."""
    there = addresses(stack)
    moved = {block["from"] for block in stack.get("moved", []) if block["to"] in there}
    return set(before) - set(there) - moved


def test_the_stacks_are_those_of_the_golden_files(stacks):
    assert sorted(stacks) == sorted(STACKS)


@pytest.mark.parametrize("name", STACKS)
def test_no_address_goes_without_a_moved_block(stacks, name):
    before = json.loads(ADDRESSES.read_text()).get(name, [])
    allowed = set(filter(None, os.environ.get("ALLOW_REMOVED", "").split(",")))
    gone = lost(before, stacks[name]) - allowed
    assert gone == set(), f"call move_from_id(OLD ADDRESS) on the construct that was renamed: {sorted(gone)}"


def test_addresses(stacks):
    current = {name: addresses(stacks[name]) for name in STACKS}
    if os.environ.get("UPDATE_GOLDEN"):
        for name in STACKS:
            test_no_address_goes_without_a_moved_block(stacks, name)
        ADDRESSES.write_text(json.dumps(current, indent=2) + "\n")
    assert json.loads(ADDRESSES.read_text()) == current


@pytest.mark.parametrize("name", STACKS)
def test_synthesised_json(stacks, name):
    path = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(json.dumps(stacks[name], indent=2, sort_keys=True) + "\n")
    assert json.loads(path.read_text()) == stacks[name]


def test_a_renamed_address_needs_a_moved_block():
    before = ["aws_s3_bucket.old", "aws_s3_bucket.kept"]
    renamed = {"resource": {"aws_s3_bucket": {"new": {}, "kept": {}}}}
    assert lost(before, renamed) == {"aws_s3_bucket.old"}
    assert lost(before, renamed | {"moved": [{"from": "aws_s3_bucket.old", "to": "aws_s3_bucket.new"}]}) == set()
    # A block that leads to nothing keeps nothing.
    assert lost(before, renamed | {"moved": [{"from": "aws_s3_bucket.old", "to": "aws_s3_bucket.other"}]})
