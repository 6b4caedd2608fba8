"""An image's bytes to the tensor a model takes: the one function that server, tests and examples share."""

import io
import warnings
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...artifact.signature import ElementType, ImageSpec
from ...errors import InvalidInput, RequestTooLarge

# A decoded pixel takes 3 bytes; this bounds what one request can make a worker hold (about 150 MB).
MAX_PIXELS = 50_000_000
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG"}
_BEGINNINGS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
_ORIENTATION_TAG = 0x0112
# What turns a picture upright, by its EXIF orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PIL_MODES = {"RGB": "RGB", "BGR": "RGB", "GRAY": "L"}


def image_format(body: bytes | memoryview) -> str:
    """`image/jpeg` or `image/png`, by how the body begins. Raises InvalidInput for anything else."""
    start = bytes(body[:8])
    for beginning, kind in _BEGINNINGS.items():
        if start.startswith(beginning):
            return kind
    raise InvalidInput("the body is neither a JPEG nor a PNG image")


def image_to_tensor(
    body: bytes | memoryview,
    content_type: str,
    spec: ImageSpec,
    item_shape: tuple[int, ...],
    dtype: ElementType = "float32",
) -> NDArray[Any]:
    """Decode, resize and normalise one image as `spec` says.

    A JPEG much larger than needed is decoded at 1/2, 1/4 or 1/8 of its size, which the DCT gives exactly and at a
    fraction of the cost, never below the size it is then resized to. Orientation tags are applied only where
    `spec.exif_orientation` says so: MXNet's own image pipeline does not. 16 bits a value become 8.

    Returns an array of shape `(1, *item_shape)` and type `dtype`. Raises InvalidInput for anything that is not such an
    image, RequestTooLarge beyond MAX_PIXELS.
    """
    width, height = spec.size(item_shape)
    image_format = FORMATS[content_type]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PIL warns of large images; the check below decides
            with Image.open(io.BytesIO(body), formats=[image_format]) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise RequestTooLarge(
                        f"the image has {image.width} x {image.height} pixels; at most {MAX_PIXELS} are allowed"
                    )
                pixels = _resized(image, spec, width, height)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise InvalidInput(f"the body is not a readable {image_format} image: {_reason(error)}") from error
    tensor = _normalised(pixels, spec)
    if dtype == "float32":
        return tensor
    # The signature was checked to give whole numbers for an input of whole numbers.
    return (tensor if dtype.startswith("float") else np.rint(tensor)).astype(dtype)


def _resized(image: Image.Image, spec: ImageSpec, width: int, height: int) -> Image.Image:
    mode = _PIL_MODES[spec.color]
    orientation = image.getexif().get(_ORIENTATION_TAG, 1) if spec.exif_orientation else 1
    turn = _TURNS.get(orientation)
    is_sideways = turn is not None and orientation > 4
    full_width, full_height = image.size[::-1] if is_sideways else image.size
    if spec.resize_shorter is None:
        scale_x, scale_y = width / full_width, height / full_height
    else:
        scale_x = scale_y = max(
            spec.resize_shorter / min(full_width, full_height), width / full_width, height / full_height
        )
    if image.format == "JPEG":
        wanted = (ceil(full_width * scale_x), ceil(full_height * scale_y))
        image.draft(mode, wanted[::-1] if is_sideways else wanted)
    if image.mode == "I" or image.mode.startswith("I;16"):
        image = _eight_bits(image)
    if image.mode != mode:
        image = image.convert(mode)
    if turn is not None:
        image = image.transpose(turn)
    # Draft mode may have shrunk the image: work with what there is now.
    to_x, to_y = image.width / full_width, image.height / full_height
    # Cutting first and resizing only the cut is the same picture as resizing all and cutting then.
    cut_width, cut_height = width / scale_x * to_x, height / scale_y * to_y
    left, top = (image.width - cut_width) / 2, (image.height - cut_height) / 2
    box = (max(left, 0.0), max(top, 0.0), min(left + cut_width, image.width), min(top + cut_height, image.height))
    return image.resize((width, height), Image.Resampling.BILINEAR, box=box)


def _eight_bits(image: Image.Image) -> Image.Image:
    """A gray picture of 16 bits a value: converting it to another mode would cut all values at 255."""
    values = np.asarray(image).astype(np.uint32)
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _normalised(image: Image.Image, spec: ImageSpec) -> NDArray[Any]:
    pixels = np.asarray(image)
    if spec.color == "GRAY":
        pixels = pixels[:, :, np.newaxis]
    elif spec.color == "BGR":
        pixels = pixels[:, :, ::-1]
    std = np.asarray(spec.std, dtype=np.float64)
    factor = (spec.scale / std).astype(np.float32)
    offset = (-np.asarray(spec.mean, dtype=np.float64) / std).astype(np.float32)
    if spec.layout == "NCHW":
        tensor = np.empty((1, spec.channels, *pixels.shape[:2]), dtype=np.float32)
        for channel in range(spec.channels):
            np.multiply(pixels[:, :, channel], factor[channel], out=tensor[0, channel])
            tensor[0, channel] += offset[channel]
        return tensor
    return (pixels * factor + offset)[np.newaxis].astype(np.float32, copy=False)


def _reason(error: BaseException) -> str:
    text = str(error)
    # PIL names the BytesIO object in this one message.
    return "its content is of another kind" if "cannot identify image file" in text else text
