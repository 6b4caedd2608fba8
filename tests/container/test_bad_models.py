"""Models that crash, hang, leak, grow, fork or print: none costs another model an answer."""

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from onnx import TensorProto, helper

from tests.container.clients import SERVE, HttpClient, Reply, wait_for
from tests.container.conftest import serving

JSON = "application/json"
ROW = b"[[1, 2, 3, 4]]"
MIB = 2**20


def artifact(folder: Path, code: str) -> Path:
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "inference.py").write_text(code)
    return folder


@pytest.fixture
def server() -> Iterator[HttpClient]:
    with serving(HttpClient, MODEL_SERVER_WORKERS="2", MODEL_SERVER_MEMORY_MIB="768") as client:
        assert isinstance(client, HttpClient)
        wait_for(lambda: client.metrics()["model_server_workers_ready"] == 2, "both workers are ready")
        yield client


@contextmanager
def asked_all_the_time(server: HttpClient, name: str) -> Iterator[list[Reply]]:
    """Invoke a model again and again meanwhile."""
    stop = threading.Event()
    replies: list[Reply] = []

    def ask() -> None:
        while not stop.is_set():
            replies.append(server.invoke(name, ROW, JSON))

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            wait_for(lambda: bool(replies), "the first answer")
            yield replies
        finally:
            stop.set()
            asking.result()


ABORTS = "import os\ndef model_fn(d): os.abort()\ndef transform_fn(*a): ..."


def test_an_artifact_that_aborts_in_a_loop_costs_no_other_model(server: HttpClient, tmp_path: Path, models) -> None:
    bad = artifact(tmp_path / "bad", ABORTS)
    with server.loaded("good", models["dense"]):
        before = [worker.pid for worker in server.workers()]
        with asked_all_the_time(server, "good") as replies:
            messages = []
            for _ in range(30):
                reply = server.load("bad", bad)
                assert reply.error() == (500, "WorkerCrashed")
                messages.append(reply.json()["message"])
        assert {reply.status for reply in replies} == {200}
        assert [worker.pid for worker in server.workers()][:2] == before
        held_back = [message for message in messages if "it is tried again in" in message]
        assert len(held_back) >= 20


def test_a_segmentation_fault_ends_its_process_at_once(server: HttpClient, tmp_path: Path) -> None:
    """Not at the limit of 60 s; the log says where it was."""
    code = "import ctypes, mxnet\ndef model_fn(d): ...\ndef transform_fn(m, d, c, a): ctypes.string_at(8)"
    with server.loaded("bad", artifact(tmp_path / "bad", code)):
        start = time.monotonic()
        assert server.invoke("bad", b"", "text/plain").error() == (500, "WorkerCrashed")
        assert time.monotonic() - start < 30
    assert "Segmentation fault" in server.error_text()
    assert "transform_fn" in server.error_text()


def test_a_checkpoint_that_crashes_the_engine_takes_one_worker_once(server: HttpClient, tmp_path: Path, models) -> None:
    """An index that is out of range in the graph. From the second load on it is alone in its process."""
    broken = tmp_path / "broken"
    shutil.copytree(models["dense"], broken)
    graph = json.loads((broken / "net-symbol.json").read_text())
    graph["nodes"][3]["inputs"][0][1] = 200_000_000
    (broken / "net-symbol.json").write_text(json.dumps(graph))
    with server.loaded("a", models["dense"]), server.loaded("b", models["dense"]):
        with asked_all_the_time(server, "a") as ones, asked_all_the_time(server, "b") as others:
            for _ in range(8):
                assert server.load("broken", broken).error() == (500, "WorkerCrashed")
        assert {reply.status for reply in [*ones, *others]} == {200}
    shared_ended = re.findall(r"worker [01] \(pid \d+\) ended with status -11", server.error_text())
    assert len(shared_ended) == 1


# `order` says what to do; `folder/hang` makes the next load hang.
HANGS = """
import os, time
def model_fn(model_dir):
    while os.path.exists(model_dir + "/hang"): time.sleep(0.01)
def transform_fn(model, data, content_type, accept):
    if data == "exit": os._exit(3)
    return "fine"
"""


