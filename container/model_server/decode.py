"""A request's body to the arrays a model takes. Allow-listed content types only, and never pickle."""

import io
from collections.abc import Callable

import numpy as np
import pydantic_core

from .errors import InvalidInput, UnsupportedContentType
from .preprocess import image_to_tensor
from .signature import ImageSpec, TensorSpec

JSON = "application/json"
NPY = "application/x-npy"
IMAGES = ("image/jpeg", "image/png")
CONTENT_TYPES = (*IMAGES, NPY, JSON)
_MAX_NPY_HEADER_BYTES = 4096

Arrays = dict[str, np.ndarray]


def media_type(header: str) -> str:
    """`Image/JPEG; q=1` -> `image/jpeg`."""
    return header.partition(";")[0].strip().lower()


def decode_request(
    body: bytes | memoryview, content_type: str, inputs: tuple[TensorSpec, ...], image: ImageSpec | None
) -> Arrays:
    """Decode a body to one float32 (or the input's dtype) array an input, each of shape `(N, *item_shape)`, N >= 1.

    Raises UnsupportedContentType, InvalidInput, RequestTooLarge.
    """
    kind = media_type(content_type)
    if kind not in CONTENT_TYPES:
        raise UnsupportedContentType(f"Content-Type {content_type!r} is not one of {', '.join(CONTENT_TYPES)}")
    if kind in IMAGES:
        if image is None:
            raise UnsupportedContentType(f"this model takes no images; send {NPY} or {JSON}")
        return {inputs[0].name: image_to_tensor(body, kind, image, inputs[0].item_shape)}
    if kind == NPY:
        if len(inputs) != 1:
            raise UnsupportedContentType(
                f"this model has {len(inputs)} inputs; send {JSON} with one object an instance"
            )
        return {inputs[0].name: _fitted(_read_npy(body), inputs[0])}
    return _from_json(body, inputs)


def _from_json(body: bytes | memoryview, inputs: tuple[TensorSpec, ...]) -> Arrays:
    value = parse_json(body)
    instances = value
    if isinstance(value, dict):
        if set(value) != {"instances"}:
            raise InvalidInput(f'expected {{"instances": [...]}} or a list, got an object with {sorted(value)[:5]}')
        instances = value["instances"]
    if not isinstance(instances, list) or not instances:
        raise InvalidInput("expected a non-empty list of instances")
    if isinstance(instances[0], dict):
        return _from_objects(instances, inputs)
    if len(inputs) != 1:
        names = ", ".join(spec.name for spec in inputs)
        raise InvalidInput(f"this model has several inputs: each instance must be an object with {names}")
    return {inputs[0].name: _fitted(_array(instances, inputs[0].name), inputs[0])}


def _from_objects(instances: list[object], inputs: tuple[TensorSpec, ...]) -> Arrays:
    names = {spec.name for spec in inputs}
    for position, instance in enumerate(instances):
        if not isinstance(instance, dict) or set(instance) != names:
            raise InvalidInput(f"instance {position} must be an object with exactly {', '.join(sorted(names))}")
    return {
        spec.name: _fitted(_array([instance[spec.name] for instance in instances], spec.name), spec, batched=True)  # type: ignore[index]
        for spec in inputs
    }


def parse_json(body: bytes | memoryview) -> object:
    """Parse strict JSON: no NaN, no Infinity, bounded nesting. Raises InvalidInput."""
    try:
        return pydantic_core.from_json(bytes(body), allow_inf_nan=False)
    except ValueError as error:
        raise InvalidInput(f"the body is not valid JSON: {error}") from error


def _array(value: object, name: str) -> np.ndarray:
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError, np.VisibleDeprecationWarning) as error:
        raise InvalidInput(f"{name!r}: the lists are not of equal lengths at every level") from error
    if array.dtype.kind not in "iuf":
        raise InvalidInput(f"{name!r}: expected numbers in lists of equal lengths at every level")
    return array


def _read_npy(body: bytes | memoryview) -> np.ndarray:
    file = io.BytesIO(body)
    try:
        version = np.lib.format.read_magic(file)
        readers: dict[tuple[int, int], Callable[..., tuple[tuple[int, ...], bool, np.dtype]]] = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        length_bytes = 2 if version == (1, 0) else 4
        start = file.tell()
        if version not in readers or int.from_bytes(file.read(length_bytes), "little") > _MAX_NPY_HEADER_BYTES:
            raise InvalidInput("the body is not an npy array of version 1 or 2 with a header of normal size")
        file.seek(start)
        shape, fortran_order, dtype = readers[version](file)
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError) as error:
        raise InvalidInput(f"the body is not an npy array: {_one_line(error)}") from error
    if dtype.hasobject or dtype.kind not in "iuf":
        raise InvalidInput(f"the npy array must hold numbers, got dtype {str(dtype)[:80]!r}")
    if any(size < 0 for size in shape) or len(shape) > 32:
        raise InvalidInput("the npy array's shape is not possible")
    count = 1
    for size in shape:
        count *= size
    expected = count * dtype.itemsize
    if len(body) - file.tell() != expected:
        raise InvalidInput(f"the npy header promises {expected} bytes of data, the body has {len(body) - file.tell()}")
    data = np.frombuffer(body, dtype=dtype, count=count, offset=file.tell())
    return data.reshape(shape, order="F" if fortran_order else "C")


def _fitted(array: np.ndarray, spec: TensorSpec, batched: bool = False) -> np.ndarray:
    item = spec.item_shape
    if not batched and array.shape == item:
        array = array[np.newaxis]
    if array.ndim != len(item) + 1 or array.shape[1:] != item or array.shape[0] == 0:
        sizes = ", ".join(str(size) for size in item)
        one = "" if batched else f" or [{sizes}]"
        raise InvalidInput(f"{spec.name!r}: expected shape [N, {sizes}]{one} with N >= 1, got {list(array.shape)}")
    with np.errstate(over="ignore", invalid="ignore"):
        fitted = np.ascontiguousarray(array, dtype=spec.dtype)
    if fitted.dtype.kind == "f" and not np.isfinite(fitted).all():
        raise InvalidInput(f"{spec.name!r}: expected finite numbers, got NaN or infinity")
    return fitted


def _one_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
