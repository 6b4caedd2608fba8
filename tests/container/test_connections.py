"""Clients that smuggle, dawdle, leave, close one half or are too many: over sockets, as they do it."""

import contextlib
import json
import resource
import select
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.container.clients import HttpClient, wait_for
from tests.container.conftest import serving

JSON = "application/json"
ROW = b"[[1, 2, 3, 4]]"
MIB = 2**20
HEAD = b"POST /models/dense/invoke HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
REQUEST = HEAD + b"content-length: 14\r\n\r\n" + ROW
LAST = HEAD + b"connection: close\r\ncontent-length: 14\r\n\r\n" + ROW

# Waits until the folder holds a file `go`.
WAITING = """
import os, time
def model_fn(model_dir): return model_dir
def transform_fn(model, data, content_type, accept):
    with open(model + "/asked", "ab") as file: file.write(data + b";")
    while not os.path.exists(model + "/go"): time.sleep(0.01)
    return data
"""


@pytest.fixture(scope="module")
def server(http_client: HttpClient, models):
    with http_client.loaded("dense", models["dense"]):
        yield http_client


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text(WAITING)
    return tmp_path


@contextlib.contextmanager
def connected(server: HttpClient) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        yield sock


def read_all(sock: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := sock.recv(65536):
            received += data
    return received


def statuses(answers: bytes) -> list[int]:
    """The statuses of all final answers in a stream."""
    found = []
    while answers:
        head, _, answers = answers.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status != 100:
            (length,) = [int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
            answers = answers[length:]
            found.append(status)
    return found


def exchange(server: HttpClient, *pieces: bytes) -> list[int]:
    """The statuses of what is answered to these pieces, until the server closes the connection."""
    with connected(server) as sock:
        for piece in pieces:
            sock.sendall(piece)
            time.sleep(0.02)
        return statuses(read_all(sock))


@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "TLS/1.0, HTTP/1.1"])
def test_no_upgrade_turns_a_body_into_a_request(server: HttpClient, upgrade: str) -> None:
    """The body is itself a request; a server that stops at the upgrade would answer it."""
    body = b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n"
    fields = f"connection: upgrade\r\nupgrade: {upgrade}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    assert exchange(server, HEAD + fields + body + LAST) == [400, 200]
    assert exchange(server, HEAD + fields, body, LAST) == [400, 200]


def test_an_upgrade_is_ignored(server: HttpClient) -> None:
    fields = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n"
    assert exchange(server, HEAD + fields + b"content-length: 14\r\n\r\n" + ROW + LAST) == [200, 200]
    assert exchange(server, b"GET /ping HTTP/1.1\r\nhost: x\r\n" + fields + b"\r\n" + LAST) == [200, 200]
    chunks = b"transfer-encoding: chunked\r\n\r\ne\r\n" + ROW + b"\r\n0\r\n\r\n"
    assert exchange(server, HEAD + fields + chunks + LAST) == [200, 200]
    assert exchange(server, b"CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n" + LAST) == [400]


def test_a_head_in_pieces_before_a_large_body_is_not_too_large(server: HttpClient) -> None:
    body = b" " * 500_000 + ROW
    head = HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    for cut in (1, 40, len(head) - 2, len(head) - 1):
        assert exchange(server, head[:cut], head[cut:] + body) == [200]


def test_garbage_behind_a_request_is_answered_after_it(server: HttpClient) -> None:
    assert exchange(server, REQUEST + b"nonsense\r\n\r\n" + REQUEST) == [200, 400]
    assert exchange(server, REQUEST + REQUEST[:60] + b"\x00\x01\r\n\r\n") == [200, 400]


def test_what_follows_a_refused_body_is_still_answered(server: HttpClient) -> None:
    """A request refused at its head: its body is read past, and the connection lives on."""
    unknown = REQUEST.replace(b"/dense/", b"/nosuch/")
    assert exchange(server, unknown + unknown, unknown[:-5], unknown[-5:] + LAST) == [404, 404, 404, 200]
    asking = HEAD.replace(b"/dense/", b"/nosuch/") + b"expect: 100-continue\r\ncontent-length: 14\r\n\r\n"
    assert exchange(server, asking) == [404]  # whether the body comes all the same is not known: closed


def test_clients_that_close_their_half_get_their_answers(server: HttpClient) -> None:
    for data, expected in ((REQUEST, [200]), (REQUEST * 3, [200] * 3), (REQUEST + REQUEST[:-1], [200])):
        with connected(server) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            assert statuses(read_all(sock)) == expected


def test_requests_whose_clients_left_are_not_run(waiting: Path) -> None:
    with serving(HttpClient, MODEL_SERVER_WORKERS="1") as server, server.loaded("slow", waiting):
        assert isinstance(server, HttpClient)
        head = b"POST /models/slow/invoke HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\n"

        def in_flight() -> float:
            return server.metrics()['model_server_model_in_flight{model="slow"}']

        with ThreadPoolExecutor(1) as pool, contextlib.ExitStack() as stack:
            first = pool.submit(server.invoke, "slow", b"1st.", "text/plain")
            wait_for((waiting / "asked").exists, "the first request runs")
            left = [stack.enter_context(connected(server)) for _ in range(12)]
            for number, sock in enumerate(left):
                sock.sendall(head + b"gone")
                if number % 2:  # with a reset, without one
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            half = stack.enter_context(connected(server))
            half.sendall(head + b"half")
            half.shutdown(socket.SHUT_WR)
            wait_for(lambda: in_flight() == 14, "all wait")
            for sock in left:
                sock.close()
            wait_for(lambda: in_flight() == 2, "those who left are given up")
            (waiting / "go").touch()
            assert first.result().status == 200
            assert statuses(read_all(half)) == [200]
        assert (waiting / "asked").read_bytes() == b"1st.;half;"

        def told() -> list[int]:
            events = [event for event in server.events() if event["event"] == "request"]
            return sorted(event["status"] for event in events if event.get("model") == "slow")

        wait_for(lambda: told() == [200, 200] + [499] * 12, "the log has them all")


