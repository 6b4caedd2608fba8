"""The commands that describe an environment without asking AWS, and names of stacks that do not exist."""

import json
import os
from functools import partial
from pathlib import Path

import pytest

from model_catalog.lock import write_lock
from operations import __main__ as program
from operations import connection
from operations.commands import work
from operations.deployment import Deployment
from tests.stacks.conftest import SHARDED, SMALL, example_lock


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two environments, one of them with shards, and the example catalog."""
    context = {"environments": {"dev": SMALL, "sharded": SHARDED}, "catalog": {"directory": "catalog"}}
    (tmp_path / "cdktf.json").write_text(json.dumps({"context": context}))
    (tmp_path / "catalog").mkdir()
    write_lock(tmp_path / "catalog", example_lock())
    monkeypatch.setattr(work, "PROJECT_DIRECTORY", tmp_path)
    monkeypatch.setattr(connection, "PROJECT_DIRECTORY", tmp_path)
    monkeypatch.setattr(work, "Deployment", partial(Deployment, project_directory=tmp_path))
    for name in ("ENVIRONMENT", "CATALOG_DIRECTORY", "AWS_ENDPOINT_URL", "STATE_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["operations", *arguments])
    code = program.main()
    output = capsys.readouterr()
    return code, output.out, output.err


@pytest.mark.usefixtures("project")
def test_stacks_are_listed_in_the_order_of_deployment(monkeypatch, capsys) -> None:
    assert run(monkeypatch, capsys, "stacks", "dev") == (0, "state\nimage\nmodels\nendpoint\n", "")
    code, output, _ = run(monkeypatch, capsys, "stacks", "sharded")
    shards = ["models-3", "endpoint-3", "models-2", "endpoint-2", "models", "endpoint"]
    assert (code, output.splitlines()) == (0, ["state", "image", *shards])


@pytest.mark.usefixtures("project")
def test_a_variable_that_misleads_terraform_is_left_out_with_a_line(monkeypatch, capsys) -> None:
    monkeypatch.setenv("TF_WORKSPACE", "blue")
    code, output, error = run(monkeypatch, capsys, "stacks", "dev")
    assert (code, output.splitlines()[0]) == (0, "state")
    assert error.startswith('TF_WORKSPACE is set in the shell, to "blue" and ignored here: ')
    assert "TF_WORKSPACE" not in os.environ


@pytest.mark.usefixtures("project")
def test_endpoints_tells_where_models_are_invoked(monkeypatch, capsys) -> None:
    lock = example_lock()
    code, output, _ = run(monkeypatch, capsys, "endpoints", "sharded")
    assert code == 0
    assert [line.split("\t") for line in output.splitlines()] == [
        ["resnet18", "multi-model-sharded", lock.target_model("resnet18")],
        ["squeezenet", "multi-model-sharded-2", lock.target_model("squeezenet")],
        ["tenant-a/digits.v2", "multi-model-sharded-3", lock.target_model("tenant-a/digits.v2")],
    ]
    _, output, _ = run(monkeypatch, capsys, "endpoints", "dev", "squeezenet")
    assert output == f"squeezenet\tmulti-model-dev\t{lock.target_model('squeezenet')}\n"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("arguments", [("plan",), ("deploy", "dev", "--no-such-option"), ("no-such-command",)])
def test_a_wrong_command_line_never_looks_like_an_approval(monkeypatch, capsys, arguments) -> None:
    """2 is what a review that needs approval ends with."""
    code, output, errors = run(monkeypatch, capsys, *arguments)
    assert (code, output) == (1, "")
    assert errors.startswith("error: ") and "--help" in errors


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("stacks", "prod"), 'the variable ENVIRONMENT is "prod", which is none of the environments: dev, sharded.'),
        (("endpoints", "dev", "alexnet"), "model alexnet: not in the catalog."),
        (("adopt", "sharded", "models-4"), "sharded has no stack models-4; its stacks are state, image, models-3, "),
        (("unlock", "dev", "model", "id"), "dev has no stack model; its stacks are state, image, models, endpoint"),
    ],
)
def test_what_there_is_not_is_a_line(monkeypatch, capsys, arguments, message) -> None:
    monkeypatch.setattr(Deployment, "synth", lambda self: None)
    code, output, errors = run(monkeypatch, capsys, *arguments)
    assert (code, output) == (1, "")
    assert errors.startswith("error: ") and message in errors
