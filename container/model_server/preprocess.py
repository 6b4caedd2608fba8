"""An image's bytes to the tensor a model takes: the one function that server, tests and examples share."""

import io
import warnings
from math import ceil

import numpy as np
from PIL import Image

from .errors import InvalidInput, RequestTooLarge
from .signature import ImageSpec

# A decoded pixel takes 3 bytes; this bounds what one request can make a worker hold (about 150 MB).
MAX_PIXELS = 50_000_000
_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG"}
_PIL_MODES = {"RGB": "RGB", "BGR": "RGB", "GRAY": "L"}


def image_to_tensor(
    body: bytes | memoryview, content_type: str, spec: ImageSpec, item_shape: tuple[int, ...]
) -> np.ndarray:
    """Decode, resize and normalise one image as `spec` says.

    A JPEG much larger than needed is decoded at 1/2, 1/4 or 1/8 of its size, which the DCT gives exactly and at a
    fraction of the cost, never below the size it is then resized to. Orientation tags are not applied, as in MXNet's
    own image pipeline.

    Returns float32 of shape `(1, *item_shape)`. Raises InvalidInput for anything that is not such an image,
    RequestTooLarge beyond MAX_PIXELS.
    """
    width, height = spec.size(item_shape)
    image_format = _FORMATS[content_type]
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
    return _normalised(pixels, spec)


def _resized(image: Image.Image, spec: ImageSpec, width: int, height: int) -> Image.Image:
    mode = _PIL_MODES[spec.color]
    full_width, full_height = image.size
    if spec.resize_shorter is None:
        scale_x, scale_y = width / full_width, height / full_height
    else:
        scale_x = scale_y = max(
            spec.resize_shorter / min(full_width, full_height), width / full_width, height / full_height
        )
    if image.format == "JPEG":
        image.draft(mode, (ceil(full_width * scale_x), ceil(full_height * scale_y)))
    if image.mode != mode:
        image = image.convert(mode)
    # Draft mode may have shrunk the image: work with what there is now.
    to_x, to_y = image.width / full_width, image.height / full_height
    # Cutting first and resizing only the cut is the same picture as resizing all and cutting then.
    cut_width, cut_height = width / scale_x * to_x, height / scale_y * to_y
    left, top = (image.width - cut_width) / 2, (image.height - cut_height) / 2
    box = (max(left, 0.0), max(top, 0.0), min(left + cut_width, image.width), min(top + cut_height, image.height))
    return image.resize((width, height), Image.Resampling.BILINEAR, box=box)


def _normalised(image: Image.Image, spec: ImageSpec) -> np.ndarray:
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
