"""The calls that SageMaker makes in the name of an execution role while an endpoint runs.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createmodel-perms
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from plan_review.endpoint import CONFIGURATION, ENDPOINT
from plan_review.execution_roles import ExecutionRole
from plan_review.plan import Plan
from plan_review.policy_documents import Statement, covers_action
from plan_review.policy_evaluation import Principal, Request
from plan_review.values import Values

READ, LIST = "s3:GetObject", "s3:ListBucket"
PULL = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
)
KEY = ("kms:Decrypt", "kms:CreateGrant", "kms:GenerateDataKey", "kms:DescribeKey")
LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")
METRICS = "cloudwatch:PutMetricData"
NETWORK = (
    *("ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface"),
    *("ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
)
VITAL = (READ, LIST, *PULL, *KEY, *NETWORK)
"""Without one of these instances cannot start or models cannot be loaded."""

_ALL = (*VITAL, *LOGS, METRICS)
_IMAGE = re.compile(r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<repository>[^:@]+)")
_DATA = re.compile(r"s3://(?P<bucket>[^/]+)/?(?P<prefix>.*)")


@dataclass(frozen=True, slots=True)
class Need:
    """One call. `vital` says that the endpoint, and not only what is seen of it, depends on it."""

    request: Request
    vital: bool

    @property
    def text(self) -> str:
        return f"{self.request.action} on {self.request.resource}"


def context_of(role: ExecutionRole | None, model: Values | None = None) -> dict[str, str | None]:
    """The condition keys of a call whose values are known of any endpoint, or of this one."""
    context: dict[str, str | None] = {
        "aws:securetransport": "true",
        "aws:principalisawsservice": "false",
        "aws:principaltype": "AssumedRole",
        "aws:multifactorauthpresent": None,
        "aws:sourceaccount": None,
        "s3:tlsversion": "1.2",
        "s3:signatureversion": "AWS4-HMAC-SHA256",
        "s3:authtype": "REST-HEADER",
        "kms:grantisforawsresource": "true",
    }
    account = role.principal.account if role is not None else ""
    if role is not None and account:
        context |= dict.fromkeys(("aws:principalaccount", "kms:calleraccount"), account)
        context |= {"aws:principalarn": role.arn}
    if model is not None and not model.block("vpc_config"):
        context |= dict.fromkeys(("aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip"))
    return context


def needs_of_models(plan: Plan, role: ExecutionRole) -> Iterator[Need]:
    """What the role's SageMaker models and the plan's endpoints need, as far as the plan names it."""
    for model in role.models:
        context = context_of(role, model)
        for path in (("primary_container", 0), ("container", 0)):
            yield from _artifacts(_visible(model, *path, "model_data_url"), role, context)
            yield from _image(_visible(model, *path, "image"), role, context)
        if model.block("vpc_config"):
            yield from (_need(action, "*", role, context) for action in NETWORK)
        yield _need(METRICS, "*", role, context | {"cloudwatch:namespace": "/aws/sagemaker/Endpoints"})
        yield from _logs(plan, role, context)
    for configuration in plan.of_type(CONFIGURATION):
        key = _visible(configuration.after, "kms_key_arn")
        if key:
            yield _need("kms:CreateGrant", key, role, context_of(role))


def _visible(values: Values, *path: str | int) -> str | None:
    """A text that may be printed: nothing sensitive becomes part of a need."""
    value = values.visible(*path)
    return value if isinstance(value, str) else None


def _need(action: str, resource: str, role: ExecutionRole, context: Mapping[str, str | None]) -> Need:
    return Need(Request(action, resource, role.principal, context), action in VITAL)


def _artifacts(url: str | None, role: ExecutionRole, context: dict[str, str | None]) -> Iterator[Need]:
    match = _DATA.fullmatch(url or "")
    if match is not None:
        bucket = f"arn:{_partition(role)}:s3:::{match['bucket']}"
        yield _need(READ, f"{bucket}/{match['prefix']}*.tar.gz", role, context)
        yield _need(LIST, bucket, role, context | {"s3:prefix": match["prefix"]})


def _image(uri: str | None, role: ExecutionRole, context: dict[str, str | None]) -> Iterator[Need]:
    match = _IMAGE.match(uri or "")
    if match is not None:
        repository = f"arn:{_partition(role)}:ecr:{match['region']}:{match['account']}:repository/{match['repository']}"
        for action in PULL:
            yield _need(action, "*" if action == PULL[0] else repository, role, context)


def _logs(plan: Plan, role: ExecutionRole, context: dict[str, str | None]) -> Iterator[Need]:
    account = role.principal.account or "*"
    for endpoint in plan.of_type(ENDPOINT):
        name = _visible(endpoint.after, "name")
        region = ((endpoint.before.text("arn") or "").split(":") + [""] * 4)[3] or plan.region or "*"
        if name is not None:
            group = f"arn:{_partition(role)}:logs:{region}:{account}:log-group:/aws/sagemaker/Endpoints/{name}"
            yield from (_need(action, f"{group}:log-stream:*", role, context) for action in LOGS)


def _partition(role: ExecutionRole) -> str:
    return role.arn.split(":")[1] if role.arn.count(":") > 1 else "aws"


def needs_of_rights(
    granted: tuple[Statement, ...], role: ExecutionRole | None, actions: tuple[str, ...] = _ALL
) -> Iterator[Need]:
    """What a role may do of `actions`, taken for what it needs: for an endpoint that the plan does not hold."""
    principal = role.principal if role is not None else Principal()
    for statement in granted:
        for action in actions if statement.allows else ():
            if covers_action(statement.actions, action):
                for resource in sorted(statement.resources):
                    for context in _satisfying(statement, role):
                        yield Need(Request(action, resource, principal, context), action in VITAL)


def _satisfying(statement: Statement, role: ExecutionRole | None) -> list[dict[str, str | None]]:
    """Contexts for which the statement's condition holds: one for each of the values that it names."""
    listed: dict[str, list[str]] = {}
    known = context_of(role)
    for operator, keys in statement.conditions.items():
        for key, values in keys.items() if isinstance(keys, Mapping) else ():
            if "Not" not in operator and operator != "Null" and str(key).lower() not in known:
                listed[str(key).lower()] = [str(item) for item in (values if isinstance(values, list) else [values])]
    first: dict[str, str | None] = {key: values[0] for key, values in listed.items() if values}
    return [known | first, *(known | first | {key: item} for key, values in listed.items() for item in values[1:])]
