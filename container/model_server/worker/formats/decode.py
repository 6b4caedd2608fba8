"""A request's body to the arrays a model takes. Allow-listed content types only, and never pickle."""

import gzip
import io
import zlib

from ...artifact.signature import ImageSpec, TensorSpec
from ...errors import InvalidInput, RequestTooLarge, UnsupportedContentType
from .json_bodies import from_json, from_json_lines
from .npy import MAGIC, read_npy
from .preprocess import FORMATS, image_format, image_to_tensor
from .tables import from_csv
from .tensors import Arrays, fitted

JSON = "application/json"
JSON_LINES = "application/jsonlines"
NPY = "application/x-npy"
CSV = "text/csv"
ANY_IMAGE = "application/x-image"
BYTES = "application/octet-stream"
IMAGES = (*FORMATS, "image/jpg", ANY_IMAGE)
TEXTS = (JSON, JSON_LINES, CSV)
CONTENT_TYPES = (*IMAGES, NPY, *TEXTS, BYTES)
_UTF8 = ("utf-8", "utf8", "us-ascii", "ascii")
_GZIP_MAGIC = b"\x1f\x8b"
# What a compressed body may expand to.
MAX_EXPANDED_BYTES = 64 * 1024 * 1024


def media_type(header: str) -> str:
    """`Image/JPEG; q=1` -> `image/jpeg`."""
    return header.partition(";")[0].strip().lower()


def decode_request(
    body: bytes | memoryview, content_type: str, inputs: tuple[TensorSpec, ...], image: ImageSpec | None
) -> Arrays:
    """Decode a body to one array an input, of the input's type and of shape `(N, *item_shape)`, N >= 1.

    A body compressed with gzip, which begins as no other does, is expanded first.

    Raises UnsupportedContentType, InvalidInput, RequestTooLarge.
    """
    kind = media_type(content_type)
    if kind not in CONTENT_TYPES:
        raise UnsupportedContentType(f"Content-Type {content_type!r} is not one of {', '.join(CONTENT_TYPES)}")
    if body[0:2] == _GZIP_MAGIC:
        body = expanded(body)
    if kind == BYTES:
        kind = _told_by_content(body)
    if kind in IMAGES:
        if image is None:
            raise UnsupportedContentType(f"this model takes no images; send {NPY}, {JSON}, {JSON_LINES} or {CSV}")
        chosen = kind if kind in FORMATS else image_format(body)
        return {inputs[0].name: image_to_tensor(body, chosen, image, inputs[0].item_shape, inputs[0].dtype)}
    if kind == NPY:
        if len(inputs) != 1:
            raise UnsupportedContentType(
                f"this model has {len(inputs)} inputs; send {JSON} with one object an instance"
            )
        return {inputs[0].name: fitted(read_npy(body), inputs[0])}
    if ";" in content_type:
        check_charset(content_type)
    if kind == CSV:
        return from_csv(body, inputs, has_header=_parameters(content_type).get("header") == "present")
    return from_json(bytes(body), inputs) if kind == JSON else from_json_lines(bytes(body), inputs)


def expanded(body: bytes | memoryview) -> bytes | memoryview:
    """The body, decompressed where it is gzip. Raises InvalidInput, RequestTooLarge."""
    if body[0:2] != _GZIP_MAGIC:
        return body
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            content = file.read(MAX_EXPANDED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput(f"the body is not whole gzip: {error}") from error
    if len(content) > MAX_EXPANDED_BYTES:
        raise RequestTooLarge(f"the compressed body expands to more than {MAX_EXPANDED_BYTES} bytes")
    return content


def check_charset(content_type: str) -> None:
    """Raises UnsupportedContentType for text that says to be of another encoding than UTF-8."""
    charset = _parameters(content_type).get("charset", _UTF8[0])
    if charset not in _UTF8:
        raise UnsupportedContentType(f"text must be UTF-8, not {charset[:40]!r}")


def _parameters(content_type: str) -> dict[str, str]:
    """`text/csv; Header=present` -> `{"header": "present"}`, in lower case."""
    pairs = [parameter.partition("=") for parameter in content_type.lower().split(";")[1:]]
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs}


def _told_by_content(body: bytes | memoryview) -> str:
    start = bytes(body[:64])
    if start.startswith(MAGIC):
        return NPY
    if start.lstrip()[:1] in (b"[", b"{"):
        return JSON
    try:
        return image_format(body)
    except InvalidInput:
        raise UnsupportedContentType(
            f"{BYTES}: the body is neither an npy array nor JSON nor a JPEG or PNG image; "
            f"say what it is with a Content-Type of {', '.join(CONTENT_TYPES[:-1])}"
        ) from None
