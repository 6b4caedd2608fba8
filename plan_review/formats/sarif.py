"""SARIF 2.1.0, for code scanning. https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html"""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePath
from typing import Any

from plan_review.findings import Finding, Rule, Severity
from plan_review.review import Review, StackReview

_LEVELS = {Severity.NOTE: "note", Severity.APPROVAL: "warning", Severity.BLOCKED: "error"}


def render(review: Review) -> str:
    """One run with a result a finding. Accepted findings carry a suppression; the plan file is each result's place."""
    findings = [(stack, finding) for stack in review.stacks for finding in stack.findings]
    rules = {finding.rule.id: finding.rule for _, finding in findings}
    index = {rule_id: number for number, rule_id in enumerate(sorted(rules))}
    document = {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "plan_review", "rules": [_rule(rules[rule_id]) for rule_id in index]}},
                "automationDetails": {"id": f"plan-review/{review.environment}/"},
                "columnKind": "unicodeCodePoints",
                "results": [_result(stack, finding, index[finding.rule.id]) for stack, finding in findings],
                "properties": {"verdict": review.verdict.key, "decision": review.decision.name.lower()},
            }
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.explanation},
        "help": {"text": f"{rule.advice} {rule.source}"},
        "helpUri": rule.source.split()[0],
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(stack: StackReview, finding: Finding, rule_index: int) -> dict[str, Any]:
    identity = "\n".join((finding.rule.id, finding.stack, finding.address, finding.message))
    result: dict[str, Any] = {
        "ruleId": finding.rule.id,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.address}: {finding.message}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": PurePath(stack.source).name},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"fullyQualifiedName": f"{finding.stack}/{finding.address}", "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"finding/v1": hashlib.sha256(identity.encode()).hexdigest()[:32]},
    }
    if finding.accepted is not None:
        result["suppressions"] = [{"kind": "external", "justification": finding.accepted}]
    return result
