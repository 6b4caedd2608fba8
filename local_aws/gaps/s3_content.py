"""S3: objects of many gigabytes.

moto holds the parts of an upload in memory, joins them there several times over to complete it (for 2 GiB that takes
longer than clients wait, and the second attempt fails), and reads a whole object for every range of it that is asked
for. It reads the body of every request whole, and copies it more than once. Here a large object lies in a temporary
file and stays where it is: an upload is completed, and an object copied, without reading it, and it is read piece by
piece. `hand_over` gives moto the body that the gateway has written into a file.
"""

import base64
import hashlib
import zlib
from collections.abc import Iterable
from typing import Any

from moto.s3 import responses
from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML
from moto.s3.models import S3_UPLOAD_PART_MIN_SIZE, FakeKey, FakeMultipart
from moto.s3.responses import S3Response
from moto.s3.utils import compute_checksum

from ..aws_chunked import decode
from ..content import Content, ContentFile

Checksum = tuple[str, str, int]
"""Its type, its value in base64, and how many parts it is made of."""
_BODY = "local_aws.body"
_moto_value = FakeKey.value
_moto_set_part = FakeMultipart.set_part
_moto_setup_class = S3Response.setup_class


def fill_s3_content_gaps() -> None:
    """Make moto keep objects as said above. Safe to repeat."""
    FakeKey.value = property(_value, _set_value)
    FakeMultipart.set_part = _set_part
    FakeMultipart.complete = _complete
    S3Response.setup_class = _setup_class
    responses.compute_checksum = _checksum


def hand_over(environ: dict[str, Any], body: Content) -> None:
    """Make `body` the content of the object that a WSGI request puts; what the server reads of the request is empty.

    Raises MalformedChunksError where it says that it comes in chunks and does not.
    """
    if environ.get("HTTP_X_AMZ_CONTENT_SHA256", "").startswith("STREAMING-"):
        body, trailers = decode(body)
        environ["HTTP_X_AMZ_CONTENT_SHA256"] = "UNSIGNED-PAYLOAD"  # moto would look for chunks
        for name, value in trailers.items():
            if name.startswith("x-amz-checksum-"):
                environ[_variable(name)] = value
    # moto would look for the checksum in the body, or compute it of the chunks.
    algorithm = environ.get("HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM")
    if algorithm and _variable(f"x-amz-checksum-{algorithm}") not in environ:
        environ[_variable(f"x-amz-checksum-{algorithm}")] = _checksum(body, algorithm.upper()).decode()
    environ[_BODY] = body


def _variable(header: str) -> str:
    return f"HTTP_{header.upper().replace('-', '_')}"


def _setup_class(response: S3Response, request: Any, *arguments: Any, **options: Any) -> None:
    _moto_setup_class(response, request, *arguments, **options)
    body = request.environ.get(_BODY)
    if body is not None:
        response.body = response.raw_body = body


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
