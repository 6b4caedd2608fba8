"""The archive of removed models: replaced beside models that go, and harmless only when it runs what it should."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from plan_review.findings import Severity, Verdict
from tests.plan_review.conftest import asked, document_of

Document = dict[str, Any]
ADDRESS = "terraform_data.archive"


def command(module: str) -> Document:
    return {
        "type": "local-exec",
        "expressions": {
            "command": {"constant_value": module},
            "interpreter": {"constant_value": ["python3", "-m"]},
        },
    }


def archiving(
    scenario: str = "model-earlier-version-removed", *, actions: tuple[str, ...] = ("create", "delete")
) -> Document:
    """A plan of models, with the archive replaced as the models stack has it."""
    document = copy.deepcopy(document_of(scenario))
    before = {"id": "1", "input": None, "output": None, "triggers_replace": {"removed": "a"}}
    change = {
        "actions": list(actions),
        "before": before,
        "after": {"input": None, "output": None, "triggers_replace": {"removed": "b"}},
        "after_unknown": {"id": True, "triggers_replace": {}},
        "before_sensitive": {"triggers_replace": {}},
        "after_sensitive": {"triggers_replace": {}},
        "replace_paths": [["triggers_replace"]],
    }
    document["resource_changes"].append(
        {
            "address": ADDRESS,
            "mode": "managed",
            "type": "terraform_data",
            "name": "archive",
            "provider_name": "terraform.io/builtin/terraform",
            "change": change,
        }
    )
    document["configuration"]["root_module"]["resources"].append(
        {
            "address": ADDRESS,
            "mode": "managed",
            "type": "terraform_data",
            "name": "archive",
            "provider_config_key": "terraform",
            "provisioners": [command("stacks.archive_models")],
            "expressions": {"triggers_replace": {"constant_value": {"removed": "b"}}},
            "schema_version": 0,
        }
    )
    return document


def block(document: Document) -> Document:
    return document["configuration"]["root_module"]["resources"][-1]


def test_archiving_what_goes_is_part_of_changing_models() -> None:
    assert asked(archiving()) == (Verdict.MODELS_ONLY, Severity.NOTE, {})


@pytest.mark.parametrize(
    "edit",
    [
        lambda document: block(document).update(provisioners=[command("os")]),
        lambda document: block(document).update(provisioners=[*block(document)["provisioners"], command("os")]),
        lambda document: block(document).update(provisioners=[]),
        lambda document: block(document)["provisioners"][0].update(type="remote-exec"),
        lambda document: block(document)["provisioners"][0]["expressions"].update(command={"references": ["var.x"]}),
        lambda document: document["configuration"]["root_module"]["resources"].pop(),
    ],
)
def test_anything_else_asks_for_approval(edit: Callable[[Document], object]) -> None:
    document = archiving()
    edit(document)
    assert asked(document)[0] is Verdict.OTHER


def test_without_a_model_that_goes_it_asks_for_approval() -> None:
    assert asked(archiving("model-added"))[0] is Verdict.OTHER


def test_the_archive_itself_must_not_go() -> None:
    assert asked(archiving(actions=("delete",)))[0] is Verdict.OTHER
