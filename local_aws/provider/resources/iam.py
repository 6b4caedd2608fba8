"""IAM: https://docs.aws.amazon.com/IAM/latest/APIReference/"""

import json
from typing import Any

from ..errors import Problem, ProviderError
from ..json_text import JSON, POLICY, Wording
from ..mapping import attributes, parameters
from ..resource import Call, Resource, chosen_name, name_prefix
from . import tags

MISSING = ("NoSuchEntity",)
POLICY_VERSIONS = 5
ROLE_NAMES = {"name": "RoleName", "assume_role_policy": "AssumeRolePolicyDocument", "unique_id": "RoleId"}
POLICY_NAMES = {"name": "PolicyName", "policy": "PolicyDocument"}


def _text(document: Any) -> str:
    """A policy as text: boto3 has parsed it."""
    return document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))


def _create_role(call: Call) -> str:
    name = chosen_name(call)
    sent = parameters(call.client, "CreateRole", call.block, call.state, ROLE_NAMES)
    call.client.create_role(**sent | {"RoleName": name}, Tags=tags.to_list(call.tags))
    return name


def _read_role(call: Call) -> dict[str, Any]:
    found = call.client.get_role(RoleName=call.id)["Role"]
    state = attributes(call.client, "ListRoles", call.block, found, "Roles", renames=ROLE_NAMES)
    return state | {
        "assume_role_policy": _text(found["AssumeRolePolicyDocument"]),
        "name_prefix": name_prefix(call.id),
        "inline_policy": _inline_policies(call),
        "managed_policy_arns": _attached_policies(call, call.id),
        "permissions_boundary": found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "tags": tags.from_list(found.get("Tags", ())),
    }


def _inline_policies(call: Call) -> list[dict[str, str]]:
    pages = call.client.get_paginator("list_role_policies").paginate(RoleName=call.id)
    names = [name for page in pages for name in page["PolicyNames"]]
    found = {name: call.client.get_role_policy(RoleName=call.id, PolicyName=name) for name in names}
    return [{"name": name, "policy": _text(answer["PolicyDocument"])} for name, answer in found.items()]


def _attached_policies(call: Call, role: str) -> list[str]:
    pages = call.client.get_paginator("list_attached_role_policies").paginate(RoleName=role)
    return [policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"]]


def _update_role(call: Call) -> None:
    if call.changed("assume_role_policy"):
        call.client.update_assume_role_policy(RoleName=call.id, PolicyDocument=call["assume_role_policy"])
    if call.changed("description", "max_session_duration"):
        call.client.update_role(
            RoleName=call.id,
            Description=call["description"] or "",
            MaxSessionDuration=int(call["max_session_duration"]),
        )
    if call.changed("permissions_boundary"):
        if call["permissions_boundary"]:
            call.client.put_role_permissions_boundary(
                RoleName=call.id, PermissionsBoundary=call["permissions_boundary"]
            )
        else:
            call.client.delete_role_permissions_boundary(RoleName=call.id)


def _tag_role(call: Call, changed: dict[str, str], removed: list[str]) -> None:
    if changed:
        call.client.tag_role(RoleName=call.id, Tags=tags.to_list(changed))
    if removed:
        call.client.untag_role(RoleName=call.id, TagKeys=removed)


def _delete_role(call: Call) -> None:
    if call["force_detach_policies"]:
        for arn in _attached_policies(call, call.id):
            call.client.detach_role_policy(RoleName=call.id, PolicyArn=arn)
        for name in call.client.list_role_policies(RoleName=call.id)["PolicyNames"]:
            call.client.delete_role_policy(RoleName=call.id, PolicyName=name)
    call.client.delete_role(RoleName=call.id)


def _put_role_policy(call: Call) -> str:
    role, name = call["role"], chosen_name(call)
    call.client.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=call["policy"])
    return f"{role}:{name}"


def _read_role_policy(call: Call) -> dict[str, Any]:
    role, _, name = call.id.partition(":")
    found = call.client.get_role_policy(RoleName=role, PolicyName=name)
    return {"role": role, "name": name, "name_prefix": name_prefix(name), "policy": _text(found["PolicyDocument"])}


def _delete_role_policy(call: Call) -> None:
    role, _, name = call.id.partition(":")
    call.client.delete_role_policy(RoleName=role, PolicyName=name)


def _create_policy(call: Call) -> str:
    sent = parameters(call.client, "CreatePolicy", call.block, call.state, POLICY_NAMES)
    sent["PolicyName"] = chosen_name(call)
    return call.client.create_policy(**sent, Tags=tags.to_list(call.tags))["Policy"]["Arn"]


def _read_policy(call: Call) -> dict[str, Any]:
    found = call.client.get_policy(PolicyArn=call.id)["Policy"]
    version = call.client.get_policy_version(PolicyArn=call.id, VersionId=found["DefaultVersionId"])
    state = attributes(call.client, "GetPolicy", call.block, found, "Policy", renames={"name": "PolicyName"})
    return state | {
        "policy": _text(version["PolicyVersion"]["Document"]),
        "name_prefix": name_prefix(found["PolicyName"]),
        "tags": tags.from_list(found.get("Tags", ())),
    }


