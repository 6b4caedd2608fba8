"""Optimised forms of ONNX models: the same answers, trusted only where they were made, and never needed."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from container.model_server.artifact.contents import read_artifact
from container.model_server.artifact.signature import TensorSpec
from container.model_server.worker.engines import onnx_forms
from container.model_server.worker.engines.base import Origin
from container.model_server.worker.engines.onnx_engine import OnnxEngine
from container.model_server.worker.engines.onnx_forms import GRAPH, WEIGHTS, Form, FormFolder, Ran
from container.model_server.worker.loading import Loader
from tests.container.clients import HttpClient, wait_for
from tests.container.conftest import npy, serving

onnx = pytest.importorskip("onnx")
MIB = 2**20
FLOAT = onnx.TensorProto.FLOAT


def tensor(name: str, *shape: int, seed: int = 0):
    values = np.random.RandomState(seed).normal(size=shape) / 10
    return onnx.numpy_helper.from_array(values.astype(np.float32), name)


def save(folder: Path, nodes, weights, inputs, outputs, **options) -> Path:
    folder.mkdir(parents=True)
    infos = [
        [onnx.helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in part] for part in (inputs, outputs)
    ]
    graph = onnx.helper.make_graph(nodes, "net", *infos, weights)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(folder / "net.onnx"), **options)
    return folder


def convolutions(folder: Path, seed: int = 0, **options) -> Path:
    """Convolutions with batch normalisation: ONNX Runtime fuses them, and arranges the weights by the processor."""
    node = onnx.helper.make_node
    nodes = [
        node("Conv", ["x", "w1"], ["c1"], pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c1", "scale", "bias", "mean", "var"], ["n1"]),
        node("Relu", ["n1"], ["r1"]),
        node("Conv", ["r1", "w2"], ["y"], pads=[1, 1, 1, 1]),
    ]
    weights = [tensor("w1", 96, 3, 3, 3, seed=seed), tensor("w2", 96, 96, 3, 3, seed=seed + 1)]
    weights += [tensor(name, 96, seed=seed) for name in ("scale", "bias", "mean")]
    weights.append(onnx.numpy_helper.from_array(np.ones(96, np.float32), "var"))
    return save(folder, nodes, weights, [("x", [1, 3, 16, 16])], [("y", [1, 96, 16, 16])], **options)


def dense(folder: Path) -> Path:
    nodes = [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])]
    return save(folder, nodes, [tensor("w", 512, 256)], [("x", ["N", 512])], [("y", ["N", 256])])


def branches(folder: Path) -> Path:
    """A subgraph in each branch of an If, with weights of its own."""
    helper = onnx.helper

    def branch(name: str, seed: int):
        node = helper.make_node("MatMul", ["x", f"w_{name}"], [f"y_{name}"])
        info = helper.make_tensor_value_info(f"y_{name}", FLOAT, [1, 256])
        return helper.make_graph([node], name, [], [info], [tensor(f"w_{name}", 256, 256, seed=seed)])

    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["positive"]),
        helper.make_node("If", ["positive"], ["y"], then_branch=branch("then", 1), else_branch=branch("else", 2)),
    ]
    zero = onnx.numpy_helper.from_array(np.float32(0), "zero")
    return save(folder, nodes, [zero], [("x", [1, 256])], [("y", [1, 256])])


def quantised(folder: Path) -> Path:
    helper = onnx.helper
    weights = np.random.RandomState(3).randint(-127, 127, (768, 512)).astype(np.int8)
    initializers = [
        onnx.numpy_helper.from_array(weights, "w"),
        onnx.numpy_helper.from_array(np.float32(0.02), "scale"),
        onnx.numpy_helper.from_array(np.int8(0), "zero"),
    ]
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "q_scale", "q_zero"]),
        helper.make_node("MatMulInteger", ["q", "w", "q_zero", "zero"], ["product"]),
        helper.make_node("Cast", ["product"], ["whole"], to=FLOAT),
        helper.make_node("Mul", ["whole", "q_scale"], ["scaled"]),
        helper.make_node("Mul", ["scaled", "scale"], ["y"]),
    ]
    return save(folder, nodes, initializers, [("x", [1, 768])], [("y", [1, 512])])


def noise(folder: Path) -> Path:
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "w"], ["m"]),
        onnx.helper.make_node("RandomNormalLike", ["m"], ["r"]),
        onnx.helper.make_node("Add", ["m", "r"], ["y"]),
    ]
    return save(folder, nodes, [tensor("w", 512, 256)], [("x", [1, 512])], [("y", [1, 256])])


def engine(forms: Path, limit: int = 64 * MIB) -> OnnxEngine:
    return OnnxEngine(1, forms, limit)


def optimised(forms: Path, folder: Path) -> str:
    return engine(forms).optimise(read_artifact(folder))


def places(forms: Path) -> list[Path]:
    """Where the forms lie."""
    return sorted(path for path in forms.glob("*/*/*") if path.is_dir())


def outputs(model, seed: int = 5) -> dict[str, np.ndarray]:
    random = np.random.RandomState(seed)
    return model.predict({s.name: random.normal(size=(1, *s.item_shape)).astype(s.dtype) for s in model.inputs})


@pytest.mark.parametrize("make", [convolutions, dense, branches, quantised])
def test_a_form_gives_the_outputs_of_its_model(tmp_path: Path, make) -> None:
    folder, forms = make(tmp_path / "model"), tmp_path / "forms"
    artifact = read_artifact(folder)
    direct = OnnxEngine(1).load(artifact)
    first = engine(forms).load(artifact)
    assert first.origin == Origin.OPTIMISABLE_FILE
    reason = optimised(forms, folder)
    later = engine(forms).load(artifact)
    # Whether a form runs as fast is measured: where it is not, the model is loaded from its own file, for ever.
    assert (later.origin == Origin.FORM) == (reason == ""), reason
    assert reason in ("", "its optimised form runs slower")
    assert [(s.name, s.shape, s.dtype) for s in later.inputs] == [(s.name, s.shape, s.dtype) for s in direct.inputs]
    for name, expected in outputs(direct).items():
        np.testing.assert_allclose(outputs(later)[name], expected, rtol=1e-4, atol=1e-5)


def test_a_form_is_not_run_again_at_its_load(tmp_path: Path) -> None:
    folder, forms = convolutions(tmp_path / "model"), tmp_path / "forms"
    direct = OnnxEngine(1).load(read_artifact(folder))
    assert direct.foreseen() is None
    optimised(forms, folder)
    (place,) = places(forms)
    form = Form(ran=Ran(inputs=direct.inputs, outputs={"y": ("float32", (1, 96, 16, 16))}))
    foreseen = engine(forms)._open(read_artifact(folder), place / GRAPH, form=form).foreseen()
    assert foreseen is not None
    expected = outputs(direct)
    assert {name: (array.shape, array.dtype) for name, array in foreseen.items()} == {
        name: (array.shape, array.dtype) for name, array in expected.items()
    }
    other = form.model_copy(update={"ran": Ran(inputs=(TensorSpec(name="x", shape=(1, 3, 8, 8)),), outputs={})})
    assert engine(forms)._open(read_artifact(folder), place / GRAPH, form=other).foreseen() is None


def test_artifacts_code_is_given_the_models_own_file(tmp_path: Path) -> None:
    folder, forms = convolutions(tmp_path / "model"), tmp_path / "forms"
    (folder / "code").mkdir()
    (folder / "code" / "inference.py").write_text("def output_fn(prediction, accept):\n    return b''\n")
    obstacle = optimised(forms, folder)
    for artifact_code, expected in ((True, Origin.FILE), (False, Origin.FILE if obstacle else Origin.FORM)):
        loader = Loader("inference.py", artifact_code, 1, forms, 64 * MIB)
        assert loader.load(folder)[0].origin == expected


def test_a_form_takes_its_weights_from_the_mapped_file(tmp_path: Path) -> None:
    folder, forms = convolutions(tmp_path / "model"), tmp_path / "forms"
    assert optimised(forms, folder) in ("", "its optimised form runs slower")
    (place,) = places(forms)
    model = engine(forms)._open(read_artifact(folder), place / GRAPH, form=Form())
    assert str(place / WEIGHTS) in Path("/proc/self/maps").read_text()
    assert model.origin == Origin.FORM


def test_the_folder_is_the_owners_alone(tmp_path: Path) -> None:
    forms = tmp_path / "forms"
    optimised(forms, dense(tmp_path / "model"))
    assert {path.stat().st_mode & 0o077 for path in (forms, *forms.glob("*"), *forms.glob("*/*"))} <= {
        0,
        0o022,
        0o044,
        0o055,
    }
    assert forms.stat().st_mode & 0o777 == 0o700
    forms.chmod(0o770)
    with pytest.raises(PermissionError, match="mode 0700"):
        FormFolder(forms, MIB, "1")
    (tmp_path / "link").symlink_to(forms)
    with pytest.raises(PermissionError, match="mode 0700"):
        FormFolder(tmp_path / "link", MIB, "1")


def test_a_folder_that_cannot_be_used_turns_forms_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    off = OnnxEngine(1, tmp_path / "file", MIB)
    assert "without optimised forms" in caplog.text
    assert off.load(read_artifact(dense(tmp_path / "model"))).origin == Origin.FILE


def test_forms_belong_to_a_content_a_version_and_a_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, forms = convolutions(tmp_path / "model"), tmp_path / "forms"
    optimised(forms, folder)
    file = folder / "net.onnx"
    assert FormFolder(forms, MIB, "other").find(file) is None
    version = places(forms)[0].parents[1].name.rpartition("-")[0]
    assert FormFolder(forms, MIB, version).find(file) is not None
    other = convolutions(tmp_path / "other", seed=9)
    assert FormFolder(forms, MIB, version).find(other / "net.onnx") is None
    monkeypatch.setattr(onnx_forms, "_processor", lambda: "another")
    assert FormFolder(forms, MIB, version).find(file) is None


def test_files_that_differ_between_the_samples_are_told_apart(tmp_path: Path) -> None:
    folder, forms = convolutions(tmp_path / "model"), tmp_path / "forms"
    optimised(forms, folder)
    file = folder / "net.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 30 + 5000 - 2500] ^= 1  # no page that the samples have
    twin = tmp_path / "twin.onnx"
    twin.write_bytes(content)
    assert onnx_forms.sample(twin) == onnx_forms.sample(file)
    assert engine(forms).forms.find(twin) is None


def test_a_changed_file_is_not_taken_for_the_one_that_was_seen(tmp_path: Path) -> None:
    folder, forms = convolutions(tmp_path / "model"), tmp_path / "forms"
    optimised(forms, folder)
    file = folder / "net.onnx"
    old = time.time() - 3600
    os.utime(file, (old, old))
    time.sleep(2.1)  # a file that was changed a moment ago is hashed each time
    assert engine(forms).forms.find(file) is not None
    (place,) = places(forms)
    assert (place / "seen").is_file()
    content = bytearray(file.read_bytes())
    content[len(content) // 30 + 2500] ^= 1
    file.write_bytes(content)
    os.utime(file, (old, old))  # the same size and the same time: the inode's own time has changed
    assert engine(forms).forms.find(file) is None


@pytest.mark.parametrize("name", [GRAPH, WEIGHTS, "form.json"])
@pytest.mark.parametrize("how", ["changed", "cut", "gone", "empty"])
def test_a_damaged_form_is_discarded_and_made_again(tmp_path: Path, name: str, how: str) -> None:
    folder, forms = convolutions(tmp_path / "model"), tmp_path / "forms"
    optimised(forms, folder)
    (place,) = places(forms)
    damaged = place / name
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 0xFF
    if how == "gone":
        damaged.unlink()
    else:
        damaged.write_bytes({"changed": content, "cut": content[:-9], "empty": b""}[how])
    artifact = read_artifact(folder)
    model = engine(forms).load(artifact)
    assert model.origin == Origin.OPTIMISABLE_FILE
    for key, expected in outputs(OnnxEngine(1).load(artifact)).items():
        np.testing.assert_array_equal(outputs(model)[key], expected)
    optimised(forms, folder)
    assert engine(forms).forms.find(artifact.graph) is not None


def test_weights_outside_the_file_are_left_to_the_direct_way(tmp_path: Path) -> None:
    folder = convolutions(tmp_path / "model", save_as_external_data=True, location="w.bin", size_threshold=1024)
    (folder / "net.onnx").write_bytes((folder / "net.onnx").read_bytes() + unknown_field(300 * 1024))
    forms = tmp_path / "forms"
    assert "files beside it" in optimised(forms, folder)
    model = engine(forms).load(read_artifact(folder))
    assert model.origin == Origin.FILE  # and nobody tries again
    assert not list(forms.glob(f"*/*/*/{GRAPH}"))


def unknown_field(size: int) -> bytes:
    """Bytes that a protocol buffer's reader skips: field 1000, by length."""

    def number(value: int) -> bytes:
        low = value & 0x7F
        return bytes([low | 0x80]) + number(value >> 7) if value >> 7 else bytes([low])

    return number(1000 << 3 | 2) + number(size) + bytes(size)


