"""What the List operations share: filters, order, pages."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from .errors import ValidationError
from .records import Endpoint, RecordT

_DEFAULT_PAGE = 10


def page(
    records: list[RecordT], request: dict[str, Any], summary: Callable[[RecordT], dict[str, Any]], member: str
) -> dict[str, Any]:
    """One page of `records` as the response member `member`, with NextToken when there are more.

    AWS's defaults: by creation time, descending, ten a page. Raises ValidationError for a token not made here.
    """
    chosen = [record for record in records if _matches(record, request)]
    keys: dict[str, Callable[[RecordT], Any]] = {
        "Name": lambda record: record.name,
        "CreationTime": lambda record: (record.created, record.name),
        "Status": lambda record: (getattr(record, "status", ""), record.name),
    }
    descending = request.get("SortOrder", "Descending") == "Descending"
    chosen.sort(key=keys[request.get("SortBy", "CreationTime")], reverse=descending)
    start, size = _decode(request.get("NextToken")), request.get("MaxResults", _DEFAULT_PAGE)
    answer: dict[str, Any] = {member: [summary(record) for record in chosen[start : start + size]]}
    if start + size < len(chosen):
        answer["NextToken"] = base64.b64encode(str(start + size).encode()).decode()
    return answer


def _matches(record: RecordT, request: dict[str, Any]) -> bool:
    bounds = {"CreationTime": record.created}
    if isinstance(record, Endpoint):
        bounds["LastModifiedTime"] = record.modified
        if request.get("StatusEquals", record.status) != record.status:
            return False
    for name, moment in bounds.items():
        if f"{name}Before" in request and moment >= request[f"{name}Before"]:
            return False
        if f"{name}After" in request and moment <= request[f"{name}After"]:
            return False
    return request.get("NameContains", "") in record.name


def _decode(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValidationError("Invalid pagination token.") from error
