"""Policy, acceptances and the command line: what is asked for, and with which exit code."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from plan_review.acceptance import Acceptance, read_acceptances
from plan_review.cli import main
from plan_review.errors import ReviewError
from plan_review.findings import Severity, Verdict
from plan_review.formats import sarif
from plan_review.policy import read_policy
from plan_review.review import Review
from plan_review.rules import RULES_BY_ID
from tests.plan_review.conftest import PLANS, TODAY

IDS = frozenset(RULES_BY_ID)
RENAMED = ("endpoint-replaced", "endpoint-renamed", "aws_sagemaker_endpoint.endpoint")


def accepting(rule: str, stack: str, address: str, until: datetime.date = TODAY) -> Acceptance:
    return Acceptance(rule, stack, address, "the last caller moved", until)


def written(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_accepted_finding_does_not_count_but_stays_visible(reviewed: Callable[..., Review]) -> None:
    result = reviewed("endpoint-renamed", acceptances=[accepting(*RENAMED)])
    assert result.verdict is Verdict.OUTAGE
    assert result.decision is Severity.APPROVAL
    assert result.findings[0].accepted == f"the last caller moved (until {TODAY})"
    assert result.remarks == ()


def test_an_expired_acceptance_counts_again_and_is_named(reviewed: Callable[..., Review]) -> None:
    yesterday = TODAY - datetime.timedelta(days=1)
    result = reviewed("endpoint-renamed", acceptances=[accepting(*RENAMED, until=yesterday)])
    assert result.decision is Severity.BLOCKED
    assert "ended on 2026-01-14" in result.remarks[0]


def test_an_acceptance_holds_for_its_own_stack_and_address_only(reviewed: Callable[..., Review]) -> None:
    other = [
        accepting(RENAMED[0], "endpoint-renamed", "aws_sagemaker_endpoint.other"),
        accepting(*RENAMED[:1], "x", RENAMED[2]),
    ]
    result = reviewed("endpoint-renamed", acceptances=other)
    assert result.decision is Severity.BLOCKED
    assert len(result.remarks) == 1
    assert "meets no finding of these plans" in result.remarks[0]


def test_a_policy_changes_what_is_asked_for(tmp_path: Path, reviewed: Callable[..., Review]) -> None:
    strict = written(tmp_path, '[verdicts]\nmodels_only = "approval"\n[severities]\ncapacity-reset = "blocked"\n')
    assert reviewed("model-added", policy=strict).decision is Severity.APPROVAL
    assert reviewed("endpoint-new-image", policy=strict).decision is Severity.BLOCKED
    mild = written(tmp_path, '[verdicts]\nother = "safe"\n[severities]\nresource-destroyed = "note"\n')
    assert reviewed("alarm-removed", policy=mild).decision is Severity.NOTE
    assert reviewed("endpoint-renamed", policy=mild).decision is Severity.BLOCKED


def test_a_policy_approves_provider_versions(tmp_path: Path, reviewed: Callable[..., Review]) -> None:
    upgraded = written(tmp_path, '[providers]\n"registry.terraform.io/hashicorp/aws" = "6.30.0"\n')
    assert reviewed("provider-upgraded", policy=upgraded).decision is Severity.NOTE
    assert reviewed("access-no-change", policy=upgraded).decision is Severity.APPROVAL
    assert "not pinned" in reviewed("provider-not-pinned").findings[0].message


def test_the_bundled_policy_approves_the_version_of_the_bindings() -> None:
    """The bindings in the Pipfile are generated for one provider version; plans are made with that one."""
    documentation = Path(__file__).parents[2] / "local_aws" / "terraform.py"
    approved = read_policy(None, IDS).providers["registry.terraform.io/hashicorp/aws"]
    assert f'PROVIDER_VERSION = "{approved}"' in documentation.read_text(encoding="utf-8")


def test_defaults_take_the_place_of_the_bundled_policy(tmp_path: Path) -> None:
    defaults = written(tmp_path, '[verdicts]\nmodels_only = "safe"\n[severities]\ndrift = "blocked"\n')
    policy = tmp_path / "policy.toml"
    policy.write_text('[verdicts]\nother = "safe"\n')
    read = read_policy(policy, IDS, defaults)
    assert (read.severities, read.providers) == ({"drift": Severity.BLOCKED}, {})
    stated = {Verdict.MODELS_ONLY: Severity.NOTE, Verdict.OTHER: Severity.NOTE}
    # What nobody states is never safe.
    unstated = {verdict: Severity.APPROVAL for verdict in Verdict} | {Verdict.OUTAGE: Severity.BLOCKED}
    assert read.verdicts == unstated | stated
    with pytest.raises(ReviewError, match=r"missing\.toml: cannot be read"):
        read_policy(None, IDS, tmp_path / "missing.toml")
    defaults.write_text("[verdicts]\nno_such_verdict = 1\n")
    with pytest.raises(ReviewError) as caught:
        read_policy(None, IDS, defaults)
    assert str(caught.value).startswith(f"{defaults}: 1 complaint(s):")


@pytest.mark.parametrize(
    ("scenario", "before", "after"), [("model-added", 0, 2), ("endpoint-new-image", 2, 2), ("endpoint-renamed", 3, 3)]
)
def test_a_change_of_the_gate_asks_for_approval_and_is_named(
    scenario: str, before: int, after: int, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = str(PLANS / f"{scenario}.json")
    assert main([plan]) == before
    options = ["--gate-changed", "review-policy.toml", "--gate-changed", "a `b`\n<c>.py"]
    capsys.readouterr()
    assert main([plan, *options]) == after
    text = capsys.readouterr().out
    assert "CHANGES WHAT DECIDES OVER REVIEWS\n  - review-policy.toml\n" in text
    assert main([plan, *options, "--format", "markdown"]) == after
    comment = capsys.readouterr().out
    assert "### Changes what decides over reviews\n\n- `review-policy.toml`\n" in comment
    assert "<c>" not in comment.replace("`", "").splitlines()
    assert ("needs approval" in comment.splitlines()[1]) == (after == 2)
    assert main([plan, *options, "--format", "json"]) == after
    document = json.loads(capsys.readouterr().out)
    assert (document["gate_changes"][0], document["exit_code"]) == ("review-policy.toml", after)


def test_a_wrong_policy_gets_every_complaint_at_once(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[verdict]\nx = 1\n[verdicts]\noutage = "safe"\nsometimes = "safe"\nother = "maybe"\n'
        '[severities]\nno-such-rule = "note"\ndrift = 3\n[providers]\n"a/b" = 6\n',
    )
    with pytest.raises(ReviewError) as caught:
        read_policy(path, IDS)
    message = str(caught.value)
    assert message.startswith(f"{path}: 7 complaint(s):\n")
    for part in (
        "[verdict]: no such section",
        'outage or loss is never "safe"',
        "verdicts.sometimes: unknown",
        "verdicts.other: 'maybe' is not allowed; allowed are safe, approval, blocked",
        "severities.no-such-rule: unknown",
        "severities.drift: 3 is not allowed; allowed are note, approval, blocked",
        'providers."a/b": a version such as',
    ):
        assert part in message


def test_a_wrong_acceptance_file_gets_every_complaint_at_once(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'x = 1\n[[accepted]]\nrule = "no-such-rule"\nstack = "s"\naddress = "a"\nreason = " "\nuntil = "2026-01-01"\n'
        '[[accepted]]\nrule = "drift"\nwho = "me"\n',
    )
    with pytest.raises(ReviewError) as caught:
        read_acceptances(path, IDS)
    for part in (
        "x: unknown",
        "entry 1: reason must be a text that is not empty",
        "entry 1: rule 'no-such-rule' does not exist",
        "entry 1: until must be a date without quotes",
        "entry 2: who is unknown",
        "entry 2: until is missing",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"), [("verdicts = 1", "is no section"), ("[", "is no TOML"), ("[verdicts", "is no TOML")]
)
def test_a_file_that_is_no_policy(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match=message):
        read_policy(written(tmp_path, text), IDS)
    with pytest.raises(ReviewError, match="cannot be read"):
        read_policy(tmp_path / "none.toml", IDS)


def run(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main([str(item) for item in arguments])
    output = capfd.readouterr()
    return code, output.out, output.err


@pytest.mark.parametrize(
    ("scenario", "code"),
    [("model-added", 0), ("endpoint-new-image", 2), ("endpoint-renamed", 3), ("models-no-change", 0)],
)
def test_exit_code(scenario: str, code: int, capfd: pytest.CaptureFixture[str]) -> None:
    found, output, errors = run(capfd, PLANS / f"{scenario}.json")
    assert (found, errors) == (code, "")
    assert output.startswith("Plan review: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "html", "x.json"], "'html' is not one of"),
        (["--no-such-option"], "No such option"),
        ([], "no plan given"),
        (["missing.json"], "missing.json: cannot be read"),
        ([str(PLANS / "model-added.json"), str(PLANS / "model-added.json")], "is given more than once"),
        ([str(PLANS / "model-added.json"), "--policy", "missing.toml"], "missing.toml: cannot be read"),
        ([str(PLANS / "model-added.json"), "--output", "/nonexistent/review.md"], "cannot be written"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_1(
    arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code, output, errors = run(capfd, *arguments)
    assert (code, output) == (1, "")
    assert message in errors
    assert errors.startswith("plan_review: ")
    assert errors.count("\n") == 1


def test_files_in_and_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    accept = written(
        tmp_path,
        '[[accepted]]\nrule = "endpoint-replaced"\nstack = "endpoint-renamed"\n'
        'address = "aws_sagemaker_endpoint.endpoint"\nreason = "moved"\nuntil = 2999-12-31\n',
    )
    output = tmp_path / "review.json"
    plan = PLANS / "endpoint-renamed.json"
    assert run(capfd, plan, "--format", "json", "--accept", accept, "--output", output) == (2, "", "")
    document = json.loads(output.read_text(encoding="utf-8"))
    assert (document["verdict"], document["decision"], document["exit_code"]) == ("outage", "approval", 2)
    assert document["stacks"][0]["findings"][0]["accepted"] == "moved (until 2999-12-31)"
    assert len(document["stacks"][0]["plan"]["sha256"]) == 64


def test_json_of_an_endpoint_update(capfd: pytest.CaptureFixture[str]) -> None:
    _, output, _ = run(capfd, PLANS / "endpoint-instance-type.json", "--format", "json")
    stack = json.loads(output)["stacks"][0]
    endpoint = stack["endpoints"][0]
    assert {"setting": "instance type", "before": "ml.m5.large", "after": "ml.m5.xlarge"} in endpoint["differences"]
    assert (
        endpoint["capacity"]
        == "reset by the new configuration to 1 in variant all-models; scaling has 1 to 4 instances"
    )
    assert endpoint["traffic"] == "canary: 50 % first, the rest after 300 s"
    assert endpoint["rollback"].startswith("the alarms review-errors")
    assert stack["monthly_cost"][0]["difference"] == pytest.approx((0.23 - 0.115) * 730)


def test_the_catalogue_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    code, output, _ = run(capfd, "--rules")
    assert code == 0
    assert all(f"## {rule_id}\n" in output for rule_id in RULES_BY_ID)


# The part of SARIF 2.1.0 that code scanning requires.
SARIF: dict[str, Any] = {
    "type": "object",
    "required": ["version", "$schema", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "required": ["tool", "results"],
                "properties": {
                    "tool": {"required": ["driver"]},
                    "results": {
                        "type": "array",
                        "items": {
                            "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
                            "properties": {
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": {"required": ["text"]},
                                "locations": {"minItems": 1, "items": {"required": ["physicalLocation"]}},
                            },
                        },
                    },
                },
            },
        },
    },
}


def test_sarif(reviewed: Callable[..., Review]) -> None:
    result = reviewed("endpoint-renamed", "rights-wildcard", acceptances=[accepting(*RENAMED)])
    document = json.loads(sarif.render(result))
    jsonschema.validate(document, SARIF)
    run_ = document["runs"][0]
    rules = run_["tool"]["driver"]["rules"]
    assert all(rules[item["ruleIndex"]]["id"] == item["ruleId"] for item in run_["results"])
    suppressed = [item["ruleId"] for item in run_["results"] if "suppressions" in item]
    assert suppressed == ["endpoint-replaced"]
    assert len({item["partialFingerprints"]["finding/v1"] for item in run_["results"]}) == len(run_["results"])
