"""The roles that SageMaker runs an endpoint's containers with, what they may do before and after, and what they need.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createmodel-perms
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from plan_review.endpoint import MODEL
from plan_review.grants import ATTACHMENTS
from plan_review.plan import Action, Change, Plan
from plan_review.policy_documents import Statement, statements
from plan_review.policy_evaluation import Answer, Principal, Request, allowed, denied
from plan_review.values import UNKNOWN, Values

ROLE = "aws_iam_role"
_SERVICE = "sagemaker.amazonaws.com"


@dataclass(frozen=True, slots=True)
class ExecutionRole:
    """`models` are the SageMaker models, as they are after the plan, that name the role.

    None of them when the plan holds no SageMaker model at all: then any role that SageMaker may assume counts, because
    the endpoint may be another stack's.
    """

    change: Change
    models: tuple[Values, ...]

    @property
    def arn(self) -> str:
        """The ARN, empty when neither side knows it."""
        for side in (self.change.before, self.change.after):
            arn = side.text("arn")
            if arn is not None:
                return arn
        return ""

    @property
    def name(self) -> str | None:
        return self.change.before.text("name") or self.change.after.text("name")

    @property
    def principal(self) -> Principal:
        return Principal(self.arn)


@dataclass(frozen=True, slots=True)
class Rights:
    """What one side of a plan lets a role do.

    `opaque` names what the plan does not show: managed policies of elsewhere, documents that are unknown or no JSON.
    """

    statements: tuple[Statement, ...]
    opaque: tuple[str, ...]


def execution_roles(plan: Plan, moving: bool = False) -> tuple[ExecutionRole, ...]:
    """The roles of the plan that existed before it and that a running endpoint may be using.

    With `moving` also those that models leave in this plan, when the role is destroyed before its successor exists:
    the endpoint has not moved yet.
    """
    roles = [change for change in plan.of_type(ROLE) if change.before.exists and change.deposed is None]
    if not any(change.before.exists or change.after.exists for change in plan.of_type(MODEL)):
        return tuple(ExecutionRole(role, ()) for role in roles if trusts_sagemaker(role.before, role))
    models = [change.after for change in plan.of_type(MODEL) if change.after.exists]
    left = [change.before for change in plan.of_type(MODEL) if change.before.exists]
    found = [
        ExecutionRole(
            role,
            tuple(model for model in models if _uses(model, role))
            or tuple(
                model for model in left if moving and role.action is Action.DELETE_THEN_CREATE and _uses(model, role)
            ),
        )
        for role in roles
    ]
    return tuple(role for role in found if role.models)


def trusts_sagemaker(side: Values, role: Change) -> Answer:
    """Whether one side of a role lets SageMaker assume it, on behalf of the role's own account."""
    found = statements(side.visible("assume_role_policy"))
    if found is None:
        return Answer.MAYBE
    account = Principal(role.before.text("arn") or "").account
    context: dict[str, str | None] = {"sts:externalid": None}
    if account:
        context["aws:sourceaccount"] = account
    request = Request("sts:AssumeRole", "", Principal(service=_SERVICE), context)
    return min(allowed(found, request), Answer(Answer.YES - denied(found, request)))


def _uses(model: Values, role: Change) -> bool:
    arn = model.at("execution_role_arn")
    name = role.before.text("name")
    if arn is UNKNOWN:
        return role.after.at("arn") is UNKNOWN
    return isinstance(arn, str) and (arn == role.before.text("arn") or (name is not None and arn.endswith(f"/{name}")))


