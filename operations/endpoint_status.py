"""Waits until a stack's endpoints accept an update: SageMaker refuses one while another is under way.

Terraform waits for the updates that it starts. A run that was killed does not, and its update goes on without it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from operations.aws_clients import AwsClients
from operations.remote_state import read_backend

UNDER_WAY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html"""
POLL_SECONDS = 5.0


def await_settled(
    directory: Path,
    report: Callable[[str], None],
    *,
    variables: Mapping[str, str],
    poll_seconds: float = POLL_SECONDS,
) -> dict[str, str]:
    """Wait until no endpoint that the stack declares is being changed. SageMaker ends every change, in 8 hours at most.

    Args:
        directory: the folder of the synthesised stack.
        report: is given one line for each endpoint that is waited for.
        variables: Terraform's environment variables, which hold the local AWS's key.
        poll_seconds: between two questions.

    Returns:
        The status of each endpoint that exists, e.g. `InService`, `Failed`.
    """
    document = json.loads((directory / "cdk.tf.json").read_text())
    settled = {}
    for name in _declared(document):
        client = AwsClients(read_backend(directory)[1], variables).client("sagemaker")
        status = _status(client, name)
        if status in UNDER_WAY:
            report(f"the endpoint {name} is {status}, by a run that was killed or somebody else: waiting for it to end")
        while status in UNDER_WAY:
            time.sleep(poll_seconds)
            status = _status(client, name)
        if status is not None:
            settled[name] = status
    return settled


def _declared(document: dict[str, Any]) -> Iterator[str]:
    for endpoint in document.get("resource", {}).get("aws_sagemaker_endpoint", {}).values():
        yield endpoint["name"]


def _status(client: BaseClient, name: str) -> str | None:
    try:
        status: str = client.describe_endpoint(EndpointName=name)["EndpointStatus"]
    except ClientError as error:
        if "Could not find endpoint" in str(error):
            return None
        raise
    return status
