"""S3: objects of many gigabytes.

moto holds the parts of an upload in memory, joins them there several times over to complete it (for 2 GiB that takes
longer than clients wait, and the second attempt fails), and reads a whole object for every range of it that is asked
for. Here what is uploaded in parts lies in one temporary file without a name (in TMPDIR) and stays where it is: an
upload is completed, and an object copied, without reading it, and it is read piece by piece.
"""

import base64
import hashlib
import os
import tempfile
import threading
import weakref
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any, NamedTuple, Self

from moto.s3 import responses
from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML
from moto.s3.models import S3_UPLOAD_PART_MIN_SIZE, FakeKey, FakeMultipart
from moto.s3.utils import compute_checksum

PIECE_BYTES = 2**20
Checksum = tuple[str, str, int]
"""Its type, its value in base64, and how many parts it is made of."""
_moto_value = FakeKey.value
_moto_set_part = FakeMultipart.set_part


def fill_s3_content_gaps() -> None:
    """Make moto keep objects as said above. Safe to repeat."""
    FakeKey.value = property(_value, _set_value)
    FakeMultipart.set_part = _set_part
    FakeMultipart.complete = _complete
    responses.compute_checksum = _checksum


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


def _value(key: FakeKey) -> bytes | Content:
    content = vars(key).get("content")
    return _moto_value.fget(key) if content is None else content


def _set_value(key: FakeKey, value: bytes | Content) -> None:
    if not isinstance(value, Content):
        key.content = None
        _moto_value.fset(key, value)
        return
    key.content = value
    key.contentsize = len(value)
    if key._etag is None:
        md5 = hashlib.md5(usedforsecurity=False)
        for piece in value:
            md5.update(piece)
        key._etag = md5.hexdigest()


def _set_part(upload: FakeMultipart, part_id: int, value: bytes | Content) -> FakeKey:
    if "content_file" not in vars(upload):
        vars(upload).setdefault("content_file", ContentFile())  # of two threads at once, both get the same
    pieces = value if isinstance(value, Content) else (value,)
    part = _moto_set_part(upload, part_id, upload.content_file.append(pieces))
    algorithm, kind = _checksum_wanted(upload)
    if algorithm is not None and kind == "COMPOSITE":
        part.checksum_value = _checksum(value, algorithm, encode_base64=False)
    return part


def _complete(upload: FakeMultipart, body: Iterable[tuple[int, str]]) -> tuple[Content, str, Checksum | None]:
    """The object, its ETag, and its checksum where one was asked for."""
    parts: list[FakeKey] = []
    for number, etag in body:
        part = upload.parts.get(number)
        if part is None or part.etag.strip('"') != etag.strip('"'):
            raise InvalidPart
        if parts and parts[-1].contentsize < S3_UPLOAD_PART_MIN_SIZE:
            raise EntityTooSmall
        parts.append(part)
    if not parts:
        raise MalformedXML
    whole = Content(tuple(segment for part in parts for segment in part.value.segments))
    digests = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
    etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
    return whole, etag, _checksum_of(upload, whole, parts)


def _checksum_wanted(upload: FakeMultipart) -> tuple[str | None, str]:
    algorithm = upload.metadata.get("x-amz-checksum-algorithm")
    kind = upload.metadata.get("x-amz-checksum-type") or ("FULL_OBJECT" if algorithm == "CRC64NVME" else "COMPOSITE")
    return algorithm, kind


def _checksum_of(upload: FakeMultipart, whole: Content, parts: list[FakeKey]) -> Checksum | None:
    algorithm, kind = _checksum_wanted(upload)
    if algorithm is None:
        return None
    if kind == "FULL_OBJECT":
        return kind, _checksum(whole, algorithm).decode(), 1
    sums: list[Any] = [part.checksum_value for part in parts]
    return kind, _checksum(b"".join(sums), algorithm).decode(), len(parts)


def _checksum(content: bytes | Content, algorithm: str, encode_base64: bool = True) -> bytes:
    """moto's compute_checksum; as that without optional libraries, it takes every CRC for CRC-32."""
    if not isinstance(content, Content):
        return compute_checksum(content, algorithm, encode_base64)
    if algorithm in ("SHA1", "SHA256"):
        running = hashlib.new(algorithm, usedforsecurity=False)
        for piece in content:
            running.update(piece)
        digest = running.digest()
    else:
        crc = 0
        for piece in content:
            crc = zlib.crc32(piece, crc)
        digest = crc.to_bytes(4, "big")
    return base64.b64encode(digest) if encode_base64 else digest
