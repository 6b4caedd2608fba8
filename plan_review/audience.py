"""Whom a statement of a resource's policy lets in: somebody, or everyone behind a condition that keeps nobody out.

The same test as S3's Block Public Access makes:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from plan_review.policy_documents import Statement

# Keys that say who asks. What a caller chooses (a referrer, a user agent, TLS) or may have in any account (a user's
# name, a tag) keeps nobody out.
_WHO = frozenset(
    {
        *("aws:sourcearn", "aws:sourceaccount", "aws:sourceowner", "aws:sourceorgid", "aws:sourceorgpaths"),
        *("aws:sourcevpc", "aws:sourcevpce", "aws:userid"),
        *("aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:principalorgpaths"),
        *("s3:dataaccesspointarn", "s3:dataaccesspointaccount", "kms:calleraccount"),
    }
)
_SOURCE_IP = "aws:sourceip"
_COMPARING = frozenset({"StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress"})
# What before a wildcard already means one account, organization, role or user.
_SOMEBODY = re.compile(r"(?:^|:)[0-9]{12}(?::|$)|^o-[a-z0-9]{10,}|^(?:AROA|AIDA)[A-Z0-9]{16,}")
# Broader ranges are public for S3.
_BROADEST = {4: 8, 6: 32}


def is_public(statement: Statement) -> bool:
    """Whether an Allow statement lets everyone in."""
    anyone = bool(statement.not_principals) or any(item == "*" or item.endswith(":*") for item in statement.principals)
    return statement.allows and anyone and not _restricts(statement.conditions)


def _restricts(conditions: Mapping[str, Any]) -> bool:
    """Whether one part of a condition says who asks; the parts hold all together."""
    for operator, keys in conditions.items():
        if operator.removeprefix("ForAnyValue:") not in _COMPARING or not isinstance(keys, Mapping):
            continue
        for key, values in keys.items():
            listed = values if isinstance(values, list) else [values]
            fixed = _is_narrow if str(key).lower() == _SOURCE_IP else _is_somebody
            if str(key).lower() in _WHO | {_SOURCE_IP} and listed and all(fixed(item) for item in listed):
                return True
    return False


def _is_somebody(value: Any) -> bool:
    if not isinstance(value, str) or not value or "${" in value:
        return False
    fixed = re.split(r"[*?]", value)[0]
    return fixed == value or _SOMEBODY.search(fixed) is not None


def _is_narrow(value: Any) -> bool:
    try:
        network = ipaddress.ip_network(str(value), strict=False)
    except ValueError:
        return False
    return network.prefixlen >= _BROADEST[network.version]
