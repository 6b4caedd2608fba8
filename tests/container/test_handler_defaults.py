"""What artifacts' own code leaves out: models, inputs and outputs reach it, and its callers, whole."""

import json
from pathlib import Path

import numpy as np
import pytest

from container.model_server.errors import InvalidArtifact, InvalidInput, PredictionFailed, UnsupportedContentType
from tests.container.conftest import npy
from tests.container.served import ask, load
from tests.support.checkpoints import mxnet, save_checkpoint_of
from tests.support.networks import node, save_linear, save_network, tensor


def coded(folder: Path, code: str) -> Path:
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code" / "inference.py").write_text(code)
    return folder


def sum_network(folder: Path) -> Path:
    both = [tensor("a", ["N", 2]), tensor("b", ["N", 2])]
    return save_network(folder / "net.onnx", [node("Add", ["a", "b"], ["y"])], both, [tensor("y", ["N", 2])])


def mxnet_sum(folder: Path) -> Path:
    both = mxnet.sym.Variable("a") + mxnet.sym.Variable("b")
    return save_checkpoint_of(folder, both, {"a": (1, 2), "b": (1, 2)})


AS_DICT = "{k: np.array(v, np.float32) for k, v in json.loads(b).items()}"
AS_LIST = "[np.array(v, np.float32) for v in json.loads(b).values()]"
AS_NDARRAYS = "[mx.nd.array(v) for v in json.loads(b).values()]"


