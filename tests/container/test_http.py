"""The HTTP surface under hostile and random requests: always an answer below 500, never a dead server."""

import json
import socket
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.container.clients import HttpClient
from tests.container.conftest import npy

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
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"GET /ping HTTP/1.1\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", 400),
        (b"GET /ping HTTP/1.1\r\n" + b"a: b\r\n" * 20_000 + b"\r\n", 400),
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
