"""The registry of moto's gaps: complete, and of gaps that are still there."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from local_aws.environment import UNWANTED
from local_aws.gaps.registry import GAPS, MOTO_VERSION, Gap
from local_aws.moto_app import GAP_OPERATIONS
from tests.local_aws.gap_probes import PROBES

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "local_aws"
_ALONE = {"AWS_CONFIG_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "127.0.0.1"}


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What the probes found, in a process whose moto is as it came."""
    environment = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    answer = subprocess.run(
        [sys.executable, "-m", "tests.local_aws.gap_probes"],
        cwd=ROOT,
        env={
            **environment,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(answer.stdout)


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: gap.name)
def test_moto_has_the_gap_still(gap: Gap, found: dict[str, Any]) -> None:
    assert found[gap.name] is True, (
        f"moto {version('moto')} no longer {gap.moto} (seen with {MOTO_VERSION}), or the probe needs a change: "
        f"{found[gap.name]}. Remove local_aws.{gap.module}'s part for it, the entry and the probe."
    )


def test_each_gap_has_a_probe() -> None:
    assert set(PROBES) == {gap.name for gap in GAPS}


def test_every_call_that_is_answered_before_moto_is_registered() -> None:
    assert {call for gap in GAPS for call in gap.operations} == set(GAP_OPERATIONS)


def test_everything_of_moto_that_is_replaced_is_registered() -> None:
    assert {patch for gap in GAPS for patch in gap.patches} == set(_replaced())


def test_modules_are_there() -> None:
    for gap in GAPS:
        assert (PACKAGE / f"{gap.module.replace('.', '/')}.py").is_file(), gap


def test_readme_has_the_table() -> None:
    rows = [f"| {gap.name} | {gap.moto} | `{gap.module}` |" for gap in GAPS]
    readme = (PACKAGE / "gaps" / "README.md").read_text(encoding="utf-8")
    assert f"moto {MOTO_VERSION}" in readme
    assert [line for line in readme.splitlines() if line.startswith("| ") and "`" in line] == rows


def _replaced() -> Iterator[str]:
    """What modules of the local AWS assign to attributes of names that they import from moto."""
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "moto"
            for alias in node.names
        }
        targets = [target for node in ast.walk(tree) if isinstance(node, ast.Assign) for target in node.targets]
        for target in targets:
            if not isinstance(target, ast.Attribute) or not isinstance(target.value, ast.Name):
                continue
            if target.value.id in imported:
                yield f"{target.value.id}.{target.attr}"
