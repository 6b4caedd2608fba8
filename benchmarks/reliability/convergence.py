"""What comes after a fault: deploy again, do what the messages say, and look whether everything is as it should be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3

from benchmarks.reliability.ground import ENVIRONMENT, Ground

_UNLOCK = re.compile(r"make unlock ENV=(\S+) STACK=(\S+) LOCK=([0-9a-f-]{36})")
_ATTEMPTS = 6


@dataclass(frozen=True)
class Convergence:
    """What it took after a fault.

    Attributes:
        deploys: how many deployments.
        unlocks: how many locks were removed, as the messages said.
        took_over: how many resources were put into states.
        complaint: why it did not converge; None when it did.
    """

    deploys: int
    unlocks: int
    took_over: int
    complaint: str | None


def converge(ground: Ground) -> Convergence:
    """Deploy until a deployment succeeds, and remove each lock that a message names.

    It has converged when a plan of every stack is empty, the endpoint is in service, and nothing exists that no state
    knows.
    """
    deploys, unlocks, took_over, complaint = 0, 0, 0, None
    while deploys < _ATTEMPTS:
        deploys += 1
        again = ground.run("operations", "deploy", ENVIRONMENT, "--yes")
        took_over += again.stdout.count("took over ")
        if again.returncode == 0:
            complaint = _difference(ground)
            break
        complaint = again.stdout[-2000:]
        for environment, stack, lock in set(_UNLOCK.findall(again.stdout)):
            unlocks += 1
            removed = ground.run("operations", "unlock", environment, stack, lock)
            took_over += removed.stdout.count("took over ")
            if removed.returncode != 0:
                complaint = removed.stdout[-2000:]
    return Convergence(deploys, unlocks, took_over, complaint)


def _difference(ground: Ground) -> str | None:
    """What is not as it should be after a deployment; None when all is."""
    planned = ground.run("operations", "plan", ENVIRONMENT)
    if planned.returncode != 0:
        return f"the plan after the deployment is not empty: {planned.stdout[-1500:]}"
    known = ground.names_in_states()
    unknown = sorted(set(_existing(ground.session(), ground.url())) - known)
    if unknown:
        return f"orphans: {', '.join(unknown)}"
    sagemaker = ground.session().client("sagemaker", endpoint_url=ground.url())
    statuses = {item["EndpointStatus"] for item in sagemaker.list_endpoints()["Endpoints"]}
    return None if statuses == {"InService"} else f"the endpoint's status is {statuses}"


def _existing(session: boto3.session.Session, url: str) -> Iterator[str]:
    """The names of all that the account has of the types that the stacks declare."""

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=url)

    sagemaker = client("sagemaker")
    yield from (item["ModelName"] for item in sagemaker.list_models()["Models"])
    yield from (item["EndpointConfigName"] for item in sagemaker.list_endpoint_configs()["EndpointConfigs"])
    yield from (item["EndpointName"] for item in sagemaker.list_endpoints()["Endpoints"])
    yield from (item["repositoryName"] for item in client("ecr").describe_repositories()["repositories"])
    yield from (item["RoleName"] for item in client("iam").list_roles()["Roles"])
    yield from (item["logGroupName"] for item in client("logs").describe_log_groups()["logGroups"])
    yield from (item["AlarmName"] for item in client("cloudwatch").describe_alarms()["MetricAlarms"])
    s3 = client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        yield bucket["Name"]
        listed = s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", ())
        yield from (item["Key"] for item in listed if not item["Key"].endswith(".tfstate"))
