"""`python3 -m stacks.verify_endpoint`: fails unless the endpoint runs the configuration it was given.

The endpoint stack runs it after each update. SageMaker rolls a failed update back by itself, and Terraform's provider
then still reports success; without this check Terraform would delete the previous configuration, which is in use.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from stacks.aws_session import assumed, role_of_variables

_PENDING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack"})
_POLL_SECONDS = 10
# A rollback may outlast the provider, which waits 60 minutes at most and ends when it sees RollingBack.
_TIMEOUT_SECONDS = 900
_VARIABLES = ("ENDPOINT_NAME", "ENDPOINT_CONFIGURATION_NAME", "AWS_REGION")


@dataclass(frozen=True)
class Verdict:
    """What the endpoint's description says about an update."""

    settled: bool
    """Whether SageMaker has come to an end with it."""
    complaint: str | None = None
    """What is wrong; None where the endpoint is as it must be."""


def judge(description: Mapping[str, Any], configuration: str) -> Verdict:
    """Whether the endpoint that DescribeEndpoint describes runs `configuration`."""
    status, live = description["EndpointStatus"], description.get("EndpointConfigName")
    if status in _PENDING:
        return Verdict(settled=False, complaint=f"it is still {status}")
    reason = description.get("FailureReason")
    because = "" if reason is None else f" SageMaker's reason: {reason}"
    if status != "InService":
        return Verdict(settled=True, complaint=f"its status is {status}.{because}")
    if live != configuration:
        return Verdict(
            settled=True,
            complaint=f"it runs the configuration {live}: the update to {configuration} was rolled back.{because}",
        )
    return Verdict(settled=True)


def verify(
    describe: Callable[[], Mapping[str, Any]],
    configuration: str,
    *,
    timeout_seconds: float = _TIMEOUT_SECONDS,
    poll_seconds: float = _POLL_SECONDS,
) -> str | None:
    """What is wrong with the endpoint once it has settled; None where it runs `configuration`."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        verdict = judge(describe(), configuration)
        if verdict.settled or time.monotonic() >= deadline:
            return verdict.complaint
        time.sleep(poll_seconds)


def main(environ: Mapping[str, str]) -> int:
    missing = [name for name in _VARIABLES if not environ.get(name)]
    if missing:
        print(f"These variables must be set: {', '.join(missing)}.", file=sys.stderr)
        return 2
    name, configuration = environ["ENDPOINT_NAME"], environ["ENDPOINT_CONFIGURATION_NAME"]
    region, endpoint_url = environ["AWS_REGION"], environ.get("AWS_ENDPOINT_URL")
    session = botocore.session.get_session()
    session = assumed(session, role_of_variables(environ), region=region, endpoint_url=endpoint_url)
    client = session.create_client(
        "sagemaker",
        region_name=region,
        endpoint_url=endpoint_url,
        config=Config(retries={"mode": "standard", "max_attempts": 8}, connect_timeout=10, read_timeout=30),
    )
    try:
        complaint = verify(lambda: client.describe_endpoint(EndpointName=name), configuration)
    except (BotoCoreError, ClientError) as error:
        print(f"The endpoint {name} cannot be checked: {error}", file=sys.stderr)
        return 1
    if complaint is not None:
        print(
            f"The endpoint {name} is not as planned: {complaint}\n"
            "The previous configuration and model stay. Look into the endpoint's logs "
            f"(/aws/sagemaker/Endpoints/{name}), fix the cause, and deploy again when the alarms are "
            "OK: one that still rings rolls the next update back as well. To go back to "
            "the earlier image and settings, raise `revision` in cdktf.json as well: theirs still exist.",
            file=sys.stderr,
        )
        return 1
    print(f"The endpoint {name} is InService on {configuration}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
