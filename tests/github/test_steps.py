"""What the workflows' steps do: run by bash as GitHub runs them, with stand-ins for GitHub's own command line only."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws.process import LocalAws
from tests.github.conftest import ROOT, bash, executable, run_step, step_script


@pytest.mark.parametrize(("code", "stops"), [("0", False), ("2", False), ("3", True), ("1", True), ("", True)])
def test_the_check_stops_what_is_blocked(code: str, stops: bool, tmp_path: Path) -> None:
    result = run_step("plan", "plan", "Stop what is blocked", tmp_path, CODE=code)
    assert (result.returncode != 0) == stops


@pytest.mark.parametrize(("existing", "method"), [("77\t<!-- plan-review:dev -->\n", "PATCH"), ("78\tnice\n", "POST")])
def test_the_comment_is_updated_by_its_marker(existing: str, method: str, tmp_path: Path) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "review.md").write_text("<!-- plan-review:dev -->\n## Plan review\n")
    (tmp_path / "existing").write_text(f"12\t<!-- plan-review:prod -->\n{existing}")
    executable(
        tmp_path,
        "gh",
        '#!/bin/bash\ncase "$*" in *--paginate*) cat existing ;; *) echo "$*" >> calls ;; esac\n',
    )
    comments = "repos/o/r/issues/5/comments"
    result = run_step(
        "plan",
        "plan",
        "Comment, or update the comment of an earlier run",
        tmp_path,
        COMMENTS=comments,
        GITHUB_REPOSITORY="o/r",
    )
    assert result.returncode == 0, result.stderr
    place = "repos/o/r/issues/comments/77" if method == "PATCH" else comments
    assert (tmp_path / "calls").read_text() == f"api --method {method} {place} -F body=@plans/review.md --silent\n"


GH = """#!/bin/bash
case "$*" in
  *runs?event=merge_group*) cat groups.json ;;
  *runs?head_sha=$HEAD*) echo "$RUN_OF_HEAD" ;;
  *commits/$GITHUB_SHA/pulls*) echo "$HEAD" ;;
  run\\ download*) [ -n "$KEPT" ] && echo "$*" > downloaded ;;
  *) exit 9 ;;
esac
"""


def group(run: int, tree: str, started: str) -> dict[str, object]:
    """A run of Plan for a merge group, as GitHub's API describes it."""
    return {"id": run, "run_started_at": f"2026-01-01T{started}Z", "head_commit": {"tree_id": tree}}


@pytest.mark.parametrize(
    ("head", "groups", "of_head", "kept", "outcome"),
    [
        ("abc", [], "11", "yes", "11"),
        ("abc", [(21, "other", "09:00:00")], "11", "yes", "11"),
        ("abc", [(21, "same", "08:00:00"), (22, "same", "09:00:00"), (23, "other", "10:00:00")], "11", "yes", "22"),
        ("", [(22, "same", "09:00:00")], "", "yes", "22"),
        ("", [], "", "yes", "was not merged from a pull request"),
        ("abc", [], "", "yes", "no successful run of Plan for abc"),
        ("abc", [], "11", "", "The plans of run 11 are gone"),
    ],
)
def test_the_plans_of_a_merge_are_found(tmp_path: Path, *, head, groups, of_head, kept, outcome) -> None:
    """Those of a merge group come first, by the content they were made for; a squash gives it another commit."""
    (tmp_path / "a").write_text("merged")
    for arguments in (("init", "-q"), ("add", "a"), ("commit", "-qm", "merged")):
        git(tmp_path, *arguments)
    trees = {"same": git(tmp_path, "rev-parse", "HEAD^{tree}"), "other": "0" * 40}
    found = [group(run, trees[tree], started) for run, tree, started in groups]
    (tmp_path / "groups.json").write_text(json.dumps({"workflow_runs": found}))
    executable(tmp_path, "gh", GH)
    variables = {"GITHUB_SHA": "5678", "HEAD": head, "KEPT": kept, "RUN_OF_HEAD": of_head}
    result = run_step(
        "deploy",
        "verify",
        "Fetch the plans of what was merged",
        tmp_path,
        **variables,
        ENVIRONMENT="dev",
        GITHUB_REPOSITORY="o/r",
    )
    if outcome.isdigit():
        assert result.returncode == 0, result.stdout + result.stderr
        told = (tmp_path / "downloaded").read_text()
        assert told == f"run download {outcome} --repo o/r --name plans-dev --dir plans\n"
    else:
        assert result.returncode == 1
        assert outcome in result.stdout
        assert "run Deploy by hand" in result.stdout


