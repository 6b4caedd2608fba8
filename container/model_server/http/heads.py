"""A request's head: everything before its body, and how the body is framed."""

from typing import NamedTuple
from urllib.parse import unquote

import httptools

MAX_HEAD_BYTES = 64 * 1024
_END = b"\r\n\r\n"
_VERSIONS = ("1.0", "1.1")


class BadHead(Exception):
    """A head that cannot be served. `status`: what it is answered with; the connection ends after that."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Head(NamedTuple):
    """A request without its body.

    Attributes:
        path: percent-decoded, without the query.
        query: as it was sent.
        fields: header fields by lower-case name; of a repeated one the first.
        length: bytes of the body; None where it arrives in chunks.
        keep_alive: whether the client means to send another request on the connection.
        may_be_told: whether the client understands interim answers such as 100 (HTTP/1.1).
        expects_continue: whether the client waits for one before it sends the body.
    """

    method: str
    path: str
    query: str
    fields: dict[str, str]
    length: int | None
    keep_alive: bool = True
    may_be_told: bool = True
    expects_continue: bool = False


class HeadReader:
    """Collects one head from the pieces of a stream.

    The parser sees the head's bytes and none after them. What a body is depends on `Content-Length` and
    `Transfer-Encoding` alone, whatever the parser makes of an `Upgrade`.
    """

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._size = 0
        self._last = b""
        self._url = b""
        self._fields: list[tuple[str, str]] = []
        self._is_complete = False

    @property
    def has_begun(self) -> bool:
        """Whether any byte of a request has come; empty lines before it do not count."""
        return self._size > 0

    def feed(self, data: bytes) -> int:
        """Take bytes; returns how many of them are the head's. Raises BadHead."""
        skipped = 0
        if not self._size:
            skipped = len(data) - len(data.lstrip(b"\r\n"))  # RFC 9112, 2.2: empty lines before a request
            data = data[skipped:]
            if not data:
                return skipped
        found = (self._last + data).find(_END)
        end = len(data) if found < 0 else found + len(_END) - len(self._last)
        self._size += end
        if self._size > MAX_HEAD_BYTES:
            raise BadHead(431, f"the request's head is larger than {MAX_HEAD_BYTES} bytes")
        piece = data[:end]
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            pass  # RFC 9110, 7.8: a server may ignore the field
        except httptools.HttpParserError as error:
            raise BadHead(400, "the request is not valid HTTP") from error
        if self._is_complete != (found >= 0):
            raise BadHead(400, "the request is not valid HTTP")
        self._last = (self._last + piece)[-len(_END) + 1 :]
        return skipped + end

    def head(self) -> Head | None:
        """The head, once all of it was fed. Raises BadHead."""
        if not self._is_complete:
            return None
        version = self._parser.get_http_version()
        if version not in _VERSIONS:
            raise BadHead(505, "the server speaks HTTP/1.1")
        try:
            url = httptools.parse_url(self._url)
        except httptools.HttpParserInvalidURLError as error:
            raise BadHead(400, "the request's target is not a valid URL") from error
        fields: dict[str, str] = {}
        for name, value in self._fields:
            fields.setdefault(name, value)
        return Head(
            self._parser.get_method().decode("ascii"),
            unquote((url.path or b"/").decode("latin-1")),
            (url.query or b"").decode("latin-1"),
            fields,
            self._length(version),
            self._parser.should_keep_alive(),
            version == "1.1",
            fields.get("expect", "").lower() == "100-continue",
        )

    def _length(self, version: str) -> int | None:
        lengths = [value for name, value in self._fields if name == "content-length"]
        codings = [value for name, value in self._fields if name == "transfer-encoding"]
        if codings:
            if lengths or version == "1.0":
                raise BadHead(400, "the request says in two ways how long its body is")
            if [coding.lower() for coding in codings] != ["chunked"]:
                raise BadHead(501, "of transfer codings the server knows only chunked")
            return None
        if not lengths:
            return 0
        (text, *others) = lengths
        if others or not (text.isascii() and text.isdecimal() and len(text) < 20):
            raise BadHead(400, "content-length must be one whole number")
        return int(text)

    # What the parser calls.

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower().decode("latin-1"), value.strip(b" \t").decode("latin-1")))

    def on_headers_complete(self) -> None:
        self._is_complete = True
