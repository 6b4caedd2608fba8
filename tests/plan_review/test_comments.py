"""The comment on a pull request, compared with golden files.

After a change that is meant: `UPDATE_GOLDEN=1 python -m pytest tests/plan_review/test_comments.py`, then read the diff.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from plan_review.endpoint import Difference, differences
from plan_review.findings import Severity
from plan_review.formats import markdown, text
from plan_review.models import Artifact, ModelAction, ModelChange
from plan_review.plan import Action
from plan_review.review import ChangeDetail, Review, review
from plan_review.values import Values
from tests.plan_review.conftest import document_of, recorded, review_of, saved_plan
from tests.plan_review.conftest import settings as review_settings

RECORDED_PLANS = sorted(
    name for chain in ("main", "scaling", "kms") for name in recorded(chain) if name.endswith(".plan")
)

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
    assert markdown.render(review([reverse], review_settings())) == markdown.render(review([plan], review_settings()))


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


# What a plan may hold to break out of its place in the comment, to notify somebody, or to look like another text.
HOSTILE = st.lists(
    st.sampled_from(
        (
            *(
                "`",
                "``",
                "```\n",
                "~~~\n",
                "|",
                "\\\\|",
                "\\\\",
                "\n",
                "\r\n",
                "\n\n",
                "\u2028",
                "- x",
                "\n- x",
                "\n# h",
                "\n> q",
            ),
            *("<img src=x onerror=alert(1)>", "</details>", "<!--", "-->", "<script>", "&lt;", "&#64;team", "<sub>"),
            *(
                "@team",
                "@org/team",
                "#1",
                "GH-12",
                "owner/repo#3",
                "https://github.com/o/r/issues/4",
                "www.example.com",
            ),
            *("[a](https://x)", "![a](https://x)", "**b**", "_i_", "~~s~~", "\u202eevil", "\u2066", "\u200b", "\u061c"),
            *("\x1b[31m", "\x00", "a", " ", "é", "$x$", ":tada:", "[x]: https://x", "1. y", "---", "==="),
        )
    ),
    min_size=1,
    max_size=8,
).map("".join)


def hostile(value: Any, text: str, side: str) -> Any:
    """`value` with the text at the end of every string, and in a key of every map whose value is another a side."""
    if isinstance(value, dict):
        return {key: hostile(item, text, side) for key, item in value.items()} | {f"k{text}": side}
    if isinstance(value, list):
        return [hostile(item, text, side) for item in value]
    return f"{value}{text}" if isinstance(value, str) else value


def tokens_of(comment: str) -> list[Token]:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(comment)


def structure(comment: str) -> list[str]:
    """Blocks of a comment in order, with the number of code spans in each: what a reader sees as its shape."""
    shape = []
    for token in tokens_of(comment):
        spans = sum(child.type == "code_inline" for child in token.children or ())
        first = token.content.splitlines()[0][:9] if token.type == "html_block" else spans
        shape.append(f"{token.type} {token.level} {first}")
    return shape


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(HOSTILE, st.sampled_from([*["endpoint-new-image"] * 4, "alarm-removed", "bucket-shared"]))
def test_no_text_of_a_plan_breaks_the_comment_or_notifies_anybody(text: str, scenario: str) -> None:
    plain, document = document_of(scenario), document_of(scenario)
    for target, inserted in ((plain, "x"), (document, text)):
        for change in target["resource_changes"]:
            change["address"] += inserted
            if change["change"]["actions"] == ["no-op"]:
                continue
            for side in ("before", "after"):
                values = change["change"][side]
                if values:
                    values |= {
                        key: hostile(value, inserted, side)
                        for key, value in values.items()
                        if key
                        in ("description", "alarm_description", "policy", "primary_container", "namespace", "url")
                    }
                    values["note"] = f"{side}{inserted}"
    expected = markdown.render(review_of(dev_models=plain))
    comment = markdown.render(review_of(dev_models=document))
    assert structure(comment) == structure(expected)
    outside = []
    for token in tokens_of(comment):
        if token.type == "html_block":
            outside.append(token.content)
        for child in token.children or ():
            assert child.type in (
                "text",
                "code_inline",
                "strong_open",
                "strong_close",
                "softbreak",
                "link_open",
                "link_close",
                "html_inline",
                "text_special",
            ), child
            assert child.type != "html_inline" or child.content in ("<sub>", "</sub>"), child.content
            if child.type == "link_open":
                assert str(child.attrs["href"]).startswith(LINKS), child.attrs
            if child.type in ("text", "text_special"):
                outside.append(child.content)
    written = "".join(outside)
    assert re.search(r"@\w|#\d|\bGH-\d|://\w|\bwww\.", written) is None, written
    assert re.search("[\x00-\x08\x0b-\x1f\x7f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069]", comment) is None


LINKS = ("https://docs.aws.amazon.com/", "https://developer.hashicorp.com/", "https://github.com/hashicorp/")


def test_every_changed_resource_is_named_models_too(reviewed: Callable[..., Review]) -> None:
    """Also objects that are changed in place, which the list of models does not have."""
    for scenario in (
        "artifact-tagged",
        "artifact-archived",
        "artifact-overwritten",
        "model-new-version",
        "key-removed",
    ):
        document = document_of(scenario)
        changed = [
            item["address"]
            for item in document["resource_changes"]
            if item["change"]["actions"] not in (["no-op"], ["read"])
        ]
        result = reviewed(scenario)
        named = {detail.address for detail in result.stacks[0].details}
        named |= {model.artifact.address for model in result.stacks[0].models}
        assert named >= set(changed)
    assert "`aws_s3_object.resnet_v1` is updated in place (only tags" in markdown.render(reviewed("artifact-tagged"))


@pytest.mark.parametrize("zero", ["", 0, False, [], {}])
def test_zero_values_and_null_are_one(zero: Any) -> None:
    document = document_of("endpoint-new-image")
    for change in document["resource_changes"]:
        if change["type"] == "aws_sagemaker_model":
            change["change"]["before"]["a_setting"], change["change"]["after"]["a_setting"] = zero, None
            change["change"]["before"]["another"], change["change"]["after"]["another"] = None, zero
    result = review_of(dev_endpoint=document)
    assert "a_setting" not in text.render(result)
    assert "another" not in text.render(result)


def test_of_a_policy_the_statements_that_differ_show() -> None:
    details = {item.address: item for item in review_of(dev_x=document_of("guard-added")).stacks[0].details}
    (difference,) = details["aws_s3_bucket_policy.models_bucket"].differences
    assert (difference.what, difference.before) == ("policy (what differs)", "(none)")
    assert difference.after.startswith('[{"Action": "s3:*", "Condition": {"NumericLessThan"')
    assert '"Effect": "Deny"' in difference.after
    assert "SecureTransport" not in difference.after


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ('{"Statement": [{"Effect": "Deny", "Action": "*"}]}', '{"Statement":[{"Action":"*","Effect":"Deny"}]}', False),
        ('{"Statement": [{"Condition": {"Bool": {"a": false}}}]}', '{"Statement": [{}]}', True),
        ("{no JSON", "{no JSON at all", True),
        ('{"a": 1}', '{"a": 2}', True),
    ],
)
def test_two_ways_of_writing_one_document_are_no_difference(old: str, new: str, shown: bool) -> None:
    found = list(differences(Values({"policy": old}), Values({"policy": new})))
    assert bool(found) is shown


def test_of_a_sensitive_policy_nothing_shows() -> None:
    document = document_of("guard-added")
    for change in document["resource_changes"]:
        change["change"]["before_sensitive"] = {"policy": True}
    details = {item.address: item for item in review_of(dev_x=document).stacks[0].details}
    (difference,) = details["aws_s3_bucket_policy.models_bucket"].differences
    assert (difference.what, difference.before, difference.after) == ("policy", "(sensitive)", "(sensitive)")


def test_a_zero_that_is_another_value_shows() -> None:
    document = document_of("scaling-range")
    for change in document["resource_changes"]:
        if change["type"] == "aws_appautoscaling_target":
            change["change"]["after"] |= {"min_capacity": 0, "max_capacity": 4}
    settings_ = {
        item.what: (item.before, item.after)
        for item in review_of(dev_endpoint=document).stacks[0].endpoints[0].differences
    }
    assert settings_ == {"scaling: fewest instances": ("1", "0")}


@pytest.mark.parametrize("name", RECORDED_PLANS)
def test_no_recorded_plan_has_a_zero_for_a_difference(name: str, reviewed: Callable[..., Review]) -> None:
    result = reviewed((name, "dev-x"))
    shown = [
        item for stack in result.stacks for part in (*stack.endpoints, *stack.details) for item in part.differences
    ]
    noise = [item for item in shown if {item.before, item.after} <= {"(none)", "0", "false", "[]", "{}", "", '""'}]
    assert [item for item in noise if "(none)" in (item.before, item.after) and not _is_new(result, item)] == []


def _is_new(result: Review, item: Difference) -> bool:
    """Whether the difference is of something created: a 0 of its own shows there."""
    created = [detail for stack in result.stacks for detail in stack.details if detail.action is Action.CREATE]
    created_endpoints = [
        endpoint for stack in result.stacks for endpoint in stack.endpoints if endpoint.change.action is Action.CREATE
    ]
    return any(item in part.differences for part in (*created, *created_endpoints))


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
