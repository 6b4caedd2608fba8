"""main.py as cdktf runs it: a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stacks.conftest import LOCAL, SMALL

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A small project with the program's code, two environments, an empty catalog and a build context."""
    (tmp_path / "cdktf.json").write_text(json.dumps({"context": {"environments": {"local": LOCAL, "dev": SMALL}}}))
    shutil.copy(ROOT / "main.py", tmp_path)
    for package in ("stacks", "way_out", "model_catalog", "image_builder"):
        (tmp_path / package).symlink_to(ROOT / package)
    (tmp_path / "container").mkdir()
    (tmp_path / "container" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "models.lock.json").write_text('{"lock_version": 1, "models": {}}')
    return tmp_path


def run(checkout: Path, python: str = sys.executable, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **variables}
    return subprocess.run(
        [python, "main.py"], cwd=checkout, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_it_is_silent_and_writes_every_stack(checkout):
    done = run(checkout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    written = {path.name for path in (checkout / "cdktf.out" / "stacks").iterdir()}
    assert written == {f"{name}-{stack}" for name in ("local", "dev") for stack in ("state", "image", "models", "endpoint")}  # fmt: skip # noqa: E501


def test_its_variables(checkout, tmp_path):
    (tmp_path / "other").mkdir()
    (checkout / "models" / "models.lock.json").rename(tmp_path / "other" / "models.lock.json")
    done = run(
        checkout,
        ENVIRONMENT="local",
        CDKTF_OUTDIR="out",
        STATE_DIRECTORY="states",
        CATALOG_DIRECTORY=str(tmp_path / "other"),
        AWS_ENDPOINT_URL="http://127.0.0.1:5000",
    )
    assert (done.returncode, done.stderr) == (0, "")
    stacks = checkout / "out" / "stacks"
    assert len(list(stacks.iterdir())) == 4
    state = json.loads((stacks / "local-state" / "cdk.tf.json").read_text())
    assert state["terraform"]["backend"]["local"]["path"] == "../../../states/terraform.local-state.tfstate"
    assert state["provider"]["aws"][0]["endpoints"][0]["s3"] == "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        (
            lambda root: (root / "cdktf.json").write_text('{"context": {"environments": {"dev": {"region": 1}}}}'),
            "cdktf.json: context.environments.dev.region: must be the name of an AWS region, such as us-east-1, not 1.",
        ),
        (
            lambda root: (root / "models" / "models.lock.json").write_text("<<<<<<<"),
            "models.lock.json: not valid JSON",
        ),
        (
            lambda root: (root / "cdktf.json").write_text(
                json.dumps({"context": {"environments": {"dev": {**SMALL, "shards": {"pins": {"net": 1}}}}}})
            ),
            "cdktf.json: context.environments.dev.shards.pins.net: there is no such model in the catalog (models); add",
        ),
        (lambda root: (root / "container" / "Dockerfile").unlink(), "is not a build context: it has no Dockerfile."),
    ],
)
def test_a_mistake_of_the_user_is_a_line_and_exit_code_1(checkout, break_it, complaint):
    break_it(checkout)
    done = run(checkout)
    assert (done.returncode, done.stdout) == (1, "")
    assert complaint in done.stderr and "Traceback" not in done.stderr
    assert not (checkout / "cdktf.out").exists()


def test_variables_that_mislead_terraform_are_refused_beside_other_complaints(checkout):
    (checkout / "cdktf.json").write_text('{"context": {"environments": {}}}')
    done = run(checkout, TF_WORKSPACE="blue", TF_CLI_ARGS_plan="-target=x")
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["TF_CLI_ARGS_plan", "TF_WORKSPACE", "cdktf.json:"]
    assert not (checkout / "cdktf.out").exists()


def test_missing_packages_are_a_line(checkout, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True, timeout=60)
    done = run(checkout, python=str(bare / "bin" / "python3"))
    assert done.returncode == 1
    assert "`make setup` installs what is needed into .venv" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_missing_node_is_a_line(checkout):
    done = run(checkout, JSII_NODE="no-such-node")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith("no-such-node is not on PATH. CDKTF needs Node.js 20 or later")


def test_an_artifact_that_is_not_the_locks_is_told_before_anything_is_written(checkout):
    version = {
        "version": "1",
        "sha256": "ab" * 32,
        "size_bytes": 4,
        "engine": "mxnet",
        "key": f"net/1-{'ab' * 8}.tar.gz",
    }
    lock = {"lock_version": 1, "models": {"net": {"versions": [version]}}}
    (checkout / "models" / "models.lock.json").write_text(json.dumps(lock))
    artifact = checkout / "models" / "artifacts" / f"{'ab' * 32}.tar.gz"
    artifact.parent.mkdir()
    artifact.write_bytes(b"else")
    done = run(checkout)
    assert (done.returncode, done.stdout) == (1, "")
    assert "model net, version 1" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (checkout / "cdktf.out").exists()
    artifact.unlink()
    assert run(checkout).returncode == 0
