"""What `add` accepts the server loads, and what it refuses the server refuses, in the same words."""

import json
import pickle
import shutil
import tarfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from container.model_server.errors import InvalidArtifact
from model_catalog.catalog import Catalog
from model_catalog.check import Check
from model_catalog.errors import CatalogError
from model_catalog.lock import Tensor, parse_lock, render_lock
from model_catalog.requirements import requirements_complaints
from tests.container.served import ask, load, outputs
from tests.support.checkpoints import dense_network, mxnet, save_checkpoint
from tests.support.networks import node, save_identity, save_linear, save_network, tensor


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "catalog")


def zipmap(folder: Path) -> Path:
    """As skl2onnx writes a classifier if nothing is said: probabilities as a sequence of maps."""
    nodes = [
        node("MatMul", ["x", "w"], ["s"]),
        helper.make_node("ZipMap", ["s"], ["output_probability"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2]),
    ]
    kind = onnx.TypeProto()
    kind.sequence_type.elem_type.map_type.key_type = onnx.TensorProto.INT64
    kind.sequence_type.elem_type.map_type.value_type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    kind.sequence_type.elem_type.map_type.value_type.tensor_type.shape.SetInParent()
    weights = [onnx.numpy_helper.from_array(np.ones((4, 3), np.float32), "w")]
    output = helper.make_value_info("output_probability", kind)
    graph = helper.make_graph(nodes, "g", [tensor("x", ["N", 4])], [output], weights)
    sets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 1)]
    folder.mkdir()
    onnx.save(helper.make_model(graph, opset_imports=sets, ir_version=8), str(folder / "net.onnx"))
    return folder


def without_its_weights(folder: Path) -> Path:
    save_linear(folder, external="weights.bin")
    (folder / "weights.bin").unlink()
    return folder


