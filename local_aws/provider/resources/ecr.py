"""ECR: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/"""

from typing import Any

from ..json_text import JSON
from ..mapping import attributes, parameters
from ..resource import Call, Resource
from . import tags

NAMES = {
    "name": "repositoryName",
    "repository": "repositoryName",
    "repository_url": "repositoryUri",
    "arn": "repositoryArn",
    "policy": "policyText",
    "image_tag_mutability_exclusion_filter": "imageTagMutabilityExclusionFilters",
    "filter": "filter",
    "filter_type": "filterType",
}


def _create_repository(call: Call) -> str:
    sent = parameters(call.client, "CreateRepository", call.block, call.state, NAMES)
    call.client.create_repository(**sent, tags=tags.to_list(call.tags))
    return call["name"]


def _read_repository(call: Call) -> dict[str, Any]:
    found = call.client.describe_repositories(repositoryNames=[call.id])["repositories"][0]
    state = attributes(call.client, "DescribeRepositories", call.block, found, "repositories", renames=NAMES)
    answer = call.client.list_tags_for_resource(resourceArn=found["repositoryArn"])
    return state | {"tags": tags.from_list(answer["tags"])}


def _update_repository(call: Call) -> None:
    if call.changed("image_tag_mutability", "image_tag_mutability_exclusion_filter"):
        sent = parameters(call.client, "PutImageTagMutability", call.block, call.state, NAMES)
        sent.pop("registryId", None)
        call.client.put_image_tag_mutability(**sent)
    if call.changed("image_scanning_configuration"):
        scan = [block["scan_on_push"] for block in call["image_scanning_configuration"]]
        call.client.put_image_scanning_configuration(
            repositoryName=call.id, imageScanningConfiguration={"scanOnPush": any(scan)}
        )


def _put_lifecycle_policy(call: Call) -> str:
    call.client.put_lifecycle_policy(repositoryName=call["repository"], lifecyclePolicyText=call["policy"])
    return call["repository"]


def _read_lifecycle_policy(call: Call) -> dict[str, Any]:
    found = call.client.get_lifecycle_policy(repositoryName=call.id)
    return {
        "repository": call.id,
        "policy": found["lifecyclePolicyText"],
        "registry_id": found.get("registryId", call.account),
    }


def _put_repository_policy(call: Call) -> str:
    call.client.set_repository_policy(repositoryName=call["repository"], policyText=call["policy"])
    return call["repository"]


def _read_repository_policy(call: Call) -> dict[str, Any]:
    found = call.client.get_repository_policy(repositoryName=call.id)
    return {"repository": call.id, "policy": found["policyText"], "registry_id": found["registryId"]}


RESOURCES = {
    "aws_ecr_repository": Resource(
        service="ecr",
        create=_create_repository,
        read=_read_repository,
        update=_update_repository,
        tag=tags.by_arn(lambda call: call["arn"], "resourceArn", "tagKeys"),
        delete=lambda call: call.client.delete_repository(repositoryName=call.id, force=bool(call["force_delete"])),
        missing=("RepositoryNotFoundException",),
    ),
    "aws_ecr_lifecycle_policy": Resource(
        service="ecr",
        create=_put_lifecycle_policy,
        read=_read_lifecycle_policy,
        update=_put_lifecycle_policy,
        delete=lambda call: call.client.delete_lifecycle_policy(repositoryName=call.id),
        wordings={"policy": JSON},
        missing=("LifecyclePolicyNotFoundException", "RepositoryNotFoundException"),
    ),
    "aws_ecr_repository_policy": Resource(
        service="ecr",
        create=_put_repository_policy,
        read=_read_repository_policy,
        update=_put_repository_policy,
        delete=lambda call: call.client.delete_repository_policy(repositoryName=call.id),
        wordings={"policy": JSON},
        missing=("RepositoryPolicyNotFoundException", "RepositoryNotFoundException"),
    ),
}
