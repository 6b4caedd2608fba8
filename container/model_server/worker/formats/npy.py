"""npy bodies, never pickled ones."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput

MAGIC = b"\x93NUMPY"
_MAX_HEADER_BYTES = 4096


def read_npy(body: bytes | memoryview) -> NDArray[Any]:
    """The array in a body; a view of it. Raises InvalidInput."""
    file = io.BytesIO(body)
    try:
        version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
        readers: dict[tuple[int, int], Callable[..., tuple[tuple[int, ...], bool, np.dtype[Any]]]] = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        length_bytes = 2 if version == (1, 0) else 4
        start = file.tell()
        if version not in readers or int.from_bytes(file.read(length_bytes), "little") > _MAX_HEADER_BYTES:
            raise InvalidInput("the body is not an npy array of version 1 or 2 with a header of normal size")
        file.seek(start)
        shape, fortran_order, dtype = readers[version](file)
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError) as error:
        raise InvalidInput(f"the body is not an npy array: {_one_line(error)}") from error
    if dtype.hasobject or dtype.kind not in "iufbUS" or dtype.itemsize == 0:
        raise InvalidInput(f"the npy array must hold numbers, truth values or text, got dtype {str(dtype)[:80]!r}")
    if any(size < 0 for size in shape) or len(shape) > 32:
        raise InvalidInput("the npy array's shape is not possible")
    count = 1
    for size in shape:
        count *= size
    expected = count * dtype.itemsize
    if len(body) - file.tell() != expected:
        raise InvalidInput(f"the npy header promises {expected} bytes of data, the body has {len(body) - file.tell()}")
    data = np.frombuffer(body, dtype=dtype, count=count, offset=file.tell())
    if dtype.kind == "b" and (data.view(np.uint8) > 1).any():
        raise InvalidInput("the npy array holds truth values that are neither true nor false")
    return data.reshape(shape, order="F" if fortran_order else "C")


def _one_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
