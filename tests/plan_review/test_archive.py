"""The archive of removed models: replaced beside models that go, and harmless only when it runs what it should."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plan_review.findings import Severity, Verdict
from tests.plan_review.conftest import asked, block, document_of, element

Document = dict[str, Any]
ADDRESS = "terraform_data.archive"
REMOVAL = "model-earlier-version-removed"


def command(module: str) -> Document:
    return {
        "type": "local-exec",
        "expressions": {
            "command": {"constant_value": module},
            "interpreter": {"constant_value": ["python3", "-m"]},
        },
    }


def archive(document: Document) -> Document:
    return block(document, ADDRESS)


@pytest.mark.parametrize("scenario", [REMOVAL, "model-new-version"])
def test_archiving_what_goes_is_part_of_changing_models(scenario: str) -> None:
    document = document_of(scenario)
    assert element(document, ADDRESS)["change"]["actions"] == ["create", "delete"]
    assert asked(document) == (Verdict.MODELS_ONLY, Severity.NOTE, {})


@pytest.mark.parametrize(
    "edit",
    [
        lambda document: archive(document).update(provisioners=[command("os")]),
        lambda document: archive(document).update(provisioners=[*archive(document)["provisioners"], command("os")]),
        lambda document: archive(document).update(provisioners=[]),
        lambda document: archive(document)["provisioners"][0].update(type="remote-exec"),
        lambda document: archive(document)["provisioners"][0]["expressions"].update(command={"references": ["var.x"]}),
        lambda document: archive(document)["expressions"].update(input={"references": ["var.x"]}),
        lambda document: document["configuration"]["root_module"]["resources"].remove(archive(document)),
        lambda document: element(document, ADDRESS)["change"].update(actions=["delete", "create"]),
    ],
)
def test_anything_else_asks_for_approval(edit: Callable[[Document], object]) -> None:
    document = document_of(REMOVAL)
    edit(document)
    verdict, decision, _ = asked(document)
    assert verdict is Verdict.OTHER
    assert decision >= Severity.APPROVAL


def test_adding_a_model_leaves_the_archive_alone() -> None:
    document = document_of("model-added")
    assert element(document, ADDRESS)["change"]["actions"] == ["no-op"]
    assert asked(document) == (Verdict.MODELS_ONLY, Severity.NOTE, {})


def test_without_a_model_that_goes_it_asks_for_approval() -> None:
    document = document_of("model-added")
    element(document, ADDRESS)["change"] = element(document_of(REMOVAL), ADDRESS)["change"]
    verdict, decision, _ = asked(document)
    assert (verdict, decision) == (Verdict.OTHER, Severity.APPROVAL)


def test_the_archive_itself_must_not_go() -> None:
    document = document_of(REMOVAL)
    element(document, ADDRESS)["change"].update(actions=["delete"], after=None)
    assert asked(document)[0] is Verdict.OTHER
