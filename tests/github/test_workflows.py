"""The GitHub Actions workflows: by actionlint where it is installed, and by what must hold of each of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from operations.gate import GATE_PATHS
from tests.github.conftest import ACTIONS, GITHUB, ROOT, WORKFLOWS, job, loaded, script, steps, uses

STEP = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "id": {"type": "string"},
        "if": {"type": "string"},
        "uses": {"type": "string", "pattern": r"^(\./\.github/actions/[a-z-]+|[\w.-]+/[\w./-]+@[0-9a-f]{40})$"},
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
                    "needs": {"type": ["string", "array"]},
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


def named(paths: list[Path]) -> Any:
    return pytest.mark.parametrize("path", paths, ids=lambda path: f"{path.parent.name}-{path.stem}")


def test_the_workflows_are_there() -> None:
    assert {path.stem for path in WORKFLOWS} >= {"test", "plan", "deploy", "drift"}


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


def test_every_action_is_pinned_to_one_commit_whose_version_stands_beside_it() -> None:
    pins: dict[str, set[str]] = defaultdict(set)
    for path in WORKFLOWS + ACTIONS:
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(r"\buses: (?!\./)", line):
                match = re.search(r"uses: ([\w./-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$", line)
                assert match, f"{path.name}: {line.strip()}"
                pins[match[1]].add(match[2])
    assert pins
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


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


@named(WORKFLOWS)
def test_only_what_runs_tests_installs_all_packages(path: Path) -> None:
    for content in loaded(path)["jobs"].values():
        runs_tests = any(re.search(r"make test|pytest", step.get("run", "")) for step in content["steps"])
        for step in content["steps"]:
            if step.get("uses") == "./.github/actions/setup":
                assert (step.get("with", {}).get("packages") == "all") == runs_tests, content


@pytest.mark.parametrize(
    ("workflow", "job_name", "given"),
    [
        ("plan", "plan", "--save plans --base origin/main --no-lock --whole-at"),
        ("drift", "drift", "--save plans --no-lock --whole-at"),
        ("deploy", "plan", "--save plans --no-lock --whole-at"),
    ],
)
def test_plans_are_made_by_the_program_that_people_use(workflow: str, job_name: str, given: str) -> None:
    text = script(workflow, job_name)
    assert text.count(f'python -m operations plan "$ENVIRONMENT" {given}') == 1
    for by_hand in ("cdktf ", "terraform ", "for stack in", "python -m plan_review"):
        assert by_hand not in text
    assert job(workflow, job_name)["environment"].endswith("-plan")


def test_a_pull_request_is_reviewed_by_the_gate_of_its_base_branch() -> None:
    checkout = job("plan", "plan")["steps"][0]
    # All branches: origin/main is among them.
    assert checkout["with"]["fetch-depth"] == 0
    verify = job("deploy", "verify")["steps"]
    assert verify[0]["with"]["fetch-depth"] == 0
    step = next(one for one in verify if "operations review" in one.get("run", ""))
    assert step["env"]["BEFORE"] == "${{ github.event.before }}"
    assert '--base "$BEFORE"' in step["run"]


@pytest.mark.parametrize("workflow", ["plan", "test"])
def test_required_checks_run_for_merge_groups(workflow: str) -> None:
    assert {"pull_request", "merge_group"} <= loaded(GITHUB / "workflows" / f"{workflow}.yml")["on"].keys()


def test_plans_of_forks_get_no_credentials() -> None:
    own = "github.event.pull_request.head.repo.full_name == github.repository"
    assert job("plan", "plan")["if"] == f"github.event_name == 'merge_group' || {own}"


def test_deploy_applies_only_what_was_shown_after_an_approval() -> None:
    apply = job("deploy", "apply")
    assert apply["needs"] == ["verify", "plan"]
    assert apply["environment"] == "${{ matrix.environment }}"
    assert apply["strategy"]["max-parallel"] == 1
    text = script("deploy", "apply")
    assert text.count('python -m operations deploy "$ENVIRONMENT" --saved plans --yes') == 1
    for other in ("auto-approve", "terraform ", "operations plan"):
        assert other not in text
    handed_over = {"actions/upload-artifact", "actions/download-artifact"}
    for name in ("verify", "plan"):
        assert handed_over & set(uses("deploy", name)) == {"actions/upload-artifact"}
    assert handed_over & set(uses("deploy", "apply")) == {"actions/download-artifact"}
    assert "aws-actions/configure-aws-credentials" not in uses("deploy", "verify")


def test_deployments_wait_for_each_other_and_can_be_started_by_hand() -> None:
    workflow = loaded(GITHUB / "workflows" / "deploy.yml")
    assert workflow["concurrency"] == {"group": "deploy", "cancel-in-progress": False}
    assert workflow["on"].keys() == {"push", "workflow_dispatch"}
    choice = workflow["on"]["workflow_dispatch"]["inputs"]["environment"]
    assert choice["options"] == job("deploy", "verify")["strategy"]["matrix"]["environment"]
    first = job("deploy", "plan")["steps"][0]
    assert first["if"] == "github.ref != 'refs/heads/main'" and "exit 1" in first["run"]


def test_drift_runs_every_night_and_changes_nothing() -> None:
    workflow = loaded(GITHUB / "workflows" / "drift.yml")
    assert re.fullmatch(r"\d+ \d+ \* \* \*", workflow["on"]["schedule"][0]["cron"])
    assert "operations deploy" not in script("drift", "drift")
    assert job("drift", "drift")["permissions"] == {"contents": "read", "id-token": "write", "issues": "write"}


def test_code_owners_name_what_decides_over_reviews() -> None:
    lines = (GITHUB / "CODEOWNERS").read_text(encoding="utf-8").splitlines()
    rules = [line.split() for line in lines if line and not line.startswith("#")]
    assert all(len(rule) == 2 and rule[1].startswith("@") for rule in rules)
    patterns = {pattern.strip("/") for pattern, _ in rules}
    assert set(GATE_PATHS) <= patterns
    assert {"Pipfile.lock", "package-lock.json", ".terraform.lock.hcl"} <= patterns


def test_dependabot_looks_after_actions_python_and_npm() -> None:
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "pip", "npm"}
    actions = next(update for update in updates if update["package-ecosystem"] == "github-actions")
    assert actions["directories"] == ["/", "/.github/actions/*"]
    assert all(update["schedule"]["interval"] == "weekly" for update in updates)