def test_begun_bodies_stay_within_their_bound() -> None:
    """300 bodies of 1 MiB, each but for its last byte, where 32 MiB are for bodies."""
    environment = {"MODEL_SERVER_MEMORY_MIB": "512", "MODEL_SERVER_WORKERS": "1", "MODEL_SERVER_ARTIFACT_CODE": "false"}
    with serving(HttpClient, **environment) as server, contextlib.ExitStack() as stack:
        assert isinstance(server, HttpClient)
        head = b"POST /models HTTP/1.1\r\nhost: x\r\ncontent-length: 65536\r\n\r\n"
        before = server.anonymous_bytes()
        begun = []
        for _ in range(600):
            sock = stack.enter_context(connected(server))
            sock.sendall(head + b"x" * 65535)
            begun.append(sock)
        refused = 0
        for sock in begun:
            sock.setblocking(False)
        wait_for(lambda: server.request("GET", "/ping").status == 200, "the server answers")
        for sock in begun:
            with contextlib.suppress(BlockingIOError):
                refused += sock.recv(65536).startswith(b"HTTP/1.1 503 ")
        assert refused >= 600 - 32 * MIB // 65536
        assert server.anonymous_bytes() - before < 36 * MIB


def test_slow_bodies_give_way_to_others(models: dict[str, Path]) -> None:
    """They fill the memory for bodies, which is counted when they are announced."""
    with (
        serving(HttpClient, MODEL_SERVER_MEMORY_MIB="512", MODEL_SERVER_WORKERS="1") as server,
        server.loaded("dense", models["dense"]),
        contextlib.ExitStack() as stack,
    ):
        assert isinstance(server, HttpClient)
        begun = [stack.enter_context(connected(server)) for _ in range(40)]
        for sock in begun:
            sock.sendall(HEAD + b"content-length: 1048576\r\n\r\nx")
        wait_for(lambda: server.invoke("dense", ROW, JSON).status == 200, "another client is served", 5)
        for _ in range(20):
            assert server.invoke("dense", ROW, JSON).status == 200
        answers = [statuses(sock.recv(65536)) for sock in begun if select.select([sock], [], [], 0)[0]]
        assert 0 < len(answers) < 40
        assert answers == [[503]] * len(answers)


def test_half_heads_have_a_deadline(models: dict[str, Path]) -> None:
    with (
        serving(HttpClient, MODEL_SERVER_BODY_SECONDS="1", MODEL_SERVER_WORKERS="1") as server,
        server.loaded("dense", models["dense"]),
        contextlib.ExitStack() as stack,
    ):
        assert isinstance(server, HttpClient)
        halves = [stack.enter_context(connected(server)) for _ in range(200)]
        for number, sock in enumerate(halves):
            sock.sendall(REQUEST[: 1 + number % 100])
        for sock in halves:
            assert statuses(read_all(sock)) == [408]
        assert server.invoke("dense", ROW, JSON).status == 200


def test_connections_leave_descriptors_for_the_workers(models: dict[str, Path]) -> None:
    """96 descriptors, 72 for connections: those beyond are refused, and a worker that dies is replaced meanwhile."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96))

    server = HttpClient({"MODEL_SERVER_WORKERS": "1"}, before=limited)
    try:
        server.wait_until_ready()
        with server.loaded("dense", models["dense"]), contextlib.ExitStack() as stack:
            kept = stack.enter_context(connected(server))
            kept.sendall(REQUEST)
            assert kept.recv(65536).startswith(b"HTTP/1.1 200 ")
            others = [stack.enter_context(connected(server)) for _ in range(100)]
            refused = [sock for sock in others[72:]]
            for sock in refused:
                answer = read_all(sock)
                assert statuses(answer) == [503]
                assert b"connections are open" in answer
            (worker,) = server.workers()
            worker.send_signal(signal.SIGKILL)
            worker.wait()

            def answered() -> bool:
                kept.sendall(REQUEST)
                return kept.recv(65536).startswith(b"HTTP/1.1 200 ")

            wait_for(answered, "another worker answers")
    finally:
        server.close()


def test_a_type_is_said_once_and_as_it_is(server: HttpClient, tmp_path: Path) -> None:
    code = "def model_fn(d): ...\ndef transform_fn(m, d, c, accept): return 'x', accept"
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text(code)
    assert server.request("GET", "/metrics").headers["content-type"].count("charset") == 1
    with server.loaded("text", tmp_path):
        for accept in ("text/csv", "text/csv; charset=utf-8", "text/csv;Charset=latin-1"):
            assert server.invoke("text", b"", "text/plain", accept).headers["content-type"] == accept


def test_a_long_url_is_refused(server: HttpClient) -> None:
    for length in (300, 4000, 5000):
        fields = {"model_name": "long", "url": "/" + "x" * length}
        assert server.request("POST", "/models", json.dumps(fields).encode()).error()[0] == 400