def written(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py").replace("_onnx", ".onnx")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


def changed_params(folder: Path, rename) -> Path:
    save_checkpoint(folder, dense_network(), (1, 4))
    file = str(folder / "net-0000.params")
    mxnet.nd.save(file, {rename(name): value for name, value in mxnet.nd.load(file).items()})
    return folder


REFUSED = {
    "sequence of maps": (zipmap, "output 'output_probability' is a seq(map(int64,tensor(float))), which no answer"),
    "pointer of LFS": (
        lambda f: written(f, net_onnx="version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"),
        "net.onnx is a pointer of Git LFS, not the file itself: run `git lfs pull` first",
    ),
    "web page": (lambda f: written(f, net_onnx="\n<!DOCTYPE html><html>404</html>"), "net.onnx is a web page"),
    "no network": (lambda f: written(f, net_onnx="\x08\x07garbage"), "ONNX Runtime could not load net.onnx: "),
    "weights missing": (without_its_weights, "External data path does not exist"),
    "open shape": (
        lambda f: save_identity(f, "int64", ("batch", "seq")),
        "input 'x' has the open shape [1, 'seq']; say its sizes in net-shapes.json",
    ),
    "newer IR": (lambda f: save_linear(f, ir=99), "Unsupported model IR version: 99, max supported IR version:"),
    "newer operators": (lambda f: save_linear(f, opset=99), "Opset 99 is under development"),
    "unknown operator": (
        lambda f: save_network(f / "n.onnx", [node("Nope", ["x"], ["y"])], [tensor("x", [1])], [tensor("y", [1])]),
        "No Op registered for Nope",
    ),
    "syntax error": (
        lambda f: written(save_linear(f), code__inference_py="def output_fn(:\n"),
        "importing code/inference.py raised SyntaxError",
    ),
    "missing module": (
        lambda f: written(f, code__inference_py="import no_such_module\ndef model_fn(d): ..."),
        "raised ModuleNotFoundError: No module named 'no_such_module'",
    ),
    "names of gluon": (
        lambda f: changed_params(f, lambda name: f"features.{name[4:]}"),
        "was saved without arg: and aux: before the names",
    ),
    "parameters missing": (
        lambda f: changed_params(f, lambda name: name.replace("output", "other")),
        "lacks: output_weight, output_bias",
    ),
    "code under another name": (
        lambda f: written(save_linear(f), code__handler_py="def output_fn(p, a): ..."),
        "code/ holds handler.py but no inference.py",
    ),
    "code at the top": (
        lambda f: written(save_linear(f), inference_py="def output_fn(p, a): ..."),
        "inference.py lies at the top level",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_add_refuses_what_the_server_refuses(catalog: Catalog, tmp_path: Path, name: str) -> None:
    make, message = REFUSED[name]
    folder = make(tmp_path / "model")
    with pytest.raises(InvalidArtifact) as refused:
        load(folder)
    with pytest.raises(CatalogError) as caught:
        catalog.add("net", folder, check=Check())
    assert message in refused.value.message
    # In another folder at another time the engine names other paths.
    assert message in caught.value.complaints[0]
    assert not (catalog.directory / "models.lock.json").exists()


def unprefixed(folder: Path) -> Path:
    return changed_params(folder, lambda name: name[4:])


def builtin_algorithm(folder: Path) -> Path:
    """The files of SageMaker's own image classification."""
    save_checkpoint(folder, dense_network(), (1, 4), name="image-classification")
    (folder / "image-classification-0000.params").rename(folder / "image-classification-0010.params")
    (folder / "image-classification-shapes.json").rename(folder / "model-shapes.json")
    return folder


def macos(folder: Path) -> Path:
    save_linear(folder)
    for name in ("._net.onnx", ".DS_Store", "__MACOSX/._net.onnx"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"\0\5\x16\7" + b"\0" * 78)
    return folder


def wrapped(folder: Path) -> Path:
    macos(folder / "export" / "1")
    return folder


def linked(folder: Path) -> Path:
    save_linear(folder / "blobs")
    (folder / "net.onnx").symlink_to("blobs/net.onnx")
    return folder


def mlflow(folder: Path) -> Path:
    """What mlflow.onnx.save_model leaves, with its weights in a file of their own."""
    save_linear(folder, external="net.onnx.data")
    (folder / "MLmodel").write_text("flavors:\n  onnx:\n    data: net.onnx\n    onnx_version: 1.14.1\n")
    for name in ("conda.yaml", "python_env.yaml", "requirements.txt"):
        (folder / name).write_text("onnx\n")
    return folder


def text(folder: Path) -> Path:
    return save_identity(folder, "str", ("N", 4))


ACCEPTED = [unprefixed, builtin_algorithm, macos, wrapped, linked, mlflow, text]


@pytest.mark.parametrize("make", ACCEPTED, ids=lambda make: make.__name__)
@pytest.mark.parametrize("form", ["folder", "archive"])
def test_what_add_accepts_is_served(catalog: Catalog, tmp_path: Path, make, form: str) -> None:
    source = make(tmp_path / "model")
    if form == "archive":
        shutil.make_archive(str(tmp_path / "model"), "gztar", tmp_path, "model")
        source = tmp_path / "model.tar.gz"
    version = catalog.add("net", source, check=Check()).version
    assert version.observed is not None
    (seen,) = version.observed.inputs
    assert seen.shape == (1, 4)
    served = tmp_path / "served"
    with tarfile.open(catalog.directory / version.artifact) as archive:
        archive.extractall(served, filter="data")
        assert all(member.isreg() for member in archive)
    sent = ["a"] * 4 if seen.dtype == "str" else [1, 2, 3, 4]
    answer = outputs(load(served), [sent])
    assert len(answer[0]) == version.observed.outputs[0].shape[1]
    assert answer == outputs(load(make(tmp_path / "again")), [sent])


def test_the_lock_says_what_was_seen(catalog: Catalog, tmp_path: Path) -> None:
    version = catalog.add("net", save_linear(tmp_path / "net"), check=Check()).version
    observed = version.observed
    assert observed is not None
    assert observed.inputs == (Tensor(name="x", dtype="float32", shape=(1, 4)),)
    assert observed.outputs == (Tensor(name="y", dtype="float32", shape=(1, 3)),)
    assert 0 < observed.load_seconds < 60
    assert observed.memory_bytes is not None and 0 <= observed.memory_bytes < 256 << 20
    lock = parse_lock(render_lock(catalog.lock))
    assert lock.models["net"].current.observed == observed
    unchecked = catalog.add("other", save_linear(tmp_path / "other", (1, 4))).version
    assert unchecked.observed is None
    assert '"observed"' not in render_lock(catalog.lock).partition('"other"')[2]


def test_code_alone_is_an_artifact(catalog: Catalog, tmp_path: Path) -> None:
    code = "import json, pathlib, pickle\n"
    code += "def model_fn(d): return pickle.loads(pathlib.Path(d, 'model.pkl').read_bytes())\n"
    code += "def input_fn(b, c): return json.loads(b)\ndef predict_fn(x, m): return [v * m for v in x]\n"
    folder = written(tmp_path / "net", code__inference_py=code)
    (folder / "model.pkl").write_bytes(pickle.dumps(3))
    assert catalog.add("net", folder, check=Check()).version.engine == "code"
    assert parse_lock(render_lock(catalog.lock)).models["net"].current.engine == "code"
    assert json.loads(ask(load(folder), [1, 2])) == [3, 6]
    assert not (folder / "code" / "__pycache__").exists()


def test_a_compiled_handler_is_no_new_version(catalog: Catalog, tmp_path: Path) -> None:
    folder = written(save_linear(tmp_path / "net"), code__inference_py="def output_fn(p, a): return 'x'\n")
    assert catalog.add("net", folder).is_new
    (folder / "code" / "__pycache__").mkdir()
    (folder / "code" / "__pycache__" / "inference.cpython-311.pyc").write_bytes(b"x")
    assert not catalog.add("net", folder).is_new


def test_one_network_file_is_enough(catalog: Catalog, tmp_path: Path) -> None:
    folder = save_linear(tmp_path / "net", external="weights.bin")
    (folder / "notes.txt").write_text("not part of it")
    version = catalog.add("net", folder / "net.onnx", check=Check()).version
    with tarfile.open(catalog.directory / version.artifact) as archive:
        assert archive.getnames() == ["net.onnx", "weights.bin"]
    (tmp_path / "broken.onnx").write_bytes(b"\x08\x07garbage")
    with pytest.raises(CatalogError, match=r"ONNX Runtime could not load broken\.onnx"):
        catalog.add("broken", tmp_path / "broken.onnx", check=Check())


LOADER = """
import os, time
def model_fn(d):
    {what}
def predict_fn(d, m): return d
"""


@pytest.mark.parametrize(
    ("what", "limits", "message"),
    [
        ("time.sleep(60)", {"seconds": 4.0}, r"was not loaded and run within 4 s \(--check-seconds\)"),
        ("os.abort()", {}, "was ended by SIGABRT"),
        ("os._exit(7)", {}, "ended with code 7"),
        ("return bytearray(2 << 30)", {"memory_bytes": 1 << 30}, "MemoryError"),
        ("raise ValueError('no weights')", {}, "model_fn raised ValueError: no weights"),
    ],
)
def test_a_check_has_limits_of_time_and_memory(
    catalog: Catalog, tmp_path: Path, what: str, limits: dict, message: str
) -> None:
    folder = written(tmp_path / "net", code__inference_py=LOADER.format(what=what))
    with pytest.raises(CatalogError, match=message):
        catalog.add("net", folder, check=Check(**limits))


def test_what_a_check_leaves_running_is_ended(catalog: Catalog, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    what = f"import subprocess; p = subprocess.Popen(['sleep', '60']); open({str(pid_file)!r}, 'w').write(str(p.pid)); "
    what += "time.sleep(60)"
    folder = written(tmp_path / "net", code__inference_py=LOADER.format(what=what))
    with pytest.raises(CatalogError, match="within 4 s"):
        catalog.add("net", folder, check=Check(seconds=4.0))
    status = Path(f"/proc/{pid_file.read_text()}/stat")
    assert not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


def test_packages_that_the_image_lacks_are_named(tmp_path: Path) -> None:
    image = tmp_path / "requirements.txt"
    image.write_text("numpy==1.23.5 \\\n    --hash=sha256:00\npillow==10.0.0\n")
    lines = ["# comment", "", "numpy", "Pillow>=9 # fine", "sagemaker_inference", "scikit-learn==1.3", "numpy>=2"]
    lines += ["mine", "pandas; python_version < '3'", "-r other.txt"]
    folder = written(tmp_path / "net", code__inference_py="", code__mine_py="")
    (folder / "code" / "requirements.txt").write_text("\n".join(lines))
    complaints = requirements_complaints(folder, image)
    assert [complaint.split(":")[0] for complaint in complaints] == [
        f"code/requirements.txt, line {number}" for number in (6, 7, 10)
    ]
    assert "asks for scikit-learn==1.3, but the image lacks it, and loading installs nothing" in complaints[0]
    assert (
        "pip install --target code/lib 'scikit-learn==1.3'" in complaints[0]
        and "container/requirements.in" in complaints[0]
    )
    assert "asks for numpy>=2, but the image has 1.23.5" in complaints[1]
    (folder / "code" / "requirements.txt").write_text("numpy\n")
    assert requirements_complaints(folder) == []


def test_several_networks_are_for_a_model_fn(catalog: Catalog, tmp_path: Path) -> None:
    folder = save_linear(tmp_path / "net")
    shutil.copy(folder / "net.onnx", folder / "second.onnx")
    with pytest.raises(CatalogError, match=r"must hold one model, but has net.onnx, second.onnx: .* model_fn"):
        catalog.add("net", folder)
    code = "import onnxruntime\ndef model_fn(d): return onnxruntime.InferenceSession(d + '/second.onnx')\n"
    code += "def predict_fn(x, m): return m.run(None, {'x': x.astype('float32')})[0]\n"
    written(folder, code__inference_py=code)
    assert catalog.add("net", folder, check=Check()).is_new
    np.testing.assert_allclose(json.loads(ask(load(folder), [[1, 2, 3, 4]])), [[6, 7, 8]], rtol=1e-6)
    assert [path.name for path in (folder / "code").iterdir()] == ["inference.py"]