def _update_policy(call: Call) -> None:
    versions = _old_versions(call)
    if len(versions) >= POLICY_VERSIONS - 1:
        call.client.delete_policy_version(PolicyArn=call.id, VersionId=versions[-1])
    call.client.create_policy_version(PolicyArn=call.id, PolicyDocument=call["policy"], SetAsDefault=True)


def _tag_policy(call: Call, changed: dict[str, str], removed: list[str]) -> None:
    if changed:
        call.client.tag_policy(PolicyArn=call.id, Tags=tags.to_list(changed))
    if removed:
        call.client.untag_policy(PolicyArn=call.id, TagKeys=removed)


def _delete_policy(call: Call) -> None:
    for version in _old_versions(call):
        call.client.delete_policy_version(PolicyArn=call.id, VersionId=version)
    call.client.delete_policy(PolicyArn=call.id)


def _old_versions(call: Call) -> list[str]:
    """The versions that are not the default one, newest first."""
    versions = call.client.list_policy_versions(PolicyArn=call.id)["Versions"]
    versions.sort(key=lambda version: version["CreateDate"], reverse=True)
    return [version["VersionId"] for version in versions if not version["IsDefaultVersion"]]


def _attach(call: Call) -> str:
    call.client.attach_role_policy(RoleName=call["role"], PolicyArn=call["policy_arn"])
    return f"{call['role']}/{call['policy_arn']}"


def _read_attachment(call: Call) -> dict[str, Any] | None:
    role, arn = call["role"], call["policy_arn"]
    return {"role": role, "policy_arn": arn} if arn in _attached_policies(call, role) else None


def _import_attachment(identifier: str) -> dict[str, str]:
    role, _, arn = identifier.partition("/")
    if not arn:
        raise ProviderError(Problem(f"{identifier} is not an attachment's import id", "Write ROLE-NAME/POLICY-ARN."))
    return {"role": role, "policy_arn": arn}


def _create_identity_provider(call: Call) -> str:
    sent = {"Url": call["url"], "ClientIDList": sorted(call["client_id_list"])}
    if call["thumbprint_list"]:
        sent["ThumbprintList"] = call["thumbprint_list"]
    return call.client.create_open_id_connect_provider(**sent, Tags=tags.to_list(call.tags))["OpenIDConnectProviderArn"]


def _read_identity_provider(call: Call) -> dict[str, Any]:
    found = call.client.get_open_id_connect_provider(OpenIDConnectProviderArn=call.id)
    return {
        "arn": call.id,
        "url": found["Url"],
        "client_id_list": found["ClientIDList"],
        "thumbprint_list": found["ThumbprintList"],
        "tags": tags.from_list(found.get("Tags", ())),
    }


def _update_identity_provider(call: Call) -> None:
    if call.changed("thumbprint_list"):
        call.client.update_open_id_connect_provider_thumbprint(
            OpenIDConnectProviderArn=call.id, ThumbprintList=call["thumbprint_list"]
        )
    wanted = set(call["client_id_list"])
    present = set(call.client.get_open_id_connect_provider(OpenIDConnectProviderArn=call.id)["ClientIDList"])
    for client in sorted(wanted - present):
        call.client.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=call.id, ClientID=client)
    for client in sorted(present - wanted):
        call.client.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=call.id, ClientID=client)


def _tag_identity_provider(call: Call, changed: dict[str, str], removed: list[str]) -> None:
    if changed:
        call.client.tag_open_id_connect_provider(OpenIDConnectProviderArn=call.id, Tags=tags.to_list(changed))
    if removed:
        call.client.untag_open_id_connect_provider(OpenIDConnectProviderArn=call.id, TagKeys=removed)


def _same_host(before: str, after: str) -> bool:
    """IAM answers the URL without its scheme."""
    return before.removeprefix("https://") == after.removeprefix("https://")


RESOURCES = {
    "aws_iam_openid_connect_provider": Resource(
        service="iam",
        create=_create_identity_provider,
        read=_read_identity_provider,
        update=_update_identity_provider,
        tag=_tag_identity_provider,
        delete=lambda call: call.client.delete_open_id_connect_provider(OpenIDConnectProviderArn=call.id),
        wordings={"url": Wording(_same_host)},
        missing=MISSING,
    ),
    "aws_iam_role": Resource(
        service="iam",
        create=_create_role,
        read=_read_role,
        update=_update_role,
        tag=_tag_role,
        delete=_delete_role,
        wordings={"assume_role_policy": JSON, "inline_policy.policy": POLICY},
        missing=MISSING,
        unsupported=("inline_policy", "managed_policy_arns"),
    ),
    "aws_iam_role_policy": Resource(
        service="iam",
        create=_put_role_policy,
        read=_read_role_policy,
        update=_put_role_policy,
        delete=_delete_role_policy,
        wordings={"policy": POLICY},
        missing=MISSING,
    ),
    "aws_iam_policy": Resource(
        service="iam",
        create=_create_policy,
        read=_read_policy,
        update=_update_policy,
        tag=_tag_policy,
        delete=_delete_policy,
        wordings={"policy": JSON},
        missing=MISSING,
    ),
    "aws_iam_role_policy_attachment": Resource(
        service="iam",
        create=_attach,
        read=_read_attachment,
        delete=lambda call: call.client.detach_role_policy(RoleName=call["role"], PolicyArn=call["policy_arn"]),
        imports=_import_attachment,
        missing=MISSING,
    ),
}