def test_outputs_that_change_from_run_to_run_have_no_form(tmp_path: Path) -> None:
    folder, forms = noise(tmp_path / "model"), tmp_path / "forms"
    assert "change from run to run" in optimised(forms, folder)
    assert engine(forms).load(read_artifact(folder)).origin == Origin.FILE


def test_a_save_that_fails_is_remembered_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, forms = dense(tmp_path / "model"), tmp_path / "forms"
    loader = engine(forms)

    def fails(*_, **__):
        raise RuntimeError("ModelProto exceeded maximum protobuf size of 2GB")

    monkeypatch.setattr(loader, "_session", fails)
    assert "maximum protobuf size" in loader.optimise(read_artifact(folder))
    assert engine(forms).load(read_artifact(folder)).origin == Origin.FILE


def test_the_longest_unused_forms_make_room(tmp_path: Path) -> None:
    forms = tmp_path / "forms"
    folders = [convolutions(tmp_path / str(seed), seed=seed * 10) for seed in range(3)]
    size = (folders[0] / "net.onnx").stat().st_size
    loader = engine(forms, limit=int(size * 2.6))
    for folder in folders[:2]:
        loader.optimise(read_artifact(folder))
    assert loader.forms.find(folders[0] / "net.onnx") is not None  # used after the other
    used = loader.forms.find(folders[0] / "net.onnx")[0]
    os.utime(used, (time.time() + 5, time.time() + 5))
    loader.optimise(read_artifact(folders[2]))
    found = [loader.forms.find(folder / "net.onnx") is not None for folder in folders]
    assert found == [True, False, True]
    assert "bound" in engine(forms, limit=1000).optimise(read_artifact(folders[1]))