PROJECT = (".gitignore", "cdktf.json", "main.py")
FOLDERS = (
    "container",
    "examples",
    "image_builder",
    "local_aws",
    "model_catalog",
    "models",
    "operations",
    "plan_review",
    "way_out",
)


def git(directory: Path, *arguments: str) -> str:
    command = [
        "git",
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@example.invalid",
        "-c",
        "commit.gpgsign=false",
        *arguments,
    ]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True).stdout.strip()


class Runner:
    """A checkout in which steps are run, on a local AWS of its own: environment `local` stands for `dev`."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.said = directory, ""
        self.summary, self.output = directory.parent / "summary", directory.parent / "output"

    def run(self, workflow: str, job_name: str, step_name: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.bash(step_script(workflow, job_name, step_name), **variables)

    def bash(self, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
        self.summary.write_text("")
        self.output.write_text("")
        inherited = {
            name: value for name, value in os.environ.items() if name.startswith(("TF_", "TERRAFORM_", "HOME"))
        }
        given = {
            **inherited,
            "ENVIRONMENT": "local",
            "RUN_URL": "https://example.invalid/1",
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "CHECKPOINT_DISABLE": "1",
            "CATALOG_DIRECTORY": str(self.directory / "models"),
            "COLUMNS": "200",
        }
        done = bash(text, self.directory, **given, **variables)
        self.said = done.stdout + done.stderr
        return done

    @property
    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.output.read_text().splitlines())

    def change(self, file: str, old: str, new: str) -> None:
        path = self.directory / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    """A clean clone with origin/main, as actions/checkout leaves it, and a local AWS that environment `local` finds."""
    directory = tmp_path / "checkout"
    directory.mkdir()
    for name in PROJECT:
        shutil.copy(ROOT / name, directory)
    ignored = shutil.ignore_patterns("__pycache__", "artifacts", "sources")
    for name in (*FOLDERS, "stacks"):
        shutil.copytree(ROOT / name, directory / name, ignore=ignored)
    with (directory / ".gitignore").open("a") as ignore:
        ignore.write("/review.md\n/bin/\nnode_modules\n")
    (directory / "node_modules").symlink_to(ROOT / "node_modules")
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "main")):
        git(directory, *arguments)
    git(directory, "update-ref", "refs/remotes/origin/main", "HEAD")
    with LocalAws(
        directory=directory / ".local" / "aws",
        port=0,
        provider="stand-in",
        runtime="process",
        log_file=tmp_path / "log",
    ):
        runner = Runner(directory)
        assert runner.bash("python -m operations bootstrap local").returncode == 0, runner.said
        yield runner


PLAN = ("plan", "plan", "Plan every stack and review the plans")
VERIFY = ("deploy", "verify", "Check that they are the reviewed ones, for this content, and review them once more")
BY_HAND = ("deploy", "plan", "Plan main and review the plans")
APPLY = ("deploy", "apply", "Apply exactly the reviewed plans")
DRIFT = ("drift", "drift", "Plan every stack and review the plans")


def test_from_a_pull_request_to_the_deployment_and_after(runner: Runner) -> None:
    before = git(runner.directory, "rev-parse", "HEAD")

    # A pull request that also loosens the gate: it is planned, and that is shown.
    (runner.directory / "review-policy.toml").write_text('[verdicts]\nother = "safe"\n')
    git(runner.directory, "add", "-A")
    git(runner.directory, "commit", "-qm", "a pull request")
    assert runner.run(*PLAN).returncode == 0, runner.said
    assert runner.outputs == {"code": "2"}
    synthesised = list(runner.directory.glob(".local/local/cdktf.out/stacks/*/cdk.tf.json"))
    assert len(synthesised) == 4
    assert {file.stat().st_mode & 0o777 for file in synthesised} == {0o600}
    review = (runner.directory / "plans" / "review.md").read_text()
    assert review == runner.summary.read_text()
    assert "Changes what decides over reviews\n\n- `review-policy.toml`" in review

    # Merged: the plans are checked and reviewed once more, then applied, and nothing differs from main.
    assert runner.run(*VERIFY, BEFORE=before).returncode == 0, runner.said
    assert runner.summary.read_text().count(".tfplan\n") == 4
    assert runner.run(*APPLY).returncode == 0, runner.said
    applied = re.findall(r"^(\S+): applied", runner.said, re.MULTILINE)
    assert applied == ["local-image", "local-models", "local-endpoint"]
    assert runner.run(*DRIFT).returncode == 0, runner.said
    assert runner.outputs == {"drifted": "false"}

    # A setting changes on main, and its deployment never comes: the nightly run finds it, a run by hand deploys it.
    runner.change("cdktf.json", '"log_retention_days": 1,', '"log_retention_days": 3,')
    git(runner.directory, "commit", "-qam", "main moves on")
    for step in (VERIFY, APPLY):
        refused = runner.run(*step, BEFORE=before)
        assert (refused.returncode, "another merge came first" in refused.stderr) == (1, True), runner.said
    assert runner.run(*DRIFT).returncode == 0, runner.said
    assert runner.outputs == {"drifted": "true"}
    assert runner.run(*BY_HAND).returncode == 0, runner.said
    assert "aws_cloudwatch_log_group" in runner.summary.read_text()
    assert runner.run(*APPLY).returncode == 0, runner.said
    stale = runner.run(*APPLY)
    assert (stale.returncode, "Saved plan is stale" in stale.stderr) == (1, True), runner.said


def test_what_is_blocked_changed_or_damaged_goes_no_further(runner: Runner) -> None:
    before = git(runner.directory, "rev-parse", "HEAD")
    runner.change(
        "cdktf.json", '"state_backend": "local",', '"state_backend": "local",\n        "state_bucket": "another",'
    )
    git(runner.directory, "commit", "-qam", "another bucket for the states")
    assert runner.run(*PLAN).returncode == 0, runner.said
    assert runner.outputs == {"code": "3"}
    for step in (VERIFY, BY_HAND):
        blocked = runner.run(*step, BEFORE=before)
        assert (blocked.returncode, "::error::The review blocks" in blocked.stdout) == (1, True), runner.said

    (runner.directory / "plans" / "local-models.tfplan").write_bytes(b"another plan")
    for step in (VERIFY, APPLY):
        changed = runner.run(*step, BEFORE=before)
        assert changed.returncode == 1, runner.said
        assert "local-models.tfplan: changed since it was saved" in changed.stderr

    state = runner.directory / ".local" / "local" / "state" / "terraform.local-state.tfstate"
    assert state.is_file()
    state.write_text("{}")
    damaged = runner.run(*PLAN)
    assert (damaged.returncode, "is damaged" in damaged.stderr) == (1, True), runner.said


def test_a_program_that_fails_stops_every_step(tmp_path: Path) -> None:
    executable(tmp_path, "python", "#!/bin/bash\nexit 1\n")
    paths = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    for step in (PLAN, VERIFY, BY_HAND, APPLY, DRIFT):
        assert run_step(*step, tmp_path, ENVIRONMENT="dev", RUN_URL="", BEFORE="", **paths).returncode == 1
