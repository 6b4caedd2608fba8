"""What belongs to which instance: an output's first dimension is the batch only where it is."""

import json
from pathlib import Path

import numpy as np
import pytest

from container.model_server.errors import InvalidInput
from tests.container.served import CSV, NPY, ask, from_npy, load, outputs
from tests.support.checkpoints import mxnet, save_checkpoint_of
from tests.support.networks import node, save_detector, save_linear, save_network, tensor

FOUND = [[0, 0], [0, 2], [0, 3]]


@pytest.mark.parametrize(("batch", "rows"), [(1, "k"), ("N", "k"), ("N", "N"), (1, 1)])
def test_all_detections_of_an_instance_are_in_the_answer(tmp_path: Path, batch: int | str, rows: int | str) -> None:
    model = load(save_detector(tmp_path / "net", batch, rows))
    assert outputs(model, [[1, 0, 1, 1]]) == FOUND
    np.testing.assert_array_equal(from_npy(ask(model, [[1, 0, 1, 1]], accept=NPY)), FOUND)
    assert ask(model, [[1, 0, 1, 1]], accept=CSV) == b"0,0\r\n0,2\r\n0,3\r\n"
    assert outputs(model, [[0, 0, 0, 0]]) == []


@pytest.mark.parametrize("batch", [1, "N"])
def test_detections_of_several_instances_are_not_told_apart(tmp_path: Path, batch: int | str) -> None:
    """Not even where there happen to be as many as instances."""
    model = load(save_detector(tmp_path / "net", batch))
    for instances in ([[1, 0, 1, 1], [0, 0, 0, 1]], [[1, 0, 0, 0], [0, 0, 0, 1]], [[1, 1, 0, 0], [0, 0, 0, 0]]):
        with pytest.raises(InvalidInput, match="output 'rows' of this model does not have one entry an instance: send"):
            outputs(model, instances)


def test_a_scalar_output(tmp_path: Path) -> None:
    total = node("ReduceSum", ["x"], ["z"], keepdims=0)
    model = load(save_network(tmp_path / "net.onnx", [total], [tensor("x", [1, 4])], [tensor("z", [])]))
    assert outputs(model, [[1, 2, 3, 4]]) == 10
    assert ask(model, [[1, 2, 3, 4]], accept=CSV) == b"10.0\r\n"
    assert from_npy(ask(model, [[1, 2, 3, 4]], accept=NPY)) == np.float32(10)
    with pytest.raises(InvalidInput, match="send one instance a request, not 2"):
        outputs(model, [[1, 2, 3, 4]] * 2)


def test_an_output_whose_batch_has_another_name_is_found_by_trying(tmp_path: Path) -> None:
    """Exporters name the same dimension differently at both ends."""
    weights = {"w": np.ones((4, 3), np.float32)}
    multiply = node("MatMul", ["x", "w"], ["y"])
    folder = save_network(
        tmp_path / "net.onnx", [multiply], [tensor("x", ["N", 4])], [tensor("y", ["unk__6", 3])], weights
    )
    model = load(folder)
    assert outputs(model, [[1, 0, 0, 0], [2, 0, 0, 0], [3, 0, 0, 0]]) == [[1] * 3, [2] * 3, [3] * 3]


def test_a_network_bound_for_a_batch_whose_instances_depend_on_each_other(tmp_path: Path) -> None:
    """Only whole batches are run, and the answer is what the network gives."""
    soft = node("Softmax", ["x"], ["y"], axis=0)
    model = load(save_network(tmp_path / "net.onnx", [soft], [tensor("x", [2, 2])], [tensor("y", [2, 2])]))
    assert outputs(model, [[0, 0], [0, 0]]) == [[0.5, 0.5], [0.5, 0.5]]
    with pytest.raises(InvalidInput, match="send 2 instances a request, not 1"):
        outputs(model, [[0, 0]])


def test_mxnet_instances_of_a_batch_that_depend_on_each_other(tmp_path: Path) -> None:
    boxes = [[0, 0.9, 0, 0, 1, 1], [0, 0.8, 0, 0, 1, 1], [1, 0.7, 2, 2, 3, 3]]
    for number, network in enumerate((mxnet.sym.contrib.box_nms, lambda x: mxnet.sym.softmax(x, axis=0))):
        folder = save_checkpoint_of(tmp_path / str(number), network(mxnet.sym.Variable("data")), {"data": (3, 6)})
        model = load(folder)
        assert len(outputs(model, boxes)) == 3
        with pytest.raises(InvalidInput, match="send 3 instances a request, not 2"):
            outputs(model, boxes[:2])


def test_a_network_bound_for_a_batch_of_independent_instances_takes_any_number(tmp_path: Path) -> None:
    model = load(save_linear(tmp_path, (2, 4)))
    one = outputs(model, [[1, 2, 3, 4]])
    assert len(one) == 1
    assert outputs(model, [[0, 0, 0, 1], [0, 0, 0, 2], [1, 2, 3, 4]])[2:] == one


def test_mxnet_outputs_without_a_batch(tmp_path: Path) -> None:
    data = mxnet.sym.Variable("data")
    rows = mxnet.sym.reshape(data, shape=(-1, 2), name="rows")
    model = load(save_checkpoint_of(tmp_path / "rows", rows, {"data": (1, 3, 2)}))
    assert outputs(model, [[[1, 2], [3, 4], [5, 6]]]) == [[1, 2], [3, 4], [5, 6]]
    with pytest.raises(InvalidInput, match="output 'rows_output' of this model does not have one entry an instance"):
        outputs(model, [[[1, 2], [3, 4], [5, 6]]] * 2)
    total = load(save_checkpoint_of(tmp_path / "total", mxnet.sym.sum(data, name="total"), {"data": (1, 3)}))
    assert outputs(total, [[1, 2, 3]]) == [6]


def test_scalars_and_tables_belong_to_one_instance(tmp_path: Path) -> None:
    nodes = [node("Mul", ["x", "k"], ["scaled"]), node("MatMul", ["scaled", "table"], ["y"])]
    inputs = [tensor("x", ["N", 2]), tensor("k", []), tensor("table", [2, 3])]
    model = load(save_network(tmp_path / "net.onnx", nodes, inputs, [tensor("y", ["N", 3])]))
    table = [[1, 2, 3], [4, 5, 6]]
    instances = [{"x": [1, 0], "k": 2, "table": table}, {"x": [0, 1], "k": 3, "table": table}]
    assert outputs(model, {"instances": instances}) == [[2, 4, 6], [12, 15, 18]]
    columns = {"x": [[1, 0], [0, 1]], "k": 2, "table": table}
    assert outputs(model, {"inputs": columns}) == [[2, 4, 6], [8, 10, 12]]
    with pytest.raises(InvalidInput, match="different numbers of instances"):
        outputs(model, {"inputs": {"x": [[1, 0]], "k": [2, 3], "table": table}})


def test_an_answer_of_another_number_than_the_file_says_is_refused(tmp_path: Path) -> None:
    model = load(save_detector(tmp_path / "net", "N", "N"))
    with pytest.raises(InvalidInput, match=r"output 'rows' has the shape \[3, 2\] for 2 instances"):
        outputs(model, [[1, 1, 0, 0], [1, 0, 0, 0]])


def test_one_instance_a_row_in_json_lines(tmp_path: Path) -> None:
    model = load(save_linear(tmp_path))
    lines = ask(model, [[1, 0, 0, 0], [0, 1, 0, 0]], accept="application/jsonlines").splitlines()
    np.testing.assert_allclose([json.loads(line)["outputs"] for line in lines], [[0, 0.1, 0.2], [0.3, 0.4, 0.5]])
