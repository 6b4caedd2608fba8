"""One JSON document on standard output, however the command ends."""

import json

import pytest

from operations.errors import StateError
from operations.outcome import Outcome, reported


def test_one_document_and_all_else_on_standard_error(capsys):
    with reported(Outcome("dev"), as_json=True) as outcome:
        print("under way")
        outcome.stack("dev-image", applied=False)
        outcome.stack("dev-image", applied=True)
        outcome.add({"verdict": "safe"})
        outcome.result = "applied"
    output, errors = capsys.readouterr()
    assert json.loads(output) == {
        "environment": "dev",
        "result": "applied",
        "verdict": "safe",
        "stacks": [{"name": "dev-image", "applied": True}],
        "errors": [],
    }
    assert errors == "under way\n"


def test_an_error_is_in_the_document_and_goes_on(capsys):
    with pytest.raises(StateError), reported(Outcome("dev"), as_json=True) as outcome:
        outcome.stack("dev-image", applied=True)
        raise StateError("the state is locked")
    document = json.loads(capsys.readouterr().out)
    assert (document["result"], document["stacks"]) == ("failed", [{"name": "dev-image", "applied": True}])
    assert len(document["errors"]) == 1 and "the state is locked" in document["errors"][0]


def test_without_json_nothing_is_added(capsys):
    with reported(Outcome("dev"), as_json=False):
        print("under way")
    assert capsys.readouterr() == ("under way\n", "")
