"""Content-Encoding aws-chunked, in which SDKs send objects whose checksum follows them.

Each chunk is its size in hexadecimal (`;chunk-signature=...` may follow), a line break, its bytes, and a line break.
After a chunk of size 0 come trailers, in the form of headers.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

from .content import Content

_MAX_LINE_BYTES = 8192
_END = b"\r\n"


class MalformedChunksError(ValueError):
    """The body ends too early, or the size of a chunk is no number."""


def decode(body: Content) -> tuple[Content, dict[str, str]]:
    """The object in `body`, whose bytes stay where they are, and its trailers by lower-case name.

    Raises MalformedChunksError.
    """
    chunks: list[Content] = []
    position = 0
    while True:
        line, position = _line(body, position)
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError as error:
            raise MalformedChunksError(f"{line[:40]!r} is no size of a chunk") from error
        if size == 0:
            break
        end = position + size
        if size < 0 or b"".join(body[end : end + len(_END)]) != _END:
            raise MalformedChunksError("a chunk is not as long as it says")
        chunks.append(body[position:end])
        position = end + len(_END)
    whole = Content(tuple(segment for chunk in chunks for segment in chunk.segments))
    return whole, _trailers(b"".join(body[position : position + _MAX_LINE_BYTES]))


def _line(body: Content, position: int) -> tuple[bytes, int]:
    """The line at `position`, and where the next one begins."""
    line, end, _ = b"".join(body[position : position + _MAX_LINE_BYTES]).partition(_END)
    if not end:
        raise MalformedChunksError("the body ends within a chunk")
    return line, position + len(line) + len(end)


def _trailers(lines: bytes) -> dict[str, str]:
    parts = (line.partition(":") for line in lines.decode("latin-1").splitlines())
    return {name.strip().lower(): value.strip() for name, colon, value in parts if colon}
