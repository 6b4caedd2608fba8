"""CSV bodies to arrays: one instance a line, the values of its inputs in their order."""

import csv
import io
import math
import re
from decimal import Decimal

import numpy as np

from ...artifact.signature import TensorSpec
from ...errors import InvalidInput
from .tensors import Arrays, fitted

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_LARGEST_WHOLE = 2.0**65
_TRUTH = {"true": True, "false": False, "1": True, "0": False}


def from_csv(body: bytes | memoryview, inputs: tuple[TensorSpec, ...], *, has_header: bool = False) -> Arrays:
    """One array an input. A line has all values of an instance, in C order, input after input.

    `has_header`: whether the first line names the columns, and is left out.

    Raises InvalidInput with line and column.
    """
    rows = _rows(body)[1 if has_header else 0 :]
    if not rows:
        raise InvalidInput("expected one line of CSV an instance, got none")
    sizes = [math.prod(spec.item_shape) for spec in inputs]
    for number, row in enumerate(rows, start=1):
        if len(row) != sum(sizes):
            what = "blank" if not row else f"of {len(row)} values"
            raise InvalidInput(f"line {number} is {what}; expected {sum(sizes)} values a line, without a header")
    arrays: Arrays = {}
    first = 0
    for spec, size in zip(inputs, sizes, strict=True):
        values = [
            _value(row[column], spec, (number, column))
            for number, row in enumerate(rows, start=1)
            for column in range(first, first + size)
        ]
        array = np.array(values, dtype=object if spec.dtype == "str" else None).reshape(len(rows), *spec.item_shape)
        if array.dtype.kind == "O" and spec.dtype != "str":
            raise InvalidInput(f"{spec.name!r}: a whole number has more digits than {spec.dtype} can hold")
        arrays[spec.name] = fitted(array, spec, batched=True)
        first += size
    return arrays


def _rows(body: bytes | memoryview) -> list[list[str]]:
    try:
        text = str(body, "utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except UnicodeDecodeError as error:
        raise InvalidInput("a CSV body must be UTF-8 text") from error
    except csv.Error as error:
        raise InvalidInput(f"the body is not valid CSV: {error}") from error
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _value(text: str, spec: TensorSpec, where: tuple[int, int]) -> object:
    if spec.dtype == "str":
        return text
    stripped = text.strip()
    if spec.dtype == "bool":
        value = _TRUTH.get(stripped.lower())
        if value is not None:
            return value
        wanted = "true or false"
    elif "int" in spec.dtype:
        wanted = "a whole number"
        if _NUMBER.fullmatch(stripped) and abs(float(stripped)) < _LARGEST_WHOLE:
            number = Decimal(stripped)
            if number == number.to_integral_value():
                return int(number)
    elif _NUMBER.fullmatch(stripped):
        return float(stripped)
    else:
        wanted = "a number"
    header = " (send the rows without a header)" if where[0] == 1 else ""
    raise InvalidInput(f"line {where[0]}, column {where[1] + 1}: {text[:40]!r} is not {wanted}{header}")
