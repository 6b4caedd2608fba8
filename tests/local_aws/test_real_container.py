"""The project's own model server behind the local endpoint: pushed, loaded, invoked."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import mxnet
import numpy as np
import pytest

from local_aws.process import PROJECT_ROOT, LocalAws
from tests.local_aws.account import BUCKET, Account, unique

INSTANCES = [[0.1, 0.2, 0.3, 0.4], [1.0, -1.0, 0.5, 0.0]]


def network(seed: int) -> tuple[Any, dict[str, Any]]:
    random = np.random.RandomState(seed)
    symbol = mxnet.sym.FullyConnected(mxnet.sym.var("data"), num_hidden=3, name="dense")
    shapes = {"dense_weight": (3, 4), "dense_bias": (3,)}
    return symbol, {name: mxnet.nd.array(random.normal(size=shape)) for name, shape in shapes.items()}


def packed(folder: Path, seed: int) -> bytes:
    """A checkpoint as an artifact."""
    symbol, parameters = network(seed)
    symbol.save(str(folder / "dense-symbol.json"))
    mxnet.nd.save(str(folder / "dense-0000.params"), {f"arg:{name}": value for name, value in parameters.items()})
    (folder / "dense-shapes.json").write_text('[{"name": "data", "shape": [1, 4]}]')
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    return archive.getvalue()


def direct(seed: int) -> np.ndarray:
    symbol, parameters = network(seed)
    return symbol.eval(data=mxnet.nd.array(INSTANCES), **parameters)[0].asnumpy()


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A local AWS with SageMaker's own time limits."""
    folder = tmp_path_factory.mktemp("real")
    with LocalAws(
        directory=folder / "aws",
        port=0,
        provider="none",
        runtime="process",
        log_file=folder / "log",
        startup_health_check_seconds=60,
    ) as aws:
        account = Account(aws)
        account.prepare()
        yield account


def test_predictions_equal_mxnet(account: Account, tmp_path: Path) -> None:
    repository = unique("real")
    account.ecr.create_repository(repositoryName=repository)
    image = account.push(PROJECT_ROOT / "container", repository, "1")
    model = account.create_model(Image=image, environment={"MODEL_SERVER_WORKERS": "1"})
    endpoint = account.create_endpoint(account.create_config(model))
    description = account.await_settled(endpoint, timeout_seconds=90)
    assert description["EndpointStatus"] == "InService", description["FailureReason"]
    for seed in (1, 2):
        folder = tmp_path / str(seed)
        folder.mkdir()
        account.s3.put_object(Bucket=BUCKET, Key=f"{model}/m{seed}.tar.gz", Body=packed(folder, seed))
    body = json.dumps({"instances": INSTANCES}).encode()
    for seed in (1, 2, 1):
        outputs = account.invoke(endpoint, f"m{seed}", body)["outputs"]
        np.testing.assert_allclose(np.asarray(outputs).reshape(2, 3), direct(seed), atol=1e-5)
    with pytest.raises(account.runtime.exceptions.ModelError) as error:
        account.invoke(endpoint, "m1", b"not json")
    assert error.value.response["OriginalStatusCode"] == 400
