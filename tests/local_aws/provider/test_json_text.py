"""JSON as the real provider stores it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_aws.provider.json_text import JSON, POLICY, compact_json, compact_policy, go_json, same_json

documents = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(documents, st.sampled_from([JSON, POLICY]))
def test_the_stored_wording_means_the_same_and_is_stable(document: Any, wording: Any) -> None:
    text = wording.normal(json.dumps(document, indent=2))
    assert json.loads(text) == document
    assert wording.same(text, json.dumps(document))
    assert wording.normal(text) == text


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ('{"b": [1.0, 2.5], "a": {"d": 1, "c": null}}', '{"a":{"c":null,"d":1},"b":[1,2.5]}'),
        ('{"a": "<é & \\u2028>"}', '{"a":"\\u003cé \\u0026 \\u2028\\u003e"}'),
        ("not json", "not json"),
        (
            '{"Statement": [{"Sid": "s", "Effect": "e"}], "Version": "v"}',
            '{"Statement":[{"Effect":"e","Sid":"s"}],"Version":"v"}',
        ),
    ],
)
def test_compact(text: str, stored: str) -> None:
    assert compact_json(text) == stored


def test_a_policy_has_its_version_first() -> None:
    policy = {"Statement": [{"Sid": "s", "Effect": "e"}], "Id": "i", "Version": "v"}
    assert compact_policy(json.dumps(policy)) == '{"Version":"v","Id":"i","Statement":[{"Effect":"e","Sid":"s"}]}'
    assert compact_policy('{"Statement": []}') == '{"Statement":[]}'
    assert compact_policy("[1]") == "[1]"


def test_the_same_in_other_words() -> None:
    assert same_json('{"Action": ["a"]}', '{"Action": "a"}')
    assert same_json('["a", "b"]', '["b", "a"]')
    assert not same_json('{"a": 1}', '{"a": 2}')
    assert not same_json("{", "{}")
    assert go_json({"a": 1}, indent=2) == '{\n  "a": 1\n}'
