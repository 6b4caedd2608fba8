"""Which folder an environment's stacks are synthesised to."""

import os
from pathlib import Path

import pytest

from demo.rehearsal import Rehearsal
from operations.deployment import PROJECT_DIRECTORY
from operations.variables import LOCAL_REHEARSAL_DIRECTORY, output_directory


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
