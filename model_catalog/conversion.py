"""MXNet checkpoints turned into ONNX artifacts, and the check that both answer the same."""

import ast
import os
import shutil
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from container.model_server.artifact.contents import Artifact, read_artifact
from container.model_server.artifact.files import model_files
from container.model_server.artifact.signature import image_for
from container.model_server.errors import ServerError
from container.model_server.worker.engines.base import LoadedModel
from container.model_server.worker.engines.mxnet_engine import MxnetEngine
from container.model_server.worker.engines.onnx_engine import OnnxEngine
from container.model_server.worker.formats.decode import decode_request
from container.model_server.worker.formats.tensors import Arrays
from model_catalog.errors import CatalogError
from model_catalog.lock import Conversion
from model_catalog.onnx_export import export_checkpoint
from model_catalog.packing import pack_folder
from model_catalog.samples import content_type_of, sample_files

DEFAULT_TOLERANCE = 1e-5
# What an artifact's own code may do around the network. All else was written for MXNet.
_FUNCTIONS_FOR_MXNET = {"model_fn", "predict_fn", "transform_fn"}
# Only MXNet's arrays have them, and `output_fn` is given a numpy array after the conversion.
_METHODS_OF_MXNET = {"asnumpy", "asscalar", "as_in_context", "wait_to_read"}


def convert_to_onnx(
    folder: Path, destination: Path, samples: Iterable[Path], tolerance: float = DEFAULT_TOLERANCE
) -> Conversion:
    """Make an ONNX artifact of the MXNet artifact in `folder`: all its other files stay as they are.

    Both run every sample on the server's own engines.

    Args:
        folder: the artifact with the checkpoint.
        destination: where the ONNX artifact goes; made.
        samples: real inputs, files or folders of files: `.jpg`, `.jpeg`, `.png`, `.npy`, `.json`, `.jsonl`, `.csv`,
            each what a caller would send.
        tolerance: largest allowed difference of an output, relative to the sample's largest output where that is
            above 1.

    Raises:
        CatalogError: the checkpoint cannot be converted, a sample is no input of the model, or outputs differ; with
            every reason.
    """
    try:
        artifact = read_artifact(folder)
    except ServerError as error:
        raise CatalogError(f"{error.message}.") from error
    files, complaints = sample_files(samples)
    complaints += _code_complaints(artifact)
    if not 0 < tolerance < float("inf"):
        complaints.append(f"the tolerance must be above 0, not {tolerance:g}.")
    if artifact.engine != "mxnet" or artifact.graph is None or artifact.parameters is None:
        complaints.append("there is no MXNet checkpoint to convert.")
    if complaints or artifact.graph is None:
        raise CatalogError(complaints)
    os.environ.setdefault("MXNET_SUBGRAPH_VERBOSE", "0")  # else MXNet tells on stderr how it binds
    with Path(os.devnull).open("wb") as nowhere:
        checkpoint = pack_folder(folder, nowhere)
    for name, path in model_files(folder):
        if not ("/" not in name and name.endswith(("-symbol.json", ".params"))):
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, destination / name)
    export_checkpoint(artifact, destination / f"{artifact.graph.name.removesuffix('-symbol.json')}.onnx")
    difference = _compared(artifact, read_artifact(destination), files, tolerance)
    return Conversion(
        checkpoint_sha256=checkpoint.sha256,
        samples=len(files),
        tolerance=tolerance,
        largest_difference=difference,
        versions={name: version(name) for name in ("mxnet", "onnx", "onnxruntime")},
    )


def _code_complaints(artifact: Artifact) -> list[str]:
    if artifact.code is None:
        return []
    name = f"code/{artifact.code.name}"
    try:
        tree = ast.parse(artifact.code.read_bytes())
    except (SyntaxError, ValueError) as error:
        return [f"{name} cannot be read as Python: {error}."]
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names |= _FUNCTIONS_FOR_MXNET if node.name == "*" else {node.asname or node.name}
    complaints = []
    if defined := sorted(names & _FUNCTIONS_FOR_MXNET):
        complaints.append(f"{name} defines {', '.join(defined)}, which was written for MXNet's checkpoint.")
    if called := sorted(_attributes_in(tree, "output_fn") & _METHODS_OF_MXNET):
        complaints.append(
            f"{name}: output_fn uses {', '.join(called)} of MXNet's arrays; the converted model gives it a numpy array."
        )
    return complaints


def _attributes_in(tree: ast.Module, function: str) -> set[str]:
    return {
        node.attr
        for definition in ast.walk(tree)
        if isinstance(definition, ast.FunctionDef) and definition.name == function
        for node in ast.walk(definition)
        if isinstance(node, ast.Attribute)
    }


def _compared(checkpoint: Artifact, converted: Artifact, files: list[Path], tolerance: float) -> float:
    """The largest difference. Raises CatalogError for samples that are no inputs, and for differences too large."""
    complaints: list[str] = []
    largest = 0.0
    try:
        ours, theirs = MxnetEngine().load(checkpoint), OnnxEngine(threads=1).load(converted)
        image = image_for(checkpoint.image, ours.inputs)
    except ServerError as error:
        raise CatalogError(f"{error.message}.") from error
    except ValueError as error:
        raise CatalogError(f"signature.json does not fit the model: {error}.") from error
    for file in files:
        try:
            arrays = decode_request(file.read_bytes(), content_type_of(file), ours.inputs, image)
            found = _differences(ours, theirs, arrays)
        except ServerError as error:
            complaints.append(f"sample {file}: {error.message}.")
            continue
        for output, difference in found.items():
            if difference <= tolerance:
                largest = max(largest, difference)
            else:
                complaints.append(
                    f"sample {file}: output {output} of the converted network differs by {difference:.2g} "
                    f"from MXNet's; {tolerance:g} is allowed."
                )
    if complaints:
        raise CatalogError(complaints)
    return largest


def _differences(ours: LoadedModel, theirs: LoadedModel, arrays: Arrays) -> dict[str, float]:
    """By output: its `relative_difference`; infinite where the networks have another number of outputs."""
    expected = ours.predict(arrays)
    found = theirs.predict({spec.name: arrays[spec.name] for spec in theirs.inputs})
    if len(expected) != len(found):
        return dict.fromkeys(expected, float("inf"))
    differences = map(relative_difference, expected.values(), found.values())
    return dict(zip(expected, differences, strict=True))


def relative_difference(expected: np.ndarray[Any, Any], found: np.ndarray[Any, Any]) -> float:
    """The largest difference of two outputs, relative to the largest expected value where that is above 1.

    Infinite where a value is not finite or the shapes differ.
    """
    if expected.shape != found.shape or not (np.isfinite(expected).all() and np.isfinite(found).all()):
        return float("inf")
    if expected.size == 0:
        return 0.0
    return float(np.abs(found - expected).max() / max(1.0, float(np.abs(expected).max())))