def test_a_model_that_hangs_when_it_is_loaded_again_takes_nobody_along(tmp_path: Path, models) -> None:
    environment = {"MODEL_SERVER_WORKERS": "1", "MODEL_SERVER_LOAD_SECONDS": "3"}
    with serving(HttpClient, **environment) as server, server.loaded("good", models["dense"]):
        assert isinstance(server, HttpClient)
        bad = artifact(tmp_path / "bad", HANGS)
        with server.loaded("bad", bad):
            (bad / "hang").touch()
            assert server.invoke("bad", b"exit", JSON).error() == (500, "WorkerCrashed")
            with asked_all_the_time(server, "good") as replies:
                for _ in range(2):
                    status, _ = server.invoke("bad", b"", JSON).error()
                    assert status in (500, 504)
                assert server.request("GET", "/ping").status == 200
            assert {reply.status for reply in replies} == {200}
            (bad / "hang").unlink()
            wait_for(lambda: server.invoke("bad", b"", JSON).status == 200, "it is back once it does not hang")


def test_a_slow_load_delays_no_other_model(server: HttpClient, tmp_path: Path, models) -> None:
    slow = artifact(tmp_path / "slow", HANGS)
    (slow / "hang").touch()
    with server.loaded("a", models["dense"]), server.loaded("b", models["dense"]), ThreadPoolExecutor(1) as pool:
        loading = pool.submit(server.load, "slow", slow)
        for name in ("a", "b") * 20:
            assert server.invoke(name, ROW, JSON).status == 200
        assert server.load("c", models["dense"]).status == 200
        assert server.unload("c").status == 200
        assert not loading.done()
        (slow / "hang").unlink()
        assert loading.result().status == 200
        assert server.unload("slow").status == 200


def test_a_worker_that_dies_with_many_models_is_ready_at_once(server: HttpClient, models) -> None:
    """Each of its models is back when it is asked for, in whatever order."""
    names = [f"m{number}" for number in range(40)]
    for name in names:
        assert server.load(name, models["dense"]).status == 200
    victim = server.workers()[0]
    victim.kill()
    wait_for(lambda: not victim.is_running(), "it is gone")
    for name in reversed(names):
        assert server.invoke(name, ROW, JSON).status == 200
    lost = [event for event in server.events() if event.get("reason") == "its worker was lost"]
    assert 15 <= len(lost) <= 25
    for name in names:
        assert server.unload(name).status == 200


LEAKS = """
import numpy as np
kept = __import__("sys").modules.setdefault("kept", type(np)("kept"))
def model_fn(model_dir):
    kept.blocks = getattr(kept, "blocks", []) + [np.ones(150 * 2**20, np.uint8)]
def transform_fn(model, data, content_type, accept): return "x"
"""


def test_what_a_model_leaked_is_given_back_with_it(server: HttpClient, tmp_path: Path, models) -> None:
    """150 MiB that stay in the process's modules; five times as much would pass the budget."""
    leaking = artifact(tmp_path / "leaks", LEAKS)
    for number in range(6):
        assert server.load(f"l{number}", leaking).status == 200
        assert server.unload(f"l{number}").status == 200
    with server.loaded("good", models["dense"]):
        assert server.invoke("good", ROW, JSON).status == 200


GROWS = """
import numpy as np
blocks = []
def model_fn(model_dir): ...
def transform_fn(model, data, content_type, accept):
    if data != "hold": blocks.append(np.ones(int(data) * 2**20, np.uint8))
    return str(len(blocks))
"""


def test_memory_that_grows_between_loads_is_seen(tmp_path: Path, models) -> None:
    environment = {"MODEL_SERVER_WORKERS": "1", "MODEL_SERVER_MEMORY_MIB": "512"}
    with serving(HttpClient, **environment) as server, server.loaded("good", models["dense"]):
        assert isinstance(server, HttpClient)
        with server.loaded("grows", artifact(tmp_path / "grows", GROWS)):
            assert server.invoke("grows", b"550", "text/plain").status in (200, 415)
            wait_for(lambda: recycled(server) != [], "the worker that grew is replaced")
            (event,) = recycled(server)
            assert event["models"] == ["grows"] and event["residue_mib"] > 200
            wait_for(lambda: server.metrics()["model_server_memory_used_bytes"] < 512 * MIB, "the memory is back")
            wait_for(lambda: server.invoke("grows", b"1", "text/csv").body == b"1", "it is loaded again")
            assert server.invoke("good", ROW, JSON).status == 200


