"""Workers that crash, hang or get busy: what it costs, and that their models are back before they take requests."""

import contextlib
import json
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.container.clients import HttpClient, Reply, wait_for
from tests.container.conftest import serving

JSON = "application/json"
# `ENDURANCE_KILLS=200 pytest tests/container/test_workers.py` is the long run.
KILLS = int(os.environ.get("ENDURANCE_KILLS", "25"))
ROW = b"[[1, 2, 3, 4]]"

# Does what a request says: sleeps, ends its process, leaks, or answers who it is.
OBEDIENT = """
import os, time, json
def model_fn(model_dir): return []
def transform_fn(model, data, content_type, accept):
    order = json.loads(data)
    if "sleep" in order: time.sleep(order["sleep"])
    if "exit" in order: os._exit(order["exit"])
    return json.dumps({"pid": os.getpid()})
"""


@pytest.fixture
def obedient(tmp_path: Path) -> Path:
    folder = tmp_path / "obedient"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "inference.py").write_text(OBEDIENT)
    return folder


def order(server: HttpClient, name: str, **fields) -> Reply:
    return server.invoke(name, json.dumps(fields).encode(), JSON)


@pytest.fixture
def server():
    """A server of the test's own: a worker that one test killed may be on its way out when the next one begins."""
    with serving(
        HttpClient, MODEL_SERVER_WORKERS="2", MODEL_SERVER_QUEUE_LENGTH="4", MODEL_SERVER_INVOKE_SECONDS="8"
    ) as client:
        yield client


def test_a_crash_costs_its_own_request_only(server: HttpClient, obedient: Path, models) -> None:
    with server.loaded("bad", obedient), server.loaded("good", models["dense"]):
        expected = server.invoke("good", ROW, JSON).json()
        for _ in range(5):
            assert order(server, "bad", exit=3).error() == (500, "WorkerCrashed")
            assert server.invoke("good", ROW, JSON).json() == expected
            assert "pid" in order(server, "bad").json()
        reasons = {event["reason"] for event in server.events() if event["event"] == "load"}
        assert "its worker was lost" in reasons


def test_workers_killed_under_load_fail_no_other_request(server: HttpClient, models) -> None:
    """Kills hit idle and busy workers alike; a request fails only with the worker that was answering it."""
    names = ["k0", "k1", "k2", "k3"]
    for name in names:
        assert server.load(name, models["dense"]).status == 200
    expected = server.invoke("k0", ROW, JSON).json()
    stop, kills = threading.Event(), 0
    replies: list[Reply] = []

    def client(number: int) -> None:
        while not stop.is_set():
            replies.append(server.invoke(names[number % 4], ROW, JSON))

    with ThreadPoolExecutor(2) as pool:
        clients = [pool.submit(client, number) for number in range(2)]
        for _ in range(KILLS):
            victim = next(iter(server.workers()), None)
            if victim is not None:
                os.kill(victim.pid, signal.SIGKILL)
                kills += 1
            answered = len([reply for reply in replies if reply.status == 200])
            time.sleep(0.1)
            # A model whose load is killed again and again would be taken to be the reason.
            wait_for(lambda n=answered: len([r for r in replies if r.status == 200]) > n + 4, "the models are back")
        stop.set()
        for future in clients:
            future.result()
    failed = [reply for reply in replies if reply.status != 200]
    assert {reply.error() for reply in failed} <= {(500, "WorkerCrashed")}, failed
    assert len(failed) <= kills
    assert len(replies) > len(failed)
    assert all(reply.json() == expected for reply in replies if reply.status == 200)
    for name in names:
        assert server.invoke(name, ROW, JSON).json() == expected
        assert server.unload(name).status == 200
    assert server.request("GET", "/models").json() == {"models": []}


def test_a_model_that_kills_its_worker_while_it_loads_is_refused(server: HttpClient, tmp_path: Path, models) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text(
        "import os\ndef model_fn(d): os._exit(9)\ndef transform_fn(*a): ..."
    )
    with server.loaded("good", models["dense"]):
        assert server.load("bad", tmp_path).error() == (500, "WorkerCrashed")
        assert server.request("GET", "/models/bad").status == 404
        assert server.invoke("good", ROW, JSON).status == 200


