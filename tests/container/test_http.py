"""The HTTP surface under hostile and random requests: always an answer below 500, never a dead server."""

import itertools
import json
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.container.clients import HttpClient, wait_for
from tests.container.conftest import npy, serving

JSON = "application/json"


@pytest.fixture(scope="module")
def server(http_client: HttpClient, models):
    with http_client.loaded("dense", models["dense"]), http_client.loaded("image", models["image"]):
        yield http_client


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 200),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /ping HTTP/9.9\r\n\r\n", 400),
        (b"GET /\xff\xfe HTTP/1.1\r\n\r\n", 400),
        (b"GET /ping HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (b"POST /models/dense/invoke HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
        (b"POST /models/dense/invoke HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
        (b"POST /models/dense/invoke HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /models/dense/invoke HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n", 413),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 431),
        (b"GET /ping HTTP/1.1\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /ping HTTP/1.1\r\n" + b"a: b\r\n" * 20_000 + b"\r\n", 431),
        (b"GET /ping HTTP/1.1\r\nx: " + b"y" * 70_000, 431),
    ],
    ids=range(13),
)
def test_raw_requests(server: HttpClient, data: bytes, status: int) -> None:
    assert status_of(server.raw(data)) == status
    assert server.request("GET", "/ping").status == 200


def test_an_endless_header_is_cut_off(server: HttpClient) -> None:
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.sendall(b"GET /ping HTTP/1.1\r\nx: ")
        with pytest.raises(OSError, match=r"reset|pipe"):
            while sent < 100_000_000:
                sent += sock.send(b"y" * 65536)
    assert sent < 10_000_000


def test_a_chunked_body_is_counted_as_it_arrives(server: HttpClient) -> None:
    head = b"POST /models/dense/invoke HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    assert status_of(server.raw(head + chunk * 100)) == 413
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.sendall(head + chunk * 96)  # as much as is allowed
        time.sleep(0.2)
        sock.sendall(b"1\r\n \r\n")  # one byte more, and no end
        assert status_of(sock.recv(65536)) == 413
    small = b"10\r\n[[1, 2, 3, 4.0]]\r\n0\r\n\r\n"
    head = head.replace(b"host: x", b"host: x\r\ncontent-type: application/json")
    assert status_of(server.raw(head + small)) == 200


def test_a_client_that_leaves_costs_nothing(server: HttpClient) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(b"POST /models/dense/invoke HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n[[1")
    assert server.invoke("dense", b"[[1, 2, 3, 4]]", JSON).status == 200


def test_an_invocation_is_answered_however_it_is_cut(server: HttpClient) -> None:
    """Whole, piece by piece, one behind the other, in chunks, asked for: all ways end in the same answer."""
    body = b"[[1, 2, 3, 4]]"
    head = b"POST /models/dense/invoke HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    whole = head + b"content-length: 14\r\n\r\n" + body
    closing = head + b"connection: close\r\ncontent-length: 14\r\n\r\n" + body
    chunked = head + b"transfer-encoding: chunked\r\n\r\ne\r\n" + body + b"\r\n0\r\n\r\n"
    waiting = head + b"expect: 100-continue\r\ncontent-length: 14\r\n\r\n" + body
    old = closing.replace(b"HTTP/1.1", b"HTTP/1.0")
    escaped = closing.replace(b"/models/dense/", b"/models/%64ense/")
    ways = [[closing], [closing[:20], closing[20:-7], closing[-7:]], [whole + chunked + whole + closing]]
    ways += [[whole, closing], [chunked, closing], [waiting, closing], [old], [escaped]]
    (expected,) = set(answers(server, [closing]))
    for pieces in ways:
        found = answers(server, pieces)
        assert set(found) == {expected}
        assert len(found) == b"".join(pieces).count(b"POST")


SMALL = b"[[1, 2, 3, 4]]"
LARGE = b" " * 300_000 + b"[[5, 6, 7, 8]]"  # more than is read at once


def invocation(body: bytes, kind: str, *fields: str, length: bool = True) -> bytes:
    head = ["POST /models/dense/invoke HTTP/1.1", "host: x", f"content-type: {kind}", "accept: application/x-npy"]
    head += [f"content-length: {len(body)}"] * length
    return "\r\n".join([*head, *fields, "", ""]).encode() + body


STREAM = b"".join(
    (
        invocation(SMALL, JSON),
        invocation(LARGE, JSON),
        invocation(b"e\r\n" + SMALL + b"\r\n0\r\n\r\n", JSON, "transfer-encoding: chunked", length=False),
        invocation(SMALL, JSON),
        invocation(LARGE, JSON),
        invocation(SMALL, JSON, "connection: close"),
    )
)


@settings(max_examples=60, deadline=None)
@example(cuts=[STREAM.index(b"transfer-encoding")], pause=0.003)  # a large body's end, and half a head
@given(cuts=st.lists(st.integers(1, len(STREAM) - 1), max_size=4, unique=True), pause=st.sampled_from([0, 0.003]))
def test_requests_behind_one_another_are_answered_in_order_however_they_are_cut(
    server: HttpClient, cuts: list[int], pause: float
) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    found = answers(server, [STREAM[start:end] for start, end in itertools.pairwise(places)], pause)
    small = server.invoke("dense", SMALL, JSON, "application/x-npy").body
    large = server.invoke("dense", LARGE, JSON, "application/x-npy").body
    assert found == [small, large, small, small, large, small]


