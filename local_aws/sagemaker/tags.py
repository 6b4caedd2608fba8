"""Tags of models, endpoint configurations and endpoints, by ARN."""

from typing import Any

from ..account import ACCOUNT_ID, REGION
from .errors import ValidationError
from .records import Record, Table

_LIMIT = 50


class Tags:
    """Tags live as long as their resource: `tables` maps an ARN's kind to the table that knows the resource."""

    def __init__(self, tables: dict[str, Table[Any]]) -> None:
        self._tables = tables
        self._tags: dict[str, dict[str, str]] = {}

    def set_initial(self, record: Record) -> None:
        """Keep the tags that came with a create request."""
        self._tags[record.arn] = _as_dict(record.request.get("Tags", []))

    def all(self) -> dict[str, dict[str, str]]:
        """A copy of all tags, by ARN."""
        return {arn: dict(tags) for arn, tags in list(self._tags.items())}

    def restore(self, tags: dict[str, dict[str, str]]) -> None:
        """Begin with these, which `all` gave."""
        self._tags = {arn: dict(found) for arn, found in tags.items()}

    def forget(self, arn: str) -> None:
        self._tags.pop(arn, None)

    def add_tags(self, request: dict[str, Any]) -> dict[str, Any]:
        tags = self._of(request["ResourceArn"])
        merged = {**tags, **_as_dict(request["Tags"])}
        if len(merged) > _LIMIT:
            raise ValidationError(f"Too many tags: a resource can have at most {_LIMIT}.")
        tags.update(merged)
        return {"Tags": _as_list(tags)}

    def list_tags(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": _as_list(self._of(request["ResourceArn"]))}

    def delete_tags(self, request: dict[str, Any]) -> dict[str, Any]:
        tags = self._of(request["ResourceArn"])
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _of(self, arn: str) -> dict[str, str]:
        kind, _, name = arn.removeprefix(f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:").partition("/")
        table = self._tables.get(kind)
        if table is None:
            raise ValidationError(f"Invalid resource ARN: {arn}")
        return self._tags.setdefault(table.get(name).arn, {})


def _as_dict(tags: list[dict[str, str]]) -> dict[str, str]:
    named = {tag["Key"]: tag["Value"] for tag in tags}
    if len(named) != len(tags):
        raise ValidationError("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    return named


def _as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
