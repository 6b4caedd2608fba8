"""Makes the optimised form of an ONNX model, and tries it beside the model itself before anybody may use it."""

import logging
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...artifact.signature import TensorSpec
from ...errors import ServerError
from ..formats.tensors import Arrays
from .instances import sample_arrays
from .onnx_forms import GRAPH, Form, FormFolder, Ran
from .reasons import reason

_log = logging.getLogger(__name__)
# Smaller files load within a millisecond or two anyway.
LEAST_BYTES = 256 * 1024
# What a form needs on disk beyond its model: weights are padded to the width of the processor's vectors.
_DISK_RATIO = 1.25
# Where a graph names the file that an initializer is in: a StringStringEntryProto with the key `location`.
_EXTERNAL = b"\x0a\x08location"
_BATCH = 8
_ROUNDS, _ROUNDS_SECONDS = 7, 2.0
_SLOWER = 1.1
_TOLERANCES = {"float16": 1e-2, "float32": 1e-4, "float64": 1e-6}


class Tried(Protocol):
    """A model whose runs are compared."""

    inputs: tuple[TensorSpec, ...]
    takes_any_number: bool

    def predict(self, arrays: Arrays) -> Arrays: ...


class Open(Protocol):
    """Makes a model of ONNX Runtime from a file's content or its path: by a form, or so that it writes one."""

    def __call__(self, source: bytes | Path, form: Form | None = None, writes: Path | None = None) -> Tried: ...


class Unsuitable(Exception):
    """A model whose optimised form cannot be used; the message says why."""


def write_form(forms: FormFolder, path: Path, open_model: Open) -> str:
    """Write the form of a model's file, unless there is one. Returns why there is none to use, or an empty text.

    Args:
        forms: where it goes.
        path: the model's file.
        open_model: `open_model(content, writes=folder)` and `open_model(path, form=form)` give an OnnxModel.
    """
    found = forms.find(path)
    if found is not None:
        return found[1].direct_because
    content = path.read_bytes()
    obstacle = forms.make_room(int(len(content) * _DISK_RATIO))
    if obstacle:
        return obstacle
    with forms.writing(content) as folder:
        try:
            form = _tried(content, folder, open_model)
        except Unsuitable as error:
            for file in folder.iterdir():
                file.unlink()
            form = Form(direct_because=str(error))
        forms.finish(folder, content, form)
    return form.direct_because


def _tried(content: bytes, folder: Path, open_model: Open) -> Form:
    """Have ONNX Runtime write the form, and compare it with the model. Raises Unsuitable."""
    if _EXTERNAL in content:
        raise Unsuitable("it has weights in files beside it, which are mapped as they are")
    try:
        direct = open_model(content, writes=folder)
        if not (folder / GRAPH).is_file():
            raise Unsuitable("ONNX Runtime wrote no optimised graph")
        form = Form()
        optimised = open_model(folder / GRAPH, form=form)
        samples = _samples(direct)
        # First, since sessions that are seeded alike give the same random numbers in the same runs.
        if not _same(direct, direct, samples):
            raise Unsuitable("its outputs change from run to run")
        if not _same(direct, optimised, samples):
            raise Unsuitable("its outputs are not the same in the optimised form")
        if _is_slower(direct, optimised, samples):
            form = Form(prepack=True)
            optimised = open_model(folder / GRAPH, form=form)
            if not _same(direct, optimised, samples) or _is_slower(direct, optimised, samples):
                raise Unsuitable("its optimised form runs slower")
    except ServerError as error:
        raise Unsuitable(error.message) from error
    except Unsuitable:
        raise
    except Exception as error:
        raise Unsuitable(f"ONNX Runtime could not write or read its optimised form: {reason(error)}") from error
    outputs = optimised.predict(sample_arrays(optimised.inputs))
    shapes = {name: (output.dtype.name, output.shape) for name, output in outputs.items()}
    return form.model_copy(update={"ran": Ran(inputs=optimised.inputs, outputs=shapes)})


def _samples(model: Tried) -> list[Arrays]:
    """Made-up inputs: one instance, and several where the network takes them at once."""
    random = np.random.RandomState(1)
    counts = [None, _BATCH] if model.takes_any_number else [None]
    return [_filled(sample_arrays(model.inputs, count), model.inputs, random) for count in counts]


def _filled(arrays: Arrays, inputs: tuple[TensorSpec, ...], random: np.random.RandomState) -> Arrays:
    """Fractions are random; whole numbers may be indexes of a table and stay zero."""
    fractions = {spec.name for spec in inputs if spec.dtype.startswith("float")}
    return {
        name: random.random_sample(array.shape).astype(array.dtype) if name in fractions else array
        for name, array in arrays.items()
    }


def _same(direct: Tried, optimised: Tried, samples: list[Arrays]) -> bool:
    for arrays in samples:
        expected, found = direct.predict(arrays), optimised.predict(arrays)
        if expected.keys() != found.keys() or not all(_close(expected[name], found[name]) for name in expected):
            return False
    return True


def _close(expected: NDArray[Any], found: NDArray[Any]) -> bool:
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return False
    tolerance = _TOLERANCES.get(expected.dtype.name)
    if tolerance is None or not expected.size:
        return bool(np.array_equal(expected, found))
    scale = float(np.max(np.abs(expected), where=np.isfinite(expected), initial=0))
    return np.allclose(expected, found, rtol=0, atol=tolerance * scale, equal_nan=True)


def _is_slower(direct: Tried, optimised: Tried, samples: list[Arrays]) -> bool:
    """By processor time, as other processes go first: the quickest of some runs of each, by turns."""
    for arrays in samples:
        best = [float("inf"), float("inf")]
        end = time.monotonic() + _ROUNDS_SECONDS
        for number in range(_ROUNDS):
            for index, model in enumerate((direct, optimised)):
                start = time.process_time()
                model.predict(arrays)
                best[index] = min(best[index], time.process_time() - start)
            if number >= 2 and time.monotonic() > end:
                break
        if best[1] > _SLOWER * best[0] + 1e-4:
            return True
    return False
