"""Bodies to arrays, as `sagemaker_inference.decoder` does it, but for pickled arrays, which nothing here reads."""

import io
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .content_types import CSV, JSON, NPY
from .errors import UnsupportedFormatError


def decode(obj: str | bytes, content_type: str) -> NDArray[Any]:
    """The array in a body: JSON or CSV text, or npy bytes. Its dtype is what the content suggests.

    Raises UnsupportedFormatError for other types; ValueError for what cannot be read.
    """
    if content_type == JSON:
        return np.array(json.loads(obj))
    if content_type == CSV:
        text = obj if isinstance(obj, str) else obj.decode()
        return np.genfromtxt(io.StringIO(text), dtype=None, delimiter=",")
    if content_type == NPY:
        return np.load(io.BytesIO(obj if isinstance(obj, bytes) else obj.encode("latin-1")), allow_pickle=False)
    raise UnsupportedFormatError(content_type)
