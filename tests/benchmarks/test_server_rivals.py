"""What Triton and MLServer are sent, without the servers."""

import base64
import json
from pathlib import Path

from benchmarks.server import isolation
from benchmarks.server.answers import outputs_of
from benchmarks.server.mlserver import MLServer
from benchmarks.server.triton import Triton

PICTURE = b"\xff\xd8\xffpicture"


def environment(folder: Path) -> Path:
    """The folders of an environment that Triton's wheel brings."""
    (folder / "lib" / "python3.11" / "site-packages" / "pytriton" / "tritonserver").mkdir(parents=True)
    return folder / "bin"


def artifact(folder: Path) -> Path:
    folder.mkdir()
    (folder / "network.onnx").write_bytes(b"graph")
    return folder


def test_triton_gets_a_repository_of_one_model(tmp_path):
    server = Triton(environment(tmp_path / "triton"), tmp_path / "run", instances=3)
    prepared = server.prepare("m", artifact(tmp_path / "artifact"))
    files = {str(path.relative_to(prepared)) for path in prepared.rglob("*") if path.is_file()}
    assert files == {"m/config.pbtxt", "m/1/model.py", "m/1/onnx_pictures.py", "m/1/network.onnx"}
    assert "count: 3 }" in (prepared / "m" / "config.pbtxt").read_text()
    assert (prepared / "m" / "1" / "network.onnx").read_bytes() == b"graph"


def test_triton_takes_the_picture_as_bytes_behind_a_head_of_the_length_it_says(tmp_path):
    invocation = Triton(environment(tmp_path / "triton"), tmp_path / "run").invocation("m", PICTURE, "image/jpeg")
    length = int(invocation.headers["Content-Type"].split("json-header-size=")[1])
    [tensor] = json.loads(invocation.body[:length])["inputs"]
    element = invocation.body[length:]
    assert tensor["parameters"]["binary_data_size"] == len(element)
    assert int.from_bytes(element[:4], "little") == len(PICTURE)
    assert element[4:] == PICTURE
    assert invocation.path == "/models/m/invoke"


def test_mlserver_listens_on_loopback_and_finds_each_model_in_its_repository(tmp_path):
    server = MLServer(tmp_path / "bin", tmp_path / "run", workers=2)
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert settings["host"] == "127.0.0.1"
    assert settings["parallel_workers"] == 2
    folder = artifact(tmp_path / "artifact")
    described = json.loads((server.prepare("m", folder) / "model-settings.json").read_text())
    assert described["name"] == "m"
    assert described["parameters"]["uri"] == str(folder)
    [tensor] = json.loads(server.invocation("m", PICTURE, "image/jpeg").body)["inputs"]
    assert base64.b64decode(tensor["data"][0]) == PICTURE


def test_answers_are_compared_in_every_servers_form():
    ours = b"[[1.0, 2.0]]"
    theirs = json.dumps({"model_name": "m", "outputs": [{"name": "scores", "shape": [1, 2], "data": [1.0, 2.0]}]})
    for answer in (ours, b'{"outputs": [[1.0, 2.0]]}', theirs.encode()):
        assert outputs_of(answer).tolist() == [1.0, 2.0]


def test_the_run_continues_in_a_network_of_its_own_with_the_same_arguments(monkeypatch):
    started = []
    monkeypatch.delenv("BENCHMARK_ISOLATED", raising=False)
    monkeypatch.setattr(
        isolation.os, "execvpe", lambda program, command, variables: started.append((command, variables))
    )
    assert not isolation.is_isolated()
    isolation.isolate(["--only", "rivals"])
    [(command, variables)] = started
    assert command[-4:] == ["-m", "benchmarks.server", "--only", "rivals"]
    assert "--net" in command
    assert variables["BENCHMARK_ISOLATED"] == "1"