def answers(server: HttpClient, pieces: list[bytes], pause: float = 0.05) -> list[bytes]:
    """The bodies of all answers on one connection that the server closes in the end."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        for piece in pieces:
            sock.sendall(piece)
            time.sleep(pause)
        while data := sock.recv(65536):
            received += data
    bodies = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 100"):
            continue
        assert head.startswith(b"HTTP/1.1 200"), head
        (length,) = [int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
        bodies.append(received[:length])
        received = received[length:]
    return bodies


LARGE_ANSWERS = """
def model_fn(model_dir):
    return "x" * 2**20

def transform_fn(model, data, content_type, accept):
    return model, "text/plain"
"""


def test_answers_that_nobody_reads_do_not_fill_the_memory(server: HttpClient, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text(LARGE_ANSWERS)
    request = b"POST /models/large/invoke HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
    with server.loaded("large", tmp_path), socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(30)
        sock.connect(("127.0.0.1", server.port))
        before = server.anonymous_bytes()
        for _ in range(40):
            sock.sendall(request)
            time.sleep(0.05)  # the one before is answered, not behind it in a queue
        sock.sendall(request * 60)
        time.sleep(0.5)
        assert server.anonymous_bytes() - before < 30 * 2**20
        received = 0
        while received < 100 * 2**20:
            received += len(sock.recv(2**20))


def test_a_body_that_does_not_arrive_is_given_up(models: dict[str, Path]) -> None:
    head = b"POST /models/dense/invoke HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    with serving(HttpClient, MODEL_SERVER_BODY_SECONDS="0.3", MODEL_SERVER_WORKERS="1") as server:
        assert isinstance(server, HttpClient)
        with server.loaded("dense", models["dense"]):
            for rest in (b"content-length: 14\r\n\r\n[[1,", b"transfer-encoding: chunked\r\n\r\n4\r\n[[1,\r\n"):
                assert status_of(server.raw(head + rest)) == 408
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
                for piece in (head, b"content-length: 14\r\n\r\n"):  # a head in pieces, and nothing after it
                    sock.sendall(piece)
                    time.sleep(0.05)
                assert status_of(sock.recv(65536)) == 408

            def told() -> list[int]:
                requests = [event for event in server.events() if event["event"] == "request"]
                return [event["status"] for event in requests if event.get("model") == "dense"]

            wait_for(lambda: len(told()) == 3, "all requests in the log")
            assert told() == [408, 408, 408]


KNOWN = ["/ping", "/models", "/models/dense", "/models/dense/invoke", "/models/none/invoke", "/metrics"]
PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
PATHS = st.sampled_from(KNOWN) | PRINTABLE.map(lambda text: "/" + text)
TYPES = st.sampled_from([JSON, "application/x-npy", "image/png", "image/jpeg", "text/csv", "", "a/b;c", "\xff"])
NUMBERS = st.integers() | st.floats() | st.none() | st.booleans() | st.text(max_size=3)
VALUES = st.recursive(NUMBERS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner))
BODIES = st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode())


@settings(max_examples=150, deadline=None, derandomize=True)
@given(path=PATHS, method=st.sampled_from(["GET", "PUT", "HEAD", "OPTIONS"]), body=BODIES, kind=TYPES)
def test_any_request_is_answered_below_500(server: HttpClient, path: str, method: str, body: bytes, kind: str) -> None:
    assert server.request(method, path, body, {"content-type": kind}).status < 500


@settings(max_examples=200, deadline=None, derandomize=True)
@given(model=st.sampled_from(["dense", "image"]), body=BODIES, kind=TYPES, accept=TYPES)
def test_any_body_is_answered_below_500(server: HttpClient, model: str, body: bytes, kind: str, accept: str) -> None:
    reply = server.request("POST", f"/models/{model}/invoke", body, {"content-type": kind, "accept": accept})
    assert reply.status == 200 or 400 <= reply.error()[0] < 500


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(["image/png", "image/jpeg", "application/x-npy"]),
    cut=st.integers(0, 3000),
    flips=st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 255)), min_size=1, max_size=6),
)
def test_damaged_files_are_answered_below_500(server: HttpClient, files, kind: str, cut: int, flips) -> None:
    content = bytearray(files[kind])
    for position, value in flips:
        content[position % len(content)] ^= value
    reply = server.invoke("image", bytes(content[: max(1, len(content) - cut)]), kind)
    assert reply.status == 200 or 400 <= reply.error()[0] < 500


@settings(max_examples=60, deadline=None, derandomize=True)
@given(fields=VALUES)
def test_any_load_is_answered_below_500(server: HttpClient, fields) -> None:
    assert server.request("POST", "/models", json.dumps(fields).encode()).error()[0] == 400


@pytest.fixture(scope="module")
def files(png: bytes, jpeg: bytes) -> dict[str, bytes]:
    array = npy(np.ones((3, 32, 32), np.float32))
    return {"image/png": png, "image/jpeg": jpeg, "application/x-npy": array}
