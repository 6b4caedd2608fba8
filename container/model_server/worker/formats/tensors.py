"""Arrays into exactly the shape and type an input has: converted without loss, or refused.

Numbers with fractions are rounded to a floating-point input's precision, as every decimal number is; nothing else of
what the caller sent may change.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...artifact.signature import TensorSpec
from ...errors import InvalidInput

Arrays = dict[str, NDArray[Any]]
# Whole numbers up to this one have a value of their own in the type.
EXACT_UP_TO = {"float16": 2**11, "float32": 2**24, "float64": 2**53}


def fitted(array: NDArray[Any], spec: TensorSpec, *, batched: bool = False, finite: bool = True) -> NDArray[Any]:
    """The array as instances of an input, of shape `(N, *item_shape)` with N >= 1 and the input's type.

    Args:
        array: what was sent; of the shape of one item, unless `batched`, or of several.
        spec: the input.
        batched: whether the first dimension must be the instances.
        finite: whether NaN and infinity are refused.

    Raises InvalidInput with what was expected.
    """
    item = spec.item_shape
    if not batched and array.shape == item:
        array = array[np.newaxis]
    if array.ndim != len(item) + 1 or array.shape[1:] != item or array.shape[0] == 0:
        sizes = ", ".join(str(size) for size in item)
        several = f"[N, {sizes}]" if item else "[N]"
        one = "" if batched else f" or [{sizes}]"
        raise InvalidInput(f"{spec.name!r}: expected shape {several}{one} with N >= 1, got {list(array.shape)}")
    return exact(array, spec.dtype, spec.name, finite=finite)


def exact(array: NDArray[Any], dtype: str, name: str, *, finite: bool = True) -> NDArray[Any]:
    """The array in another element type, contiguous. Raises InvalidInput where a value would change."""
    if dtype == "str":
        return _text(array, name)
    target = np.dtype(dtype)
    if target.kind == "b":
        return _truth(array, name)
    if array.dtype.kind not in "iuf":
        raise InvalidInput(f"{name!r}: expected numbers in lists of equal lengths at every level")
    if target.kind == "f":
        return _floating(array, target, name, finite)
    _check_whole(array, target, name)
    return np.ascontiguousarray(array, dtype=target)


def _floating(array: NDArray[Any], target: np.dtype[Any], name: str, finite: bool) -> NDArray[Any]:
    with np.errstate(over="ignore", invalid="ignore"):
        result = np.ascontiguousarray(array, dtype=target)
        # A finite sum of squares has finite parts only, and costs half of looking at each.
        is_finite = not finite or math.isfinite(np.vdot(result, result)) or bool(np.isfinite(result).all())
    if not is_finite:
        if np.isfinite(array).all():
            raise InvalidInput(f"{name!r}: {_first(array, ~np.isfinite(result))} is beyond what {target} can hold")
        raise InvalidInput(f"{name!r}: expected finite numbers, got NaN or infinity")
    if array.dtype.kind in "iu" and array.size:
        limit = EXACT_UP_TO[target.name]
        if int(array.max()) > limit or int(array.min()) < -limit:
            changed = result.astype(np.longdouble) != array.astype(np.longdouble)
            if changed.any():
                raise cannot_hold(_first(array, changed), target.name, name)
    return result


def cannot_hold(number: object, dtype: str, name: str) -> InvalidInput:
    """The error of a whole number between two of a floating-point type."""
    return InvalidInput(
        f"{name!r}: {dtype} cannot hold the whole number {str(number)[:40]} exactly; send it with a fraction, "
        "such as .0, where it may be rounded"
    )


def _check_whole(array: NDArray[Any], target: np.dtype[Any], name: str) -> None:
    limits = np.iinfo(target)
    if array.dtype == target or not array.size:
        return
    if array.dtype.kind == "f":
        wrong = ~np.isfinite(array) | (array != np.trunc(array))
        if wrong.any():
            raise InvalidInput(f"{name!r}: expected whole numbers ({target}), got {_first(array, wrong)}")
        # The limit itself is no float of 64 bits, the number after it is one.
        beyond = (array < float(limits.min)) | (array >= float(limits.max // 2 + 1) * 2)
    elif int(array.min()) >= limits.min and int(array.max()) <= limits.max:
        return
    else:
        beyond = np.array([not limits.min <= int(value) <= limits.max for value in array.flat]).reshape(array.shape)
    if beyond.any():
        raise InvalidInput(
            f"{name!r}: expected numbers from {limits.min} to {limits.max} ({target}), got {_first(array, beyond)}"
        )


def _truth(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.dtype.kind != "b" and not (array.dtype.kind in "iuf" and np.isin(array, (0, 1)).all()):
        raise InvalidInput(f"{name!r}: expected true or false in lists of equal lengths at every level")
    return np.ascontiguousarray(array, dtype=np.bool_)


def _text(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.dtype.kind == "S":
        try:
            array = np.char.decode(array, "utf-8")
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{name!r}: the text is not UTF-8") from error
    try:
        result = np.ascontiguousarray(array.astype(object)).reshape(array.shape)
    except ValueError as error:  # code points that do not exist
        raise InvalidInput(f"{name!r}: the text is not Unicode") from error
    if array.dtype.kind not in "UO" or not all(type(value) is str for value in result.flat):
        raise InvalidInput(f"{name!r}: expected text in lists of equal lengths at every level")
    return result


def _first(array: NDArray[Any], mask: NDArray[Any]) -> object:
    value = array[mask].flat[0]
    return value.item() if hasattr(value, "item") else value