def recycled(server: HttpClient) -> list[dict]:
    return [event for event in server.events() if event["event"] == "worker_recycled"]


CHILD_HOLDS = """
import os, time
def model_fn(model_dir):
    if os.fork() == 0:
        block = bytearray(os.urandom(1)) * (100 * 2**20)
        open(model_dir + "/child", "w").write(str(os.getpid()))
        while True: time.sleep(1)
def transform_fn(model, data, content_type, accept): return "x"
"""


def test_children_count_and_end_with_their_model(server: HttpClient, tmp_path: Path) -> None:
    folder = artifact(tmp_path / "forks", CHILD_HOLDS)
    before = server.metrics()["model_server_memory_used_bytes"]
    assert server.load("forks", folder).status == 200
    wait_for((folder / "child").exists, "the child runs")
    wait_for(lambda: server.metrics()["model_server_memory_used_bytes"] - before > 95 * MIB, "it is counted")
    child = psutil.Process(int((folder / "child").read_text()))
    assert server.unload("forks").status == 200
    wait_for(lambda: not child.is_running(), "the child is gone")


def test_children_in_a_session_of_their_own_end_with_their_model(server: HttpClient, tmp_path: Path) -> None:
    code = """
import subprocess, sys
def model_fn(model_dir):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    open(model_dir + "/child", "w").write(str(child.pid))
def transform_fn(model, data, content_type, accept): return "x"
"""
    folder = artifact(tmp_path / "apart", code)
    assert server.load("apart", folder).status == 200
    child = psutil.Process(int((folder / "child").read_text()))
    assert child.is_running()
    assert server.unload("apart").status == 200
    wait_for(lambda: not child.is_running(), "the child is gone", 10)


def test_code_that_closes_its_descriptors_and_runs_on_is_ended(server: HttpClient, tmp_path: Path) -> None:
    """Not at the limit of 60 s, and not only when it is unloaded: nobody could stop it by a deadline any more."""
    code = """
import os
def model_fn(model_dir): return model_dir
def transform_fn(model, data, content_type, accept):
    if data == "pid": return str(os.getpid())
    os.closerange(0, 1024)
    while True: pass
"""
    with server.loaded("closes", artifact(tmp_path / "closes", code)):
        worker = psutil.Process(int(server.invoke("closes", b"pid", "text/csv").body))
        start = time.monotonic()
        assert server.invoke("closes", b"", "text/csv").error() == (500, "WorkerCrashed")
        assert time.monotonic() - start < 4
        wait_for(lambda: not worker.is_running(), "the process is gone", 5)
        assert int(server.invoke("closes", b"pid", "text/csv").body) != worker.pid


