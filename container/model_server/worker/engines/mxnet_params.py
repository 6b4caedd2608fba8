"""Reads MXNet's `.params` files by mapping them into memory, so that weights are shared with the page cache.

MXNet's own reader copies every array. Its convolutions then keep a second, reordered copy and never look at the first
again: half of a model's memory for nothing. Mapped weights cost no private memory, and once the reordered copies
exist their pages can be dropped (`release_pages`).

Format (little endian), from MXNet's `src/ndarray/ndarray.cc`: u64 0x112, u64 0, u64 count, the arrays, u64 count, the
names (u64 length, bytes). An array: u32 0xF993FAC9, i32 storage type (0 = dense), u32 dimensions, i64 each,
i32 device type, i32 device id, i32 element type, the elements.
"""

import ctypes
import mmap
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidArtifact

_LIST_MAGIC = 0x112
_ARRAY_MAGIC = 0xF993FAC9
_DTYPES = {0: "<f4", 1: "<f8", 2: "<f2", 3: "u1", 4: "<i4", 5: "i1", 6: "<i8"}
_MAX_DIMENSIONS = 32
_MAX_NAME_BYTES = 4096


def by_role(saved: dict[str, Any], symbol: Any, file_name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments and the auxiliary states among saved parameters, under their names in the network.

    Names without `arg:` or `aux:`, as gluon's `collect_params().save` writes them, are taken where the network knows
    them. Raises InvalidArtifact where it knows none of them.
    """
    if not saved or any(name.startswith(("arg:", "aux:")) for name in saved):
        return (
            {name[4:]: value for name, value in saved.items() if name.startswith("arg:")},
            {name[4:]: value for name, value in saved.items() if name.startswith("aux:")},
        )
    arguments, auxiliary = set(symbol.list_arguments()), set(symbol.list_auxiliary_states())
    if not (arguments | auxiliary) & saved.keys():
        raise InvalidArtifact(
            f"{file_name} was saved without arg: and aux: before the names, and {next(iter(saved))!r} is none of the "
            "network's: save with block.export or mx.model.save_checkpoint"
        )
    return (
        {name: value for name, value in saved.items() if name in arguments},
        {name: value for name, value in saved.items() if name in auxiliary},
    )


class UnknownParametersFormat(Exception):
    """A file of another version or with sparse arrays: MXNet's own reader has to take it."""


class MappedParameters:
    """The arrays of a `.params` file by name (`arg:...`, `aux:...`), backed by the file.

    The mapping is private: a process that writes into an array changes its own copy, never the file.
    Raises InvalidArtifact for a damaged file, UnknownParametersFormat for one of another version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.stat().st_size < 24:
            raise InvalidArtifact(f"{path.name} is damaged: it ends within its header")
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        self.arrays = _Reader(self._map, path.name).arrays()

    def release_pages(self) -> None:
        """Give back the pages read so far; they come back from the file when they are read again.

        Does nothing where the engine wrote into its weights: then the pages are the only copy.
        """
        with self._path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as original:
            size = len(original)
            untouched = size == len(self._map) and _same(np.frombuffer(self._map, np.uint8), original, size)
        if untouched:
            self._map.madvise(mmap.MADV_DONTNEED)


def _same(ours: NDArray[Any], original: mmap.mmap, size: int) -> bool:
    theirs = np.frombuffer(original, np.uint8)
    return (
        ctypes.CDLL(None).memcmp(
            ctypes.c_void_p(ours.ctypes.data), ctypes.c_void_p(theirs.ctypes.data), ctypes.c_size_t(size)
        )
        == 0
    )


class _Reader:
    def __init__(self, data: mmap.mmap, name: str) -> None:
        self._data = data
        self._name = name
        self._offset = 0

    def arrays(self) -> dict[str, NDArray[Any]]:
        magic, _, count = self._take("QQQ")
        if magic != _LIST_MAGIC:
            raise InvalidArtifact(f"{self._name} is not an MXNet parameter file")
        if count > len(self._data):
            raise self._damaged()
        arrays = [self._array() for _ in range(count)]
        if self._take("Q")[0] != count:
            raise InvalidArtifact(f"{self._name} holds arrays without names")
        named = dict(zip([self._text() for _ in range(count)], arrays, strict=True))
        if self._offset != len(self._data):
            raise self._damaged()
        return named

    def _array(self) -> NDArray[Any]:
        magic, storage = self._take("Ii")
        if magic != _ARRAY_MAGIC or storage != 0:
            raise UnknownParametersFormat(self._name)
        (dimensions,) = self._take("I")
        if not 0 < dimensions <= _MAX_DIMENSIONS:
            raise UnknownParametersFormat(self._name)
        shape = self._take(f"{dimensions}q")
        _, _, kind = self._take("iii")
        if kind not in _DTYPES:
            raise UnknownParametersFormat(self._name)
        dtype = np.dtype(_DTYPES[kind])
        count = 1
        for size in shape:
            count *= size
        if any(size < 1 for size in shape) or count * dtype.itemsize > len(self._data) - self._offset:
            raise self._damaged()
        array = np.frombuffer(self._data, dtype, count, self._offset).reshape(shape)
        self._offset += count * dtype.itemsize
        return array

    def _text(self) -> str:
        (length,) = self._take("Q")
        if length > _MAX_NAME_BYTES or length > len(self._data) - self._offset:
            raise self._damaged()
        text = self._data[self._offset : self._offset + length]
        self._offset += length
        return text.decode("utf-8", "replace")

    def _take(self, layout: str) -> tuple[int, ...]:
        try:
            values = struct.unpack_from(f"<{layout}", self._data, self._offset)
        except struct.error as error:
            raise self._damaged() from error
        self._offset += struct.calcsize(f"<{layout}")
        return values

    def _damaged(self) -> InvalidArtifact:
        return InvalidArtifact(
            f"{self._name} is damaged: its content does not fit its length of {len(self._data)} bytes"
        )
