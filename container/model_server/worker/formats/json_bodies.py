"""JSON and JSON Lines bodies to arrays."""

import json
from typing import Any

import numpy as np
import pydantic_core
from numpy.typing import NDArray

from ...artifact.signature import TensorSpec
from ...errors import InvalidInput
from .tensors import EXACT_UP_TO, Arrays, cannot_hold, fitted

_FORMS = '{"instances": [...]}, {"inputs": ...} or a list'
# Whole numbers beyond this one may have changed where numpy made floats of a mixed list.
_EXACT_FLOATS = 2.0**53


def from_json(body: bytes, inputs: tuple[TensorSpec, ...]) -> Arrays:
    """One array an input, of a body in one of these forms. Raises InvalidInput.

    `[...]` or `{"instances": [...]}`: a list of instances, or one alone for a single input; where the inputs are named,
    each instance is an object. `{"inputs": ...}`: the tensors as a whole, an object by name for several inputs.
    """
    value = parse_json(body)
    loose = _has_truth(body)
    _check_keys(body, value)
    if isinstance(value, dict):
        if set(value) == {"inputs"}:
            return _from_columns(value["inputs"], inputs, loose)
        if set(value) != {"instances"}:
            raise InvalidInput(f"expected {_FORMS}, got an object with {sorted(value)[:5]}")
        value = value["instances"]
    return _from_instances(value, inputs, loose)


def from_json_lines(body: bytes, inputs: tuple[TensorSpec, ...]) -> Arrays:
    """One array an input, of a body with one instance a line: a list, a value, or an object for named inputs.

    Raises InvalidInput with the number of the line.
    """
    lines = body.split(b"\n")
    while lines and not lines[-1].strip():
        lines.pop()
    instances = []
    for number, line in enumerate(lines, start=1):
        try:
            instances.append(parse_json(line))
            _check_keys(line, instances[-1])
        except InvalidInput as error:
            raise InvalidInput(f"line {number}: {error.message}") from error
    return _from_instances(instances, inputs, _has_truth(body), apart=True)


def parse_json(body: bytes | memoryview) -> object:
    """Parse strict JSON: no NaN, no Infinity, bounded nesting. Raises InvalidInput.

    Not with orjson, as everywhere else: it makes floats of whole numbers beyond 64 bits, without a word.
    """
    try:
        return pydantic_core.from_json(body if type(body) is bytes else bytes(body), allow_inf_nan=False)
    except ValueError as error:
        raise InvalidInput(f"the body is not valid JSON: {error}") from error


def _check_keys(body: bytes, value: object) -> None:
    """Raises InvalidInput where an object has a key twice, of which the parser keeps the last."""
    if b":" not in body or body.count(b":") == _key_count(value):
        return

    def refuse_repeated(pairs: list[tuple[str, object]]) -> dict[str, object]:
        result = dict(pairs)
        if len(result) != len(pairs):
            names = [name for name, _ in pairs]
            repeated = next(name for name in names if names.count(name) > 1)
            raise InvalidInput(f"the key {repeated[:80]!r} stands twice in an object: send it once")
        return result

    json.loads(body, object_pairs_hook=refuse_repeated)


def _key_count(value: object) -> int:
    """How many keys the objects have that a body may consist of: the outer one, and one an instance."""
    if isinstance(value, dict):
        return len(value) + sum(_key_count(inner) for inner in value.values() if isinstance(inner, dict | list))
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return sum(len(item) for item in value if isinstance(item, dict))
    return 0


def _has_truth(body: bytes) -> bool:
    """Whether `true` or `false` may be among the values: numpy takes them for 1 and 0 beside numbers."""
    return b"true" in body or b"false" in body


def _from_instances(instances: object, inputs: tuple[TensorSpec, ...], has_truth: bool, apart: bool = False) -> Arrays:
    if not isinstance(instances, list) or not instances:
        raise InvalidInput("expected a non-empty list of instances")
    if isinstance(instances[0], dict):
        return _from_objects(instances, inputs, has_truth)
    if len(inputs) != 1:
        names = ", ".join(spec.name for spec in inputs)
        raise InvalidInput(f"this model has several inputs: each instance must be an object with {names}")
    return {inputs[0].name: fitted(_array(instances, inputs[0], has_truth), inputs[0], batched=apart)}


