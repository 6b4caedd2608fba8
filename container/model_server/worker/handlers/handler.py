"""The artifact's own code: `code/inference.py` with any of `model_fn`, `input_fn`, `predict_fn`, `output_fn`, or
`transform_fn`, as AWS's sagemaker-inference-toolkit calls them.

https://github.com/aws/sagemaker-inference-toolkit. `pre_model_fn` and `model_warmup_fn` are called around `model_fn`. A
function may take one argument more, the toolkit's context (`context.py`). JSON and CSV bodies are given as text, all
others as bytes, the Content-Type as it was sent. What a function leaves out is done the way the toolkit's MXNet
container does it (`defaults.py`).
"""

import inspect
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...artifact.contents import Artifact
from ...artifact.signature import TensorSpec, image_for
from ...errors import CodeError, InvalidArtifact, PredictionFailed, ServerError, UnsupportedContentType
from .. import toolkit
from ..engines.base import Asked, Encoded, LoadedModel, Origin
from ..engines.instances import sample_arrays
from ..engines.reasons import reason
from ..formats.decode import CSV, JSON, expanded, media_type
from ..formats.encode import choose_accept, encode_value
from ..formats.tensors import Arrays
from .context import Context
from .defaults import (
    arrays_for,
    as_given,
    decoded,
    default_inputs,
    predicted,
    takes_mxnet_arrays,
    toolkit_model,
    without_engine,
)
from .imports import import_functions

_log = logging.getLogger(__name__)
_TEXT = (JSON, CSV)


