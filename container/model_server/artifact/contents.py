"""What an artifact's folder holds. Reads only the small files; the engines read weights."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from ..errors import InvalidArtifact
from .files import check_is_model_file, is_left_behind, model_files, model_root
from .labels import read_labels
from .own_code import find_code, names_defined
from .signature import ImageSpec, TensorSpec, image_for, share_batch

Result = TypeVar("Result")
_MAX_TEXT_BYTES = 64 * 1024 * 1024
_SHAPES_LIST = TypeAdapter(list[TensorSpec])
_SYMBOL, _SHAPES = "-symbol.json", "-shapes.json"


class _Signature(BaseModel):
    """`signature.json`. The keys that multi-model-server's model archiver wrote are left alone, all others refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: ImageSpec | None = None
    inputs: object = None
    input_type: object = None
    outputs: object = None
    output_type: object = None


@dataclass(frozen=True)
class Artifact:
    """A model as it lies on disk.

    `directory` is the folder that has the model at its top level. `engine` is None where only the artifact's own `code`
    says how to load it. `inputs` are those of its shapes file,
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
    """Look through an artifact's folder: its top level, or that of the one folder it holds.

    Raises InvalidArtifact with a sentence that names the file and what was expected.
    """
    if not directory.is_dir():
        raise InvalidArtifact(f"there is no folder {str(directory)!r}")
    # All of it is looked through before anything is read: a link may lead anywhere.
    size_bytes = sum(path.stat().st_size for _, path in model_files(directory))
    root = model_root(directory)
    files = {path.name: path for path in sorted(root.iterdir()) if path.is_file() and not is_left_behind(path.name)}
    code = find_code(root, program)
    loads_itself = code is not None and "model_fn" in names_defined(code)
    symbols = [name for name in files if name.endswith(_SYMBOL)]
    networks = symbols + [name for name in files if name.endswith(".onnx")]
    if len(networks) > 1 and not loads_itself:
        raise InvalidArtifact(
            f"the artifact must hold one model, but has {', '.join(networks)}: take the others out, or load them in a "
            f"model_fn of code/{program}"
        )
    if not networks and code is None:
        raise InvalidArtifact(_nothing_found(root, program))
    faults = _Faults()
    engine: Literal["mxnet", "onnxruntime"] | None = None
    graph = parameters = None
    inputs: tuple[TensorSpec, ...] | None = ()
    if len(networks) == 1:
        graph = files[networks[0]]
        faults.of(check_is_model_file, graph)
        if symbols:
            engine, prefix = "mxnet", networks[0].removesuffix(_SYMBOL)
            parameters = faults.of(_parameters, files, prefix, is_required=not loads_itself)
            inputs = faults.of(_shapes, *_shapes_file(files, prefix), is_required=code is None)
        else:
            engine, prefix = "onnxruntime", networks[0].removesuffix(".onnx")
            inputs = faults.of(_shapes, *_shapes_file(files, prefix), is_required=False)
    image = faults.of(_image, files.get("signature.json"), inputs or ())
    labels = faults.of(_labels, files.get("synset.txt"))
    faults.check()
    return Artifact(
        directory=root,
        engine=engine,
        graph=graph,
        parameters=parameters,
        inputs=inputs or (),
        image=image,
        labels=labels,
        code=code,
        size_bytes=size_bytes,
    )


class _Faults:
    """Everything that is wrong with an artifact, so that all of it is said at once."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def of(self, read: Callable[..., Result], *arguments: object, **options: object) -> Result | None:
        try:
            return read(*arguments, **options)
        except InvalidArtifact as error:
            self._found.append(error.message)
            return None

    def check(self) -> None:
        if self._found:
            raise InvalidArtifact(*self._found)


def _nothing_found(root: Path, program: str) -> str:
    checkpoint = f"<name>{_SYMBOL} with <name>-0000.params and <name>{_SHAPES}"
    wanted = f"{checkpoint}, or <name>.onnx, or code/{program}, at its top level"
    paths = [name for name, _ in model_files(root)]
    deeper = [name for name in paths if name.endswith((_SYMBOL, ".onnx"))]
    if deeper:
        return f"the artifact holds no model: expected {wanted}; {deeper[0]} lies further down, give its folder instead"
    there = ", ".join(sorted({name.partition("/")[0] for name in paths})[:10]) or "nothing"
    mlflow = ""
    if (root / "MLmodel").is_file():
        mlflow = "; of MLflow's models those with an ONNX flavour can be served: log it with mlflow.onnx.log_model"
    return f"the artifact holds no model: expected {wanted}; it holds {there}{mlflow}"