def test_a_small_file_that_asks_for_gigabytes_is_ended_in_time(server: HttpClient, tmp_path: Path, models) -> None:
    """A hundred bytes that become 4 GiB when they are run, in a budget of 768 MiB."""
    wanted = helper.make_tensor("shape", TensorProto.INT64, [1], [2**30])
    nodes = [
        helper.make_node("Constant", [], ["shape"], value=wanted),
        helper.make_node("Expand", ["x", "shape"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", [1]), ("y", None))]
    graph = helper.make_graph(nodes, "graph", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    most, done = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.is_set():
            with contextlib.suppress(OSError, psutil.Error):
                most = max(most, *(process.memory_info().rss for process in server.workers()))
            time.sleep(0.005)

    with server.loaded("good", models["dense"]), ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        replies = [server.load("asks", tmp_path) for _ in range(2)]
        done.set()
        watching.result()
        assert {reply.error() for reply in replies} <= {(507, "InsufficientMemory"), (400, "ModelTooLarge")}
        assert server.invoke("good", ROW, JSON).status == 200
    assert most < 1400 * MIB


def test_a_model_larger_than_it_looks_or_smaller(server: HttpClient, tmp_path: Path) -> None:
    """A guess refuses nothing while no other model is loaded; what can never fit is refused, and not with 507."""
    looks_large = artifact(tmp_path / "looks", "def model_fn(d): ...\ndef transform_fn(m, d, c, a): return 'x'")
    with (looks_large / "weights").open("wb") as file:
        file.truncate(700 * MIB)
    assert server.load("looks", looks_large).status == 200
    assert server.unload("looks").status == 200
    too_large = artifact(tmp_path / "too", LEAKS.replace("150", "800"))
    for _ in range(2):
        assert server.load("too", too_large).error() == (400, "ModelTooLarge")
    assert server.load("looks", looks_large).status == 200
    assert server.load("too", too_large).error() == (400, "ModelTooLarge")
    assert server.unload("looks").status == 200


def test_descriptors_running_out_is_said_and_unloading_helps(tmp_path: Path) -> None:
    small = artifact(tmp_path / "small", "def model_fn(d): ...\ndef transform_fn(m, d, c, a): return 'x'")
    server = HttpClient(
        {"MODEL_SERVER_WORKERS": "1"}, before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))
    )
    try:
        server.wait_until_ready()
        for number in range(40):
            reply = server.load(f"m{number}", small)
            if reply.status != 200:
                break
        assert reply.error() == (507, "OutOfDescriptors")
        assert "of 48 file descriptors are in use" in reply.json()["message"]
        assert number > 0
        assert server.invoke("m0", b"", "text/csv").status == 200
        assert server.unload("m0").status == 200
        assert server.load("again", small).status == 200
    finally:
        server.close()


RETURNING_CHILD = """
import os
def model_fn(model_dir): ...
def transform_fn(model, data, content_type, accept):
    if data.startswith("fork"): os.fork()
    return data + "!"
"""


def test_a_child_that_returns_answers_nobody(server: HttpClient, tmp_path: Path) -> None:
    with server.loaded("forks", artifact(tmp_path / "forks", RETURNING_CHILD)):
        for number in range(10):
            for text in (f"fork {number}", f"plain {number}"):
                assert server.invoke("forks", text.encode(), "text/csv").body == f"{text}!".encode()
        (worker,) = server.own_workers()
        wait_for(lambda: not [c for c in worker.children() if c.status() != psutil.STATUS_ZOMBIE], "children ended")


def test_programs_that_code_starts_end_at_sigterm(server: HttpClient, tmp_path: Path) -> None:
    code = """
import os, signal, subprocess, sys
def model_fn(d): ...
def transform_fn(m, d, c, a):
    ended = subprocess.run([sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"])
    pid = os.fork()
    if pid == 0:
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(0)
    return f"{ended.returncode} {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}"
"""
    with server.loaded("starts", artifact(tmp_path / "starts", code)):
        assert server.invoke("starts", b"", "text/csv").body == b"-15 -15"
        for worker in server.own_workers():
            worker.send_signal(signal.SIGTERM)
        assert server.invoke("starts", b"", "text/csv").body == b"-15 -15"


def test_what_code_prints_stays_out_of_the_event_lines(server: HttpClient, tmp_path: Path) -> None:
    code = """
import os, subprocess
def model_fn(d): print("printed")
def transform_fn(m, d, c, a):
    os.write(1, b"written")
    subprocess.run(["echo", "echoed"])
    return "x"
"""
    with server.loaded("prints", artifact(tmp_path / "prints", code)):
        assert server.invoke("prints", b"", "text/csv").status == 200
    assert server.events()  # each line of stdout is JSON
    wait_for(lambda: all(w in server.error_text() for w in ("printed", "written", "echoed")), "it is in the log")


@pytest.mark.parametrize("reader", ["does not read", "is gone"])
def test_nobody_who_reads_the_lines_delays_an_answer(models, reader: str) -> None:
    descriptor, stdout = os.pipe()
    with serving_to(stdout) as server:
        os.close(stdout)
        if reader == "is gone":
            os.close(descriptor)
        reply = server.load("dense", models["dense"])
        assert reply.status == 200
        target = {"content-type": JSON, "x-amzn-sagemaker-target-model": "x" * 4000}
        for _ in range(400):
            assert server.request("POST", "/models/dense/invoke", ROW, target).status == 200
        assert server.request("GET", "/ping").status == 200
        wait_for(lambda: server.metrics()["model_server_log_lines_dropped_total"] > 0, "dropped lines are counted")
        if reader == "does not read":
            os.close(descriptor)


@contextmanager
def serving_to(stdout: int) -> Iterator[HttpClient]:
    client = HttpClient({"MODEL_SERVER_WORKERS": "1"}, stdout=stdout)
    try:
        client.wait_until_ready()
        yield client
    finally:
        client.close()


def test_it_says_when_it_cannot_listen(http_client: HttpClient) -> None:
    environment = {"MODEL_SERVER_HOST": "127.0.0.1", "SAGEMAKER_BIND_TO_PORT": str(http_client.port)}
    ended = subprocess.run(
        [sys.executable, str(SERVE), "serve"], env={**os.environ, **environment}, capture_output=True, check=False
    )
    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{http_client.port}" in ended.stderr.decode()
    assert "Traceback" not in ended.stderr.decode()


MAPS = """
import mmap
def model_fn(model_dir):
    file = open(model_dir + "/weights", "rb")
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return mapped, sum(mapped[position] for position in range(0, len(mapped), 4096))
def transform_fn(model, data, content_type, accept): return "x"
"""


def test_files_that_code_maps_count(server: HttpClient, tmp_path: Path) -> None:
    folder = artifact(tmp_path / "maps", MAPS)
    (folder / "weights").write_bytes(b"x" * 64 * MIB)
    before = server.metrics()["model_server_memory_used_bytes"]
    with server.loaded("maps", folder):
        wait_for(lambda: server.metrics()["model_server_memory_used_bytes"] - before > 64 * MIB, "they are counted")


def test_a_guess_refuses_nothing_beside_other_models(server: HttpClient, tmp_path: Path, models) -> None:
    """It is tried in a process of its own: what fits stays, what does not is ended before it harms anybody."""
    looks_large = artifact(tmp_path / "looks", "def model_fn(d): ...\ndef transform_fn(m, d, c, a): return 'x'")
    with (looks_large / "weights").open("wb") as file:
        file.truncate(700 * MIB)
    too_large = artifact(tmp_path / "too", LEAKS.replace("150", "800"))
    with (too_large / "weights").open("wb") as file:
        file.truncate(700 * MIB)
    with server.loaded("good", models["dense"]), asked_all_the_time(server, "good") as replies:
        assert server.load("looks", looks_large).status == 200
        reply = server.load("too", too_large)
        assert reply.error() == (507, "InsufficientMemory")
        start = time.monotonic()
        assert server.load("too", too_large).error() == (507, "InsufficientMemory")
        assert time.monotonic() - start < 1, "what failed in this room is not tried again in it"
        assert server.invoke("looks", b"", "text/csv").body == b"x"
        assert server.unload("looks").status == 200
    assert {reply.status for reply in replies} == {200}
    assert server.load("too", too_large).error() == (400, "ModelTooLarge")


def test_a_model_lost_with_its_worker_keeps_its_room(server: HttpClient, tmp_path: Path) -> None:
    """Its successor must not be refused because others were loaded into the room meanwhile."""
    holder = artifact(tmp_path / "holds", LEAKS.replace("150", "250"))
    for name in ("a", "b"):
        assert server.load(name, holder).status == 200
    used = server.metrics()["model_server_memory_used_bytes"]
    victim = server.own_workers()[0]
    victim.kill()
    wait_for(lambda: not victim.is_running() or len(server.own_workers()) == 1, "it is gone")
    wait_for(lambda: abs(server.metrics()["model_server_memory_used_bytes"] - used) < 32 * MIB, "the room is kept")
    assert server.load("c", holder).error() == (507, "InsufficientMemory")
    assert [server.invoke(name, b"0", "text/csv").status for name in ("a", "b")] == [200, 200]
    assert abs(server.metrics()["model_server_memory_used_bytes"] - used) < 32 * MIB
    for name in ("a", "b"):
        assert server.unload(name).status == 200
