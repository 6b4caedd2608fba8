"""A model's outputs to the body of the answer, in the form the request accepts."""

import functools
import io

import numpy as np
import orjson

from .decode import JSON, NPY, media_type
from .errors import PredictionFailed, UnsupportedAccept

CSV = "text/csv"
ACCEPTS = (JSON, NPY, CSV)
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


def encode_response(outputs: dict[str, np.ndarray], labels: tuple[str, ...] | None, accept: str) -> bytes:
    """Encode the outputs, each of shape `(N, ...)`, in `accept`'s form.

    JSON: `{"outputs": [one list an instance]}`, an object of such lists where the model has several outputs; with
    labels also `"labels"`: for each instance the five highest scores as `{"label", "index", "score"}`.
    npy: the array. CSV: one line an instance, its values in C order.

    Raises UnsupportedAccept for several outputs in npy or CSV, PredictionFailed for NaN or infinity in JSON or CSV.
    """
    first = next(iter(outputs.values()))
    if accept != JSON:
        if len(outputs) != 1:
            raise UnsupportedAccept(f"this model has {len(outputs)} outputs, which only {JSON} can carry")
        return encode_array(first, accept)
    for output in outputs.values():
        _check_finite(output)
    answer: dict[str, object] = {"outputs": first if len(outputs) == 1 else outputs}
    if labels is not None and len(outputs) == 1:
        answer["labels"] = [_top(scores.reshape(-1), labels) for scores in first]
    return _json(answer)


def encode_array(array: np.ndarray, accept: str) -> bytes:
    """One array alone: the bare list in JSON, else as `encode_response` says. Raises PredictionFailed."""
    if accept == NPY:
        file = io.BytesIO()
        np.lib.format.write_array(file, array, allow_pickle=False)
        return file.getvalue()
    _check_finite(array)
    if accept == CSV:
        rows = array.reshape(len(array), -1).tolist()
        return "".join(",".join(map(repr, row)) + "\n" for row in rows).encode("ascii")
    return _json(array)


def _json(value: object) -> bytes:
    """Each number with the fewest digits that tell it from all others of its type."""
    return orjson.dumps(value, default=_as_list, option=orjson.OPT_SERIALIZE_NUMPY)


def _as_list(array: object) -> object:
    """Arrays that orjson does not take as they are: of another memory order, of text."""
    if isinstance(array, np.ndarray):
        return array.tolist()
    raise TypeError(f"a model's output holds a {type(array).__name__}")


def _check_finite(array: np.ndarray) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise PredictionFailed(f"the model's output holds NaN or infinity, which only {NPY} can carry")


def _top(scores: np.ndarray, labels: tuple[str, ...]) -> list[dict[str, object]]:
    count = min(TOP_LABELS, len(scores))
    # Highest first; equal scores in the order of their index, so that the answer is the same on every engine.
    order = np.argsort(-scores, kind="stable")[:count]
    return [
        {
            "label": labels[index] if index < len(labels) else str(index),
            "index": int(index),
            "score": scores[index],
        }
        for index in order
    ]
