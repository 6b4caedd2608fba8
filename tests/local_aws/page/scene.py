"""An account with something to see: the project's own model server with several models, alarms, and load.

The stage of the pictures in the documentation; the tests of the page play smaller scenes.
"""

import io
import itertools
import json
import random
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mxnet
import numpy as np
from botocore.exceptions import ClientError

from local_aws.process import PROJECT_ROOT, LocalAws
from tests.local_aws.account import BUCKET, ROLE, Account, prepared_account, quick_local_aws

ENDPOINT = "catalog"
INPUTS = 16
MODELS = {
    "digits-mlp": 24,
    "breast-cancer": 6,
    "plankton": 88,
    "wine-quality": 12,
    "house-prices": 36,
    "traffic-signs": 60,
    "ocean-currents": 72,
}
"""The models, and how many MiB of weights each has."""

_BODY = json.dumps({"instances": [[0.1] * INPUTS]}).encode()


def artifact(mebibytes: int) -> bytes:
    """A checkpoint of two dense layers."""
    width = mebibytes * 2**20 // 4 // (INPUTS + 10)
    hidden = mxnet.sym.FullyConnected(mxnet.sym.var("data"), num_hidden=width, name="hidden")
    symbol = mxnet.sym.FullyConnected(hidden, num_hidden=10, name="dense")
    shapes = {
        "hidden_weight": (width, INPUTS),
        "hidden_bias": (width,),
        "dense_weight": (10, width),
        "dense_bias": (10,),
    }
    values = np.random.RandomState(mebibytes)
    archive = io.BytesIO()
    with tempfile.TemporaryDirectory() as name, tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1) as tar:
        folder = Path(name)
        symbol.save(str(folder / "net-symbol.json"))
        parameters = {f"arg:{key}": mxnet.nd.array(values.normal(size=shape)) for key, shape in shapes.items()}
        mxnet.nd.save(str(folder / "net-0000.params"), parameters)
        (folder / "net-shapes.json").write_text(json.dumps([{"name": "data", "shape": [1, INPUTS]}]))
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    return archive.getvalue()


@contextmanager
def scene(folder: Path, *, seconds: float) -> Iterator[LocalAws]:
    """The account after `seconds` of load, while the canary of an update bakes."""
    with quick_local_aws(folder, startup_health_check_seconds=90, time_factor=0.1) as aws:
        account = prepared_account(aws)
        _deploy(account)
        _alarms(account)
        with _load(account):
            time.sleep(seconds)
            _update(account)
            yield aws


def _deploy(account: Account) -> None:
    account.ecr.create_repository(repositoryName="model-server")
    image = account.push(PROJECT_ROOT / "container", "model-server", "1")
    container = {
        "Image": image,
        "Mode": "MultiModel",
        "ModelDataUrl": f"s3://{BUCKET}/catalog/",
        "Environment": {"MODEL_SERVER_WORKERS": "1", "MODEL_SERVER_MEMORY_MIB": "280"},
    }
    for name, mebibytes in MODELS.items():
        account.s3.put_object(Bucket=BUCKET, Key=f"catalog/{name}.tar.gz", Body=artifact(mebibytes))
    account.sagemaker.create_model(ModelName="catalog-models", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    for config, instance_type in (("catalog-1", "ml.m5.large"), ("catalog-2", "ml.m5.xlarge")):
        account.sagemaker.create_endpoint_config(
            EndpointConfigName=config,
            ProductionVariants=[
                {
                    "VariantName": "AllTraffic",
                    "ModelName": "catalog-models",
                    "InstanceType": instance_type,
                    "InitialInstanceCount": 2,
                }
            ],
        )
    account.sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="catalog-1")
    description = account.await_settled(ENDPOINT, timeout_seconds=120)
    if description["EndpointStatus"] != "InService":
        raise RuntimeError(description["FailureReason"])


def _alarms(account: Account) -> None:
    dimensions = [{"Name": "EndpointName", "Value": ENDPOINT}, {"Name": "VariantName", "Value": "AllTraffic"}]
    for name, metric, statistic, threshold in (
        ("catalog-errors", "Invocation5XXErrors", {"Statistic": "Sum"}, 1),
        ("catalog-client-errors", "Invocation4XXErrors", {"Statistic": "Sum"}, 1),
        ("catalog-latency", "ModelLatency", {"ExtendedStatistic": "p99"}, 2e6),
    ):
        account.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=dimensions,
            Period=60,
            EvaluationPeriods=3,
            DatapointsToAlarm=2,
            Threshold=threshold,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
            **statistic,
        )


def _update(account: Account) -> None:
    """A canary of half the instances, which bakes for a minute."""
    account.sagemaker.update_endpoint(
        EndpointName=ENDPOINT,
        EndpointConfigName="catalog-2",
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "CANARY",
                    "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                    "WaitIntervalInSeconds": 600,
                }
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "catalog-errors"}]},
        },
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        summary = account.sagemaker.describe_endpoint(EndpointName=ENDPOINT).get("PendingDeploymentSummary", {})
        if summary.get("ProductionVariants", [{}])[0].get("VariantStatus", [{}])[0].get("Status") == "Baking":
            time.sleep(20)  # the new instances load models
            return
        time.sleep(0.2)
    raise TimeoutError("the update does not bake")


@contextmanager
def _load(account: Account) -> Iterator[None]:
    """About ten invocations a second; the first models of the list get most of them, a few are wrong."""
    stop = threading.Event()

    def run(seed: int) -> None:
        chance = random.Random(seed)
        weights = [2.0**-position for position in range(len(MODELS))]
        for number in itertools.count():
            if stop.wait(chance.expovariate(5)):
                return
            body = b"not JSON" if number % 60 == 59 else _BODY
            try:
                account.invoke(ENDPOINT, chance.choices(list(MODELS), weights)[0], body)
            except ClientError:
                continue

    threads = [threading.Thread(target=run, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
