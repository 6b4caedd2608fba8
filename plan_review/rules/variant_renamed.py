"""A running endpoint loses a production variant by its name."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint import EndpointChange
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.redaction import scrub
from plan_review.stack import Stack
from plan_review.values import UNKNOWN


def _check(stack: Stack) -> Iterator[Hit]:
    for endpoint in stack.endpoints:
        if endpoint.updates and endpoint.new_configuration and endpoint.configuration_after.exists:
            yield from _lost(endpoint)


def _lost(endpoint: EndpointChange) -> Iterator[Hit]:
    old = {variant.name for variant in endpoint.variants_before}
    new = {variant.name for variant in endpoint.variants_after}
    gone = ", ".join(sorted(old - new))
    if not gone:
        return
    variants = endpoint.configuration_after.block("production_variants")
    if variants is UNKNOWN or any(isinstance(item, dict) and item.get("variant_name") is UNKNOWN for item in variants):
        message = scrub(f"whether variant {gone} stays is unknown until the apply")
        yield Hit(endpoint.change.address, message, Severity.APPROVAL, Verdict.IN_PLACE)
        return
    instead = f"; {', '.join(sorted(new - old))} comes instead" if new - old else ""
    yield Hit(endpoint.change.address, scrub(f"variant {gone} goes{instead}"))


RULE = Rule(
    id="variant-renamed",
    title="A production variant of a running endpoint is renamed or removed",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "Deployment guardrails require the same variants before and after, so the update may be refused half-way "
        "through an apply. If it goes through, alarms and dashboards watch a variant that no longer exists (a "
        "rollback alarm stays silent), auto scaling is registered for nothing, and callers that name the variant "
        "fail."
    ),
    advice=(
        "Keep the variant's name; it carries no meaning. To split traffic, add a second variant in one change and "
        "remove the first in a later one, with its alarms and scaling."
    ),
    source=(
        "https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html "
        "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html"
    ),
    check=_check,
)