class HandlerModel:
    """A model served by its artifact's own functions."""

    # Code of artifacts gets no optimised forms: a model is loaded for it once, as it expects.
    origin = Origin.FILE

    def __init__(self, artifact: Artifact, default_model: Callable[[], LoadedModel], name: str = "") -> None:
        """`default_model` loads the artifact's checkpoint, for what the functions leave out. `name` is the model's, for
        the context.

        Raises InvalidArtifact when the code cannot be imported, or a function that loads the model fails.
        """
        self._artifact = artifact
        self._functions = import_functions(artifact)
        self._parameters = {name: len(inspect.signature(made).parameters) for name, made in self._functions.items()}
        self._context = Context(name, str(artifact.directory))
        self._engine_model: LoadedModel | None = None
        try:
            if "pre_model_fn" in self._functions:
                self._call("pre_model_fn", str(artifact.directory))
            self._load(default_model)
            if "model_warmup_fn" in self._functions:
                self._call("model_warmup_fn", str(artifact.directory), self._model)
        except (PredictionFailed, CodeError) as error:
            raise InvalidArtifact(error.message) from error
        try:
            self._image = image_for(artifact.image, self._inputs) if self._inputs else None
        except ValueError as error:
            raise InvalidArtifact(f"signature.json does not fit the model: {error}") from error
        self._makes_mxnet_arrays = takes_mxnet_arrays(self._model)
        # What own code takes later than at its load is nobody's to foresee.
        self.has_run = True

    def _load(self, default_model: Callable[[], LoadedModel]) -> None:
        artifact = self._artifact
        if "model_fn" in self._functions:
            self._model = self._call("model_fn", str(artifact.directory))
            self._inputs = default_inputs(artifact, self._model) if hasattr(self._model, "get_inputs") else ()
        elif "predict_fn" in self._functions or "transform_fn" in self._functions:
            self._model = toolkit_model(artifact)
            self._inputs = default_inputs(artifact, self._model)
        else:
            self._engine_model = self._model = default_model()
            self._inputs = self._engine_model.inputs

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs of the checkpoint, as far as they are known; none for what `model_fn` loads."""
        return self._inputs

    def warm_up(self) -> Arrays:
        """Run the checkpoint once where this server runs it; own code is not called with made-up input.

        Returns the outputs, none where nothing was run. Raises PredictionFailed.
        """
        if self._engine_model is None:
            return {}
        outputs = self._engine_model.predict(sample_arrays(self._engine_model.inputs))
        self._engine_model.settle()
        return outputs

    def invoke(self, body: memoryview, asked: Asked, default_accept: str) -> Encoded:
        """Answer one request.

        Raises PredictionFailed when a function fails (its traceback goes to the log), CodeError where it chose the
        status.
        """
        self._context.begin(asked.headers, asked.request_id)
        encoded = self._answer(body, asked.content_type, asked.accept, default_accept)
        try:
            headers = self._context.chosen_headers()
            kind = headers.pop("content-type", encoded.content_type)
            return encoded._replace(content_type=kind, status=self._context.chosen_status(), headers=headers)
        except ValueError as error:
            raise PredictionFailed(f"what the code gave the context cannot be answered: {error}") from error

    def _answer(self, body: memoryview, content_type: str, accept: str, default_accept: str) -> Encoded:
        start = time.perf_counter()
        form = default_accept if accept.strip() in ("", "*/*") else accept
        given = self._text(body) if media_type(content_type) in _TEXT else bytes(body)
        if "transform_fn" in self._functions:
            result = self._call("transform_fn", self._model, given, content_type, form)
            ran = time.perf_counter()
            return Encoded(*_as_body(result, form), 0.0, ran - start, time.perf_counter() - ran)
        if "input_fn" in self._functions:
            data = self._call("input_fn", given, content_type)
        else:
            data = decoded(body, content_type, self._inputs, self._image, self._makes_mxnet_arrays)
        decoded_at = time.perf_counter()
        prediction = (
            self._call("predict_fn", data, self._model) if "predict_fn" in self._functions else self._predict(data)
        )
        ran = time.perf_counter()
        if "output_fn" in self._functions:
            result = self._call("output_fn", prediction, form)
        else:
            chosen = choose_accept(accept, default_accept)
            result = (encode_value(predicted(prediction), chosen), chosen)
        return Encoded(*_as_body(result, form), decoded_at - start, ran - decoded_at, time.perf_counter() - ran)

    @staticmethod
    def _text(body: memoryview) -> str:
        try:
            return str(expanded(body), "utf-8")
        except UnicodeDecodeError as error:
            raise UnsupportedContentType("a JSON or CSV body must be UTF-8 text") from error

    def _predict(self, data: Any) -> Any:
        if self._engine_model is not None:
            outputs = self._engine_model.predict(arrays_for(data, self._engine_model.inputs))
            return as_given(outputs, self._artifact)
        with self._failing("the model"):
            return without_engine(self._model, data)

    def _call(self, name: str, *arguments: object) -> Any:
        with self._failing(name):
            if self._parameters[name] == len(arguments) + 1:
                arguments = (*arguments, self._context)
            return self._functions[name](*arguments)

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except ServerError:
            raise
        except toolkit.errors.BaseInferenceToolkitError as error:
            raise CodeError(f"{what}: {error.message}", error.status_code) from error
        except Exception as error:
            _log.exception("%s of %s failed", what, self._artifact.directory)
            said = f": {reason(error)}" if str(error).strip() else ""
            raise PredictionFailed(f"{what} raised {type(error).__name__}{said}") from error

    def close(self) -> None:
        self._model = None
        if self._engine_model is not None:
            self._engine_model.close()
            self._engine_model = None
        self._functions = {}


def _as_body(result: Any, accept: str) -> tuple[bytes, str]:
    body, content_type = result if isinstance(result, tuple) and len(result) == 2 else (result, accept)
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, bytes | bytearray | memoryview) or not isinstance(content_type, str):
        raise PredictionFailed(f"output_fn must give text or bytes, it gave a {type(body).__name__}")
    if not (content_type.isascii() and content_type.isprintable()):
        raise PredictionFailed("output_fn gave a content type that cannot be a header's value")
    return bytes(body), content_type
