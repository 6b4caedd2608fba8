"""The workflows as data, and their steps run as GitHub runs them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))


def loaded(path: Path) -> dict[str, Any]:
    """The workflow, with the key `on` that YAML 1.1 reads as true."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in content.items()}


def steps(path: Path) -> Iterator[dict[str, Any]]:
    """Every step of a workflow, or of an action."""
    content = loaded(path)
    for one in content["jobs"].values() if "jobs" in content else [content["runs"]]:
        yield from one["steps"]


def job(workflow: str, name: str) -> dict[str, Any]:
    return loaded(GITHUB / "workflows" / f"{workflow}.yml")["jobs"][name]


def script(workflow: str, name: str) -> str:
    """All that a job runs."""
    return "\n".join(step.get("run", "") for step in job(workflow, name)["steps"])


def uses(workflow: str, name: str) -> list[str]:
    return [step["uses"].partition("@")[0] for step in job(workflow, name)["steps"] if "uses" in step]


def step_script(workflow: str, job_name: str, step_name: str) -> str:
    return next(item for item in job(workflow, job_name)["steps"] if item.get("name") == step_name)["run"]


def run_step(
    workflow: str, job_name: str, step_name: str, folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs one step's script in a folder."""
    return bash(step_script(workflow, job_name, step_name), folder, **variables)


def bash(text: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a script as GitHub does (bash -e -o pipefail), with only these variables."""
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", **variables}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def executable(folder: Path, name: str, text: str) -> None:
    """A program of this name for the steps that run in `folder`."""
    (folder / "bin").mkdir(exist_ok=True)
    path = folder / "bin" / name
    path.write_text(text)
    path.chmod(0o755)
