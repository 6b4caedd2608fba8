"""`make audit`: bandit on the project's code, pip-audit on what is locked, checkov on the synthesised Terraform.

The tools have environments of their own below .local/audit, made by the Makefile. Each finding that stays has a reason
in pyproject.toml, `[tool.audit]`. One without a reason fails the audit, and so does a reason that no finding needs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operations.deployment import PROJECT_DIRECTORY, Deployment, SynthesisError
from operations.private_files import write_private
from operations.python_lock import locked_packages
from stacks.errors import SettingsError
from stacks.settings_reader import read_settings

TOOLS = PROJECT_DIRECTORY / ".local" / "audit"
NOT_AUDITED = ("tests", "node_modules", ".venv", ".tools", ".local", "cdktf.out")
_ENVIRONMENTS = {"bandit": "code", "pip-audit": "code", "checkov": "checkov"}
_SECONDS = 600
# checkov's reader of JSON stops at blocks whose arguments are not blocks, such as `terraform`.
_BLOCKS_FOR_CHECKOV = ("resource", "data", "provider")


class AuditError(Exception):
    """A tool of the audit did not do its work. The message says which, and what to do."""


@dataclass(frozen=True)
class Finding:
    """What a tool objects to.

    Attributes:
        check: the tool's id, such as `B314` or `CKV_AWS_18`.
        place: a file of the project, or a stack and its resource.
        message: the tool's sentence.
    """

    check: str
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.check} {self.message}"


def read_skips(tool: str, root: Path = PROJECT_DIRECTORY) -> dict[str, str]:
    """The reasons of `[tool.audit.TOOL]`, by the check, or by the check and the one file it is for: `B105 main.py`."""
    document = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return document["tool"]["audit"][tool]


def complaints(findings: Iterable[Finding], skips: Mapping[str, str]) -> list[str]:
    """The findings that have no reason to stay, and the reasons that no finding needs."""
    left, used = [], set()
    for finding in findings:
        matching = {finding.check, f"{finding.check} {finding.place.partition(':')[0]}"} & skips.keys()
        used |= matching
        if not matching:
            left.append(str(finding))
    return left + [
        f"pyproject.toml: no finding needs {key!r} any more: remove it" for key in sorted(skips.keys() - used)
    ]


def bandit(root: Path = PROJECT_DIRECTORY) -> list[Finding]:
    """What bandit finds in the project's own Python code, the tests left out."""
    excluded = ",".join(f"./{name}" for name in NOT_AUDITED)
    report = _report("bandit", ["-q", "-r", "-f", "json", "-x", excluded, "."], root)
    if report["errors"]:
        raise AuditError(
            "; ".join(f"bandit cannot read {error['filename']}: {error['reason']}" for error in report["errors"])
        )
    return [
        Finding(
            result["test_id"], f"{Path(result['filename']).as_posix()}:{result['line_number']}", result["issue_text"]
        )
        for result in report["results"]
    ]


def checkov(root: Path = PROJECT_DIRECTORY) -> list[Finding]:
    """What checkov finds in the Terraform of every environment of cdktf.json."""
    with tempfile.TemporaryDirectory() as folder:
        written = 0
        for environment in read_settings(root / "cdktf.json", os.environ).environments:
            output = Path(folder) / "synthesised" / environment
            Deployment(environment, root, output).synth()
            written += copy_for_checkov(output, Path(folder) / "checked")
        options = [
            "-d",
            "checked",
            "--framework",
            "terraform_json",
            "--skip-download",
            "--compact",
            "--quiet",
            "-o",
            "json",
        ]
        report = _report("checkov", options, Path(folder))
    if not report["summary"]["passed"] or report["summary"]["parsing_errors"]:
        raise AuditError(f"checkov did not read the {written} stacks: {report['summary']}")
    return [
        Finding(
            check["check_id"],
            f"{Path(check['file_path']).parent.name}: {check['resource'].removeprefix('resource.')}",
            check["check_name"],
        )
        for check in report["results"]["failed_checks"]
    ]


def copy_for_checkov(output: Path, destination: Path) -> int:
    """Copy the parts of the stacks that checkov reads. Returns the number of stacks."""
    files = sorted(output.glob("stacks/*/cdk.tf.json"))
    for file in files:
        folder = destination / file.parent.name
        folder.mkdir(parents=True)
        document = json.loads(file.read_text(encoding="utf-8"))
        blocks = {name: document[name] for name in _BLOCKS_FOR_CHECKOV if name in document}
        write_private(folder / file.name, json.dumps(blocks, indent=1))
    return len(files)


def pip_audit(root: Path = PROJECT_DIRECTORY) -> list[Finding]:
    """The known vulnerabilities of the locked packages.

    Raises:
        AuditError: the vulnerability data is out of reach.
    """
    pins = sorted({f"{name}{pin['version']}" for pins in locked_packages(root).values() for name, pin in pins.items()})
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "requirements.txt").write_text("\n".join(pins), encoding="utf-8")
        options = ["-r", "requirements.txt", "--no-deps", "--disable-pip", "-f", "json", "--progress-spinner", "off"]
        report = _report("pip-audit", options, Path(folder))
    return vulnerabilities(report)


def vulnerabilities(report: Mapping[str, Any]) -> list[Finding]:
    """Of pip-audit's report.

    Raises:
        AuditError: it could not look up a single package.
    """
    packages: Sequence[Mapping[str, Any]] = report["dependencies"]
    looked_up = [package for package in packages if "skip_reason" not in package]
    if not looked_up:
        raise AuditError(f"pip-audit got no vulnerability data for any of the {len(packages)} packages")
    unknown = [
        Finding("unknown", package["name"], package["skip_reason"]) for package in packages if "skip_reason" in package
    ]
    return unknown + [
        Finding(
            vulnerability["id"],
            f"{package['name']} {package['version']}",
            f"fixed in {', '.join(vulnerability['fix_versions']) or 'no release yet'}",
        )
        for package in looked_up
        for vulnerability in package["vulns"]
    ]


def _report(tool: str, options: Sequence[str], directory: Path) -> Any:
    """Run a tool and read the JSON that it prints. These tools exit with 1 when they find something."""
    program = TOOLS / _ENVIRONMENTS[tool] / "bin" / tool
    try:
        result = subprocess.run(
            [program, *options],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except FileNotFoundError:
        raise AuditError(f"{tool} is not installed: run `make audit`") from None
    except subprocess.TimeoutExpired:
        raise AuditError(f"{tool} did not end within {_SECONDS} seconds") from None
    try:
        return json.loads(result.stdout)
    except ValueError:
        said = (result.stderr.strip() or result.stdout.strip()).splitlines()
        raise AuditError(f"{tool} failed: {said[-1] if said else f'exit code {result.returncode}'}") from None


def main() -> int:
    """Run all three; 1 if one of them has a finding or did not do its work, but not for want of vulnerability data."""
    failed = False
    for tool, find in (("bandit", bandit), ("checkov", checkov), ("pip-audit", pip_audit)):
        try:
            left = complaints(find(), read_skips(tool))
        except (AuditError, SettingsError, SynthesisError) as error:
            failed |= tool != "pip-audit"
            print(f"{tool}: NOT CHECKED: {error}", file=sys.stderr)
            continue
        failed |= bool(left)
        print(f"{tool}: {len(left)} to fix" if left else f"{tool}: clean", flush=True)
        print("".join(f"  {line}\n" for line in left), end="", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
