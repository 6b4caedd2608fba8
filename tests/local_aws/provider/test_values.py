from decimal import Decimal
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_aws.provider.schema import load_schema
from local_aws.provider.values import UNKNOWN, has_unknown, is_empty, number, pack, unpack, unpack_json, without_unknown
from tests.local_aws.provider.strategies import configurations, numbers, texts

SCHEMA = load_schema()
BLOCKS = {**SCHEMA.resources, **{f"data.{name}": block for name, block in SCHEMA.data_sources.items()}}

trees = st.recursive(
    st.one_of(st.none(), st.booleans(), texts, st.integers(-(2**63), 2**64 - 1), st.just(UNKNOWN)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(trees)
def test_what_is_packed_comes_back(value: Any) -> None:
    back = unpack(pack(value))
    assert back == value
    assert has_unknown(back) == has_unknown(value)
    assert not has_unknown(without_unknown(value))


@pytest.mark.parametrize("type_name", sorted(BLOCKS))
def test_configurations_of_every_type_come_back(type_name: str) -> None:
    block = BLOCKS[type_name]

    @settings(max_examples=4, derandomize=True, deadline=None)
    @given(configurations(block))
    def check(config: dict[str, Any]) -> None:
        assert block.conform(unpack(pack(config))) == config
        assert block.conform(config) == config

    check()


@settings(derandomize=True)
@given(numbers)
def test_numbers_keep_their_decimal_digits(value: Any) -> None:
    assert number(str(value)) == value
    assert number(float(value)) == value or abs(value) > 2**53
    assert number(unpack(pack(value))) == value
    assert number(unpack_json(str(value).encode())) == value


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        (msgpack.packb(0.5), Decimal("0.5")),
        (msgpack.packb("0.1"), Decimal("0.1")),
        (msgpack.packb(3.0), 3),
        (msgpack.packb("123456789012345678901234567890"), 123456789012345678901234567890),
    ],
)
def test_numbers_in_all_forms_that_terraform_sends(wire: bytes, value: Any) -> None:
    assert number(unpack(wire)) == value


@pytest.mark.parametrize("extension", [msgpack.ExtType(0, b"\x00"), msgpack.ExtType(12, b"\x81\x01\xc2")])
def test_unknown_with_and_without_refinements(extension: msgpack.ExtType) -> None:
    assert unpack(msgpack.packb({"a": [extension]})) == {"a": [UNKNOWN]}


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="set has no form"):
        pack({"a": {1}})


def test_empty_is_what_the_sdk_cannot_tell_from_unset() -> None:
    assert all(map(is_empty, (None, "", 0, False, [], {})))
    assert not any(map(is_empty, (UNKNOWN, "a", 1, True, [None], {"a": None})))


def test_conform_fills_and_drops() -> None:
    block = SCHEMA.resources["aws_cloudwatch_metric_alarm"]
    state = block.conform({"alarm_name": "a", "threshold": 0.1, "gone_in_this_version": 1})
    assert state["threshold"] == Decimal("0.1")
    assert state["metric_query"] == []
    assert state["tags"] is None
    assert set(state) == block.names
