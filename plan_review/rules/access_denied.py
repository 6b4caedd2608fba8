"""A policy denies, from now on, what the endpoint needs."""

from __future__ import annotations

from collections.abc import Iterator

from plan_review.endpoint_needs import KEY, LIST, PULL, READ, Need, context_of, needs_of_models, needs_of_rights
from plan_review.execution_roles import ExecutionRole, boundary, execution_roles, rights
from plan_review.findings import Hit, Rule, Severity, Verdict
from plan_review.places import ARTIFACT_TYPES
from plan_review.plan import Change, Plan
from plan_review.policy_documents import Statement, statements
from plan_review.policy_evaluation import Answer, Principal, Request, allowed, concerns, denied
from plan_review.redaction import scrub, shown, shown_value
from plan_review.stack import Stack
from plan_review.values import Values

_SHOWN = 4
_KEY_POLICIES = ("aws_kms_key", "aws_kms_key_policy")
_S3_POLICIES = ("aws_s3_bucket_policy",)
_PULL_POLICIES = ("aws_ecr_repository_policy",)
_NETWORK_POLICIES = ("aws_vpc_endpoint", "aws_vpc_endpoint_policy")


def _check(stack: Stack) -> Iterator[Hit]:
    for role in execution_roles(stack.plan):
        if role.change.after.exists:
            yield from _of_role(stack.plan, role)
    roles = tuple(role for plan in stack.plans for role in execution_roles(plan) if role.models)
    for change in stack.plan.of_type(*_S3_POLICIES, *_PULL_POLICIES, *_KEY_POLICIES, *_NETWORK_POLICIES):
        if change.action.changes and change.after.exists:
            yield from _of_resource(stack.plan, change, roles)


def _of_role(plan: Plan, role: ExecutionRole) -> Iterator[Hit]:
    before, after = rights(plan, role, "before"), rights(plan, role, "after")
    needs = list(needs_of_rights(before.statements, role))
    needs += needs_of_models(plan, role)
    if before != after:
        yield from _hits(role.change.address, before.statements, after.statements, [item.request for item in needs])
    yield from _of_boundary(plan, role, needs)


def _of_boundary(plan: Plan, role: ExecutionRole, needs: list[Need]) -> Iterator[Hit]:
    (old, old_limits), (new, limits) = boundary(plan, role, "before"), boundary(plan, role, "after")
    if new is None or (old, old_limits) == (new, limits):
        return
    name = shown(role.change.after, "permissions_boundary")
    if limits is None:
        message = f"gets the permissions boundary {name}, whose policy the plan does not show"
        yield Hit(role.change.address, message, Severity.APPROVAL, Verdict.OTHER)
        return
    cut = sorted(
        {
            need.text
            for need in needs
            if need.vital
            and _within(limits, need.request) is Answer.NO
            and (old is None or old_limits is None or _within(old_limits, need.request) is not Answer.NO)
        }
    )
    if cut:
        yield Hit(role.change.address, scrub(f"the permissions boundary {name} does not allow {_listed(cut)}"))


def _within(limits: tuple[Statement, ...], request: Request) -> Answer:
    return min(allowed(limits, request), Answer(Answer.YES - denied(limits, request)))


def _of_resource(plan: Plan, change: Change, roles: tuple[ExecutionRole, ...]) -> Iterator[Hit]:
    before, after = (statements(side.visible("policy")) for side in (change.before, change.after))
    if after is None:
        return  # what cannot be read has a finding as such
    requests = [
        Request(action, resource, role.principal if role else Principal(), context_of(role))
        for role in roles or (None,)
        for action, resource in _calls(plan, change, _partition(after))
    ]
    yield from _hits(change.address, before or (), after, requests)


def _partition(listed: tuple[Statement, ...]) -> str:
    """The partition of AWS (aws, aws-cn, ...) that a policy's resources are of."""
    arns = [item.split(":") for statement in listed for item in statement.resources if item.startswith("arn:")]
    return next((parts[1] for parts in arns if parts[1] not in ("", "*")), "aws")


def _calls(plan: Plan, change: Change, partition: str) -> Iterator[tuple[str, str]]:
    """What the endpoint does with the resource that a policy belongs to."""
    if change.type in _KEY_POLICIES:
        yield from ((action, "*") for action in KEY)
    elif change.type in _PULL_POLICIES:
        yield from ((action, "*") for action in PULL[1:])
    elif change.type in _NETWORK_POLICIES:
        yield from ((READ, "*"), (LIST, "*"))
    else:
        bucket = _visible(change.side, "bucket") or "*"
        keys = {
            key
            for item in plan.of_type(*ARTIFACT_TYPES)
            if item.after.exists
            and item.after.at("bucket") == bucket
            and (key := _visible(item.after, "key")) is not None
        }
        yield LIST, f"arn:{partition}:s3:::{bucket}"
        yield from ((READ, f"arn:{partition}:s3:::{bucket}/{key}") for key in sorted(keys) or ("*",))


def _visible(values: Values, name: str) -> str | None:
    value = values.visible(name)
    return value if isinstance(value, str) else None


def _hits(
    address: str, before: tuple[Statement, ...], after: tuple[Statement, ...], requests: list[Request]
) -> Iterator[Hit]:
    """One hit for each Deny that concerns a request which nothing denied as surely before."""
    for statement in after:
        if statement.allows or statement in before:
            continue
        found: dict[str, Answer] = {}
        for request in requests:
            answer = concerns(statement, request)
            if answer > denied(before, request):
                found[f"{request.action} on {request.resource}"] = answer
        if found:
            yield _hit(address, statement, found)


def _hit(address: str, statement: Statement, found: dict[str, Answer]) -> Hit:
    surely = max(found.values()) is Answer.YES
    condition = f" if {shown_value(statement.condition)}" if statement.condition else ""
    message = scrub(f"a new Deny {'hits' if surely else 'may hit'} the endpoint: {_listed(sorted(found))}{condition}")
    if surely:
        return Hit(address, message)
    everyone = statement.not_principals or not statement.principals or "*" in statement.principals
    return Hit(address, message, None if everyone else Severity.APPROVAL, Verdict.OTHER)


def _listed(texts: list[str]) -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


RULE = Rule(
    id="access-denied",
    title="A new Deny hits what the endpoint needs",
    severity=Severity.BLOCKED,
    verdict=Verdict.OUTAGE,
    explanation=(
        "A Deny overrides every Allow, wherever it is: in the policy of the bucket, the role, its permissions "
        "boundary, the key, the repository or a VPC endpoint. SageMaker then cannot read the artifacts, pull the "
        "image or use the key. A condition spares the endpoint only if the review can see that it does (TLS, the "
        "role's own account or ARN). Unless the model has a VPC, SageMaker downloads artifacts from a network of "
        "its own."
    ),
    advice=(
        "Exempt the execution role from the Deny with a condition on `aws:PrincipalArn` (ArnNotEquals), and try the "
        "change in another environment first."
    ),
    source=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html "
        "https://docs.aws.amazon.com/sagemaker/latest/dg/host-vpc.html"
    ),
    check=_check,
)
