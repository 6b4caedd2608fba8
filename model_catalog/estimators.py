"""Estimators of scikit-learn, XGBoost and LightGBM as ONNX artifacts, and the check that both answer the same.

The packages that read and convert them are no part of this project: install those an estimator needs beside it.
"""

import hashlib
import importlib
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from container.model_server.artifact.contents import read_artifact
from container.model_server.errors import ServerError
from container.model_server.worker.engines.onnx_engine import OnnxEngine
from container.model_server.worker.formats.decode import decode_request
from model_catalog.conversion import DEFAULT_TOLERANCE, relative_difference
from model_catalog.errors import CatalogError
from model_catalog.lock import Conversion
from model_catalog.samples import content_type_of, sample_files

_OPERATOR_SET = 15
_CONVERTERS = {"sklearn": "skl2onnx", "xgboost": "onnxmltools", "lightgbm": "onnxmltools"}


def convert_estimator(
    path: Path, destination: Path, samples: Iterable[Path], tolerance: float = DEFAULT_TOLERANCE
) -> Conversion:
    """Make an ONNX artifact of a pickled estimator. Reading it runs what it was pickled with: add only your own.

    Args:
        path: the file, written by pickle or joblib.
        destination: where the artifact goes; made.
        samples: real inputs, rows of numbers: files or folders of `.npy`, `.json` or `.csv` files.
        tolerance: largest allowed difference of a probability or prediction, relative to the largest where that is
            above 1. Classes must be equal.

    Raises:
        CatalogError: a package is missing, the estimator cannot be converted, or the answers differ.
    """
    files, complaints = sample_files(samples)
    if complaints:
        raise CatalogError(complaints)
    estimator = _loaded(path)
    kind = _kind_of(estimator)
    destination.mkdir(parents=True)
    network = destination / f"{path.stem}.onnx"
    network.write_bytes(_converted(estimator, kind).SerializeToString())
    try:
        model = OnnxEngine(threads=1).load(read_artifact(destination))
    except ServerError as error:
        raise CatalogError(f"{error.message}.") from error
    largest = 0.0
    for file in files:
        try:
            arrays = decode_request(file.read_bytes(), content_type_of(file), model.inputs, None)
            found = list(model.predict(arrays).values())
        except ServerError as error:
            complaints.append(f"sample {file}: {error.message}.")
            continue
        difference = _difference(_answers(estimator, next(iter(arrays.values()))), found)
        largest = max(largest, difference)
        if not difference <= tolerance:
            complaints.append(
                f"sample {file}: the converted network's answers differ by {difference:.2g} from the estimator's; "
                f"{tolerance:g} is allowed."
            )
    if complaints:
        raise CatalogError(complaints)
    return Conversion(
        checkpoint_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        samples=len(files),
        tolerance=tolerance,
        largest_difference=largest,
        versions={name: _package(name).__version__ for name in (kind, _CONVERTERS[kind], "onnx", "onnxruntime")},
    )


def _loaded(path: Path) -> Any:
    try:
        return _package("joblib").load(path)
    except CatalogError:
        raise
    except Exception as error:
        raise CatalogError(f"{path.name} cannot be read: {type(error).__name__}: {error}.") from error


def _kind_of(estimator: Any) -> str:
    for kind in type(estimator).__mro__:
        package = kind.__module__.partition(".")[0]
        if package in _CONVERTERS:
            return package
    raise CatalogError(f"a {type(estimator).__name__} is no estimator of {', '.join(_CONVERTERS)}.")


def _converted(estimator: Any, kind: str) -> Any:
    converter = _package(_CONVERTERS[kind])
    types = importlib.import_module(
        f"{_CONVERTERS[kind]}.{'common' if kind == 'sklearn' else 'convert.common'}.data_types"
    )
    given = [("input", types.FloatTensorType([None, estimator.n_features_in_]))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if kind == "sklearn":
                options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None
                return converter.convert_sklearn(
                    estimator, initial_types=given, options=options, target_opset=_OPERATOR_SET
                )
            if kind == "lightgbm":
                return converter.convert_lightgbm(
                    estimator, initial_types=given, zipmap=False, target_opset=_OPERATOR_SET
                )
            return converter.convert_xgboost(estimator, initial_types=given, target_opset=_OPERATOR_SET)
    except Exception as error:
        name = type(estimator).__name__
        raise CatalogError(f"{name} cannot be converted to ONNX: {type(error).__name__}: {error}.") from error


def _answers(estimator: Any, rows: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answers = [np.asarray(estimator.predict(rows))]
        if hasattr(estimator, "predict_proba"):
            answers.append(np.asarray(estimator.predict_proba(rows)))
    return answers


def _difference(expected: list[np.ndarray[Any, Any]], found: list[np.ndarray[Any, Any]]) -> float:
    """The largest of all answers; infinite for another class, or another number of answers."""
    if len(expected) != len(found):
        return float("inf")
    differences = []
    for ours, theirs in zip(expected, found, strict=True):
        if ours.size != theirs.size:
            return float("inf")
        if ours.dtype.kind in "iubOUS":
            differences.append(0.0 if ours.ravel().tolist() == theirs.ravel().tolist() else float("inf"))
        else:
            differences.append(relative_difference(ours.reshape(theirs.shape), theirs))
    return max(differences)


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise CatalogError(
            f"{name} is needed to convert this estimator, and is not installed here ({error}): install it and the "
            "estimator's own package beside this project, such as with `pip install --target FOLDER` and PYTHONPATH."
        ) from error
