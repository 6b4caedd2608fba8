"""The GitHub Actions workflows: by actionlint where it is installed, and by what must hold of each of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))

STEP = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "id": {"type": "string"},
        "if": {"type": "string"},
        "uses": {
            "type": "string",
            "pattern": r"^(\./\.github/actions/[a-z-]+|[\w.-]+/[\w./-]+@(v\d+(\.\d+)*|[0-9a-f]{40}))$",
        },
        "with": {"type": "object"},
        "run": {"type": "string"},
        "env": {"type": "object"},
        "shell": {"enum": ["bash"]},
    },
    "oneOf": [{"required": ["uses"]}, {"required": ["run"]}],
}
PERMISSIONS = {"type": "object", "additionalProperties": {"enum": ["read", "write", "none"]}}
WORKFLOW = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "on", "permissions", "concurrency", "jobs"],
    "properties": {
        "name": {"type": "string"},
        "on": {"type": "object"},
        # What a job may do beyond reading the repository, it says itself.
        "permissions": {"const": {"contents": "read"}},
        "concurrency": {
            "type": "object",
            "required": ["group", "cancel-in-progress"],
            "properties": {"group": {"type": "string"}, "cancel-in-progress": {"type": "boolean"}},
        },
        "env": {"type": "object"},
        "jobs": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": "object",
                "required": ["runs-on", "timeout-minutes", "steps"],
                "additionalProperties": False,
                "properties": {
                    "if": {"type": "string"},
                    "needs": {"type": "string"},
                    "runs-on": {"type": "string", "pattern": r"^ubuntu-\d+\.\d+$"},
                    "timeout-minutes": {"type": "integer", "maximum": 360},
                    "permissions": PERMISSIONS,
                    "strategy": {"type": "object"},
                    "environment": {"type": "string"},
                    "env": {"type": "object"},
                    "steps": {"type": "array", "minItems": 1, "items": STEP},
                },
            },
        },
    },
}


def loaded(path: Path) -> dict[str, Any]:
    """The workflow, with the key `on` that YAML 1.1 reads as true."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in content.items()}


def steps(path: Path) -> Iterator[dict[str, Any]]:
    content = loaded(path)
    for job in content["jobs"].values() if "jobs" in content else [content["runs"]]:
        yield from job["steps"]


def job(workflow: str, name: str) -> dict[str, Any]:
    return loaded(ROOT / ".github" / "workflows" / f"{workflow}.yml")["jobs"][name]


def script(workflow: str, name: str) -> str:
    return "\n".join(step.get("run", "") for step in job(workflow, name)["steps"])


def uses(workflow: str, name: str) -> list[str]:
    return [step["uses"].partition("@")[0] for step in job(workflow, name)["steps"] if "uses" in step]


def named(paths: list[Path]) -> Any:
    return pytest.mark.parametrize("path", paths, ids=lambda path: f"{path.parent.name}-{path.stem}")


def test_the_workflows_are_there() -> None:
    assert {path.stem for path in WORKFLOWS} == {"test", "plan", "deploy", "drift"}


@named(WORKFLOWS)
def test_follows_the_schema(path: Path) -> None:
    jsonschema.validate(loaded(path), WORKFLOW)


