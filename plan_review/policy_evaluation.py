"""Whether a statement of a policy concerns a request, as far as a plan lets one know.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from plan_review.policy_documents import Statement, covers, covers_action, covers_any, overlaps


class Answer(enum.IntEnum):
    """NO and YES are known; MAYBE depends on what no plan says."""

    NO = 0
    MAYBE = 1
    YES = 2


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request: a role by its ARN, or a service of AWS by its name. Neither: a role that is not known."""

    arn: str = ""
    service: str = ""

    @property
    def account(self) -> str:
        parts = self.arn.split(":")
        return parts[4] if len(parts) > 4 else ""


@dataclass(frozen=True, slots=True)
class Request:
    """One call that the endpoint makes. The resource may be a pattern: any of the resources that it means.

    `context` holds the condition keys in lower case: their value, or None where the request does not have the key.
    A key that is not in it is not known.
    """

    action: str
    resource: str
    principal: Principal = Principal()
    context: Mapping[str, str | None] = field(default_factory=dict)


def allowed(statements: Iterable[Statement], request: Request) -> Answer:
    """Whether an Allow among the statements concerns the request."""
    return max((concerns(item, request) for item in statements if item.allows), default=Answer.NO)


def denied(statements: Iterable[Statement], request: Request) -> Answer:
    """Whether a Deny among the statements concerns the request."""
    return max((concerns(item, request) for item in statements if not item.allows), default=Answer.NO)


def concerns(statement: Statement, request: Request) -> Answer:
    """Whether the statement, Allow or Deny, concerns the request."""
    if statement.not_actions:
        action = not covers_action(statement.not_actions, request.action)
    else:
        action = covers_action(statement.actions, request.action)
    if not action:
        return Answer.NO
    return min(_resource(statement, request), _principal(statement, request), condition_holds(statement, request))


def _resource(statement: Statement, request: Request) -> Answer:
    """An Allow must give all of what is asked for; a Deny of a part of it is enough to miss something."""
    if statement.not_resources:
        return Answer.NO if covers_any(statement.not_resources, request.resource) else Answer.YES
    if not statement.resources or covers_any(statement.resources, request.resource):
        return Answer.YES  # a trust policy names no resource
    in_part = not statement.allows and any(overlaps(item, request.resource) for item in statement.resources)
    return Answer.YES if in_part else Answer.NO


def _principal(statement: Statement, request: Request) -> Answer:
    if statement.not_principals:
        listed = max((_is(item, request.principal) for item in statement.not_principals), default=Answer.NO)
        return Answer(Answer.YES - listed)
    if not statement.principals:
        return Answer.YES  # the policy of a role: it concerns the role
    return max(_is(item, request.principal) for item in statement.principals)


def _is(listed: str, principal: Principal) -> Answer:
    """Whether an element of Principal means the role, by itself or by its account."""
    if listed in ("*", "AWS:*"):
        return Answer.YES
    kind, _, name = listed.partition(":")
    if kind != "AWS" or principal.service:
        return Answer.YES if kind == "Service" and name == principal.service else Answer.NO
    if not principal.arn:
        return Answer.NO if ":user/" in name else Answer.MAYBE
    role = principal.arn.rsplit("/", 1)[-1]
    if name == principal.arn or name in (principal.account, f"{principal.arn.split(':role/')[0]}:root"):
        return Answer.YES
    assumed = name.startswith("arn:") and f":{principal.account}:assumed-role/{role}/" in name
    return Answer.YES if assumed else Answer.NO


def condition_holds(statement: Statement, request: Request) -> Answer:
    """Whether every part of the statement's condition holds for the request."""
    answer = Answer.YES
    for operator, keys in statement.conditions.items():
        if not isinstance(keys, Mapping):
            return Answer.MAYBE
        for key, values in keys.items():
            wanted = [_text(item) for item in (values if isinstance(values, list) else [values])]
            answer = min(answer, _test(operator, str(key).lower(), wanted, request.context))
    return answer


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _test(operator: str, key: str, wanted: list[str], context: Mapping[str, str | None]) -> Answer:
    base = operator.rpartition(":")[2]
    optional = base.endswith("IfExists") or operator.startswith("ForAllValues:")
    base = base.removesuffix("IfExists")
    if key not in context:
        everywhere = base == "IpAddress" and {"0.0.0.0/0", "::/0"}.intersection(wanted)
        return Answer.YES if everywhere else Answer.MAYBE
    value = context[key]
    if base == "Null":
        return _answer((value is None) == (wanted[:1] == ["true"]))
    negated = "Not" in base
    if value is None:
        return _answer(optional or negated)
    compare = _OPERATORS.get(base.replace("Not", ""))
    if compare is None:
        return Answer.MAYBE
    return _answer(any(compare(item, value) for item in wanted) != negated)


def _answer(known: bool) -> Answer:
    return Answer.YES if known else Answer.NO


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def holds(wanted: str, value: str) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return False

    return holds


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    "StringLike": covers,
    "ArnEquals": covers,
    "ArnLike": covers,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "NumericEquals": _number(lambda value, wanted: value == wanted),
    "NumericLessThan": _number(lambda value, wanted: value < wanted),
    "NumericLessThanEquals": _number(lambda value, wanted: value <= wanted),
    "NumericGreaterThan": _number(lambda value, wanted: value > wanted),
    "NumericGreaterThanEquals": _number(lambda value, wanted: value >= wanted),
}
