"""Request bodies: of a known length, in chunks, and the memory that all of them may take together."""

from typing import Protocol

from ..errors import InvalidRequest, QueueFull, RequestTooLarge

_MAX_LINE_BYTES = 1024
_MAX_TRAILER_BYTES = 16 * 1024
_MAX_SIZE_DIGITS = 8
_HEX_DIGITS = frozenset(b"0123456789abcdefABCDEF")


class BodyMemory:
    """Counts the bytes of all bodies that are held or announced. `limit_bytes` bounds them together."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0

    def hold(self, size: int) -> None:
        """Count bytes in. Raises QueueFull when the bodies under way fill their share of memory."""
        if self.held_bytes + size > self.limit_bytes:
            raise QueueFull("too many bodies are under way; try again later")
        self.held_bytes += size

    def release(self, size: int) -> None:
        """Count out what `hold` counted in."""
        self.held_bytes -= size


class Body(Protocol):
    """A body on its way in."""

    @property
    def is_complete(self) -> bool: ...

    def feed(self, data: memoryview) -> int:
        """Take bytes; returns how many of them are the body's. Raises ServerError."""
        ...

    def take(self) -> bytearray:
        """The whole body."""
        ...

    def release(self) -> None:
        """It is not needed any more. Does nothing the second time."""
        ...


class SizedBody:
    """A body whose length the head tells. Its memory is counted before any of it has come.

    Raises RequestTooLarge, QueueFull.
    """

    def __init__(self, length: int, max_bytes: int, memory: BodyMemory) -> None:
        if length > max_bytes:
            raise RequestTooLarge(f"the body has {length} bytes; at most {max_bytes} are allowed")
        memory.hold(length)
        self._memory = memory
        self._held = length
        self._data = bytearray(length)
        self._missing = length

    @property
    def is_complete(self) -> bool:
        return self._missing == 0

    @property
    def rest(self) -> memoryview:
        """Where the rest of the body belongs. What is written there is counted with `wrote`."""
        return memoryview(self._data)[len(self._data) - self._missing :]

    def wrote(self, size: int) -> None:
        """So many bytes were written to `rest`."""
        self._missing -= size

    def feed(self, data: memoryview) -> int:
        size = min(len(data), self._missing)
        self.rest[:size] = data[:size]
        self._missing -= size
        return size

    def take(self) -> bytearray:
        data, self._data = self._data, bytearray()
        return data

    def release(self) -> None:
        self._memory.release(self._held)
        self._held = 0


class ChunkedBody:
    """A body in chunks (RFC 9112, 7.1), counted as it arrives. Extensions and trailers are skipped.

    `feed` raises InvalidRequest for what are not chunks, RequestTooLarge, QueueFull.
    """

    def __init__(self, max_bytes: int, memory: BodyMemory) -> None:
        self._max_bytes = max_bytes
        self._memory = memory
        self._data = bytearray()
        self._held = 0
        self._line = bytearray()
        self._in_chunk = 0
        self._take_line = self._size_line
        self._trailer_bytes = 0
        self.is_complete = False

    def feed(self, data: memoryview) -> int:
        position = 0
        while position < len(data) and not self.is_complete:
            if self._in_chunk:
                position += self._feed_chunk(data[position:])
            else:
                position += self._feed_line(data[position:])
        return position

    def _feed_chunk(self, data: memoryview) -> int:
        size = min(len(data), self._in_chunk)
        if len(self._data) + size > self._max_bytes:
            raise RequestTooLarge(f"the body is larger than the {self._max_bytes} bytes allowed")
        self._memory.hold(size)
        self._held += size
        self._data += data[:size]
        self._in_chunk -= size
        return size

    def _feed_line(self, data: memoryview) -> int:
        piece = bytes(data[: _MAX_LINE_BYTES + 2 - len(self._line)])
        found = piece.find(b"\n")
        taken = len(piece) if found < 0 else found + 1
        self._line += piece[:taken]
        if found >= 0:
            line, self._line = bytes(self._line), bytearray()
            if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
                raise InvalidRequest("the body's chunks are malformed: a line must end with CR LF")
            self._take_line(line[:-2])
        elif len(self._line) > _MAX_LINE_BYTES:
            raise InvalidRequest("the body's chunks are malformed: a line is too long")
        return taken

    def _size_line(self, line: bytes) -> None:
        digits = line.partition(b";")[0].rstrip(b" \t")
        if not 0 < len(digits) <= _MAX_SIZE_DIGITS or not _HEX_DIGITS.issuperset(digits):
            raise InvalidRequest("the body's chunks are malformed: a chunk's size must be a hexadecimal number")
        self._in_chunk = int(digits, 16)
        if len(self._data) + self._in_chunk > self._max_bytes:
            raise RequestTooLarge(f"the body is larger than the {self._max_bytes} bytes allowed")
        self._take_line = self._chunk_end if self._in_chunk else self._trailer

    def _chunk_end(self, line: bytes) -> None:
        if line:
            raise InvalidRequest("the body's chunks are malformed: a chunk is longer than its size")
        self._take_line = self._size_line

    def _trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line)
        if self._trailer_bytes > _MAX_TRAILER_BYTES:
            raise InvalidRequest("the body's trailers are too large")
        self.is_complete = not line

    def take(self) -> bytearray:
        data, self._data = self._data, bytearray()
        return data

    def release(self) -> None:
        self._memory.release(self._held)
        self._held = 0
