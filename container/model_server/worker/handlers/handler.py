"""The artifact's own code: `code/inference.py` with any of `model_fn`, `input_fn`, `predict_fn`, `output_fn`, or
`transform_fn`, as AWS's sagemaker-inference-toolkit calls them.

https://github.com/aws/sagemaker-inference-toolkit. A function may take one argument more, the toolkit's context, which
is None here. JSON and CSV bodies are given as text, all others as bytes, the Content-Type as it was sent. What a
function leaves out is done the way the toolkit's MXNet container does it (`handler_defaults.py`).
"""

import inspect
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...artifact.contents import Artifact
from ...artifact.signature import image_for
from ...errors import InvalidArtifact, InvalidInput, PredictionFailed, ServerError, UnsupportedContentType
from .. import toolkit
from ..engines.base import Answer, Arrays, LoadedModel
from ..engines.instances import sample_arrays
from ..engines.reasons import reason
from ..formats.decode import CSV, JSON, expanded, media_type
from ..formats.encode import choose_accept, encode_value
from .code_scope import CodeScope
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

_log = logging.getLogger(__name__)
_TEXT = (JSON, CSV)


class HandlerModel:
    """A model served by its artifact's own functions."""

    def __init__(self, artifact: Artifact, default_model: Callable[[], LoadedModel]) -> None:
        """`default_model` loads the artifact's checkpoint, for what the functions leave out.

        Raises InvalidArtifact when the code cannot be imported or its `model_fn` fails.
        """
        self._artifact = artifact
        self._scope = CodeScope(artifact)
        self._functions = self._scope.functions()
        self._engine_model: LoadedModel | None = None
        if "model_fn" in self._functions:
            try:
                self._model = self._call("model_fn", str(artifact.directory))
            except PredictionFailed as error:
                raise InvalidArtifact(error.message) from error
            self._inputs = default_inputs(artifact, self._model) if hasattr(self._model, "get_inputs") else ()
        elif "predict_fn" in self._functions or "transform_fn" in self._functions:
            self._model = toolkit_model(artifact)
            self._inputs = default_inputs(artifact, self._model)
        else:
            self._engine_model = self._model = default_model()
            self._inputs = self._engine_model.inputs
        try:
            self._image = image_for(artifact.image, self._inputs) if self._inputs else None
        except ValueError as error:
            raise InvalidArtifact(f"signature.json does not fit the model: {error}") from error
        self._makes_mxnet_arrays = takes_mxnet_arrays(self._model)

    @property
    def inputs(self):
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

    def invoke(self, body: memoryview, content_type: str, accept: str, default_accept: str) -> Answer:
        """Answer one request. Raises PredictionFailed when a function fails; its traceback goes to the log."""
        start = time.perf_counter()
        form = default_accept if accept.strip() in ("", "*/*") else accept
        given = self._text(body) if media_type(content_type) in _TEXT else bytes(body)
        if "transform_fn" in self._functions:
            result = self._call("transform_fn", self._model, given, content_type, form)
            ran = time.perf_counter()
            return Answer(*_as_body(result, form), 0.0, ran - start, time.perf_counter() - ran)
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
        return Answer(*_as_body(result, form), decoded_at - start, ran - decoded_at, time.perf_counter() - ran)

    @staticmethod
    def _text(body: memoryview) -> str:
        try:
            return str(expanded(body), "utf-8")
        except UnicodeDecodeError as error:
            raise UnsupportedContentType("a JSON or CSV body must be UTF-8 text") from error

    def _predict(self, data):
        if self._engine_model is not None:
            outputs = self._engine_model.predict(arrays_for(data, self._engine_model.inputs))
            return as_given(outputs, self._artifact)
        with self._failing("the model"):
            return without_engine(self._model, data)

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
            said = f": {reason(error)}" if str(error).strip() else ""
            raise PredictionFailed(f"{what} raised {type(error).__name__}{said}") from error

    def close(self) -> None:
        self._model = None
        if self._engine_model is not None:
            self._engine_model.close()
            self._engine_model = None
        self._functions = {}
        self._scope.close()


def _as_body(result, accept: str) -> tuple[bytes, str]:
    body, content_type = result if isinstance(result, tuple) and len(result) == 2 else (result, accept)
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, bytes | bytearray | memoryview) or not isinstance(content_type, str):
        raise PredictionFailed(f"output_fn must give text or bytes, it gave a {type(body).__name__}")
    if not (content_type.isascii() and content_type.isprintable()):
        raise PredictionFailed("output_fn gave a content type that cannot be a header's value")
    return bytes(body), content_type
