"""The workflow that tries the real provider: its scripts, with programs that stand in for make and gh."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

WORKFLOW = Path(__file__).parents[2] / ".github" / "workflows" / "real-provider.yml"
JOBS: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
TITLE = "The newest hashicorp/aws fails here"


class Runner:
    """Runs a step's script as GitHub does; `made` and `said` hold the calls of make and gh."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        self.program("gh", '{ for word in "$@"; do printf "%s\\n" "$word"; done; echo; } >> "$RUNNER_TEMP/said"')
        self.program("make", 'echo "$*" >> "$RUNNER_TEMP/made"; echo "made $1"; test "$1" != "$BREAKS"')

    def program(self, name: str, script: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run(self, job: str, step: str, **variables: str) -> subprocess.CompletedProcess[str]:
        (found,) = [item for item in JOBS[job]["steps"] if item.get("name") == step]
        environment = {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(self.folder),
            "GITHUB_OUTPUT": str(self.folder / "outputs"),
            "GITHUB_REPOSITORY": "a/b",
            **variables,
        }
        command = ["bash", "-e", "-c", found["run"]]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=30
        )

    def text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_both_jobs_want_the_real_provider_and_nothing_else() -> None:
    for job in JOBS.values():
        assert job["env"]["LOCAL_AWS_PROVIDER"] == "hashicorp"
    assert "permissions" not in JOBS["pinned"]
    assert JOBS["newest"]["permissions"] == {"contents": "read", "issues": "write"}


@pytest.mark.parametrize(("breaks", "failed"), [("", "false"), ("demo", "true"), ("test", "true")])
def test_the_tests_run_even_where_the_demo_failed(runner: Runner, breaks: str, failed: str) -> None:
    done = runner.run("newest", "Run the demo and the end-to-end tests", BREAKS=breaks)
    assert done.returncode == 0, done.stderr
    assert runner.text("made") == "demo\ntest PYTEST_ARGUMENTS=tests/end_to_end\n"
    assert runner.text("outputs") == f"failed={failed}\n"
    assert runner.text("output.txt") == done.stdout == "made demo\nmade test\n"


@pytest.mark.parametrize(
    ("failed", "number", "call"),
    [
        ("false", "", None),
        ("false", "7", "issue close 7"),
        ("true", "", "issue create"),
        ("true", "7", "issue edit 7"),
        ("", "", "issue create"),  # an earlier step failed
    ],
)
def test_an_issue_says_whether_the_newest_release_works(
    runner: Runner, failed: str, number: str, call: str | None
) -> None:
    runner.program("gh", f'if [ "$2" = list ]; then echo "{number}"; else echo "$*" >> "$RUNNER_TEMP/said"; fi')
    (runner.folder / "output.txt").write_text("what the tests said\n")
    variables = {"FAILED": failed, "VERSION": "6.99.1" if failed else "", "RUN_URL": "https://run"}
    done = runner.run("newest", "Open, update or close the issue", **variables)
    assert done.returncode == 0, done.stderr
    said = runner.text("said")
    assert said.startswith(call) if call else said == ""
    if failed != "false":
        body = runner.text("body.md")
        assert "what the tests said" in body and "https://run" in body
        assert ("6.99.1" if failed else "could not be installed") in body
    if call == "issue create":
        assert json.dumps(TITLE)[1:-1] in said


def test_a_failure_is_seen() -> None:
    (last,) = [step for step in JOBS["newest"]["steps"] if step.get("name") == "Fail where something failed"]
    assert last["if"] == "steps.run.outputs.failed != 'false'"
    assert "exit 1" in last["run"]