@pytest.mark.parametrize("network", [sum_network, mxnet_sum])
@pytest.mark.parametrize("given", [AS_DICT, AS_LIST, AS_NDARRAYS])
def test_input_fn_gives_several_inputs_by_name_or_in_order(tmp_path: Path, network, given: str) -> None:
    code = f"import json\nimport mxnet as mx\nimport numpy as np\ndef input_fn(b, c): return {given}\n"
    model = load(coded(network(tmp_path / "net"), code))
    assert json.loads(ask(model, {"a": [[1, 2]], "b": [[10, 20]]})) == [[11, 22]]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("np.ones((1, 2))", PredictionFailed, "input_fn gave one array; this network has 2 inputs: give a dict"),
        ("[np.ones((1, 2))]", PredictionFailed, "input_fn gave 1 arrays; this network has 2 inputs"),
        ("{'a': 1, 'c': 2}", PredictionFailed, "input_fn gave a dict of a, c; the inputs are a, b"),
        ("[np.ones((1, 2)), np.ones((2, 2))]", PredictionFailed, "different numbers of instances: a 1, b 2"),
        ("[np.ones((1, 2)), np.ones((1, 3))]", InvalidInput, r"'b': expected shape \[N, 2\]"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(tmp_path: Path, given: str, error: type, message: str) -> None:
    code = f"import numpy as np\ndef input_fn(b, c): return {given}\n"
    for number, network in enumerate((sum_network, mxnet_sum)):
        with pytest.raises(error, match=message):
            ask(load(coded(network(tmp_path / str(number)), code)), [])


@pytest.mark.parametrize(("dtype", "value"), [("uint8", 300), ("int64", 1.5)])
def test_what_input_fn_gives_is_not_cut_to_fit(tmp_path: Path, dtype: str, value: float) -> None:
    folder = save_network(
        tmp_path / "net.onnx",
        [node("Identity", ["x"], ["y"])],
        [tensor("x", ["N"], dtype)],
        [tensor("y", ["N"], dtype)],
    )
    model = load(coded(folder, f"import numpy as np\ndef input_fn(b, c): return np.array([{value}])\n"))
    with pytest.raises(InvalidInput, match=f"got {value}"):
        ask(model, [])


SHAPES_OF_OUTPUTS = """
import json
def output_fn(p, a): return json.dumps([list(o.shape) for o in p] if isinstance(p, list) else "one array")
"""


def test_output_fn_gets_all_outputs(tmp_path: Path) -> None:
    nodes = [node("ArgMax", ["x"], ["label"], axis=1, keepdims=0), node("Softmax", ["x"], ["p"], axis=1)]
    outs = [tensor("label", ["N"], "int64"), tensor("p", ["N", 2])]
    folder = save_network(tmp_path / "onnx" / "net.onnx", nodes, [tensor("x", ["N", 2])], outs)
    data = mxnet.sym.Variable("data")
    group = mxnet.sym.Group([mxnet.sym.argmax(data, axis=1), mxnet.sym.softmax(data)])
    checkpoint = save_checkpoint_of(tmp_path / "mxnet", group, {"data": (1, 2)})
    for each in (folder, checkpoint):
        assert json.loads(ask(load(coded(each, SHAPES_OF_OUTPUTS)), [[1, 2]])) == [[1], [1, 2]]
        answer = json.loads(ask(load(coded(each, "def input_fn(b, c): return __import__('numpy').ones((1, 2))")), []))
        assert (len(answer), answer[1]) == (2, [[0.5, 0.5]])


def test_a_gluon_block_without_input_and_predict_functions(tmp_path: Path) -> None:
    code = """
import mxnet as mx
def model_fn(d):
    n = mx.gluon.nn.Dense(3, weight_initializer="ones"); n.initialize(); return n
"""
    model = load(coded(tmp_path, code))
    assert json.loads(ask(model, [[1, 2, 3, 4]])) == [[10, 10, 10]]
    assert json.loads(ask(model, npy(np.ones((1, 4), np.float32)), "application/x-npy")) == [[4, 4, 4]]
    assert json.loads(ask(model, b"1,2,3,4\n0,0,0,1", "text/csv")) == [[10, 10, 10], [1, 1, 1]]
    with pytest.raises(
        UnsupportedContentType, match="has no input_fn: without one it takes application/json, text/csv"
    ):
        ask(model, b"x", "image/png")
    with pytest.raises(InvalidInput, match="cannot hold the whole number 16777217"):
        ask(model, [[16777217, 0, 0, 0]])


def test_predict_fn_beside_an_onnx_file_gets_a_session_and_arrays(tmp_path: Path) -> None:
    code = "def predict_fn(d, m): return m.run(None, {'x': d})[0]\n"
    model = load(coded(save_linear(tmp_path / "fixed", (1, 4)), code))
    np.testing.assert_allclose(json.loads(ask(model, [[1, 2, 3, 4]])), [[6, 7, 8]], rtol=1e-6)
    code = "def predict_fn(d, m): return m.run(None, d)[0]\n"
    model = load(coded(sum_network(tmp_path / "two"), code))
    assert json.loads(ask(model, [{"a": [1, 2], "b": [3, 4]}])) == [[4, 6]]


def test_a_session_from_model_fn_needs_no_predict_fn(tmp_path: Path) -> None:
    code = "import onnxruntime\ndef model_fn(d): return onnxruntime.InferenceSession(d + '/net.onnx')\n"
    model = load(coded(save_linear(tmp_path / "one"), code))
    np.testing.assert_allclose(json.loads(ask(model, [[1, 2, 3, 4]])), [[6, 7, 8]], rtol=1e-6)
    model = load(coded(sum_network(tmp_path / "two"), code))
    assert json.loads(ask(model, b"1,2,3,4", "text/csv")) == [[4, 6]]


def test_a_signature_that_does_not_fit_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    folder = coded(save_linear(tmp_path), "def output_fn(p, a): return 'x'\n")
    (folder / "signature.json").write_text('{"image": {}}')
    with pytest.raises(InvalidArtifact, match=r"signature\.json does not fit the model: an input of shape \[4\]"):
        load(folder)


def test_a_module_from_model_fn_takes_csv(tmp_path: Path) -> None:
    code = """
import mxnet as mx
def model_fn(d):
    layer = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc")
    module = mx.mod.Module(layer, label_names=None)
    module.bind([("data", (1, 3))], for_training=False)
    module.init_params(mx.init.One())
    return module
"""
    assert json.loads(ask(load(coded(tmp_path, code)), b"1,2,3\n4,5,6\n", "text/csv")) == [[6, 6], [15, 15]]


def test_the_content_type_is_given_as_it_was_sent(tmp_path: Path) -> None:
    code = (
        "def model_fn(d): return 1\ndef input_fn(b, c): return [c, type(b).__name__]\ndef predict_fn(d, m): return d\n"
    )
    model = load(coded(tmp_path, code))
    for kind, given in (
        ("multipart/form-data; boundary=b", "bytes"),
        ("Application/JSON; charset=utf-8", "str"),
        ("text/csv", "str"),
    ):
        assert json.loads(ask(model, b"1", kind)) == [kind, given]


def test_whatever_own_code_answers_with_is_json_or_refused(tmp_path: Path) -> None:
    code = "import json\nimport numpy as np\ndef model_fn(d): return 1\ndef predict_fn(d, m): return eval(str(d))\n"
    code += "def input_fn(b, c): return b\n"
    model = load(coded(tmp_path, code))
    assert json.loads(ask(model, b"{'a': np.float32(1.5), 'b': [np.ones(2), 'x'], 'c': None}")) == {
        "a": 1.5, "b": [[1, 1], "x"], "c": None,
    }  # fmt: skip
    assert ask(model, b"[1.5, 2.5]", accept="text/csv") == b"1.5\r\n2.5\r\n"
    for bad in (b"[float('nan')]", b"{'a': np.array([np.inf])}", b"object()"):
        with pytest.raises(PredictionFailed):
            ask(model, bad)
