"""Which folder an environment's stacks are synthesised to."""

import os
from pathlib import Path

import pytest

from demo.rehearsal import Rehearsal
from local_aws.access_key import AccessKey
from local_aws.directory import Directory, Running
from local_aws.errors import LocalAwsError
from operations import __main__ as command_line
from operations import variables as variables_module
from operations.deployment import PROJECT_DIRECTORY
from operations.variables import LOCAL_REHEARSAL_DIRECTORY, output_directory, require_lasting


class StandIn:
    """Of a local AWS: nothing here asks it anything."""

    url = "http://127.0.0.1:1"

    @staticmethod
    def session() -> None:
        return None

    @staticmethod
    def provider() -> str:
        return "none"

    @staticmethod
    def environment() -> dict[str, str]:
        return {"PATH": os.environ["PATH"]}


def test_what_make_local_deployed_is_planned_in_the_folder_it_was_deployed_from(tmp_path: Path) -> None:
    """`source` of an uploaded model is relative to that folder: another one is a change of every model."""
    state = str(LOCAL_REHEARSAL_DIRECTORY / "state")
    planned_in = output_directory({"STATE_DIRECTORY": state})
    assert planned_in is not None
    rehearsal = Rehearsal(tmp_path, StandIn())  # type: ignore[arg-type]
    deployed_from = rehearsal.deployment.output_directory
    assert planned_in.relative_to(LOCAL_REHEARSAL_DIRECTORY) == deployed_from.relative_to(tmp_path.resolve())
    assert output_directory({"STATE_DIRECTORY": os.path.relpath(state, PROJECT_DIRECTORY)}) == planned_in


@pytest.mark.parametrize("variables", [{}, {"STATE_DIRECTORY": "elsewhere"}])
def test_everything_else_is_planned_in_the_projects_own_folder(variables: dict[str, str]) -> None:
    assert output_directory(variables) is None


@pytest.mark.parametrize("command", [["deploy", "local", "--yes"], ["bootstrap", "local"]])
def test_nothing_is_deployed_to_an_account_that_ends_with_the_command(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(variables_module, "LOCAL_AWS_DIRECTORY", tmp_path / "aws")
    monkeypatch.setattr("sys.argv", ["operations", *command])
    assert command_line.main() == 1
    said = capsys.readouterr().err
    assert "Nothing was changed" in said and "make local" in said
    assert list(tmp_path.iterdir()) == []


def test_a_local_aws_that_runs_and_environments_on_aws_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variables_module, "LOCAL_AWS_DIRECTORY", tmp_path / "aws")
    require_lasting("dev")
    directory = Directory(tmp_path / "aws")
    directory.acquire()
    try:
        directory.announce(Running(os.getpid(), "http://127.0.0.1:1", AccessKey("id", "secret")))
        require_lasting("local")
    finally:
        directory.release()
    with pytest.raises(LocalAwsError):
        require_lasting("local")
