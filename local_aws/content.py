"""Bytes in temporary files: objects of S3, and bodies of requests, that are too large for memory.

A file has no name (it is in TMPDIR) and one descriptor.
"""

import os
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any, NamedTuple, Self

PIECE_BYTES = 2**20


class ContentFile:
    """A temporary file that only grows; it is gone with the last Content in it."""

    def __init__(self, file: IO[bytes] | None = None, size: int = 0) -> None:
        """`file`, which holds `size` bytes, is only read; None for a new one."""
        self._file = tempfile.TemporaryFile() if file is None else file  # noqa: SIM115 - closed by the finalizer
        self._size = size
        self._lock = threading.Lock()
        weakref.finalize(self, self._file.close)

    @property
    def size(self) -> int:
        """How many bytes have been written."""
        return self._size

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        """moto copies what it lists; what has been written never changes."""
        return self

    def append(self, pieces: Iterable[bytes]) -> "Content":
        with self._lock:
            offset = self._size
            self._file.seek(offset)
            written = sum(self._file.write(piece) for piece in pieces)
            self._file.flush()
            self._size = offset + written
        return Content((Segment(self, offset, written),))

    def whole(self) -> "Content":
        """Everything in it so far."""
        return Content((Segment(self, 0, self._size),))

    def read(self, size: int, offset: int) -> bytes:
        return os.pread(self._file.fileno(), size, offset)


class Segment(NamedTuple):
    file: ContentFile
    offset: int
    size: int


@dataclass(frozen=True)
class Content:
    """Bytes in files, in place of `bytes` where moto only measures, slices and hands on: iterating reads them."""

    segments: tuple[Segment, ...]

    @cached_property
    def size(self) -> int:
        return sum(segment.size for segment in self.segments)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> "Content":
        start, stop, _ = part.indices(self.size)
        inside, begin = [], 0
        for file, offset, size in self.segments:
            first, last = max(start, begin), min(stop, begin + size)
            if first < last:
                inside.append(Segment(file, offset + first - begin, last - first))
            begin += size
        return Content(tuple(inside))

    def __iter__(self) -> Iterator[bytes]:
        for file, offset, size in self.segments:
            for position in range(0, size, PIECE_BYTES):
                yield file.read(min(PIECE_BYTES, size - position), offset + position)
