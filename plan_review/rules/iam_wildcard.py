"""A grant to all actions of a service, or to every resource where a resource could be named."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.findings import Hit, Rule, Severity
from plan_review.grants import ATTACHMENTS, newly_granted, policy_sides
from plan_review.redaction import scrub, shown
from plan_review.stack import Stack

# Actions that AWS lets nobody narrow to a resource: https://docs.aws.amazon.com/service-authorization/latest/reference/
_NO_RESOURCE = (
    "ecr:getauthorizationtoken",
    "cloudwatch:putmetricdata",
    "ec2:describe",
    "ec2:createnetworkinterface",
    "ec2:deletenetworkinterface",
    "logs:describeloggroups",
    "sts:getcalleridentity",
)
_BROAD_POLICIES = ("/AdministratorAccess", "/PowerUserAccess", "/IAMFullAccess", "FullAccess")


def _check(stack: Stack) -> Iterator[Hit]:
    for change, what, before, after in policy_sides(stack.plan):
        for _, action, resource, condition in newly_granted(before, after):
            if action.startswith("not "):
                yield Hit(
                    change.address, scrub(f"the {what} allows everything but what it lists: {action} on {resource}")
                )
            elif action == "*" or action.endswith(":*"):
                yield Hit(
                    change.address, scrub(f"the {what} allows all actions {action} on {resource or 'its resource'}")
                )
            elif "*" in action and resource == "*":
                yield Hit(change.address, scrub(f"the {what} allows {action} on every resource"))
            elif resource == "*" and not condition and not action.lower().startswith(_NO_RESOURCE):
                yield Hit(change.address, scrub(f"the {what} allows {action} on every resource"), Severity.APPROVAL)
    for type_, attribute in ATTACHMENTS.items():
        for change in stack.plan.of_type(type_):
            policy = change.after.text(attribute)
            if change.action.changes and policy is not None and policy.endswith(_BROAD_POLICIES):
                yield Hit(change.address, f"attaches the broad policy {shown(change.after, attribute)}")


RULE = Rule(
    id="iam-wildcard",
    title="A wildcard grant",
    severity=Severity.BLOCKED,
    explanation=(
        "`s3:*`, `*` and managed policies such as AmazonSageMakerFullAccess let one bad artifact reach every bucket, "
        "key and endpoint of the account."
    ),
    advice="Name the actions and the resources. Where AWS offers no resource for an action, add a condition.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
    check=_check,
)
