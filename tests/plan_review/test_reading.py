"""What is read of a plan, and one clear line for what is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plan_review.errors import ReviewError
from plan_review.plan import Action
from plan_review.reading import read_plan, stack_name
from plan_review.values import UNKNOWN
from tests.plan_review.conftest import PLANS

EMPTY_PLAN = {"format_version": "1.2", "planned_values": {"root_module": {}}, "configuration": {}}
CHANGE = {
    "address": "aws_s3_bucket.b",
    "mode": "managed",
    "type": "aws_s3_bucket",
    "name": "b",
    "change": {"actions": ["create"], "before": None, "after": {"bucket": "x"}, "after_unknown": {"arn": True}},
}


def written(folder: Path, document: Any, name: str = "dev-models.json") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def plan_of(change: dict[str, Any]) -> dict[str, Any]:
    return EMPTY_PLAN | {"resource_changes": [change]}


REFUSED = {
    "empty file": ("", "is empty"),
    "white space": (" \n", "is empty"),
    "no JSON": ("Error: no plan", "is no complete JSON"),
    "cut off": (json.dumps(EMPTY_PLAN)[:-2], "is no complete JSON"),
    "more than one document": (json.dumps(EMPTY_PLAN) * 2, "is no complete JSON (trailing characters"),
    "an array": ([], "the document is not an object"),
    "no format version": ({"planned_values": {}}, "has no format_version"),
    "format version 2": (EMPTY_PLAN | {"format_version": "2.0"}, "has format_version '2.0', and only 1.x can be read"),
    "format version a number": (EMPTY_PLAN | {"format_version": 1.2}, "has format_version '1.2'"),
    "an errored plan": (EMPTY_PLAN | {"errored": True}, "is the plan of a run that failed"),
    "a state": ({"format_version": "1.0", "values": {}}, "is a state, not a plan"),
    "a log": (
        {"@level": "info", "@message": "Terraform 1.11.4", "terraform": "1.11.4"},
        "is a log of `terraform plan -json`",
    ),
    "no sections": ({"format_version": "1.2"}, "holds no plan"),
    "changes are no array": (EMPTY_PLAN | {"resource_changes": {}}, "resource_changes is no array"),
    "a change is no object": (plan_of("x"), "resource_changes[0] is no object"),  # type: ignore[arg-type]
    "a change without address": (plan_of(CHANGE | {"address": ""}), "resource_changes[0] has no address"),
    "a change without actions": (plan_of(CHANGE | {"change": {}}), "has actions None"),
    "an action that is no text": (plan_of(CHANGE | {"change": {"actions": [5]}}), "has actions [5], so it is no plan"),
    "before is no object": (
        plan_of(CHANGE | {"change": {"actions": ["delete"], "before": 5}}),
        "resource_changes[0].change.before is no object",
    ),
    "nested too deeply": ("[" * 200_000, "is no complete JSON (recursion limit exceeded"),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_refuses_with_one_line_that_names_the_file(case: str, tmp_path: Path) -> None:
    document, message = REFUSED[case]
    path = written(tmp_path, document)
    with pytest.raises(ReviewError) as caught:
        read_plan(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_refuses_a_missing_file_and_a_binary_plan(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match=r"No such file.*terraform show -json"):
        read_plan(tmp_path / "dev-models.json")
    (tmp_path / "plan").write_bytes(b"PK\x03\x04 zip")
    with pytest.raises(ReviewError, match="is a binary plan file; give it the output of `terraform show -json plan`"):
        read_plan(tmp_path / "plan")
    (tmp_path / "latin").write_bytes(b'{"a": "\xe9"}')
    with pytest.raises(ReviewError, match="is not UTF-8 text"):
        read_plan(tmp_path / "latin")


def test_reads_a_real_plan() -> None:
    plan = read_plan(PLANS / "endpoint-new-image.json")
    assert plan.stack == "endpoint-new-image"
    assert plan.terraform_version.startswith("1.")
    assert plan.complete
    assert plan.region == "us-east-1"
    assert [(item.source, item.version_constraint) for item in plan.providers] == [
        ("registry.terraform.io/hashicorp/aws", "6.25.0")
    ]
    assert {change.address: change.action for change in plan.changing} == {
        "aws_sagemaker_endpoint.endpoint": Action.UPDATE,
        "aws_sagemaker_endpoint_configuration.endpoint_configuration": Action.CREATE_THEN_DELETE,
        "aws_sagemaker_model.model": Action.CREATE_THEN_DELETE,
    }
    model = next(plan.of_type("aws_sagemaker_model"))
    assert model.before.text("primary_container", 0, "image") == model.before.data["primary_container"][0]["image"]
    assert model.after.at("arn") is UNKNOWN
    assert ("primary_container", 0, "image") in model.replace_paths


def test_data_sources_and_a_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    document = EMPTY_PLAN | {"resource_changes": [CHANGE | {"mode": "data", "change": {"actions": ["read"]}}, CHANGE]}
    plan = read_plan(written(tmp_path, "\ufeff" + json.dumps(document, indent=2)))
    assert [change.address for change in plan.changes] == ["aws_s3_bucket.b"]


COMMAND = "[command]/home/runner/work/_temp/0f0e/terraform-bin show -json plan"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{COMMAND}\n", ""),
        (f"{COMMAND}\n", "\n::debug::Terraform exited with code 0.\n::debug::stdout: {}%0A\n::debug::exitcode: 0\n"),
        (f"{COMMAND}\r\n", "\r\n\r\n::set-output name=stdout::{}\r\n"),
        (f"::debug::Running\n{COMMAND}\n\n", "\n\n"),
    ],
)
def test_lines_of_setup_terraforms_wrapper_do_not_matter(before: str, after: str, tmp_path: Path) -> None:
    """https://github.com/hashicorp/setup-terraform writes them around Terraform's own output."""
    described = json.loads(json.dumps(CHANGE))
    described["change"]["after"]["description"] = "first\n::debug:: of a text"
    path = written(tmp_path, f"{before}{json.dumps(plan_of(described))}{after}")
    assert [change.address for change in read_plan(path).changes] == ["aws_s3_bucket.b"]


def test_a_wrapper_without_a_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match="is no complete JSON"):
        read_plan(written(tmp_path, f"{COMMAND}\nError: no plan\n::debug::Terraform exited with code 1.\n"))


def test_keeps_only_the_sections_it_needs(tmp_path: Path) -> None:
    """Sections in any order, unknown ones too; an unsound one is still an error."""
    document = {"later": [1, {"a": 2}], "resource_changes": [CHANGE], "format_version": "1.9", "planned_values": {}}
    assert len(read_plan(written(tmp_path, document)).changes) == 1
    broken = json.dumps(document).replace('{"a": 2}', '{"a": }')
    with pytest.raises(ReviewError, match="is no complete JSON"):
        read_plan(written(tmp_path, broken))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("plans/dev-endpoint.json", "dev-endpoint"),
        ("dev-endpoint.tfplan.json", "dev-endpoint"),
        ("stacks/dev-endpoint/plan.json", "dev-endpoint"),
        ("stacks/dev-endpoint/plan", "dev-endpoint"),
    ],
)
def test_the_stack_is_named_by_the_file_or_its_folder(path: str, name: str) -> None:
    assert stack_name(Path(path)) == name
