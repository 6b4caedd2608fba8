"""An input for a model: a sample file, or zeros in the shapes that the lock file records.

A caller that only wants to load a model, or to keep an endpoint busy, needs an input that the model accepts.
"""

from __future__ import annotations

import gzip
import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from model_catalog.lock import Tensor, Version

SAMPLE_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".npy": "application/x-npy",
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".csv": "text/csv",
}
"""The Content-Type of a sample file by its suffix."""

COLD_MARK = "cold-start"
"""What this project's model server puts into CustomAttributes of a model's first answer after its load."""

BODY_MAXIMUM_BYTES = 6_291_456
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html"""

# numpy's names of the element types that the server takes, and the same in an npy file's header.
_NPY_TYPES = {
    "float16": "<f2",
    "float32": "<f4",
    "float64": "<f8",
    "int8": "|i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "uint8": "|u1",
    "uint16": "<u2",
    "uint32": "<u4",
    "uint64": "<u8",
    "bool": "|b1",
}
_COMPRESSED_FROM_BYTES = 16_384
_EXPANDED_MAXIMUM_BYTES = 64 * 1024 * 1024
"""To how much the server expands a body."""
_NPY_ALIGNMENT = 64


@dataclass(frozen=True)
class ExampleInput:
    """A body that a model accepts. `origin` says where it comes from."""

    body: bytes
    content_type: str
    origin: Literal["sample", "signature"]


def example_input(name: str, version: Version, samples: Path | None = None) -> ExampleInput | None:
    """An input for one version of the model `name`.

    Args:
        name: the model's name in the catalog.
        version: the version, whose `observed` inputs give shapes and types.
        samples: a folder with one file a model, named after it, such as `squeezenet.jpg`. A sample is preferred.

    Returns:
        None without a sample if only the model's own code knows its inputs, or if they exceed SageMaker's limit or
        the server's.

    Raises:
        OSError: the sample cannot be read.
    """
    file = None if samples is None else sample_file(samples, name)
    if file is not None:
        return ExampleInput(file.read_bytes(), SAMPLE_TYPES[file.suffix.lower()], "sample")
    if version.observed is None or not version.observed.inputs:
        return None
    return _zeros(version.observed.inputs)


def sample_file(directory: Path, name: str) -> Path | None:
    """The sample of the model `name` in a folder; of several the first by suffix."""
    candidates = (directory / f"{name}{suffix}" for suffix in SAMPLE_TYPES)
    return next((path for path in candidates if path.is_file()), None)


def _zeros(inputs: Sequence[Tensor]) -> ExampleInput | None:
    """Zeros, and empty texts. The server finds out by the first bytes that a body is compressed."""
    if len(inputs) == 1 and inputs[0].dtype in _NPY_TYPES:
        body, content_type = _npy(inputs[0]), "application/x-npy"
    else:
        tensors = {item.name: _nested(item.shape, _zero(item.dtype)) for item in inputs}
        body, content_type = json.dumps({"inputs": tensors}).encode(), "application/json"
    if len(body) > _EXPANDED_MAXIMUM_BYTES:
        return None
    if len(body) >= _COMPRESSED_FROM_BYTES:
        body = gzip.compress(body, mtime=0)
    return ExampleInput(body, content_type, "signature") if len(body) <= BODY_MAXIMUM_BYTES else None


def _npy(tensor: Tensor) -> bytes:
    """Version 1.0 of https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, without numpy, which a
    deployment does not install."""
    kind = _NPY_TYPES[tensor.dtype]
    head = repr({"descr": kind, "fortran_order": False, "shape": tuple(tensor.shape)})
    padding = -(len(head) + 11) % _NPY_ALIGNMENT
    text = f"{head}{' ' * padding}\n".encode("latin-1")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(math.prod(tensor.shape) * int(kind[2:]))


def _zero(dtype: str) -> Any:
    if dtype == "str":
        return ""
    return False if dtype == "bool" else 0


def _nested(shape: Sequence[int], value: Any) -> Any:
    return value if not shape else [_nested(shape[1:], value) for _ in range(shape[0])]