def test_a_full_disk_gets_no_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, forms = dense(tmp_path / "model"), tmp_path / "forms"
    loader = engine(forms)
    monkeypatch.setattr(onnx_forms, "_FREE_SHARE", 1.0)
    assert "free space" in loader.optimise(read_artifact(folder))
    assert not places(forms)


def test_several_writers_at_once_leave_one_form_and_nothing_else(tmp_path: Path) -> None:
    content, forms = b"x" * 9000, FormFolder(tmp_path / "forms", MIB, "1")
    with forms.writing(content) as first, forms.writing(content) as second:
        for number, folder in enumerate((first, second)):
            (folder / GRAPH).write_bytes(bytes([number]))
            forms.finish(folder, content, Form())
    model = tmp_path / "model.onnx"
    model.write_bytes(content)
    place, _ = forms.find(model)
    assert (place / GRAPH).read_bytes() == b"\0"
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    forms = FormFolder(tmp_path / "forms", MIB, "1")
    with forms.writing(b"x") as folder:
        left = folder.with_name(".unfinished-left")
        left.mkdir()
        (left / WEIGHTS).write_bytes(b"half")
        assert forms.make_room(10) == ""
        assert not left.exists()
        assert folder.is_dir()  # somebody writes there
    assert not folder.exists()