def rights(plan: Plan, role: ExecutionRole, side: str) -> Rights:
    """Everything that one side (`before` or `after`) of the plan lets a role do."""
    found: list[Statement] = []
    opaque: list[str] = []
    inline_names = set()
    for change in plan.of_type("aws_iam_role_policy"):
        if _concerns(change, "role", role):
            inline_names |= {change.before.text("name"), change.after.text("name")}
            values = _side(change, side)
            if values.exists and _names(values.at("role"), role):
                _add(found, opaque, values.visible("policy"), change.address)
    own: Values = getattr(role.change, side)
    blocks = own.block("inline_policy")
    for index, block in enumerate(blocks if blocks is not UNKNOWN else ()):
        # With the real provider the role repeats what its aws_iam_role_policy resources say.
        if isinstance(block, Mapping) and block.get("policy") and block.get("name") not in inline_names:
            _add(found, opaque, own.visible("inline_policy", index, "policy"), f"{role.change.address} inline_policy")
    for arn, documents in _managed(plan, role, side):
        if documents is None:
            opaque.append(arn)
        else:
            _add(found, opaque, documents.visible("policy"), arn)
    return Rights(tuple(found), tuple(opaque))


def _side(change: Change, side: str) -> Values:
    """One side of a change; what is only forgotten goes on as it was."""
    return change.before if change.action is Action.FORGET or side == "before" else change.after


def _add(found: list[Statement], opaque: list[str], document: object, where: str) -> None:
    read = None if document is UNKNOWN else statements(document)
    if read is None:
        opaque.append(where)
    else:
        found.extend(read)


def _managed(plan: Plan, role: ExecutionRole, side: str) -> Iterator[tuple[str, Values | None]]:
    """The ARN of each managed policy that the role has, with its resource's values when it is of the plan."""
    arns: set[object] = set()
    attached: set[object] = set()
    for type_, attribute in ATTACHMENTS.items():
        for change in plan.of_type(type_):
            for name in ("before", "after"):
                values = _side(change, name)
                holders = values.at("roles") if type_ == "aws_iam_policy_attachment" else [values.at("role")]
                if values.exists and isinstance(holders, list) and any(_names(item, role) for item in holders):
                    arn = values.visible(attribute)
                    known = arn if isinstance(arn, str) else UNKNOWN
                    attached.add(known)
                    if name == side:
                        arns.add(known)
    own = getattr(role.change, side).visible("managed_policy_arns")
    arns |= {item for item in (own if isinstance(own, list) else ()) if isinstance(item, str) and item not in attached}
    for arn in sorted(arns, key=str):
        if arn is UNKNOWN and side == "after" and (policies := _new_policies(plan)):
            yield from (("a managed policy", values) for values in policies)
        else:
            yield (arn if isinstance(arn, str) else "a managed policy"), _policy_of(plan, arn, side)


def _new_policies(plan: Plan) -> list[Values]:
    """The managed policies whose ARNs only the apply tells."""
    policies = plan.of_type("aws_iam_policy")
    return [change.after for change in policies if change.after.exists and change.after.at("arn") is UNKNOWN]


def _policy_of(plan: Plan, arn: object, side: str) -> Values | None:
    for change in plan.of_type("aws_iam_policy"):
        values = _side(change, side)
        if values.exists and isinstance(arn, str) and arn in (change.before.text("arn"), change.after.text("arn")):
            return values
    return None


def boundary(plan: Plan, role: ExecutionRole, side: str) -> tuple[object, tuple[Statement, ...] | None]:
    """The ARN of the role's permissions boundary on one side (None without one) and its statements, where known."""
    arn = getattr(role.change, side).at("permissions_boundary")
    if not arn:
        return None, ()
    document = _policy_of(plan, arn, side)
    return arn, None if document is None else statements(document.visible("policy"))


def _concerns(change: Change, attribute: str, role: ExecutionRole) -> bool:
    return any(_names(side.at(attribute), role) for side in (change.before, change.after) if side.exists)


def _names(value: object, role: ExecutionRole) -> bool:
    """Whether an attribute means the role; a name unknown until the apply can only be of a role that is replaced."""
    if value is UNKNOWN:
        return role.change.action.replaces
    return value is not None and value in (role.name, role.arn, role.change.before.at("id"))