def _from_objects(instances: list[object], inputs: tuple[TensorSpec, ...], has_truth: bool) -> Arrays:
    names = {spec.name for spec in inputs}
    for position, instance in enumerate(instances):
        if not isinstance(instance, dict) or set(instance) != names:
            raise InvalidInput(f"instance {position} must be an object with exactly {', '.join(sorted(names))}")
    return {
        spec.name: fitted(
            _array([instance[spec.name] for instance in instances], spec, has_truth),  # type: ignore[index]
            spec,
            batched=True,
        )
        for spec in inputs
    }


def _from_columns(value: object, inputs: tuple[TensorSpec, ...], has_truth: bool) -> Arrays:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return _from_objects(value, inputs, has_truth)
    if len(inputs) == 1 and not isinstance(value, dict):
        value = {inputs[0].name: value}
    names = sorted(spec.name for spec in inputs)
    if not isinstance(value, dict) or sorted(value) != names:
        raise InvalidInput(f'"inputs" must be an object with exactly {", ".join(names)}')
    arrays = {spec.name: _array(value[spec.name], spec, has_truth) for spec in inputs}
    fit = {spec.name: fitted(arrays[spec.name], spec, batched=spec.batched) for spec in inputs}
    count = max(len(array) for array in fit.values())
    for spec in inputs:
        if len(fit[spec.name]) == 1 and not spec.batched:
            # One tensor that belongs to every instance.
            fit[spec.name] = np.repeat(fit[spec.name], count, axis=0)
    lengths = {name: len(array) for name, array in fit.items()}
    if len(set(lengths.values())) != 1:
        raise InvalidInput(f"the inputs are of different numbers of instances: {lengths}")
    return fit


def _array(value: object, spec: TensorSpec, has_truth: bool) -> NDArray[Any]:
    if spec.dtype == "str":
        return _ragged_checked(np.array(value, dtype=object), spec)
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError, np.VisibleDeprecationWarning) as error:
        raise InvalidInput(f"{spec.name!r}: the lists are not of equal lengths at every level") from error
    if array.dtype.kind == "O":
        array = _of_large_numbers(value, spec)
    if array.dtype.kind not in "iufb":
        raise InvalidInput(f"{spec.name!r}: expected numbers in lists of equal lengths at every level")
    if has_truth and (array.dtype.kind != "b" or spec.dtype != "bool"):
        flat = np.array(value, dtype=object).ravel()
        if any(type(item) is bool for item in flat):
            raise InvalidInput(f"{spec.name!r}: expected {_wanted(spec)}, got a truth value")
    if array.dtype.kind == "f" and _is_beyond(array, EXACT_UP_TO.get(spec.dtype, _EXACT_FLOATS)):
        # Made of whole numbers, or of those and others, which may have changed on the way.
        return _of_large_numbers(value, spec)
    return array


def _is_beyond(array: NDArray[Any], limit: float) -> bool:
    # The sum of squares is the cheapest bound there is; where it says nothing, each value is looked at.
    return not np.vdot(array, array) < limit * limit and bool((np.abs(array) >= limit).any())


def _of_large_numbers(value: object, spec: TensorSpec) -> NDArray[Any]:
    """The array, number by number: a float holds no whole number of more than 15 digits for sure."""
    items = np.array(value, dtype=object)
    if any(type(item) not in (int, float) for item in items.flat):
        raise InvalidInput(f"{spec.name!r}: expected numbers in lists of equal lengths at every level")
    if "int" in spec.dtype:
        if any(type(item) is float and abs(item) >= _EXACT_FLOATS for item in items.flat):
            raise InvalidInput(f"{spec.name!r}: send whole numbers of more than 15 digits without fraction or exponent")
        limits = np.iinfo(spec.dtype)
        for item in items.flat:
            if not limits.min <= item <= limits.max:
                raise InvalidInput(
                    f"{spec.name!r}: expected numbers from {limits.min} to {limits.max} ({spec.dtype}), got {item}"
                )
            if item != int(item):
                raise InvalidInput(f"{spec.name!r}: expected whole numbers ({spec.dtype}), got {item}")
        return items.astype(spec.dtype)
    largest = np.finfo(spec.dtype).max if spec.dtype.startswith("float") else 1
    for item in items.flat:
        if type(item) is int and (abs(item) > largest or int(np.dtype(spec.dtype).type(item)) != item):
            raise cannot_hold(item, spec.dtype, spec.name)
    return items.astype(np.float64)


def _ragged_checked(array: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    if any(isinstance(item, list) for item in array.flat):
        raise InvalidInput(f"{spec.name!r}: the lists are not of equal lengths at every level")
    return array


def _wanted(spec: TensorSpec) -> str:
    return "true or false everywhere" if spec.dtype == "bool" else "numbers"
