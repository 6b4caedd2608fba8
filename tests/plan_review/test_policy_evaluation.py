"""Which requests a statement of a policy concerns, what covers what, and whom a condition lets in."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plan_review.audience import is_public
from plan_review.policy_documents import Statement, covers, overlaps, statements
from plan_review.policy_evaluation import Answer, Principal, Request, allowed, concerns, denied

ROLE = "arn:aws:iam::123456789012:role/service/review"
READ = Request("s3:GetObject", "arn:aws:s3:::b/models/*.tar.gz", Principal(ROLE), {"aws:securetransport": "true"})


def statement(**elements: Any) -> Statement:
    found = statements(json.dumps({"Statement": {"Effect": "Allow", **elements}}))
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("elements", "answer"),
    [
        ({"Action": "s3:GetObject", "Resource": "*"}, Answer.YES),
        ({"Action": "S3:get*", "Resource": "arn:aws:s3:::b/*"}, Answer.YES),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/models/a/*"}, Answer.NO),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/models/a/*", "Effect": "Deny"}, Answer.YES),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/other/*", "Effect": "Deny"}, Answer.NO),
        ({"Action": "s3:PutObject", "Resource": "*"}, Answer.NO),
        ({"NotAction": "s3:PutObject", "Resource": "*"}, Answer.YES),
        ({"NotAction": "s3:*", "Resource": "*"}, Answer.NO),
        ({"Action": "*", "NotResource": "arn:aws:s3:::b/models/*"}, Answer.NO),
        ({"Action": "*", "NotResource": "arn:aws:s3:::c/*"}, Answer.YES),
        ({"Action": "*", "Resource": "*", "Principal": "*"}, Answer.YES),
        ({"Action": "*", "Resource": "*", "Principal": {"AWS": ROLE}}, Answer.YES),
        ({"Action": "*", "Resource": "*", "Principal": {"AWS": ["123456789012"]}}, Answer.YES),
        ({"Action": "*", "Resource": "*", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, Answer.YES),
        ({"Action": "*", "Resource": "*", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}}, Answer.NO),
        (
            {"Action": "*", "Resource": "*", "Principal": {"AWS": "arn:aws:sts::123456789012:assumed-role/review/x"}},
            Answer.YES,
        ),
        ({"Action": "*", "Resource": "*", "Principal": {"Service": "sagemaker.amazonaws.com"}}, Answer.NO),
        ({"Action": "*", "Resource": "*", "NotPrincipal": {"AWS": ROLE}}, Answer.NO),
        ({"Action": "*", "Resource": "*", "NotPrincipal": {"AWS": "arn:aws:iam::1:root"}}, Answer.YES),
        ({"Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}, Answer.NO),
        ({"Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": [True]}}}, Answer.YES),
        ({"Action": "*", "Resource": "*", "Condition": {"DateLessThan": {"aws:CurrentTime": "2030"}}}, Answer.MAYBE),
        ({"Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}, Answer.YES),
        ({"Action": "*", "Resource": "*", "Condition": "x"}, Answer.YES),
    ],
)
def test_what_a_statement_concerns(elements: dict[str, Any], answer: Answer) -> None:
    assert concerns(statement(**elements), READ) is answer


@pytest.mark.parametrize(
    ("operator", "key", "values", "answer"),
    [
        ("StringEquals", "k", "v", Answer.YES),
        ("StringEquals", "K", ["w", "v"], Answer.YES),
        ("StringEquals", "k", "V", Answer.NO),
        ("StringEqualsIgnoreCase", "k", "V", Answer.YES),
        ("StringNotEquals", "k", ["w", "v"], Answer.NO),
        ("StringLike", "k", "v*", Answer.YES),
        ("ArnNotLike", "k", "x*", Answer.YES),
        ("StringEquals", "absent", "v", Answer.NO),
        ("StringNotEquals", "absent", "v", Answer.YES),
        ("StringEqualsIfExists", "absent", "v", Answer.YES),
        ("ForAllValues:StringEquals", "absent", "v", Answer.YES),
        ("ForAnyValue:StringEquals", "k", "v", Answer.YES),
        ("Null", "absent", "true", Answer.YES),
        ("Null", "k", "true", Answer.NO),
        ("Null", "k", "false", Answer.YES),
        ("NumericLessThan", "number", "1.2", Answer.NO),
        ("NumericGreaterThanEquals", "number", 1.2, Answer.YES),
        ("NumericLessThan", "k", "1.2", Answer.NO),
        ("StringEquals", "unknown", "v", Answer.MAYBE),
        ("Null", "unknown", "true", Answer.MAYBE),
        ("BinaryEquals", "k", "v", Answer.MAYBE),
    ],
)
def test_a_condition(operator: str, key: str, values: Any, answer: Answer) -> None:
    request = Request("a:b", "*", context={"k": "v", "number": "1.2", "absent": None})
    assert concerns(statement(Action="*", Resource="*", Condition={operator: {key: values}}), request) is answer


def test_a_role_that_the_plan_does_not_name_may_be_the_one_listed() -> None:
    listed = statement(Action="*", Resource="*", Principal={"AWS": ROLE})
    everybody_else = statement(Action="*", Resource="*", NotPrincipal={"AWS": ROLE})
    anonymous = Request("s3:GetObject", "*")
    assert concerns(listed, anonymous) is concerns(everybody_else, anonymous) is Answer.MAYBE


def test_allow_and_deny_are_told_apart() -> None:
    some = (statement(Action="s3:*", Resource="*"), statement(Action="s3:Put*", Resource="*", Effect="Deny"))
    assert (allowed(some, READ), denied(some, READ)) == (Answer.YES, Answer.NO)
    put = Request("s3:PutObject", "*")
    assert (allowed(some, put), denied(some, put)) == (Answer.YES, Answer.YES)


PATTERNS = st.text("ab*?", max_size=6)


@settings(max_examples=300, deadline=None)
@given(PATTERNS, PATTERNS, st.text("ab", max_size=6))
def test_patterns_cover_and_overlap_as_their_texts_do(one: str, other: str, text: str) -> None:
    def means(pattern: str) -> bool:
        return re.fullmatch(pattern.replace("?", ".").replace("*", ".*"), text) is not None

    if covers(one, other) and means(other):
        assert means(one)
    if means(one) and means(other):
        assert overlaps(one, other)
        assert overlaps(other, one)
    assert covers(text, text)


NOBODY_OUT = [
    {"Bool": {"aws:SecureTransport": "true"}},
    {"StringLike": {"aws:Referer": "https://example.com/*"}},
    {"StringEquals": {"aws:UserAgent": "me"}},
    {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
    {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/1"]}},
    {"IpAddress": {"aws:SourceIp": "::/0"}},
    {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    {"StringLike": {"aws:PrincipalArn": "*"}},
    {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}},
    {"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}},
    {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
    {"StringNotEquals": {"aws:SourceAccount": "123456789012"}},
    {"StringEquals": {"aws:PrincipalTag/team": "ml"}},
    {"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}},
    {"Null": {"aws:SourceVpce": "false"}},
    {"StringEquals": {"aws:SourceAccount": []}},
    {"StringEquals": "x"},
]
SOMEBODY = [
    {"StringEquals": {"aws:SourceAccount": "123456789012"}},
    {"StringEquals": {"AWS:sourcevpce": ["vpce-1", "vpce-2"]}},
    {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
    {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/*"}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:cloudfront::123456789012:distribution/*"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/*"}},
    {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}},
    {"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"kms:CallerAccount": "123456789012"}},
]


@pytest.mark.parametrize("condition", [{}, *NOBODY_OUT], ids=json.dumps)
@pytest.mark.parametrize("whom", [{"Principal": "*"}, {"Principal": {"AWS": "*"}}, {"NotPrincipal": {"AWS": ROLE}}])
def test_a_condition_that_keeps_nobody_out(whom: dict[str, Any], condition: Any) -> None:
    assert is_public(statement(Action="*", Resource="*", Condition=condition, **whom))


@pytest.mark.parametrize("condition", SOMEBODY, ids=json.dumps)
def test_a_condition_that_fixes_who_asks(condition: Any) -> None:
    assert not is_public(statement(Action="*", Resource="*", Principal="*", Condition=condition))


def test_a_deny_opens_nothing() -> None:
    assert not is_public(statement(Effect="Deny", Action="*", Resource="*", Principal="*"))
