"""The pipelines that docs/other-pipelines.md shows: sound YAML and shell, and commands that exist."""

import re
import shlex
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from tests.github.conftest import ROOT

TEXT = (ROOT / "docs" / "other-pipelines.md").read_text(encoding="utf-8")
DOCUMENTS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)]


def scripts(value: object) -> Iterator[str]:
    """Every command in a pipeline."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("run", "command") and isinstance(inner, str):
                yield inner
            elif key in ("script", "before_script"):
                yield from inner
            else:
                yield from scripts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from scripts(inner)


COMMANDS = [text for document in DOCUMENTS for text in scripts(document)]


def test_the_pipelines_are_found() -> None:
    assert len(DOCUMENTS) == 3
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("text", COMMANDS)
def test_their_scripts_are_sound(text: str) -> None:
    checked = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_their_commands_have_the_options_that_they_are_given() -> None:
    lines = [line for text in COMMANDS for line in text.splitlines() if "python -m operations " in line]
    assert {line.split()[3] for line in lines} == {"plan", "deploy"}
    for line in lines:
        words = shlex.split(line.partition("||")[0])
        answer = subprocess.run([*words[:4], "--help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        reviews = subprocess.run(
            ["python", "-m", "plan_review", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for option in (word for word in words if word.startswith("--")):
            assert option in answer or (words[3] == "plan" and option in reviews), option


def test_the_stacks_of_atlantis_are_in_the_order_of_deployment() -> None:
    projects = DOCUMENTS[2]["projects"]
    assert [project["name"] for project in projects] == ["dev-state", "dev-image", "dev-models", "dev-endpoint"]
    assert [project["execution_order_group"] for project in projects] == [1, 2, 3, 4]
