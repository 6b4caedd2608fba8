"""What an artifact's folder holds. Reads only the small files; the engines read weights."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from .errors import InvalidArtifact
from .signature import ImageSpec, TensorSpec, image_for

_MAX_TEXT_BYTES = 64 * 1024 * 1024
_SHAPES = TypeAdapter(list[TensorSpec])


class _Signature(BaseModel):
    """`signature.json`. Other keys, as multi-model-server's model archiver wrote them, are left alone."""

    model_config = ConfigDict(frozen=True)

    image: ImageSpec | None = None


@dataclass(frozen=True)
class Artifact:
    """A model as it lies on disk.

    `engine` is None where only the artifact's own `code` says how to load it. `inputs` are those of its shapes file,
    `image` is what its `signature.json` says. `size_bytes` is all files together.
    """

    directory: Path
    engine: Literal["mxnet", "onnxruntime"] | None
    graph: Path | None
    parameters: Path | None
    inputs: tuple[TensorSpec, ...]
    image: ImageSpec | None
    labels: tuple[str, ...] | None
    code: Path | None
    size_bytes: int


def read_artifact(directory: Path, program: str = "inference.py") -> Artifact:
    """Look through an artifact's folder.

    Raises InvalidArtifact with a sentence that names the file and what was expected.
    """
    if not directory.is_dir():
        raise InvalidArtifact(f"there is no folder {str(directory)!r}")
    root = directory.resolve()
    files = {path.name: path for path in sorted(directory.iterdir()) if path.is_file()}
    for path in directory.rglob("*"):
        if not path.resolve().is_relative_to(root):
            raise InvalidArtifact(f"{path.name!r} points outside the model's folder")
    code: Path | None = directory / "code" / program
    if code is not None and not code.is_file():
        code = None
    symbols = [name for name in files if name.endswith("-symbol.json")]
    onnx = [name for name in files if name.endswith(".onnx")]
    if len(symbols) > 1 or len(onnx) > 1 or (symbols and onnx):
        raise InvalidArtifact(f"the artifact must hold one model, but has {', '.join(symbols + onnx)}")
    engine: Literal["mxnet", "onnxruntime"] | None = None
    graph = parameters = None
    inputs: tuple[TensorSpec, ...] = ()
    if symbols:
        engine, graph = "mxnet", files[symbols[0]]
        prefix = symbols[0].removesuffix("-symbol.json")
        parameters = _parameters(files, prefix)
        inputs = _shapes(files.get(f"{prefix}-shapes.json"), f"{prefix}-shapes.json", required=code is None)
    elif onnx:
        engine, graph = "onnxruntime", files[onnx[0]]
        name = f"{onnx[0].removesuffix('.onnx')}-shapes.json"
        inputs = _shapes(files.get(name), name, required=False)
    elif code is None:
        raise InvalidArtifact(
            "the artifact holds no model: expected <name>-symbol.json with <name>-0000.params and <name>-shapes.json, "
            f"or <name>.onnx, or code/{program}, at its top level"
        )
    return Artifact(
        directory=directory,
        engine=engine,
        graph=graph,
        parameters=parameters,
        inputs=inputs,
        image=_image(files.get("signature.json"), inputs),
        labels=_labels(files.get("synset.txt")),
        code=code,
        size_bytes=sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()),
    )


def _parameters(files: dict[str, Path], prefix: str) -> Path:
    epochs = [
        name
        for name in files
        if name.startswith(f"{prefix}-") and name.endswith(".params") and name[len(prefix) + 1 : -7].isdecimal()
    ]
    if not epochs:
        raise InvalidArtifact(f"{prefix}-0000.params is missing beside {prefix}-symbol.json")
    return files[max(epochs)]


def _shapes(path: Path | None, name: str, required: bool) -> tuple[TensorSpec, ...]:
    if path is None:
        if required:
            raise InvalidArtifact(f'{name} is missing; expected [{{"name": "data", "shape": [1, 3, 224, 224]}}]')
        return ()
    try:
        shapes = _SHAPES.validate_json(_read(path))
    except ValidationError as error:
        raise InvalidArtifact(f"{name} is malformed: {_first(error)}") from error
    if not shapes or len({spec.name for spec in shapes}) != len(shapes):
        raise InvalidArtifact(f"{name} must name each input once, and at least one")
    return tuple(shapes)


def _image(path: Path | None, inputs: tuple[TensorSpec, ...]) -> ImageSpec | None:
    if path is None:
        return None
    try:
        image = _Signature.model_validate_json(_read(path)).image
        if inputs:
            image_for(image, inputs)
    except ValidationError as error:
        raise InvalidArtifact(f"signature.json is malformed: {_first(error)}") from error
    except ValueError as error:
        raise InvalidArtifact(f"signature.json does not fit the shapes: {error}") from error
    return image


def _labels(path: Path | None) -> tuple[str, ...] | None:
    if path is None:
        return None
    try:
        return tuple(line.strip() for line in _read(path).decode("utf-8").splitlines() if line.strip())
    except UnicodeDecodeError as error:
        raise InvalidArtifact(f"{path.name} is not UTF-8 text") from error


def _read(path: Path) -> bytes:
    if path.stat().st_size > _MAX_TEXT_BYTES:
        raise InvalidArtifact(f"{path.name} is larger than {_MAX_TEXT_BYTES} bytes")
    return path.read_bytes()


def _first(error: ValidationError) -> str:
    details = error.errors()[0]
    where = ".".join(str(part) for part in details["loc"])
    return f"{where}: {details['msg']}" if where else details["msg"]


def check_json(path: Path) -> None:
    """Raises InvalidArtifact when a graph's file is not a JSON object: the engine's own message would be opaque."""
    try:
        graph = json.loads(_read(path))
    except (ValueError, RecursionError) as error:
        raise InvalidArtifact(f"{path.name} is not valid JSON: {error}") from error
    if not isinstance(graph, dict) or not isinstance(graph.get("nodes"), list):
        raise InvalidArtifact(f"{path.name} is not an MXNet symbol: it has no list of nodes")
