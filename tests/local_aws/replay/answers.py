"""How an answer differs from the recorded one: status, content type, headers, and every value that is not random."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from tests.local_aws.replay.exchange import IDENTIFIERS, Exchange

Answer = tuple[int, dict[str, str], str]
"""Status, headers with names in lower case, body."""

# What names a request, or follows from the rest.
# The gateway takes moto's permission for other origins away.
_OTHER_HEADERS = {"x-amzn-requestid", "content-length", "date", "access-control-allow-origin"}
_NO_VALUES = {"etag", "last-modified", "x-amz-version-id", "x-amz-content-sha256", "x-amz-checksum-sha256"}
_RANDOM = (
    ("a moment", re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)?|\w{3}, \d\d \w{3} \d{4} [\d:]+ GMT")),
    ("an ETag", re.compile(r'"?[0-9a-f]{32}(-\d+)?"?')),
    # moto's: of roles and policies, of users, and of requests.
    ("an id", re.compile(r"A[A-Z0-9]{20}|[0-9a-z]{20}|[A-Za-z0-9]{52}")),
)


@dataclass(frozen=True)
class Difference:
    """`where`: `status`, `header NAME`, or the path of a value in the body."""

    operation: str
    where: str
    recorded: Any
    found: Any


def differences(recorded: Exchange, answer: Answer) -> Iterator[Difference]:
    """More headers than recorded are none, and neither are other values where they are random."""
    status, headers, body = answer

    def difference(where: str, was: Any, is_: Any) -> Difference:
        return Difference(recorded.operation, where, was, is_)

    if status != recorded.status:
        yield difference("status", recorded.status, status)
        return
    for name, value in recorded.response_headers.items():
        if name in _OTHER_HEADERS:
            continue
        found = headers.get(name)
        if found is None or (name not in _NO_VALUES and _plain(found) != _plain(value)):
            yield difference(f"header {name}", value, found)
    if recorded.has_comparable_body:
        was, is_ = dict(_leaves(_parsed(recorded.response_body))), dict(_leaves(_parsed(body)))
        for path in sorted(was.keys() | is_.keys()):
            if was.get(path) != is_.get(path):
                yield difference(path, was.get(path), is_.get(path))


def _parsed(body: str) -> Any:
    text = body.strip()
    if text.startswith(("{", "[")):
        return json.loads(text)
    if text.startswith("<") and not text.startswith("<!doctype html>"):
        root = ElementTree.fromstring(text)
        return {root.tag: _of_xml(root)}
    return text


def _of_xml(element: ElementTree.Element) -> Any:
    """Elements of one name below another are a list, in no order: S3 gives tags and versions in any."""
    children: dict[str, Any] = {}
    for child in element:
        children.setdefault(child.tag, []).append(_of_xml(child))
    if not children:
        return element.text or ""
    return {name: found[0] if len(found) == 1 else found for name, found in children.items()}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from _leaves(member, f"{path}/{name.rpartition('}')[2]}")
    elif isinstance(value, list) and value:
        for number, member in enumerate(
            sorted(value, key=lambda item: json.dumps(_without_random(item), sort_keys=True))
        ):
            yield from _leaves(member, f"{path}[{number}]")
    else:
        yield path or "/", _plain(value)


def _order(value: Any) -> str:
    return json.dumps(_without_random(value), sort_keys=True)


def _without_random(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_random(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_without_random(member) for member in value]
    return _plain(value)


def _plain(value: Any) -> Any:
    """The value, or its kind where it is random."""
    if isinstance(value, float) or (isinstance(value, int) and value > 10**9):
        return "a moment" if value > 10**9 else float(value)
    if isinstance(value, str):
        for kind, pattern in _RANDOM:
            if pattern.fullmatch(value):
                return kind
        for identifier in IDENTIFIERS:
            value = identifier.sub("ID", value)
        return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", value)
    return value
