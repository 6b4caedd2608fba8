"""Arrays and lists to bodies, as `sagemaker_inference.encoder` does it."""

import io
import json
from typing import Any

import numpy as np

from .content_types import CSV, JSON, NPY
from .errors import UnsupportedFormatError

SUPPORTED_CONTENT_TYPES = {JSON, CSV, NPY}


def encode(array_like: Any, content_type: str) -> str | bytes:
    """The body: JSON or CSV text, or npy bytes. Whatever has a `tolist` counts as an array.

    Raises UnsupportedFormatError for other types.
    """
    if content_type == JSON:
        return json.dumps(array_like, default=_as_list)
    if content_type == CSV:
        text = io.StringIO()
        np.savetxt(text, array_like, delimiter=",", fmt="%s")
        return text.getvalue()
    if content_type == NPY:
        data = io.BytesIO()
        np.save(data, array_like, allow_pickle=False)
        return data.getvalue()
    raise UnsupportedFormatError(content_type)


def _as_list(value: object) -> object:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")
