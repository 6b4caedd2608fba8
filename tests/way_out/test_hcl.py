"""`cdktf synth --hcl`: Terraform plans the same from it."""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.process import LocalAws
from model_catalog.lock import Lock, Model, write_lock
from stacks.application import add_stacks
from stacks.aws_bindings import App, TerraformResource
from stacks.project import Project
from stacks.settings_reader import parse_settings
from tests.stacks.conftest import CONTEXT_HASH, LOCAL, copied, example_lock
from tests.way_out.comparison import ROOT, differences, run
from way_out import hcl

STACKS = ("state", "image", "models", "endpoint")
TERRAFORM = os.environ.get("TERRAFORM_BINARY_NAME", "terraform")


@pytest.fixture(scope="module")
def aws(tmp_path_factory) -> Iterator[LocalAws]:
    folder = tmp_path_factory.mktemp("aws")
    with LocalAws(directory=folder / "aws", port=0, provider="stand-in", log_file=folder / "log") as running:
        yield running


@pytest.fixture(scope="module")
def synthesised(aws, tmp_path_factory) -> Path:
    """The stacks of `local` as `json/stacks` and as `hcl/stacks`, with models."""
    folder = tmp_path_factory.mktemp("synthesised")
    write_lock(folder, Lock(models=example_lock().models | {"copied": Model(versions=(copied("copied", 1),))}))
    variables = {
        **aws.environment(),
        "ENVIRONMENT": "local",
        "CATALOG_DIRECTORY": str(folder),
        "CI": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    run(sys.executable, "main.py", **variables, CDKTF_OUTDIR=str(folder / "json"))
    cdktf = str(ROOT / "node_modules" / ".bin" / "cdktf")
    run(cdktf, "synth", "--hcl", "--output", str(folder / "hcl"), **variables)
    return folder


def planned(folder: Path, environment: dict[str, str]) -> dict[str, Any]:
    """What Terraform plans on an empty account."""
    # The state bucket is not there yet.
    (folder / "backend_override.tf.json").write_text('{"terraform": {"backend": {"local": {}}}}')
    terraform = (TERRAFORM, f"-chdir={folder}")
    run(*terraform, "init", "-input=false", **environment)
    run(*terraform, "validate", **environment)
    run(*terraform, "plan", "-input=false", "-lock=false", "-out=plan", **environment)
    plan = json.loads(run(*terraform, "show", "-json", "plan", **environment))
    return {key: plan[key] for key in ("planned_values", "resource_changes", "output_changes")}


@pytest.mark.parametrize("stack", STACKS)
def test_hcl_is_valid_and_plans_the_same(aws, synthesised, stack):
    folders = {syntax: synthesised / syntax / "stacks" / f"local-{stack}" for syntax in ("json", "hcl")}
    assert (folders["hcl"] / "cdk.tf").is_file()
    assert not (folders["hcl"] / "cdk.tf.json").exists()
    plans = {syntax: planned(folder, aws.environment()) for syntax, folder in folders.items()}
    assert plans["json"]["resource_changes"]
    # CDKTF's HCL has texts of several lines as here-documents, which end in a newline.
    differing = differences(plans["json"], plans["hcl"])
    assert {path: both for path, both in differing.items() if both[1] != f"{both[0]}\n"} == {}
    assert {path.rpartition("/")[2] for path in differing} <= {"dashboard_body"}


def test_every_object_gets_a_construct_and_what_hcl_breaks_goes(tmp_path):
    lock = Lock(models=example_lock().models | {"copied": Model(versions=(copied("copied", 1),))})
    settings = parse_settings({"environments": {"local": {**LOCAL, "model_list": True}}}, {})
    app = App(outdir=str(tmp_path))
    add_stacks(app, settings, lock, CONTEXT_HASH, Project(tmp_path, Path("cdktf.out"), Path("models"), Path()))
    (models,) = (stack for stack in app.node.children if stack.node.id == "local-models")
    objects = {
        (type_, id_)
        for type_ in ("aws_s3_object", "aws_s3_object_copy")
        for id_ in models.to_terraform()["resource"][type_]
    }
    assert len(objects) == 6
    hcl.rewrite(app)
    resources = [child for child in models.node.children if isinstance(child, TerraformResource)]
    assert objects <= {(resource.terraform_resource_type, resource.node.id) for resource in resources}
    for stack in app.node.children:
        assert "required_version" not in stack.to_terraform()["terraform"]


def test_only_the_command_lines_wish_gives_hcl():
    assert [hcl.is_wanted({"SYNTH_HCL_OUTPUT": value}) for value in ("true", "1", "false", "")] == [True, True, False, False]  # fmt: skip # noqa: E501
    assert not hcl.is_wanted({})


def test_nothing_in_the_stacks_knows_of_a_way_out():
    for path in (ROOT / "stacks").glob("*.py"):
        assert not re.search(r"way_out|cdktn|hcl_|_hcl\b|\.hcl\b(?!\")", path.read_text()), path
