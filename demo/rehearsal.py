"""The main job on one machine: example models, the local AWS, and the stacks of environment `local`.

`demo` and `local` run these steps, and so do the end-to-end tests.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.client import BaseClient

from demo.example_models import ExampleModel
from examples.invoke_endpoint import Prediction, predict
from local_aws.process import LocalAws
from model_catalog.catalog import Catalog
from operations.deployment import OUTPUT_FOLDER, PROJECT_DIRECTORY, Deployment
from operations.terraform import SavedPlan
from stacks.names import MODELS_PREFIX
from stacks.shards import names_for

ENVIRONMENT = "local"
_LIFECYCLE = "aws_s3_bucket_lifecycle_configuration."


class Rehearsal:
    """One catalog, one output folder and one local AWS below `directory`.

    Args:
        directory: a folder of the rehearsal's own; catalog, state and synthesised stacks of an earlier rehearsal in it
            are removed, for the local AWS they described is gone. They stay where that one is back: see `goes_on`.
        aws: a running local AWS.
        project_directory: the checkout whose stacks are deployed.
        goes_on: whether the rehearsal goes on after a restart, on an account that was saved.
    """

    def __init__(
        self, directory: Path, aws: LocalAws, project_directory: Path = PROJECT_DIRECTORY, *, goes_on: bool = False
    ) -> None:
        self._directory = directory.resolve()
        for leftover in () if goes_on else ("catalog", OUTPUT_FOLDER, "state"):
            shutil.rmtree(self._directory / leftover, ignore_errors=True)
        (self._directory / "state").mkdir(parents=True, exist_ok=True)
        self._session = aws.session()
        self._url = aws.url
        self.provider = aws.provider()
        self.catalog = Catalog(self._directory / "catalog")
        self.deployment = Deployment(
            ENVIRONMENT,
            project_directory,
            self._directory / OUTPUT_FOLDER,
            {
                **aws.environment(),
                "CATALOG_DIRECTORY": str(self.catalog.directory),
                "STATE_DIRECTORY": str(self._directory / "state"),
            },
        )

    def preview(self) -> dict[str, SavedPlan]:
        """Plan every stack as on an empty account, before there is a state bucket."""
        return self._in_parallel(lambda stack: self.deployment.terraform(stack).preview())

    def plan(self) -> dict[str, SavedPlan]:
        """Plan every stack against its state."""
        return self._in_parallel(lambda stack: self.deployment.terraform(stack).plan())

    def deploy(self, stack: str) -> SavedPlan:
        """Plan one stack, apply exactly that plan, and return it."""
        terraform = self.deployment.terraform(stack)
        terraform.init()
        plan = terraform.plan()
        if plan.changes:
            terraform.apply(plan)
        return plan

    def long_wait(self, plan: SavedPlan) -> str | None:
        """Why applying the plan takes long, where the provider does nothing but wait in it; None where it does not."""
        settles = [change for change in plan.changes if change.address.startswith(_LIFECYCLE) and change.symbol != "-"]
        if self.provider != "hashicorp" or not settles:
            return None
        return "about a minute, in which hashicorp/aws watches whether the bucket's lifecycle configuration stays"

    def destroy(self) -> None:
        """Destroy every stack, the last deployed first; the state bucket goes when nothing is in it any more."""
        for stack in reversed(self.deployment.stacks):
            self.deployment.terraform(stack).destroy()

    def invoke(self, model: ExampleModel) -> tuple[Prediction, float]:
        """Classify the model's sample over the endpoint of its shard; also the milliseconds that the call took."""
        endpoint_name = names_for(model.name, ENVIRONMENT, self.deployment.settings).endpoint
        target_model = self.catalog.lock.target_model(model.name)
        runtime = self._client("sagemaker-runtime")
        started = time.perf_counter()
        prediction = predict(runtime, endpoint_name, target_model, model.sample)
        return prediction, (time.perf_counter() - started) * 1000

    def list_models(self, stack: str = "models") -> list[str]:
        """The TargetModels that the bucket of a models stack holds, from S3 itself."""
        bucket = self.deployment.terraform(stack).outputs()["bucket"]
        answer = self._client("s3").list_objects_v2(Bucket=bucket, Prefix=MODELS_PREFIX)
        return [item["Key"].removeprefix(MODELS_PREFIX) for item in answer["Contents"]]

    def describe_endpoint(self) -> dict[str, Any]:
        """SageMaker's own description of the first shard's endpoint."""
        description = self._client("sagemaker").describe_endpoint(EndpointName=self.endpoint_name)
        del description["ResponseMetadata"]
        return description

    def await_endpoint(self) -> None:
        """Wait until the first shard's endpoint is in service. Raises WaiterError."""
        waiter = self._client("sagemaker").get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=self.endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 600})

    @cached_property
    def endpoint_name(self) -> str:
        """The name of the first shard's endpoint, from the output of its stack."""
        return self.deployment.terraform("endpoint").outputs()["endpoint_name"]

    def _client(self, service: str) -> BaseClient:
        return self._session.client(service, endpoint_url=self._url)

    def _in_parallel(self, task: Callable[[str], SavedPlan]) -> dict[str, SavedPlan]:
        stacks = self.deployment.stacks
        with ThreadPoolExecutor(4) as executor:
            return dict(zip(stacks, executor.map(task, stacks), strict=True))
