"""Edits of JSON text: the right value, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capacity.json_edit import with_value

KEYS = st.sampled_from(["a", "b", 'quote"d', "ü", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)
LAYOUTS = st.sampled_from([{}, {"indent": 2}, {"indent": 4}, {"indent": "\t"}, {"separators": (",", ":")}])


@given(OBJECTS, LAYOUTS, st.lists(KEYS, min_size=1, max_size=3), VALUES)
def test_the_value_is_there_and_the_rest_is_as_it_was(
    content: dict[str, Any], layout: dict[str, Any], path: list[str], value: Any
) -> None:
    text = json.dumps(content, **layout) + "\n"
    parent: Any = content
    for key in path[:-1]:
        parent = parent.setdefault(key, {}) if isinstance(parent, dict) else None
    if not isinstance(parent, dict):
        with pytest.raises(KeyError):
            with_value(text, path, value)
        return
    parent[path[-1]] = value
    changed = with_value(text, path, value)
    assert json.loads(changed) == content
    assert list(json.loads(changed)) == list(content)
    assert with_value(changed, path, value) == changed


def test_only_the_lines_needed_change() -> None:
    text = '{\n  "a": {"x": 1,   "y" : [1,2]},\n\n  "b":  {\n    "z": 1.50\n  }\n}\n'
    assert with_value(text, ["a", "x"], 2) == text.replace('"x": 1', '"x": 2')
    assert with_value(text, ["b", "z"], 1.5) == text
    assert with_value(text, ["b", "w"], {"k": 1}) == text.replace(
        '"z": 1.50\n', '"z": 1.50,\n    "w": {\n      "k": 1\n    }\n'
    )
    assert with_value(text, ["a", "w"], 3) == text.replace("[1,2]}", '[1,2], "w": 3}')
    assert with_value('{\n  "a": {}\n}', ["a", "b"], 1) == '{\n  "a": {\n    "b": 1\n  }\n}'
    assert with_value("{}", ["a"], True) == '{\n  "a": true\n}'
    assert with_value('{"a": 1}', ["a"], True) == '{"a": true}'
