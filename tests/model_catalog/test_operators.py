"""Each operator of MXNet: converted and equal, or refused by its name, as the table in `models/OPERATORS.md` says."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from model_catalog.conversion import convert_to_onnx
from model_catalog.errors import CatalogError
from tests.support.checkpoints import mxnet
from tests.support.operators import OPERATORS

README = Path(__file__).parents[2] / "models" / "OPERATORS.md"
NAMES = ("data", "other")
TABLE = (5, 3)


def listed(row: str) -> list[str]:
    """The operators in a row of the README's table."""
    (text,) = re.findall(rf"^\| {row} \|(.*)\|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    return re.findall(r"`([^`]+)`", text)


CONVERTED, REFUSED = listed("converted"), listed("refused")


def test_the_table_has_every_operator_once() -> None:
    assert sorted(CONVERTED + REFUSED) == sorted(OPERATORS)


@pytest.fixture
def network(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """The folder of a checkpoint with one operator, and a sample."""
    case = OPERATORS[request.param]
    shapes = dict(zip(NAMES, case.shapes, strict=False))
    symbol = case.build(*[mxnet.sym.var(name) for name in shapes])
    known = shapes | ({"table": TABLE} if "table" in symbol.list_arguments() else {})
    arguments, _, auxiliary = symbol.infer_shape(**known)
    random = np.random.RandomState(1)
    parameters = {
        f"arg:{name}": mxnet.nd.array(random.normal(0, 0.3, shape))
        for name, shape in zip(symbol.list_arguments(), arguments, strict=True)
        if name not in shapes and not name.endswith("label")
    }
    for name, shape in zip(symbol.list_auxiliary_states(), auxiliary, strict=True):
        parameters[f"aux:{name}"] = mxnet.nd.array(random.uniform(0.5, 1.5, shape))
    folder = tmp_path / "net"
    folder.mkdir()
    symbol.save(str(folder / "net-symbol.json"))
    mxnet.nd.save(str(folder / "net-0000.params"), parameters or {"arg:unused": mxnet.nd.ones((1,))})
    entries = [{"name": name, "shape": shape} for name, shape in shapes.items()]
    (folder / "net-shapes.json").write_text(json.dumps(entries))
    instances = [
        {name: random.uniform(0.1, 0.9, shape[1:]).astype(np.float32).tolist() for name, shape in shapes.items()}
        for _ in range(case.shapes[0][0])
    ]
    (tmp_path / "sample.json").write_text(json.dumps({"instances": instances}))
    return folder, tmp_path / "sample.json"


@pytest.mark.parametrize("network", CONVERTED, indirect=True)
def test_it_is_converted_and_equal(network: tuple[Path, Path], tmp_path: Path) -> None:
    folder, sample = network
    assert convert_to_onnx(folder, tmp_path / "onnx", [sample]).largest_difference <= 1e-5


@pytest.mark.parametrize(("name", "network"), [(name, name) for name in REFUSED], indirect=["network"])
def test_it_is_refused_by_its_name(name: str, network: tuple[Path, Path], tmp_path: Path) -> None:
    folder, sample = network
    with pytest.raises(CatalogError) as caught:
        convert_to_onnx(folder, tmp_path / "onnx", [sample])
    assert name.partition(",")[0] in caught.value.complaints[0]