def _parameters(files: dict[str, Path], prefix: str, is_required: bool) -> Path | None:
    """The file of the last epoch, else the only one there is."""
    candidates = [name for name in files if name.endswith(".params")]
    epochs: dict[int, str] = {}
    for name in candidates:
        number = name[len(prefix) + 1 : -len(".params")]
        if name.startswith(f"{prefix}-") and number.isascii() and number.isdecimal():
            other = epochs.setdefault(int(number), name)
            if other != name:
                raise InvalidArtifact(f"{other} and {name} are both of epoch {int(number)}: take one out")
    if epochs:
        chosen = epochs[max(epochs)]
    elif len(candidates) == 1:
        (chosen,) = candidates
    elif is_required:
        there = f"; it cannot be told which of {', '.join(candidates)} belongs to it" if candidates else ""
        raise InvalidArtifact(f"{prefix}-0000.params is missing beside {prefix}{_SYMBOL}{there}")
    else:
        return None
    check_is_model_file(files[chosen])
    return files[chosen]


def _shapes_file(files: dict[str, Path], prefix: str) -> tuple[Path | None, str]:
    """The shapes file: under the network's name, else the only one there is, as SageMaker's own algorithms have it."""
    name = f"{prefix}{_SHAPES}"
    others = [other for other in files if other.endswith(_SHAPES)]
    if name not in files and len(others) == 1:
        (name,) = others
    return files.get(name), name


def _shapes(path: Path | None, name: str, is_required: bool) -> tuple[TensorSpec, ...]:
    if path is None:
        if is_required:
            raise InvalidArtifact(
                f'{name} is missing, the inputs\' shapes: expected [{{"name": "data", "shape": [1, 3, 224, 224]}}]'
            )
        return ()
    try:
        shapes = _SHAPES_LIST.validate_json(_read(path))
    except ValidationError as error:
        raise InvalidArtifact(
            f'{name} is malformed: {_all(error)}; expected [{{"name": "data", "shape": [1, 3, 224, 224]}}]'
        ) from error
    if not shapes or len({spec.name for spec in shapes}) != len(shapes):
        raise InvalidArtifact(f"{name} must name each input once, and at least one")
    return tuple(shapes)


def _image(path: Path | None, inputs: tuple[TensorSpec, ...]) -> ImageSpec | None:
    if path is None:
        return None
    try:
        image = _Signature.model_validate_json(_read(path)).image
        if inputs:
            image_for(image, share_batch(inputs))
    except ValidationError as error:
        raise InvalidArtifact(f"signature.json is malformed: {_all(error)}") from error
    except ValueError as error:
        raise InvalidArtifact(f"signature.json does not fit the shapes: {error}") from error
    return image


def _labels(path: Path | None) -> tuple[str, ...] | None:
    return None if path is None else read_labels(_read(path), path.name)


def _read(path: Path) -> bytes:
    if path.stat().st_size > _MAX_TEXT_BYTES:
        raise InvalidArtifact(f"{path.name} is larger than {_MAX_TEXT_BYTES} bytes")
    check_is_model_file(path)
    return path.read_bytes()


def _all(error: ValidationError) -> str:
    """All complaints about a file, each with its place in it."""
    complaints = []
    for details in error.errors(include_url=False):
        where = ".".join(str(part) for part in details["loc"])
        complaints.append(f"{where}: {details['msg']}" if where else details["msg"])
    return "; ".join(complaints[:10])


def check_json(path: Path) -> None:
    """Raises InvalidArtifact when a graph's file is not a JSON object: the engine's own message would be opaque."""
    try:
        graph = orjson.loads(_read(path))
    except ValueError as error:
        raise InvalidArtifact(f"{path.name} is not valid JSON: {error}") from error
    if not isinstance(graph, dict) or not isinstance(graph.get("nodes"), list):
        raise InvalidArtifact(f"{path.name} is not an MXNet symbol: it has no list of nodes")
