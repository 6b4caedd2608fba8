"""Whether a tainted endpoint has ever answered: what a plan holds of how its creation ended.

Terraform taints an endpoint when its creation fails, which leaves one that never was in service, or when somebody ran
`terraform taint`, which may hit one that is.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from plan_review.plan import TAINTED, Change
from plan_review.stack import Stack


class Service(enum.Enum):
    """What is known of an endpoint's service so far."""

    SERVING = "it serves"
    PERHAPS = "it may have served"
    NEVER = "it has never served"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known, and why, as the end of a sentence. `why` is empty for an endpoint that is not tainted."""

    service: Service
    why: str = ""


def service_of(stack: Stack, endpoint: Change) -> Evidence:
    """Judges an endpoint that exists by its taint and by what Terraform creates only after it.

    What was created after the endpoint says that its creation once succeeded. A check that ran (a resource with
    provisioners, as `terraform_data.verification` is) proves it; anything else may be left from an endpoint before.
    """
    if endpoint.action_reason != TAINTED:
        return Evidence(Service.SERVING)
    plan = stack.plan
    dependents = list(plan.configuration.dependents(endpoint.address))
    there: list[str] = []
    for address in dependents:
        change, block = plan.at.get(address), plan.configuration.resource(address)
        if change is None or block is None or not change.before.exists or change.action_reason == TAINTED:
            continue
        if block.provisioners:
            return Evidence(Service.SERVING, f"{address} has checked it after its creation")
        there.append(address)
    if there:
        return Evidence(Service.PERHAPS, f"{', '.join(sorted(there))} exists, which is created after the endpoint")
    if not dependents:
        return Evidence(Service.PERHAPS, "the plan holds nothing that is created after the endpoint")
    return Evidence(Service.NEVER, f"{', '.join(sorted(dependents))} was never created, which follows the endpoint")
