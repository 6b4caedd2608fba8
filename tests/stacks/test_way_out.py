"""Nothing depends on CDKTF and HashiCorp's binary alone: CDK Terrain, HCL and TERRAFORM_BINARY_NAME."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.process import LocalAws
from model_catalog.lock import Lock, Model, write_lock
from tests.stacks.conftest import copied, example_lock

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
SUCCESSOR = ROOT / ".local" / "way-out" / "packages"
STACKS = ("state", "image", "models", "endpoint")
TERRAFORM = os.environ.get("TERRAFORM_BINARY_NAME", "terraform")


def differences(one: Any, other: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """What differs between two JSON documents, by path."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = {}
        for key in sorted(one.keys() | other.keys()):
            found |= differences(one.get(key), other.get(key), f"{path}/{key}")
        return found
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        found = {}
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            found |= differences(left, right, f"{path}/{index}")
        return found
    return {} if one == other else {path: (one, other)}


def run(*command: str, **variables: str) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not SUCCESSOR.is_dir(), reason="CDK Terrain is not installed: make way-out")
def test_cdk_terrain_synthesises_the_same_json(tmp_path):
    program = "tests.stacks.synthesise_examples"
    packages = os.pathsep.join([str(SUCCESSOR), str(ROOT)])
    run(sys.executable, "-m", program, str(tmp_path), CDK_BINDINGS="cdktn", PYTHONPATH=packages)
    written = {folder.name: folder / "cdk.tf.json" for folder in (tmp_path / "cdktf.out" / "stacks").iterdir()}
    golden = {path.stem: path for path in GOLDEN.glob("*-*.json")}
    assert written.keys() == golden.keys()
    for name, path in written.items():
        differing = differences(json.loads(golden[name].read_text()), json.loads(path.read_text()))
        assert differing.keys() == {
            "////metadata/version",
            "/terraform/required_providers/aws/source",
            "/terraform/required_providers/aws/version",
        }
        # The same provider: Terraform reads the short form as the long one.
        assert differing["/terraform/required_providers/aws/source"] == ("aws", "hashicorp/aws")


def test_other_bindings_are_refused():
    done = subprocess.run(
        [sys.executable, "main.py"],
        cwd=ROOT,
        env={**os.environ, "CDK_BINDINGS": "pulumi"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "CDK_BINDINGS is 'pulumi'; allowed: cdktf or cdktn (default: cdktf)\n"


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
