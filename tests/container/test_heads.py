"""Heads are read the same however they are cut, and say how long their bodies are in one way only."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.model_server.http.heads import MAX_HEAD_BYTES, BadHead, Head, HeadReader

HEAD = (
    b"\r\nPOST /models/a%20b/invoke?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nX: first\r\nx: second\r\n"
    b"Connection: Upgrade\r\nUpgrade: h2c\r\nExpect: 100-Continue\r\n\r\n"
)


def read(*pieces: bytes) -> tuple[Head | None, int]:
    reader = HeadReader()
    taken = 0
    for piece in pieces:
        taken += reader.feed(piece)
        head = reader.head()
        if head is not None:
            return head, taken
    return None, taken


@given(st.lists(st.integers(1, len(HEAD) - 1), max_size=8, unique=True))
def test_a_head_is_read_however_it_is_cut(cuts: list[int]) -> None:
    data = HEAD + b"12345"
    pieces = [data[start:end] for start, end in itertools.pairwise([0, *sorted(cuts), len(data)])]
    head, taken = read(*pieces)
    assert taken == len(HEAD)
    assert head is not None
    assert (head.method, head.path, head.query, head.length) == ("POST", "/models/a b/invoke", "x=1", 5)
    assert head.fields["x"] == "first"
    assert (head.keep_alive, head.may_be_told, head.expects_continue) == (True, True, True)


@given(st.binary(max_size=400), st.integers(0, 400))
def test_any_bytes_are_a_head_or_bad_or_unfinished(data: bytes, cut: int) -> None:
    try:
        read(data[:cut], data[cut:])
    except BadHead as error:
        assert error.status in (400, 501, 505)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("content-length: 1\r\ncontent-length: 1", 400),
        ("content-length: +1", 400),
        ("content-length: 1, 1", 400),
        ("content-length: 1\r\ntransfer-encoding: chunked", 400),
        ("transfer-encoding: chunked\r\ncontent-length: 1", 400),
        ("transfer-encoding: gzip, chunked", 501),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked", 501),
        ("transfer-encoding: identity", 501),
        ("x: a\r\n b: c", 400),
        ("x : a", 400),
        ("x: a\nb: c", 400),
    ],
)
@pytest.mark.parametrize("upgrade", ["", "\r\nconnection: upgrade\r\nupgrade: h2c"])
def test_a_body_of_doubtful_length_is_refused(fields: str, status: int, upgrade: str) -> None:
    with pytest.raises(BadHead) as caught:
        read(f"POST /models/m/invoke HTTP/1.1\r\nhost: x\r\n{fields}{upgrade}\r\n\r\n".encode())
    assert caught.value.status in (status, 400)


@pytest.mark.parametrize(("version", "status"), [("0.9", 505), ("2.0", 505), ("9.9", 400)])
def test_other_versions(version: str, status: int) -> None:
    with pytest.raises(BadHead) as caught:
        read(f"GET /ping HTTP/{version}\r\nhost: x\r\n\r\n".encode())
    assert caught.value.status == status


def test_old_clients_close_and_are_told_nothing() -> None:
    head, _ = read(b"GET /ping HTTP/1.0\r\n\r\n")
    assert head is not None
    assert (head.keep_alive, head.may_be_told, head.length) == (False, False, 0)


@given(st.integers(1, 2000))
def test_the_bound_counts_the_head_and_nothing_behind_it(cut: int) -> None:
    start = b"POST / HTTP/1.1\r\ncontent-length: 200000\r\nx: "
    largest = start + b"y" * (MAX_HEAD_BYTES - len(start) - 4) + b"\r\n\r\n"
    assert read(largest[:cut], largest[cut:] + bytes(200_000))[1] == MAX_HEAD_BYTES
    with pytest.raises(BadHead) as caught:
        read(largest[:cut], b"z" + largest[cut:])
    assert caught.value.status == 431
