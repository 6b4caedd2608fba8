"""Whether a folder is a model that the server can load, found out without loading it.

An artifact holds, at its root, either an MXNet checkpoint (`NAME-symbol.json`, `NAME-0000.params`,
`NAME-shapes.json`) or one `.onnx` file; beside them, if wanted, `synset.txt` (one label a line) and
`signature.json` (how inputs are laid out and normalised).
"""

import json
from pathlib import Path
from typing import Any

from container.model_server.artifact import read_artifact
from container.model_server.errors import InvalidArtifact
from model_catalog.errors import CatalogError
from model_catalog.lock import Engine

_SYMBOL, _PARAMS, _SHAPES = "-symbol.json", "-0000.params", "-shapes.json"
# The first eight bytes of every file that mx.nd.save writes (kMXAPINDArrayListMagic in src/ndarray/ndarray.cc).
_PARAMS_MAGIC = (0x112).to_bytes(8, "little")


def inspect_folder(folder: Path) -> Engine:
    """The engine that a model's folder is for.

    Raises:
        CatalogError: with everything that is missing from the folder or wrong in it.
    """
    symbols = sorted(path.name for path in folder.glob(f"*{_SYMBOL}"))
    networks = sorted(path.name for path in folder.glob("*.onnx"))
    complaints: list[str] = []
    if len(symbols) + len(networks) > 1:
        complaints.append(f"several networks where one belongs: {', '.join(symbols + networks)}.")
    elif symbols:
        complaints += _checkpoint_complaints(folder, symbols[0].removesuffix(_SYMBOL))
    elif networks:
        if (folder / networks[0]).stat().st_size == 0:
            complaints.append(f"{networks[0]} is empty.")
    else:
        complaints.append(_nothing_found(folder))
    if complaints:
        raise CatalogError(complaints)
    try:
        # The server's own reading: what passes here is not refused by the endpoint.
        read_artifact(folder)
    except InvalidArtifact as error:
        raise CatalogError(f"{error}.") from error
    return "mxnet" if symbols else "onnxruntime"


def _nothing_found(folder: Path) -> str:
    wanted = f"an MXNet checkpoint (NAME{_SYMBOL}, NAME{_PARAMS}, NAME{_SHAPES}) or a .onnx file"
    deeper = [path for pattern in (f"*/**/*{_SYMBOL}", "*/**/*.onnx") for path in folder.glob(pattern)]
    if deeper:
        found = sorted(deeper)[0].relative_to(folder).as_posix()
        return f"no model at the root, which must hold {wanted}; {found} lies further down: give its folder instead."
    there = ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
    return f"no model: the root must hold {wanted}; it holds {there}."


def _checkpoint_complaints(folder: Path, prefix: str) -> list[str]:
    complaints: list[str] = []
    params = sorted(folder.glob(f"{prefix}-[0-9]*.params"))
    if not params:
        complaints.append(f"{prefix}{_PARAMS} is missing.")
    else:
        with params[-1].open("rb") as file:
            if file.read(len(_PARAMS_MAGIC)) != _PARAMS_MAGIC:
                complaints.append(f"{params[-1].name} is not a file of MXNet parameters.")
    symbol = _read_json(folder / f"{prefix}{_SYMBOL}", complaints)
    inputs: list[str] | None = None
    if symbol is not None:
        try:
            inputs = [symbol["nodes"][index]["name"] for index in symbol["arg_nodes"]]
        except (TypeError, KeyError, IndexError):
            complaints.append(f"{prefix}{_SYMBOL} is not the graph of an MXNet network (no nodes and arg_nodes).")
    shapes = folder / f"{prefix}{_SHAPES}"
    if not shapes.is_file():
        complaints.append(
            f'{shapes.name} is missing: the inputs\' shapes, such as [{{"name": "data", "shape": [1, 3, 224, 224]}}].'
        )
    else:
        content = _read_json(shapes, complaints)
        if content is not None:
            complaints += _shape_complaints(shapes.name, content, inputs)
    return complaints


def _shape_complaints(file_name: str, shapes: Any, inputs: list[str] | None) -> list[str]:
    if not isinstance(shapes, list) or not shapes:
        return [f'{file_name} must be a list of inputs, such as [{{"name": "data", "shape": [1, 3, 224, 224]}}].']
    complaints = []
    for number, entry in enumerate(shapes):
        name = entry.get("name") if isinstance(entry, dict) else None
        shape = entry.get("shape") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not isinstance(shape, list):
            complaints.append(f'{file_name}, entry {number}: needs a "name" and a "shape".')
            continue
        if not shape or not all(type(size) is int and size > 0 for size in shape):
            complaints.append(f"{file_name}, input {name}: a shape is a list of whole numbers above 0, not {shape}.")
        if inputs is not None and name not in inputs:
            complaints.append(f"{file_name}, input {name}: the network has no input of that name.")
    return complaints


def _read_json(path: Path, complaints: list[str]) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        complaints.append(f"{path.name} is not valid JSON: {error}.")
        return None
