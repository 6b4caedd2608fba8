"""Whether the account may run the instances, and scale them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from operations.account_check.account import Account, found
from operations.account_check.finding import Finding
from stacks.settings import EnvironmentSettings

_SERVICE = "sagemaker"
SCALING_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
_SCALING_PRINCIPAL = "sagemaker.application-autoscaling.amazonaws.com"


def instances_needed(settings: EnvironmentSettings) -> tuple[int, int]:
    """How many instances serve at most, over all shards, and how many there are while one shard is updated."""
    scaling, deployment = settings.auto_scaling, settings.deployment
    fleet = settings.initial_instance_count if scaling is None else scaling.maximum_instance_count
    # The other policies bring up a second fleet beside the first.
    batch = math.ceil(fleet * (deployment.step_percent or 100) / 100) if deployment.policy == "rolling" else fleet
    serving = fleet * settings.shards.deployed_count
    return serving, serving + batch


def check_quota(account: Account) -> Iterator[Finding]:
    """The quota of the instance type for endpoints. Its code differs by type, its name follows a rule."""
    name = f"{account.settings.instance_type} for endpoint usage"
    quota = _quota(account, name)
    if quota is None:
        yield Finding(
            "quota",
            "problem",
            f"Service Quotas knows no {name}",
            f"see that SageMaker has this instance type in {account.region}, and correct `instance_type`",
        )
        return
    value, (serving, updating) = int(quota["Value"]), instances_needed(account.settings)
    increase = (
        f"aws service-quotas request-service-quota-increase --service-code {_SERVICE} "
        f"--quota-code {quota['QuotaCode']} --desired-value {updating} --region {account.region}"
    )
    if value >= updating:
        yield Finding("quota", "ok", f"{name} is {value}, {updating} are needed during an update")
    elif value >= serving:
        yield Finding(
            "quota",
            "problem",
            f"{name} is {value}: enough to serve ({serving}), not for an update of the full fleet ({updating})",
            increase,
        )
    else:
        usual = ", the usual value of a new account" if value == 0 else ""
        yield Finding("quota", "problem", f"{name} is {value}{usual}, and {updating} are needed", increase)


def _quota(account: Account, name: str) -> dict[str, Any] | None:
    client = account.client("service-quotas")
    # The first lists only what has a value of the account's own.
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        for page in client.get_paginator(operation).paginate(ServiceCode=_SERVICE):
            for quota in page["Quotas"]:
                if quota["QuotaName"] == name:
                    return quota
    return None


def check_scaling_role(account: Account) -> Iterator[Finding]:
    """The role with which Application Auto Scaling changes the number of instances."""
    if account.settings.auto_scaling is None:
        return
    role = found(lambda: account.client("iam").get_role(RoleName=SCALING_ROLE), "NoSuchEntity")
    if role is not None:
        yield Finding("scaling role", "ok", f"{SCALING_ROLE} exists")
        return
    yield Finding(
        "scaling role",
        "note",
        f"{SCALING_ROLE} does not exist yet; the first deployment creates it, if it has the right "
        "iam:CreateServiceLinkedRole",
        f"otherwise: aws iam create-service-linked-role --aws-service-name {_SCALING_PRINCIPAL}",
    )
