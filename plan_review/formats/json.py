"""The review for programs: one JSON object. `review_version` grows when a key changes its meaning or goes away."""

from __future__ import annotations

import json
from typing import Any

from plan_review.findings import Finding
from plan_review.models import ModelChange
from plan_review.review import Review, StackReview
from plan_review.values import UNKNOWN

REVIEW_VERSION = 2


def render(review: Review) -> str:
    """Unknown values are the object {"unknown": true}; amounts of money that cannot be told are null."""
    prices = review.prices
    document = {
        "review_version": REVIEW_VERSION,
        "verdict": review.verdict.key,
        "decision": review.decision.name.lower(),
        "exit_code": review.decision.exit_code,
        "environment": review.environment,
        "stacks": [_stack(stack) for stack in review.stacks],
        "prices": {
            "currency": prices.currency,
            "source": prices.source,
            "regions": {
                region: {"as_of": found.as_of, "origin": found.origin} for region, found in prices.regions.items()
            },
        },
        "remarks": list(review.remarks),
        "gate_changes": list(review.gate_changes),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _stack(stack: StackReview) -> dict[str, Any]:
    return {
        "name": stack.name,
        "plan": {"file": stack.source, "sha256": stack.sha256},
        "verdict": stack.verdict.key,
        "decision": stack.decision.name.lower(),
        "counts": stack.counts,
        "findings": [_finding(finding) for finding in stack.findings],
        "models": [_model(change) for change in stack.models],
        "endpoints": [
            {
                "name": endpoint.name,
                "action": endpoint.change.action.name.lower(),
                "differences": [
                    {"setting": item.what, "before": item.before, "after": item.after} for item in endpoint.differences
                ],
                "capacity": endpoint.capacity,
                "traffic": endpoint.traffic if endpoint.updates else "",
                "rollback": endpoint.rollback if endpoint.updates else "",
            }
            for endpoint in stack.endpoints
        ],
        "cold_models": None
        if stack.cold is None
        else {
            "models": stack.cold.count,
            "load_seconds_known_of": len(stack.cold.seconds),
            "load_seconds_longest": max(stack.cold.seconds, default=None),
            "load_seconds_total": sum(stack.cold.seconds),
        },
        "monthly_cost": [
            {
                "endpoint": cost.endpoint,
                "before": cost.before,
                "after": cost.after,
                "difference": cost.difference,
                "instances_before": cost.instances_before,
                "instances_after": cost.instances_after,
            }
            for cost in stack.costs
        ],
        "changes": [
            {
                "address": detail.address,
                "action": detail.action.name.lower(),
                "remark": detail.remark,
                "differences": [
                    {"setting": item.what, "before": item.before, "after": item.after} for item in detail.differences
                ],
            }
            for detail in stack.details
        ],
        "changed_outputs": list(stack.changed_outputs),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule.id,
        "severity": finding.severity.name.lower(),
        "address": finding.address,
        "message": finding.message,
        "what_to_do": finding.rule.advice,
        "source": finding.rule.source.split(),
        "accepted": finding.accepted,
    }


def _model(change: ModelChange) -> dict[str, Any]:
    artifact = change.artifact
    return {
        "name": artifact.name,
        "action": change.action.name.lower(),
        "version": artifact.version or None,
        "previous_version": change.previous.version if change.previous is not None else None,
        "sha256": artifact.sha256 or None,
        "size_bytes": {"unknown": True} if artifact.size_bytes is UNKNOWN else artifact.size_bytes,
        "address": artifact.address,
    }
