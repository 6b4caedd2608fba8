"""The stacks of environment `local`, deployed from a copy of the project whose container a test may change."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.account import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from local.process import LocalAws
from operations.rehearsal import Rehearsal
from operations.terraform import Plan


@contextmanager
def variables(environment: Mapping[str, str]) -> Iterator[None]:
    """Set variables for the children that are started meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


class AwsWithEngine(LocalAws):
    """A local AWS whose children, and the children of whose users, find the engine."""

    def __init__(self, tools: Mapping[str, str], **settings: Any) -> None:
        super().__init__(**settings)
        self.tools = dict(tools)

    def start(self) -> None:
        with variables(self.tools):
            super().start()

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **self.tools}


class Stacks:
    """A project's stacks on a local AWS."""

    def __init__(self, project: Path, folder: Path, aws: AwsWithEngine) -> None:
        self.container = project / "container"
        self._rehearsal = Rehearsal(folder, aws, project)
        self._clients = boto3.session.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name=REGION)
        self._url = aws.url
        self.seconds: dict[str, float] = {}

    def add_model(self, name: str, checkpoint: Path) -> None:
        self._rehearsal.catalog.add(name, checkpoint)

    def synth(self) -> None:
        self._rehearsal.deployment.synth()

    def deploy(self, stack: str) -> Plan:
        started = time.monotonic()
        plan = self._rehearsal.deploy(stack)
        self.seconds[stack] = time.monotonic() - started
        return plan

    def output(self, stack: str, name: str) -> str:
        return self._rehearsal.deployment.terraform(stack).outputs()[name]

    def client(self, service: str) -> Any:
        return self._clients.client(service, endpoint_url=self._url)

    def endpoint(self) -> dict[str, Any]:
        return self.client("sagemaker").describe_endpoint(EndpointName=self._rehearsal.endpoint_name)

    def invoke(self, model: str, instances: list[list[float]]) -> list[list[float]]:
        answer = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self._rehearsal.endpoint_name,
            TargetModel=self._rehearsal.catalog.lock.target_model(model),
            ContentType="application/json",
            Body=json.dumps({"instances": instances}),
        )
        return json.loads(answer["Body"].read())["outputs"]

    def builder_environment(self) -> dict[str, str]:
        """What the provisioner of the image stack gives the builder, for a call of one's own."""
        document = json.loads((self._rehearsal.deployment.terraform("image").directory / "cdk.tf.json").read_text())
        (image,) = document["resource"]["terraform_data"].values()
        (provisioner,) = image["provisioner"]
        environment = provisioner["local-exec"]["environment"]
        return {**os.environ, **environment, "BUILD_CONTEXT": str(self.container)}
