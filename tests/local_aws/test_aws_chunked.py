"""Bodies in chunks, as SDKs send them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.aws_chunked import MalformedChunksError, decode
from local_aws.content import Content, ContentFile


def body(*pieces: bytes) -> Content:
    file = ContentFile()
    file.append(pieces)
    return file.whole()


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=5),
    is_signed=st.booleans(),
    trailers=st.dictionaries(st.from_regex(r"x-amz-checksum-[a-z0-9]{1,8}", fullmatch=True), st.just("AAAAAA==")),
)
def test_chunks_make_the_object(chunks: list[bytes], is_signed: bool, trailers: dict[str, str]) -> None:
    signature = b";chunk-signature=" + b"0" * 64 if is_signed else b""
    pieces = [b"%x%b\r\n%b\r\n" % (len(chunk), signature, chunk) for chunk in chunks]
    lines = [f"{name}:{value}\r\n".encode() for name, value in trailers.items()]
    whole, found = decode(body(*pieces, b"0" + signature + b"\r\n", *lines, b"\r\n"))
    assert b"".join(whole) == b"".join(chunks)
    assert found == trailers


@pytest.mark.parametrize(
    "wrong",
    [b"", b"5\r\nabc", b"5\r\nabcde", b"3\r\nabc\r\n", b"3\r\nabcde\r\n0\r\n", b"x\r\nabc\r\n", b"-1\r\n\r\n\r\n"],
)
def test_what_is_no_chunk(wrong: bytes) -> None:
    with pytest.raises(MalformedChunksError):
        decode(body(wrong))


@given(st.binary(max_size=60))
def test_nothing_else_is_raised(anything: bytes) -> None:
    try:
        whole, _ = decode(body(anything))
    except MalformedChunksError:
        return
    assert b"".join(whole) in anything or len(whole) < len(anything)
