"""Bodies come out whole however they are cut, and their memory is counted before it is used."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.model_server.errors import InvalidRequest, QueueFull, RequestTooLarge, ServerError
from container.model_server.http.bodies import BodyMemory, ChunkedBody, SizedBody

CHUNKS = st.lists(st.binary(min_size=1, max_size=300), max_size=5)
NEXT = b"GET /ping HTTP/1.1\r\n\r\n"


def chunked(chunks: list[bytes], extension: str = "", trailer: str = "") -> bytes:
    lines = [f"{len(chunk):X}{extension}\r\n".encode() + chunk + b"\r\n" for chunk in chunks]
    return b"".join(lines) + f"0{extension}\r\n{trailer}\r\n".encode()


def feed(body: SizedBody | ChunkedBody, data: bytes, cuts: list[int]) -> int:
    """Feed all pieces until the body is complete; returns how many bytes it took."""
    taken = 0
    for start, end in itertools.pairwise([0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]):
        taken += body.feed(memoryview(data)[start:end])
        if body.is_complete:
            break
    return taken


@given(
    CHUNKS,
    st.lists(st.integers(0, 3000), max_size=12),
    st.sampled_from(["", ";name=value", " ;a"]),
    st.sampled_from(["", "x: y\r\n", "x: y\r\nz: 1\r\n"]),
)
def test_chunks_end_where_they_end_however_they_are_cut(chunks, cuts, extension, trailer) -> None:
    memory = BodyMemory(2**20)
    body = ChunkedBody(2**20, memory)
    data = chunked(chunks, extension, trailer)
    assert feed(body, data + NEXT, cuts) == len(data)
    assert body.is_complete
    assert body.take() == b"".join(chunks)
    assert memory.held_bytes == sum(map(len, chunks))
    body.release()
    body.release()
    assert memory.held_bytes == 0


@given(st.binary(max_size=300), st.lists(st.integers(0, 3000), max_size=8))
def test_anything_else_is_refused_or_unfinished(data: bytes, cuts: list[int]) -> None:
    body = ChunkedBody(100, BodyMemory(100))
    try:
        feed(body, data, cuts)
    except ServerError as error:
        assert isinstance(error, InvalidRequest | RequestTooLarge)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"g\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b"1_0\r\n",
        b"1\n",
        b"1\r\rx\r\n",
        b" 1\r\n",
        b"123456789\r\n",
        b"1\r\nxy\r\n",
        b"1;" + b"a" * 2000,
        b"0\r\n" + b"x: y\r\n" * 5000,
    ],
)
def test_malformed_chunks(data: bytes) -> None:
    with pytest.raises(InvalidRequest):
        ChunkedBody(2**20, BodyMemory(2**20)).feed(memoryview(data))


def test_a_chunk_beyond_the_bound_is_refused_before_it_comes() -> None:
    with pytest.raises(RequestTooLarge):
        ChunkedBody(15, BodyMemory(100)).feed(memoryview(b"10\r\n"))


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_a_sized_body_takes_its_length(content: bytes, cuts: list[int]) -> None:
    body = SizedBody(len(content), 300, BodyMemory(300))
    if content:
        assert feed(body, content + NEXT, cuts) == len(content)
    assert body.is_complete
    assert body.take() == content


def test_a_sized_body_counts_before_it_comes() -> None:
    memory = BodyMemory(100)
    first = SizedBody(60, 100, memory)
    assert memory.held_bytes == 60
    with pytest.raises(QueueFull):
        SizedBody(41, 100, memory)
    first.release()
    SizedBody(41, 100, memory)
    with pytest.raises(RequestTooLarge, match="has 101 bytes; at most 100"):
        SizedBody(101, 100, memory)
