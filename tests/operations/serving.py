"""An endpoint with a scripted container on a local AWS, and the environment that it belongs to."""

import json
from dataclasses import dataclass
from typing import Any

import boto3

from model_catalog.lock import Lock, Model, Observed, Tensor, Version, version_key
from operations.connection import Connection, Shard
from stacks.names import Names
from stacks.settings import EnvironmentSettings
from tests.local_aws.account import Account
from tests.stacks.conftest import LOCAL

INPUT = Tensor(name="data", dtype="float32", shape=(1, 4))


def settings_of(**more: Any) -> EnvironmentSettings:
    return EnvironmentSettings.model_validate({**LOCAL, "variant_name": "AllTraffic", **more})


def model(name: str, *, pinned: bool = False, inputs: tuple[Tensor, ...] = (INPUT,)) -> Model:
    """A model of the catalog with one version; without `inputs` only its own code knows them."""
    version = Version(
        version="1",
        sha256="ab" * 32,
        size_bytes=1,
        engine="code",
        key=version_key(name, "1", "ab" * 32),
        slot=1,
        observed=Observed(inputs=inputs, outputs=(), load_seconds=0.1),
    )
    return Model(versions=(version,), pinned=pinned)


@dataclass
class Serving:
    """An endpoint in service. `prefix` is where the artifacts of its models are."""

    account: Account
    endpoint: str
    prefix: str

    def connection(self, *models: Model, url: str | None = None, endpoint: str | None = None) -> Connection:
        """The environment with these models in its catalog; their names are those in their keys."""
        settings = settings_of(endpoint_name=endpoint or self.endpoint)
        lock = Lock(models={item.current.key.split("/")[0]: item for item in models})
        session = boto3.session.Session(self.account.key.id, self.account.key.secret, region_name="us-east-1")
        shard = Shard(Names("local", settings), lock)
        return Connection("local", settings, (shard,), session, url or self.account.url)

    def put(self, item: Model, **script: Any) -> None:
        """The artifact of a model, with what the container does with it."""
        self.account.put_model(self.prefix, item.current.key.removesuffix(".tar.gz"), **script)

    def report_use(self, item: Model, invocations: int, milliseconds: float = 1.0) -> None:
        """What the model server writes about a model into CloudWatch each minute."""
        dimensions = [{"Name": "Model", "Value": item.current.key}]
        self.account.client("cloudwatch").put_metric_data(
            Namespace="MultiModelServer",
            MetricData=[
                {"MetricName": "Invocations", "Dimensions": dimensions, "Value": invocations, "Unit": "Count"},
                {"MetricName": "Latency", "Dimensions": dimensions, "Value": milliseconds, "Unit": "Milliseconds"},
            ],
        )

    def loads(self) -> list[str]:
        """The models that the container loaded, in order."""
        probe = model("probe")
        self.put(probe)
        runtime = self.account.client("sagemaker-runtime", retries={"total_max_attempts": 1})
        answer = runtime.invoke_endpoint(EndpointName=self.endpoint, TargetModel=probe.current.key, Body=b"")
        events = json.load(answer["Body"])["events"]
        return [title.split("/")[0] for event, title in events if event == "load" and not title.startswith("probe")]
