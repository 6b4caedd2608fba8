"""The artifact's own code: `code/inference.py` with any of `model_fn`, `input_fn`, `predict_fn`, `output_fn`, or
`transform_fn`, as AWS's sagemaker-inference-toolkit calls them.

https://github.com/aws/sagemaker-inference-toolkit. A function may take one argument more, the toolkit's context, which
is None here. JSON and CSV bodies are given as text, all others as bytes. What a function leaves out is done the way the
toolkit's MXNet container does it: the model is a `mxnet.mod.Module`, the input an `mxnet.nd.NDArray`, the answer the
bare list of the predictions.
"""

import importlib.util
import inspect
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np

from .. import toolkit
from ..artifact import Artifact
from ..decode import JSON, Arrays, decode_request, media_type
from ..encode import CSV, choose_accept, encode_array
from ..errors import InvalidArtifact, InvalidInput, PredictionFailed, ServerError, UnsupportedContentType
from ..signature import image_for
from .base import Answer, LoadedModel

_log = logging.getLogger(__name__)
_TEXT = (JSON, CSV)
FUNCTIONS = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")


class HandlerModel:
    """A model served by its artifact's own functions."""

    def __init__(self, artifact: Artifact, default_model: Callable[[], LoadedModel]) -> None:
        """`default_model` loads the artifact's checkpoint, for what the functions leave out.

        Raises InvalidArtifact when the code cannot be imported or its `model_fn` fails.
        """
        self._artifact = artifact
        self._scope = _CodeScope(artifact)
        self._functions = self._scope.functions()
        self._engine_model: LoadedModel | None = None
        if "model_fn" in self._functions:
            try:
                self._model = self._call("model_fn", str(artifact.directory))
            except PredictionFailed as error:
                raise InvalidArtifact(error.message) from error
        elif "predict_fn" in self._functions or "transform_fn" in self._functions:
            self._model = _toolkit_model(artifact)
        else:
            self._engine_model = self._model = default_model()

    def warm_up(self) -> None:
        """Run the checkpoint once where this server runs it; own code is not called with made-up input."""
        if self._engine_model is not None:
            self._engine_model.predict({s.name: np.zeros(s.shape, s.dtype) for s in self._engine_model.inputs})
            self._engine_model.settle()

    def invoke(self, body: memoryview, content_type: str, accept: str, default_accept: str) -> Answer:
        """Answer one request. Raises PredictionFailed when a function fails; its traceback goes to the log."""
        start = time.perf_counter()
        kind = media_type(content_type)
        form = default_accept if accept.strip() in ("", "*/*") else accept
        given = self._text(body) if kind in _TEXT else bytes(body)
        if "transform_fn" in self._functions:
            result = self._call("transform_fn", self._model, given, kind, form)
            ran = time.perf_counter()
            return Answer(*_as_body(result, form), 0.0, ran - start, time.perf_counter() - ran)
        data = self._call("input_fn", given, kind) if "input_fn" in self._functions else self._decode(body, kind)
        decoded = time.perf_counter()
        prediction = (
            self._call("predict_fn", data, self._model) if "predict_fn" in self._functions else self._predict(data)
        )
        ran = time.perf_counter()
        if "output_fn" in self._functions:
            result = self._call("output_fn", prediction, form)
        else:
            chosen = choose_accept(accept, default_accept)
            result = (encode_array(_as_array(prediction), chosen), chosen)
        return Answer(*_as_body(result, form), decoded - start, ran - decoded, time.perf_counter() - ran)

    @staticmethod
    def _text(body: memoryview) -> str:
        try:
            return str(body, "utf-8")
        except UnicodeDecodeError as error:
            raise UnsupportedContentType("a JSON or CSV body must be UTF-8 text") from error

    def _decode(self, body: memoryview, kind: str):
        inputs = self._engine_model.inputs if self._engine_model is not None else self._artifact.inputs
        if len(inputs) != 1:
            raise UnsupportedContentType("this model needs an input_fn in its code to take requests")
        (array,) = decode_request(body, kind, inputs, image_for(self._artifact.image, inputs)).values()
        return _mxnet_array(array) if self._artifact.engine == "mxnet" else array

    def _predict(self, data):
        if self._engine_model is not None:
            inputs = self._engine_model.inputs
            arrays: Arrays = {inputs[0].name: np.asarray(_as_array(data), dtype=inputs[0].dtype)}
            prediction = next(iter(self._engine_model.predict(arrays).values()))
            return _mxnet_array(prediction) if self._artifact.engine == "mxnet" else prediction
        run = self._model if callable(self._model) else getattr(self._model, "predict", None)
        if run is None:
            raise PredictionFailed(f"model_fn gave a {type(self._model).__name__}: predict_fn must say how to run it")
        with self._failing("the model"):
            return run(data)

    def _call(self, name: str, *arguments: object):
        function = self._functions[name]
        with self._scope, self._failing(name):
            if len(inspect.signature(function).parameters) == len(arguments) + 1:
                arguments = (*arguments, None)
            return function(*arguments)

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except ServerError:
            raise
        except toolkit.errors.BaseInferenceToolkitError as error:
            kind = InvalidInput if 400 <= error.status_code < 500 else PredictionFailed
            raise kind(f"{what}: {error.message}") from error
        except Exception as error:
            _log.exception("%s of %s failed", what, self._artifact.directory)
            first = str(error).strip().splitlines()[:1]
            said = f": {first[0][:300]}" if first else ""
            raise PredictionFailed(f"{what} raised {type(error).__name__}{said}") from error

    def close(self) -> None:
        self._model = None
        if self._engine_model is not None:
            self._engine_model.close()
            self._engine_model = None
        self._functions = {}
        self._scope.close()