def test_a_worker_killed_by_the_system_while_it_loads_is_out_of_memory(server: HttpClient, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    code = "import os, signal\ndef model_fn(d): os.kill(os.getpid(), signal.SIGKILL)\ndef transform_fn(*a): ..."
    (tmp_path / "code" / "inference.py").write_text(code)
    assert server.load("bad", tmp_path).error() == (507, "InsufficientMemory")


def test_a_model_that_no_longer_loads_keeps_no_other_from_coming_back(
    server: HttpClient, tmp_path: Path, models
) -> None:
    (tmp_path / "code").mkdir()
    code = """
import os
def model_fn(d):
    if os.path.exists(d + "/poison"): os._exit(9)
def transform_fn(m, d, c, a): os._exit(1)
"""
    (tmp_path / "code" / "inference.py").write_text(code)
    with server.loaded("good", models["dense"]), server.loaded("poison", tmp_path):
        (tmp_path / "poison").touch()
        assert order(server, "poison").error() == (500, "WorkerCrashed")
        status, kind = order(server, "poison").error()
        assert (status, kind) == (500, "PredictionFailed")
        assert server.invoke("good", ROW, JSON).status == 200


def test_the_process_that_forks_may_die_too(server: HttpClient, models) -> None:
    assert server.load("good", models["dense"]).status == 200
    zygote, standby = forkers(server)
    zygote.kill()
    zygote.wait()
    # Until the kernel has ended the workers as well, one of them may still answer.
    wait_for(lambda: psutil.Process(server.process.pid).children() == [standby], "the standby forks")
    wait_for(lambda: server.invoke("good", ROW, JSON).status == 200, "the model is back", 60)
    zygote, _ = forkers(server)
    assert zygote == standby
    zygote.kill()
    assert server.unload("good").status == 200  # its worker is on its way out, or back already
    wait_for(lambda: server.load("good", models["dense"]).status == 200, "a model can be loaded", 60)
    assert server.request("GET", "/ping").status == 200


def test_a_standby_that_dies_is_replaced_and_both_dead_are_started_again(server: HttpClient, models) -> None:
    assert server.load("good", models["dense"]).status == 200
    zygote, standby = forkers(server)
    workers = server.workers()
    standby.kill()
    standby.wait(10)
    _, other = forkers(server)
    assert other != standby
    assert server.workers() == workers  # nobody noticed
    other.suspend()  # it cannot take over
    zygote.kill()
    other.kill()
    wait_for(lambda: standby_of(server) not in (None, other), "both are there again", 60)
    wait_for(lambda: server.invoke("good", ROW, JSON).status == 200, "the model is back", 60)


def test_what_a_zygote_that_dies_leaves_behind_is_ended(server: HttpClient, tmp_path: Path) -> None:
    """A child of a model's code, in a session of its own, that waits for ever."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text(
        """
import subprocess
def model_fn(d): return subprocess.Popen(["sleep", "1000"], start_new_session=True)
def transform_fn(model, d, c, a): return str(model.pid)
"""
    )
    assert server.load("stray", tmp_path).status == 200
    stray = psutil.Process(int(server.invoke("stray", b"1", JSON).body))
    zygote, _ = forkers(server)
    zygote.kill()
    wait_for(lambda: not stray.is_running(), "the child ended")
    children = psutil.Process(server.process.pid).children
    wait_for(lambda: [child.status() == psutil.STATUS_ZOMBIE for child in children()] == [False], "no zombie is left")


def standby_of(server: HttpClient) -> psutil.Process | None:
    """The process that forks workers when the one that does dies; None while there is none."""
    with contextlib.suppress(psutil.NoSuchProcess, ValueError):
        (zygote,) = psutil.Process(server.process.pid).children()
        return next((child for child in zygote.children() if child.name() == "model-forker"), None)
    return None


def forkers(server: HttpClient) -> tuple[psutil.Process, psutil.Process]:
    """The process that forks workers, and its standby."""
    wait_for(lambda: standby_of(server) is not None, "there is a standby", 60)
    standby = standby_of(server)
    assert standby is not None
    zygote = standby.parent()
    assert zygote is not None
    return zygote, standby


def test_who_leaves_with_requests_under_way_leaves_nothing_behind(server: HttpClient, obedient: Path) -> None:
    body = json.dumps({"sleep": 0.5}).encode()
    head = b"POST /models/slow/invoke HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    request = head + b"content-length: %d\r\n\r\n"
    with server.loaded("slow", obedient):
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(2 * (request % len(body) + body))
            wait_for(lambda: server.metrics()['model_server_model_in_flight{model="slow"}'] == 1, "a request runs")
        wait_for(lambda: server.metrics()['model_server_model_in_flight{model="slow"}'] == 0, "none runs any more")
    assert "Traceback" not in server.error_text()


def test_a_request_that_runs_too_long_is_ended_with_its_worker(server: HttpClient, obedient: Path, models) -> None:
    with server.loaded("slow", obedient):
        start = time.monotonic()
        reply = order(server, "slow", sleep=60)
        assert reply.error() == (504, "ModelTimeout")
        assert "retry-after" not in reply.headers
        assert time.monotonic() - start < 20
        assert "pid" in order(server, "slow").json()


def test_a_hot_model_spreads_to_a_free_worker(server: HttpClient, obedient: Path) -> None:
    wait_for(lambda: server.metrics()["model_server_workers_ready"] == 2, "both workers are ready")
    with server.loaded("hot", obedient):
        with ThreadPoolExecutor(4) as pool:
            pids = {reply.json()["pid"] for reply in pool.map(lambda _: order(server, "hot", sleep=0.1), range(40))}
        assert len(pids) == 2
        assert server.metrics()['model_server_model_workers{model="hot"}'] == 2
        spread = [event for event in server.events() if event["event"] == "load" and event["model"] == "hot"]
        assert [event["reason"] for event in spread][-1] == "requests waited beside a free worker"


def test_a_full_queue_refuses_at_once(server: HttpClient, obedient: Path) -> None:
    with server.loaded("slow", obedient):
        with ThreadPoolExecutor(16) as pool:
            replies = list(pool.map(lambda _: order(server, "slow", sleep=0.5), range(16)))
        refused = [reply for reply in replies if reply.status != 200]
        assert refused and all(reply.error() == (503, "QueueFull") for reply in refused)
        assert all(reply.headers["retry-after"] == "1" for reply in refused)
        assert len(replies) - len(refused) >= 5
        assert order(server, "slow").status == 200


def test_a_request_that_waits_too_long_is_refused(obedient: Path) -> None:
    with (
        serving(HttpClient, MODEL_SERVER_WORKERS="1", MODEL_SERVER_QUEUE_SECONDS="0.3") as server,
        server.loaded("slow", obedient),
        ThreadPoolExecutor(1) as pool,
    ):
        assert isinstance(server, HttpClient)
        running = pool.submit(order, server, "slow", sleep=1.5)
        wait_for(lambda: server.metrics()["model_server_workers_busy"] == 1, "the worker is busy")
        start = time.monotonic()
        assert order(server, "slow").error() == (503, "DeadlineExceeded")
        assert time.monotonic() - start < 1.2
        assert running.result().status == 200


def test_unload_waits_for_running_requests(server: HttpClient, obedient: Path) -> None:
    assert server.load("slow", obedient).status == 200
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(order, server, "slow", sleep=0.6)
        wait_for(lambda: server.metrics()["model_server_workers_busy"] == 1, "the request runs")
        assert server.unload("slow").status == 200
        assert running.done() or running.result(timeout=1).status == 200
        assert running.result().status == 200


def test_sigterm_drains_and_leaves_no_process(obedient: Path) -> None:
    with serving(HttpClient, MODEL_SERVER_WORKERS="2") as server, ThreadPoolExecutor(1) as pool:
        assert isinstance(server, HttpClient)
        assert server.load("slow", obedient).status == 200
        running = pool.submit(order, server, "slow", sleep=1.0)
        wait_for(lambda: server.metrics()["model_server_workers_busy"] == 1, "the request runs")
        processes = server.processes()
        assert len(processes) == 6  # the front, the one that forks, its standby, two shared workers, the model's own
        server.process.send_signal(signal.SIGTERM)
        assert running.result().status == 200
        assert server.process.wait(timeout=20) == 0
        _, alive = psutil.wait_procs(processes, timeout=5)
        assert alive == []
        assert "Traceback" not in server.error_text()


def test_a_killed_server_leaves_no_process() -> None:
    with serving(HttpClient, MODEL_SERVER_WORKERS="1") as server:
        assert isinstance(server, HttpClient)
        processes = server.processes()
        server.process.kill()
        server.process.wait()
        _, alive = psutil.wait_procs(processes[1:], timeout=10)
        assert alive == []
