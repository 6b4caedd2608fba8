"""Terraform's arguments to boto3's parameters and back, by the shapes of botocore's own service models.

`volume_size_in_gb` is VolumeSizeInGB because the shape has a member whose letters are the same; the few that differ in
more than that are named in `renames` (the Terraform name to the API's, at any depth).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from botocore.client import BaseClient
from botocore.model import Shape

from .schema import Block

NUMBERS = {"integer": int, "long": int, "float": float, "double": float}
NO_RENAMES: Mapping[str, str] = {}
# Tags travel their own way (see provider.py); a resource's id is never a parameter of that name.
NOT_MAPPED = frozenset({"tags", "tags_all", "region"})


def parameters(
    client: BaseClient, operation: str, block: Block, state: Mapping[str, Any], renames: Mapping[str, str] = NO_RENAMES
) -> dict[str, Any]:
    """The parameters of a boto3 operation (`CreateModel`) that a resource's settable arguments fill."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    return structure(block, state, shape, renames)


def attributes(
    client: BaseClient,
    operation: str,
    block: Block,
    response: Mapping[str, Any],
    *within: str,
    renames: Mapping[str, str] = NO_RENAMES,
) -> dict[str, Any]:
    """The attributes that an operation's response tells; `within` names the member (list members too) that holds them.

    A member that the response's shape has and the response has not is null: then a refresh sees what has gone.
    """
    shape = client.meta.service_model.operation_model(operation).output_shape
    for name in within:
        shape = shape.members[name]
        shape = shape.member if shape.type_name == "list" else shape
    return _attributes(block, response, shape, renames)


def plain(value: Any) -> Any:
    """A response's value as Terraform's: times as RFC 3339 text."""
    return rfc3339(value) if isinstance(value, datetime) else value


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=1024)
def _members(shape: Shape) -> Mapping[str, str]:
    return {name.lower(): name for name in getattr(shape, "members", {})}


def _member(shape: Shape, name: str, renames: Mapping[str, str]) -> str | None:
    """The member that an argument fills; None where the shape has none for it."""
    if name in NOT_MAPPED:
        return None
    members = _members(shape)
    renamed = renames.get(name)
    return members.get(name.replace("_", "")) if renamed is None else members.get(renamed.lower())


def structure(
    block: Block, state: Mapping[str, Any], shape: Shape, renames: Mapping[str, str] = NO_RENAMES
) -> dict[str, Any]:
    """A structure of the API that a block's settable arguments fill."""
    result = {}
    for name, attribute in block.attributes.items():
        member = _member(shape, name, renames)
        value = state[name]
        if member is None or not attribute.is_settable or _is_unset(value, shape.members[member]):
            continue
        result[member] = _sent(value, shape.members[member])
    for name, nested in block.blocks.items():
        member = _member(shape, name, renames)
        if member is None or not state[name]:
            continue
        inner = shape.members[member]
        if inner.type_name == "list":
            result[member] = [structure(nested.block, item, inner.member, renames) for item in state[name]]
        else:
            result[member] = structure(nested.block, state[name][0], inner, renames)
    return result


def _is_unset(value: Any, shape: Shape) -> bool:
    """Whether a value is what the state has for an argument that is not set: the SDK does not send that.

    It cannot tell "" or an empty list from it. 0 can be meant, unless the service has no such value.
    """
    if value is None or value == "" or (isinstance(value, dict | list) and not value):
        return True
    return value == 0 and not isinstance(value, bool) and shape.metadata.get("min", 0) > 0


def _sent(value: Any, shape: Shape) -> Any:
    if isinstance(value, list):
        return [_sent(item, shape.member) for item in value]
    return NUMBERS[shape.type_name](value) if shape.type_name in NUMBERS else value


def _attributes(block: Block, response: Mapping[str, Any], shape: Shape, renames: Mapping[str, str]) -> dict[str, Any]:
    result = {}
    for name in block.attributes:
        member = _member(shape, name, renames)
        if member is not None:
            result[name] = plain(response.get(member))
    for name, nested in block.blocks.items():
        member = _member(shape, name, renames)
        if member is None:
            continue
        inner = shape.members[member]
        value = response.get(member)
        if inner.type_name == "list":
            result[name] = [_attributes(nested.block, item, inner.member, renames) for item in value or ()]
        else:
            result[name] = [_attributes(nested.block, value, inner, renames)] if value else []
    return result
