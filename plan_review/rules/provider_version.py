"""The plan was made with another provider version than the approved one, or with one that is not pinned."""

from __future__ import annotations

import re
from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.providers import approved_version
from plan_review.redaction import scrub
from plan_review.stack import Stack

_EXACT = re.compile(r"=?\s*v?(\d+(?:\.\d+)*(?:-[0-9A-Za-z.]+)?)")


def _check(stack: Stack) -> Iterator[Hit]:
    for provider in stack.plan.providers:
        name = scrub(provider.source)
        exact = _EXACT.fullmatch(provider.version_constraint.strip())
        approved = approved_version(provider.source, stack.approved_providers)
        if exact is None:
            constraint = scrub(provider.version_constraint) or "(none)"
            yield Hit(f"provider {name}", f"is not pinned to one version: {constraint}")
        elif approved is None:
            message = "is none of the providers that the policy approves"
            yield Hit(f"provider {name}", message, verdict=Verdict.OTHER)
        elif exact[1] != approved:
            yield Hit(f"provider {name}", f"changes from {approved}, which the policy approves, to {exact[1]}")


RULE = Rule(
    id="provider-version",
    title="The provider's version changes or is not pinned",
    severity=Severity.APPROVAL,
    explanation=(
        "Another provider version reads and writes the same resources differently: defaults move, attributes become "
        "force_new, and once it has written the state the older version may no longer read it. A plan JSON does not "
        "say which version made the last state, so the approved version stands in the policy file and is changed "
        "there with the pin. A provider that is not there may do anything. The registries of Terraform and OpenTofu "
        "hold the same providers."
    ),
    advice=(
        "Plan every environment with the new version, read its upgrade notes, then change `[providers]` in the policy "
        "file in the same pull request. Pin one exact version."
    ),
    source="https://developer.hashicorp.com/terraform/language/providers/requirements#version-constraints",
    check=_check,
)