@pytest.mark.slow
def test_the_server_makes_a_form_in_the_background_and_uses_it(tmp_path: Path) -> None:
    folder = convolutions(tmp_path / "model")
    forms = tmp_path / "forms"
    body = npy(np.random.RandomState(1).normal(size=(1, 3, 16, 16)).astype(np.float32))
    with serving(HttpClient, MODEL_SERVER_WORKERS="1", MODEL_SERVER_OPTIMISED_FOLDER=str(forms)) as server:
        with server.loaded("net", folder):
            first = server.invoke("net", body, "application/x-npy").json()["outputs"]
            wait_for(lambda: bool(list(forms.glob("*/*/*/form.json"))), "the form")
            form = Form.model_validate_json(next(forms.glob("*/*/*/form.json")).read_bytes())
            if not form.direct_because:
                wait_for(lambda: any(maps_weights(worker.pid, forms) for worker in server.workers()), "the reload")
            again = server.invoke("net", body, "application/x-npy").json()["outputs"]
            np.testing.assert_allclose(again, first, rtol=1e-4, atol=1e-5)
        with server.loaded("net", folder):
            later = server.invoke("net", body, "application/x-npy").json()["outputs"]
            np.testing.assert_allclose(later, first, rtol=1e-4, atol=1e-5)
            assert bool(form.direct_because) or any(maps_weights(w.pid, forms) for w in server.workers())


def maps_weights(pid: int, forms: Path) -> bool:
    return str(forms) in Path(f"/proc/{pid}/maps").read_text()