class _CodeScope:
    """Imports of one artifact's code. Inside the scope its folder is on `sys.path` and its modules are imported under
    their plain names; outside they are gone, so that two artifacts may both have a `helpers.py`."""

    def __init__(self, artifact: Artifact) -> None:
        if artifact.code is None:
            raise InvalidArtifact("the artifact holds no code")
        self._file = artifact.code
        self._folder = str(artifact.code.parent)
        toolkit.provide()
        self._modules: dict[str, ModuleType] = {}

    def functions(self) -> dict[str, Callable]:
        """Import the code. Raises InvalidArtifact."""
        name = self._file.stem
        try:
            with self:
                spec = importlib.util.spec_from_file_location(name, self._file)
                if spec is None or spec.loader is None:
                    raise InvalidArtifact(f"code/{self._file.name} is not a Python file")
                module = importlib.util.module_from_spec(spec)
                sys.modules[name] = module
                spec.loader.exec_module(module)
        except InvalidArtifact:
            raise
        except (Exception, SystemExit) as error:
            _log.exception("importing %s failed", self._file)
            raise InvalidArtifact(f"importing code/{self._file.name} raised {type(error).__name__}: {error}") from error
        found = {name: getattr(module, name) for name in FUNCTIONS if callable(getattr(module, name, None))}
        if not found:
            raise InvalidArtifact(f"code/{self._file.name} defines none of {', '.join(FUNCTIONS)}")
        if "transform_fn" in found and found.keys() - {"model_fn", "transform_fn"}:
            raise InvalidArtifact(f"code/{self._file.name}: transform_fn stands for input_fn, predict_fn and output_fn")
        return found

    def __enter__(self) -> None:
        self._hidden = {name: sys.modules[name] for name in self._modules if name in sys.modules}
        self._before = set(sys.modules)
        sys.modules.update(self._modules)
        sys.path.insert(0, self._folder)

    def __exit__(self, *_: object) -> None:
        sys.path.remove(self._folder)
        for name in list(sys.modules):
            file = getattr(sys.modules[name], "__file__", None)
            if name not in self._before and isinstance(file, str) and file.startswith(self._folder + "/"):
                self._modules[name] = sys.modules[name]
        for name in self._modules:
            sys.modules.pop(name, None)
        sys.modules.update(self._hidden)

    def close(self) -> None:
        for module in self._modules.values():
            module.__dict__.clear()
        self._modules = {}
        importlib.invalidate_caches()
        sys.path_importer_cache.pop(self._folder, None)


def _toolkit_model(artifact: Artifact):
    """The model as the toolkit's default `model_fn` gives it to a custom `predict_fn`."""
    if artifact.graph is None:
        raise InvalidArtifact(f"code/{artifact.code.name if artifact.code else ''} must define model_fn: no checkpoint")
    try:
        if artifact.engine == "onnxruntime":
            import onnxruntime  # noqa: PLC0415

            return onnxruntime.InferenceSession(str(artifact.graph), providers=["CPUExecutionProvider"])
        import mxnet as mx  # noqa: PLC0415

        if not artifact.inputs:
            raise InvalidArtifact("the shapes file is missing beside the checkpoint; code/ must define model_fn")
        symbol = mx.sym.load(str(artifact.graph))
        saved = mx.nd.load(str(artifact.parameters))
        module = mx.mod.Module(symbol, data_names=[s.name for s in artifact.inputs], label_names=None, context=mx.cpu())
        module.bind(for_training=False, data_shapes=[(s.name, s.shape) for s in artifact.inputs])
        module.set_params(
            {name[4:]: value for name, value in saved.items() if name.startswith("arg:")},
            {name[4:]: value for name, value in saved.items() if name.startswith("aux:")},
            allow_missing=True,
        )
    except InvalidArtifact:
        raise
    except Exception as error:
        raise InvalidArtifact(f"the checkpoint could not be loaded: {error}") from error
    return module


def _mxnet_array(array: np.ndarray):
    import mxnet  # noqa: PLC0415

    return mxnet.nd.array(array, dtype=array.dtype)


def _as_array(value) -> np.ndarray:
    if isinstance(value, list | tuple) and value and hasattr(value[0], "asnumpy"):
        value = value[0]
    return value.asnumpy() if hasattr(value, "asnumpy") else np.asarray(value)


def _as_body(result, accept: str) -> tuple[bytes, str]:
    body, content_type = result if isinstance(result, tuple) and len(result) == 2 else (result, accept)
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, bytes | bytearray | memoryview) or not isinstance(content_type, str):
        raise PredictionFailed(f"output_fn must give text or bytes, it gave a {type(body).__name__}")
    if not (content_type.isascii() and content_type.isprintable()):
        raise PredictionFailed("output_fn gave a content type that cannot be a header's value")
    return bytes(body), content_type