@named(ACTIONS)
def test_the_steps_of_an_action_follow_the_schema(path: Path) -> None:
    for step in steps(path):
        jsonschema.validate(step, STEP)


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="actionlint is not on PATH")
def test_actionlint_has_no_complaint() -> None:
    result = subprocess.run(
        ["actionlint", "-no-color", *map(str, WORKFLOWS)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.stdout + result.stderr == ""
    assert result.returncode == 0


@named(WORKFLOWS + ACTIONS)
def test_scripts_are_sound_and_take_nothing_from_expressions(path: Path) -> None:
    """A value that somebody else wrote must reach a script through `env`, never as text of the script."""
    for step in steps(path):
        if "run" in step:
            assert "${{" not in step["run"], step.get("name")
            checked = subprocess.run(["bash", "-n"], input=step["run"], text=True, capture_output=True, check=False)
            assert checked.returncode == 0, checked.stderr


@named(WORKFLOWS)
def test_credentials_are_short_lived_and_only_where_aws_is_used(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"secrets\.|aws-access-key-id|aws-secret-access-key", text)
    assert "pull_request_target" not in text
    for content in loaded(path)["jobs"].values():
        with_aws = any("configure-aws-credentials" in step.get("uses", "") for step in content["steps"])
        assert (content.get("permissions", {}).get("id-token") == "write") == with_aws
        assert ("environment" in content) == with_aws
        for step in content["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_local_actions_exist() -> None:
    for path in WORKFLOWS:
        for step in steps(path):
            if step.get("uses", "").startswith("./"):
                assert (ROOT / step["uses"] / "action.yml").is_file()


def test_the_terraform_wrapper_is_off() -> None:
    setup = next(step for step in steps(ACTIONS[0]) if step.get("uses", "").startswith("hashicorp/setup-terraform@"))
    assert setup["with"]["terraform_wrapper"] is False


def test_plan_synthesises_once_and_plans_every_stack_without_the_lock() -> None:
    plan = script("plan", "plan")
    assert plan.count("cdktf synth") == 1
    assert "plan -input=false -no-color -lock=false -out=plan" in plan
    assert "terraform apply" not in plan
    assert job("plan", "plan")["environment"] == "${{ matrix.environment }}-plan"
    assert "actions/upload-artifact" in uses("plan", "plan")
    assert "GITHUB_STEP_SUMMARY" in plan
    assert "--method PATCH" in plan and "marker=" in plan
    assert job("plan", "plan")["if"] == "github.event.pull_request.head.repo.full_name == github.repository"


REVIEWS = [
    ("plan", "plan", "Review"),
    ("drift", "drift", "Review"),
    ("deploy", "verify", "Review these very files once more, for whoever approves"),
]
WHERE_STACKS_ARE = [
    ("plan", "plan", "Plan every stack"),
    ("drift", "drift", "Plan every stack"),
    ("deploy", "apply", "Apply exactly the reviewed plans"),
    *REVIEWS,
]


@pytest.mark.parametrize(("workflow", "job_name", "step_name"), WHERE_STACKS_ARE)
def test_the_stacks_are_those_of_the_settings_and_a_failure_to_tell_them_stops(
    workflow: str, job_name: str, step_name: str, tmp_path: Path
) -> None:
    text = next(step["run"] for step in job(workflow, job_name)["steps"] if step.get("name") == step_name)
    assert 'stacks="$(python -m operations stacks "$ENVIRONMENT")"\n' in text
    assert text.count("for stack in") == text.count("for stack in $stacks;") == 1
    executable(tmp_path, "python", "#!/bin/bash\nexit 1\n")
    for name in ("cdktf", "terraform", "sha256sum"):
        executable(tmp_path, name, "#!/bin/bash\n")
    (tmp_path / "plans").mkdir()
    result = run_step(workflow, job_name, step_name, tmp_path, ENVIRONMENT="dev", RUN_URL="", RUNNER_TEMP=str(tmp_path))
    assert result.returncode != 0


def test_deploy_applies_only_what_was_verified() -> None:
    assert job("deploy", "apply")["needs"] == "verify"
    assert job("deploy", "apply")["environment"] == "${{ matrix.environment }}"
    assert job("deploy", "apply")["strategy"]["max-parallel"] == 1
    apply = script("deploy", "apply")
    assert 'apply -input=false -no-color "$plans/$name.tfplan"' in apply
    assert "auto-approve" not in apply
    assert "plan -" not in apply
    for name in ("verify", "apply"):
        assert "sha256sum --check --strict SHA256SUMS" in script("deploy", name)
    assert "HEAD^{tree}" in script("deploy", "verify")
    assert "configure-aws-credentials" not in str(uses("deploy", "verify"))
    assert loaded(ROOT / ".github/workflows/deploy.yml")["concurrency"]["cancel-in-progress"] is False


def test_drift_runs_every_night_and_changes_nothing() -> None:
    workflow = loaded(ROOT / ".github/workflows/drift.yml")
    assert re.fullmatch(r"\d+ \d+ \* \* \*", workflow["on"]["schedule"][0]["cron"])
    assert "terraform apply" not in script("drift", "drift")
    assert job("drift", "drift")["permissions"] == {"contents": "read", "id-token": "write", "issues": "write"}


@pytest.mark.parametrize("given", [(), ("review-accepted.toml",), ("review-accepted.toml", "review-policy.toml")])
@pytest.mark.parametrize(("workflow", "job_name", "step_name"), REVIEWS)
def test_every_review_reads_the_policy_and_what_was_accepted(
    workflow: str, job_name: str, step_name: str, given: tuple[str, ...], tmp_path: Path
) -> None:
    for name in given:
        (tmp_path / name).touch()
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "dev-models.lock.hcl").touch()
    (tmp_path / "plans" / "SHA256SUMS").write_text("0  dev-models.tfplan\n")
    (tmp_path / "review.md").touch()
    executable(tmp_path, "python", '#!/bin/bash\n[ "$2" = operations ] && echo models || echo "$*" >> calls\n')
    executable(tmp_path, "jq", "#!/bin/bash\necho no_change\n")
    executable(tmp_path, "terraform", "#!/bin/bash\n")
    result = run_step(
        workflow,
        job_name,
        step_name,
        tmp_path,
        ENVIRONMENT="dev",
        RUN_URL="https://example.invalid/1",
        RUNNER_TEMP=str(tmp_path),
        GITHUB_OUTPUT=str(tmp_path / "output"),
        GITHUB_STEP_SUMMARY=str(tmp_path / "summary"),
    )
    assert result.returncode == 0, result.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls
    for call in calls:
        assert call.startswith("-m plan_review ")
        assert ("--policy review-policy.toml" in call) == ("review-policy.toml" in given)
        assert ("--accept review-accepted.toml" in call) == ("review-accepted.toml" in given)


def run_step(
    workflow: str, job_name: str, step_name: str, folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs one step's script as GitHub does (bash -e -o pipefail), with only these variables."""
    step = next(item for item in job(workflow, job_name)["steps"] if item.get("name") == step_name)
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", **variables}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def executable(folder: Path, name: str, text: str) -> None:
    (folder / "bin").mkdir(exist_ok=True)
    path = folder / "bin" / name
    path.write_text(text)
    path.chmod(0o755)


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


def test_deploy_refuses_changed_plans_and_another_tree(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.invalid", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    def verify() -> subprocess.CompletedProcess[str]:
        return run_step("deploy", "verify", "Check that they are the reviewed ones, for this content", tmp_path)

    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "one")
    plans = tmp_path / "plans"
    plans.mkdir()
    (plans / "dev-models.tfplan").write_bytes(b"plan")
    (plans / "dev-models.lock.hcl").write_text("lock")
    (plans / "tree").write_text(git("rev-parse", "HEAD^{tree}") + "\n")
    sums = "sha256sum -- *.tfplan *.lock.hcl tree > SHA256SUMS"
    assert sums in script("plan", "plan")
    subprocess.run(["bash", "-c", sums], cwd=plans, check=True)
    assert verify().returncode == 0
    (plans / "dev-models.tfplan").write_bytes(b"another plan")
    assert verify().returncode != 0
    (plans / "dev-models.tfplan").write_bytes(b"plan")
    (tmp_path / "a").write_text("2")
    git("commit", "-qam", "two")
    refused = verify()
    assert refused.returncode != 0
    assert "another merge came first" in refused.stdout


def test_terraform_refuses_a_plan_when_the_state_moved_on(tmp_path: Path) -> None:
    """What deploy.yml relies on: two plans of one state, and only the first can be applied."""

    def terraform(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1"}
        return subprocess.run(
            [os.environ.get("TERRAFORM_BINARY_NAME", "terraform"), f"-chdir={tmp_path}", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    (tmp_path / "main.tf.json").write_text('{"resource": {"terraform_data": {"a": {"input": "1"}}}}')
    assert terraform("init", "-input=false").returncode == 0
    assert terraform("plan", "-out=first").returncode == 0
    assert terraform("plan", "-out=second").returncode == 0
    assert terraform("apply", "-input=false", "first").returncode == 0
    refused = terraform("apply", "-input=false", "-no-color", "second")
    assert refused.returncode != 0
    assert "Saved plan is stale" in refused.stderr
