"""The audit: nothing is skipped without a reason, findings are reported, and a tool that saw nothing is not clean."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from operations import audit
from operations.audit import AuditError, Finding, complaints, copy_for_checkov, read_skips, vulnerabilities

ROOT = Path(__file__).parents[2]
TOOLS = ("bandit", "checkov", "pip-audit")


@pytest.mark.parametrize("tool", TOOLS)
def test_every_skip_has_a_reason_and_names_what_exists(tool: str):
    for key, reason in read_skips(tool).items():
        check, _, file = key.partition(" ")
        assert re.fullmatch(r"B\d{3}|CKV2?_AWS_\d+|(CVE|PYSEC|GHSA)-[\w-]+", check), key
        assert len(reason.split()) >= 5, f"{key} needs a reason, not {reason!r}"
        assert not file or (ROOT / file).is_file(), f"{file} of {key} is gone"


def test_there_is_no_other_way_to_skip():
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(document["tool"]["audit"]) == set(TOOLS)
    assert "bandit" not in document["tool"]
    assert not list(ROOT.glob(".bandit")) + list(ROOT.glob(".checkov*"))
    marks = re.compile("# no" + "sec|checkov" + ":skip")
    folders = ("stacks", "operations", "local_aws", "container", "model_catalog", "plan_review", "image_builder")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    assert files
    assert not [file for file in files if marks.search(file.read_text(encoding="utf-8"))]


def test_a_skip_for_one_file_skips_no_other_and_a_needless_one_is_reported():
    findings = [
        Finding("B105", "a.py:3", "password"),
        Finding("B105", "b.py:4", "password"),
        Finding("B1", "c.py:1", "x"),
    ]
    assert complaints(findings, {"B105 a.py": "reason", "B1": "reason", "B9": "reason"}) == [
        "b.py:4: B105 password",
        "pyproject.toml: no finding needs 'B9' any more: remove it",
    ]


def test_vulnerability_data_that_is_out_of_reach_is_no_clean_result():
    skipped = {"name": "numpy", "skip_reason": "not found"}
    with pytest.raises(AuditError, match="no vulnerability data for any of the 1 packages"):
        vulnerabilities({"dependencies": [skipped]})
    found = {"name": "pillow", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.0"]}]}
    assert [str(finding) for finding in vulnerabilities({"dependencies": [skipped, found]})] == [
        "numpy: unknown not found",
        "pillow 1.0: PYSEC-1 fixed in 2.0",
    ]


def test_checkov_gets_every_resource(tmp_path: Path):
    stack = tmp_path / "out" / "stacks" / "dev-models"
    stack.mkdir(parents=True)
    resource = {"aws_s3_bucket": {"b": {"bucket": "name"}}}
    (stack / "cdk.tf.json").write_text(json.dumps({"terraform": {"required_version": "1"}, "resource": resource}))
    assert copy_for_checkov(tmp_path / "out", tmp_path / "checked") == 1
    copied = tmp_path / "checked" / "dev-models" / "cdk.tf.json"
    assert json.loads(copied.read_text()) == {"resource": resource}
    assert copied.stat().st_mode & 0o777 == 0o600


def _tool(folder: Path, name: str, lines: str) -> None:
    program = folder / "bin" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{lines}\n")
    program.chmod(0o755)


def test_a_tool_that_fails_or_is_missing_fails_the_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(audit, "TOOLS", tmp_path)
    monkeypatch.setattr(audit, "checkov", lambda: [Finding(check, "x", "y") for check in read_skips("checkov")])
    _tool(tmp_path / "code", "bandit", "echo it broke >&2; exit 2")
    _tool(tmp_path / "code", "pip-audit", """echo '{"dependencies": [{"name": "a", "skip_reason": "no data"}]}'""")
    assert audit.main() == 1
    said = capsys.readouterr()
    assert "bandit: NOT CHECKED: bandit failed: it broke" in said.err
    assert "pip-audit: NOT CHECKED: pip-audit got no vulnerability data" in said.err
    assert said.out == "checkov: clean\n"
    with pytest.raises(AuditError, match="make audit"):
        audit._report("checkov", [], tmp_path)
