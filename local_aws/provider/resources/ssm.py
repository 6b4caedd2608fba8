"""Systems Manager's parameters: https://docs.aws.amazon.com/systems-manager/latest/APIReference/"""

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import Problem, ProviderError
from ..resource import Call, Resource
from . import tags

_TAGGED = "Parameter"
_NEVER_SECRET = "SecureString"


def _sent(call: Call) -> dict[str, Any]:
    return {
        "Name": call["name"],
        "Type": call["type"],
        "Value": call["insecure_value"] or call["value"] or "",
        "AllowedPattern": call["allowed_pattern"] or "",
    }


def _create(call: Call) -> str:
    sent = _sent(call)
    for name, member in (("data_type", "DataType"), ("description", "Description")):
        if call[name]:
            sent[member] = call[name]
    call.client.put_parameter(**sent, Overwrite=False, Tags=tags.to_list(call.tags))
    return call["name"]


def _read(call: Call) -> dict[str, Any] | None:
    found = call.client.get_parameter(Name=call.id, WithDecryption=True)["Parameter"]
    # As the provider: the value is read into the argument that it came from.
    value = "insecure_value" if call["insecure_value"] and found["Type"] != _NEVER_SECRET else "value"
    if found["Type"] == _NEVER_SECRET and call["insecure_value"]:
        raise ProviderError(
            Problem(f"invalid configuration, cannot set type = {_NEVER_SECRET} and insecure_value"),
        )
    filters = [{"Key": "Name", "Option": "Equals", "Values": [found["Name"]]}]
    pages = call.client.get_paginator("describe_parameters").paginate(ParameterFilters=filters)
    detail = next((item for page in pages for item in page["Parameters"]), None)
    if detail is None:
        return None
    answer = call.client.list_tags_for_resource(ResourceType=_TAGGED, ResourceId=call.id)
    return {
        "name": found["Name"],
        "type": found["Type"],
        "arn": found["ARN"],
        "version": found["Version"],
        value: found["Value"],
        "allowed_pattern": detail.get("AllowedPattern"),
        "data_type": detail.get("DataType"),
        "description": detail.get("Description"),
        "key_id": detail.get("KeyId"),
        "tier": detail.get("Tier"),
        "tags": tags.from_list(answer["TagList"]),
    }


def _update(call: Call) -> None:
    if not call.changed("type", "insecure_value", "value", "allowed_pattern", "description"):
        return
    sent = _sent(call) | {"Tier": call["tier"]}
    if call.changed("description"):
        sent["Description"] = call["description"] or ""
    call.client.put_parameter(**sent, Overwrite=True)


def _replan(prior: Mapping[str, Any] | None, planned: dict[str, Any]) -> Iterable[str]:
    if prior is None:
        return
    # The provider looks at `value` for the version before it makes it unknown for `insecure_value`.
    if any(prior[name] != planned[name] for name in ("value", "description")):
        yield "version"
    if prior["insecure_value"] != planned["insecure_value"]:
        yield "value"


def _tag(call: Call, changed: dict[str, str], removed: list[str]) -> None:
    if changed:
        call.client.add_tags_to_resource(ResourceType=_TAGGED, ResourceId=call.id, Tags=tags.to_list(changed))
    if removed:
        call.client.remove_tags_from_resource(ResourceType=_TAGGED, ResourceId=call.id, TagKeys=removed)


RESOURCES = {
    "aws_ssm_parameter": Resource(
        service="ssm",
        create=_create,
        read=_read,
        update=_update,
        replan=_replan,
        tag=_tag,
        delete=lambda call: call.client.delete_parameter(Name=call["name"]),
        missing=("ParameterNotFound",),
        unsupported=("arn", "key_id", "overwrite", "tier", "value_wo", "value_wo_version"),
    ),
}
