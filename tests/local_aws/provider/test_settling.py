"""What of AWS's answers becomes the state, with the zero values of Terraform's older library and without."""

from typing import Any

from local_aws.provider.schema import Block, parse_block
from local_aws.provider.settling import settle
from local_aws.provider.values import UNKNOWN

MEMBERS: dict[str, Any] = {
    "name": {"required": True, "type": "string"},
    "size": {"optional": True, "type": "number"},
    "on": {"optional": True, "type": "bool"},
    "tags": {"optional": True, "type": ["map", "string"]},
    "own": {"optional": True, "type": "string"},
    "found": {"computed": True, "type": ["list", "string"]},
    "part": {
        "optional": True,
        "nesting": "list",
        "block": {
            "path": {"optional": True, "type": "string"},
            "keys": {"optional": True, "type": ["set", "string"]},
        },
    },
}
BLOCK = parse_block(MEMBERS)
NOTHING = {"name": "n", "size": None, "on": None, "tags": None, "found": None, "part": [{}]}


def planned(block: Block, **values: Any) -> dict[str, Any]:
    return block.conform({"name": "n", "part": [{}], "found": UNKNOWN, **values})


def test_what_aws_has_nothing_of_is_a_zero_value() -> None:
    applied = settle(BLOCK, planned(BLOCK), NOTHING, is_apply=True)
    # Collections stay null, as planned: the next refresh empties them. What is never read stays null for ever.
    assert applied == {
        "name": "n",
        "size": 0,
        "on": False,
        "tags": None,
        "own": None,
        "found": [],
        "part": [{"path": "", "keys": None}],
    }
    refreshed = settle(BLOCK, applied, NOTHING)
    assert refreshed == {**applied, "tags": {}, "part": [{"path": "", "keys": []}]}
    assert settle(BLOCK, refreshed, NOTHING) == refreshed


def test_the_framework_has_null() -> None:
    block = parse_block(MEMBERS, has_zeros=False)
    applied = settle(block, planned(block), NOTHING, is_apply=True)
    assert applied == {**block.conform({"name": "n"}), "found": None, "part": [{"path": None, "keys": None}]}
    assert settle(block, applied, NOTHING) == applied


def test_a_block_that_is_not_read_is_written_whole() -> None:
    state = settle(BLOCK, planned(BLOCK, part=[{"path": "p"}]), {"name": "n"}, is_apply=True)
    assert state["part"] == [{"path": "p", "keys": None}]
    assert state["found"] is None


def test_an_import_has_nothing_to_go_by() -> None:
    state = settle(BLOCK, None, {**NOTHING, "part": [{"path": "p"}]})
    assert (state["tags"], state["own"], state["part"]) == ({}, None, [{"path": "p", "keys": []}])


def test_a_set_keeps_what_was_planned_until_it_is_read_again() -> None:
    block = parse_block({"part": {**MEMBERS["part"], "nesting": "set"}})
    wanted = [{"path": "a", "keys": None}, {"path": "b", "keys": None}]
    answered = {"part": [{"path": "b", "keys": None}, {"path": "a", "keys": None}]}
    assert settle(block, {"part": wanted}, answered, is_apply=True) == {"part": wanted}
    refreshed = settle(block, {"part": wanted}, answered)
    assert sorted(item["path"] for item in refreshed["part"]) == ["a", "b"]
    assert all(item["keys"] == [] for item in refreshed["part"])
