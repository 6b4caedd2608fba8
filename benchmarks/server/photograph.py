"""The picture every request carries."""

import io
from functools import cache

from PIL import Image
from sklearn.datasets import load_sample_image

QUALITY = 99


@cache
def photograph_jpeg() -> bytes:
    """A photograph that scikit-learn ships (640 x 427), as a JPEG of 227 KB; the same bytes for the same Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(load_sample_image("china.jpg")).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
