"""The comment on a pull request, compared with golden files.

After a change that is meant: `UPDATE_GOLDEN=1 python -m pytest tests/plan_review/test_comments.py`, then read the diff.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from plan_review.findings import Severity
from plan_review.formats import markdown, text
from plan_review.models import Artifact, ModelAction, ModelChange
from plan_review.review import ChangeDetail, Review, review
from tests.plan_review.conftest import saved_plan, settings

GOLDEN = Path(__file__).parent / "comments"

COMMENTS = {
    "no-change": (("models-no-change", "dev-models"), ("endpoint-no-change", "dev-endpoint")),
    "new-version": (
        ("models-no-change", "dev-state"),
        ("model-new-version", "dev-models"),
        ("endpoint-no-change", "dev-endpoint"),
    ),
    "new-image": (("model-added", "dev-models"), ("endpoint-new-image", "dev-endpoint")),
    "instance-type": (("endpoint-instance-type", "prod-endpoint"),),
    "first-deployment": (("models-created", "dev-models"), ("endpoint-created", "dev-endpoint")),
    "outage": (
        ("bucket-opened", "prod-state"),
        ("model-current-version-removed", "prod-models"),
        ("endpoint-renamed", "prod-endpoint"),
    ),
    "drift": (("alarm-drifted", "dev-endpoint"),),
}


@pytest.mark.parametrize("name", sorted(COMMENTS))
@pytest.mark.parametrize("kind", ["md", "txt"])
def test_comment_is_as_the_golden_file(name: str, kind: str, reviewed: Callable[..., Review]) -> None:
    result = reviewed(*COMMENTS[name])
    written = markdown.render(result) if kind == "md" else text.render(result, width=100)
    golden = GOLDEN / f"{name}.{kind}"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(written, encoding="utf-8")
    assert written == golden.read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(COMMENTS)


def test_text_keeps_to_the_width_and_has_colours_only_when_asked(reviewed: Callable[..., Review]) -> None:
    result = reviewed(*COMMENTS["outage"])
    plain = text.render(result, width=72)
    assert max(len(line) for line in plain.splitlines()) <= 72
    assert "\x1b" not in plain
    assert "\x1b[1;31m" in text.render(result, color=True, width=72)


def test_destructive_comes_first(reviewed: Callable[..., Review]) -> None:
    comment = markdown.render(reviewed(*COMMENTS["outage"]))
    order = ["### Blocked", "### Needs approval", "### Endpoint", "### Models", "<details>"]
    places = [comment.index(item) for item in order if item in comment]
    assert places == sorted(places)
    assert comment.index("A running endpoint is replaced") < comment.index("<details>")


@pytest.mark.parametrize("scenario", ["bucket-renamed", "endpoint-instance-type", "endpoint-created"])
def test_the_order_of_the_plan_does_not_matter(scenario: str) -> None:
    plan = saved_plan(scenario)
    reverse = dataclasses.replace(plan, changes=plan.changes[::-1])
    assert markdown.render(review([reverse], settings())) == markdown.render(review([plan], settings()))


def test_the_marker_is_the_environments(reviewed: Callable[..., Review]) -> None:
    def first(*stacks: str) -> str:
        return markdown.render(reviewed(*(("models-no-change", stack) for stack in stacks))).splitlines()[0]

    assert first("dev-models", "dev-endpoint") == "<!-- plan-review:dev -->"
    assert first("dev-models", "prod-models") == "<!-- plan-review:all -->"
    assert first("x-->y") == "<!-- plan-review:x -->"


def many_models(result: Review, count: int) -> Review:
    """The review with `count` added models in its first stack."""
    changes = tuple(
        ModelChange(
            ModelAction.ADDED,
            Artifact(f"model-{n:05}", "1", f"models/model-{n:05}", "ab" * 32, 10**6, f"aws_s3_object.m{n}"),
        )
        for n in range(count)
    )
    first = dataclasses.replace(result.stacks[0], models=changes)
    return dataclasses.replace(result, stacks=(first, *result.stacks[1:]))


def test_a_long_comment_is_cut_visibly_and_names_where_the_whole_is(reviewed: Callable[..., Review]) -> None:
    result = many_models(reviewed(*COMMENTS["outage"]), 4000)
    comment = markdown.render(result, whole_at="https://ci.example/run/7")
    assert len(comment.encode()) < 65_536
    assert len(comment.encode()) > 60_000
    assert re.search(
        r"\*\*Cut here: [\d,]+ more lines do not fit\.\*\* The whole review: <https://ci.example/run/7>", comment
    )
    assert "A running endpoint is replaced" in comment
    assert comment.count("<details>") == comment.count("</details>")
    assert "`python -m plan_review prod-state.json prod-models.json prod-endpoint.json`" in markdown.render(result)


@pytest.mark.parametrize("limit", [900, 1500, 3000, 6000])
def test_any_limit_is_kept(limit: int, reviewed: Callable[..., Review]) -> None:
    result = many_models(reviewed(*COMMENTS["outage"]), 100)
    detail = ChangeDetail("aws_x.y", result.stacks[0].details[0].action, "é" * 400, ())
    stack = dataclasses.replace(result.stacks[0], details=(detail,) * 50)
    comment = markdown.render(dataclasses.replace(result, stacks=(stack, *result.stacks[1:])), limit=limit)
    assert len(comment.encode()) < limit
    assert "Cut here" in comment
    assert comment.count("<details>") == comment.count("</details>")


def test_markup_of_a_plan_stays_text(reviewed: Callable[..., Review]) -> None:
    result = reviewed("bucket-tagged")
    finding_stack = dataclasses.replace(
        result.stacks[0],
        models=(
            ModelChange(
                ModelAction.ADDED, Artifact("a|b`<img src=x>@all #1", "1|2", "k", "ab" * 32, None, "aws_s3_object.a")
            ),
        ),
    )
    comment = markdown.render(dataclasses.replace(result, stacks=(finding_stack,)))
    row = next(line for line in comment.splitlines() if "added |" in line)
    assert row.startswith("| `a\\|b'<img src=x>@all #1` | added | 1\\|2 | unknown |")


def test_notes_and_accepted_findings_are_folded(reviewed: Callable[..., Review]) -> None:
    result = reviewed("endpoint-renamed")
    accepted = tuple(
        dataclasses.replace(item, accepted="agreed (until 2026-12-31)") for item in result.stacks[0].findings
    )
    comment = markdown.render(
        dataclasses.replace(result, stacks=(dataclasses.replace(result.stacks[0], findings=accepted),))
    )
    assert "### Blocked" not in comment
    assert "accepted, agreed (until 2026-12-31): `aws_sagemaker_endpoint.endpoint`" in comment
    assert result.decision is Severity.BLOCKED
