"""A model's outputs to the body of the answer, in the form the request accepts."""

import csv
import functools
import io
import math
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ...errors import PredictionFailed, UnsupportedAccept
from .decode import CSV, JSON, JSON_LINES, NPY, media_type

ACCEPTS = (JSON, NPY, CSV, JSON_LINES)
TOP_LABELS = 5


@functools.lru_cache(maxsize=256)
def choose_accept(header: str, default: str) -> str:
    """The form to answer in, from an Accept header: the listed form of the highest weight, first wins.

    Raises UnsupportedAccept where none of the listed forms is offered.
    """
    best, best_weight = "", 0.0
    for entry in (header or default).split(","):
        kind, _, parameters = entry.partition(";")
        kind = kind.strip().lower()
        weight = _weight(parameters)
        if kind in ("*/*", "application/*"):
            kind = media_type(default) if kind == "*/*" else JSON
        elif kind == "text/*":
            kind = CSV
        if kind in ACCEPTS and weight > best_weight:
            best, best_weight = kind, weight
    if not best:
        raise UnsupportedAccept(f"Accept {header[:200]!r} names none of {', '.join(ACCEPTS)}")
    return best


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def encode_response(outputs: dict[str, NDArray[Any]], labels: tuple[str, ...] | None, accept: str) -> bytes:
    """Encode the outputs in `accept`'s form.

    JSON: `{"outputs": the output}`, an object by name where the model has several; with labels also `"labels"`: for
    each instance the five highest scores as `{"label", "index", "score"}`. JSON Lines: the same for each instance, one
    a line. npy: the array. CSV (RFC 4180): one line an instance, its values in C order.

    Raises UnsupportedAccept for what the form cannot carry, PredictionFailed for NaN or infinity in any but npy.
    """
    first = next(iter(outputs.values()))
    if accept in (NPY, CSV):
        if len(outputs) != 1:
            raise UnsupportedAccept(f"this model has {len(outputs)} outputs, which {JSON} can carry")
        return encode_array(first, accept)
    for output in outputs.values():
        _check_finite(output)
    best = None
    if labels is not None and len(outputs) == 1 and is_scores(first, labels):
        best = [_top(scores.reshape(-1), labels) for scores in first]
    if accept == JSON_LINES:
        return _lines(outputs, best)
    answer: dict[str, object] = {"outputs": first if len(outputs) == 1 else outputs}
    if best is not None:
        answer["labels"] = best
    return _json(answer)


def is_scores(output: NDArray[Any], labels: tuple[str, ...]) -> bool:
    """Whether an output has one number for each label, for each instance."""
    return output.ndim > 1 and math.prod(output.shape[1:]) == len(labels) and output.dtype.kind in "iuf"


def encode_array(array: NDArray[Any], accept: str) -> bytes:
    """One array alone: the bare list in JSON, else as `encode_response` says. Raises as that does."""
    if accept == NPY:
        file = io.BytesIO()
        np.lib.format.write_array(  # type: ignore[no-untyped-call]
            file, _savable(array), allow_pickle=False
        )
        return file.getvalue()
    _check_finite(array)
    if accept == CSV:
        return _csv(array)
    if accept == JSON_LINES:
        return b"".join(_json(row) + b"\n" for row in np.atleast_1d(array))
    return _json(array)


def encode_value(value: object, accept: str) -> bytes:
    """What a model's own code answers with: an array as `encode_array` does it, all else as JSON.

    Lists and objects may hold arrays. Raises as `encode_array` does, and UnsupportedAccept where only JSON is possible.
    """
    if isinstance(value, list | tuple) and accept != JSON:
        array = np.asarray(value)
        value = array if array.dtype.kind in "iufbU" else value
    if isinstance(value, np.ndarray | np.generic):
        return encode_array(np.asarray(value), accept)
    if accept != JSON:
        raise UnsupportedAccept(f"this model answers with a {type(value).__name__}, which only {JSON} can carry")
    _check_all_finite(value)
    try:
        return _json(value)
    except TypeError as error:
        raise PredictionFailed(f"this model answers with what JSON cannot carry: {error}") from error


def _check_all_finite(value: object) -> None:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            _check_all_finite(item)
    elif isinstance(value, float | np.ndarray | np.generic):
        _check_finite(np.asarray(value))


def _lines(outputs: dict[str, NDArray[Any]], best: list[Any] | None) -> bytes:
    counts = {len(output) if output.ndim else 1 for output in outputs.values()}
    if len(counts) != 1:
        raise UnsupportedAccept(f"this model's outputs are not of one number of lines; {JSON} can carry them")
    lines = []
    for number in range(counts.pop()):
        rows = {name: np.atleast_1d(output)[number] for name, output in outputs.items()}
        line: dict[str, object] = {"outputs": next(iter(rows.values())) if len(rows) == 1 else rows}
        if best is not None:
            line["labels"] = best[number]
        lines.append(_json(line) + b"\n")
    return b"".join(lines)


def _savable(array: NDArray[Any]) -> NDArray[Any]:
    """The array as npy can hold it: text as fixed-width Unicode, which drops zero characters at the end."""
    if array.dtype.kind != "O":
        return array
    text = array.astype(str)
    if (text.astype(object) != array).any():
        raise UnsupportedAccept(f"the model's output holds text that npy cannot carry; {JSON} can")
    return text


def _csv(array: NDArray[Any]) -> bytes:
    rows = array.reshape(len(array) if array.ndim else 1, math.prod(array.shape[1:]))
    if array.dtype.kind in "OU":
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows.tolist())
        return text.getvalue().encode()
    if not rows.size:
        return b"\r\n" * len(rows)
    # The digits that JSON has, and a line's end where it has the end of a list.
    return _json(np.ascontiguousarray(rows))[2:-2].replace(b"],[", b"\r\n") + b"\r\n"


def _json(value: object) -> bytes:
    """Each number with the fewest digits that tell it from all others of its type."""
    return orjson.dumps(value, default=_as_list, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


def _as_list(array: object) -> object:
    """What orjson does not take as it is: arrays of another memory order, of text, of no dimension; MXNet's arrays."""
    if hasattr(array, "asnumpy"):
        array = array.asnumpy()
    if hasattr(array, "tolist"):
        return array.tolist()
    raise TypeError(f"a model's output holds a {type(array).__name__}")


def _check_finite(array: NDArray[Any]) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise PredictionFailed(f"the model's output holds NaN or infinity, which only {NPY} can carry")


def _top(scores: NDArray[Any], labels: tuple[str, ...]) -> list[dict[str, object]]:
    count = min(TOP_LABELS, len(scores))
    # Highest first; equal scores in the order of their index, so that the answer is the same on every engine.
    order = len(scores) - 1 - np.argsort(scores[::-1], kind="stable")[::-1][:count]
    return [
        {"label": labels[index] or str(index), "index": int(index), "score": scores[index]} for index in order.tolist()
    ]
