"""One model inside a worker: a request's bytes to an answer's bytes."""

import time

from ..artifact.contents import Artifact
from ..artifact.labels import fitting
from ..artifact.signature import TensorSpec, image_for
from ..errors import InvalidArtifact
from .engines.base import Asked, Encoded, LoadedModel, Origin
from .engines.instances import sample_arrays
from .formats.decode import decode_request
from .formats.encode import choose_accept, encode_response
from .formats.tensors import Arrays


class ServedModel:
    """A loaded checkpoint with its artifact's labels and image signature."""

    def __init__(self, artifact: Artifact, model: LoadedModel) -> None:
        """Raises InvalidArtifact when the signature does not fit what the model takes."""
        try:
            self._image = image_for(artifact.image, model.inputs)
        except ValueError as error:
            raise InvalidArtifact(f"signature.json does not fit the model: {error}") from error
        self._labels = artifact.labels
        self._model = model
        self.has_run = False

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        return self._model.inputs

    @property
    def origin(self) -> Origin:
        return self._model.origin

    def warm_up(self) -> Arrays:
        """Make sure that the model can be run, and return the outputs of made-up instances.

        A run shows it, unless a model of the same network has run before: then the first request is the first run, and
        a cold start runs the network once instead of twice.

        Raises PredictionFailed for a graph that cannot be run, InvalidArtifact for labels that do not fit the outputs.
        """
        outputs = self._model.foreseen()
        if outputs is None:
            outputs = self._model.predict(sample_arrays(self._model.inputs))
            self._settle()
        if self._labels is not None and len(outputs) == 1:
            (output,) = outputs.values()
            self._labels = fitting(self._labels, output)
        return outputs

    def _settle(self) -> None:
        self._model.settle()
        self.has_run = True

    def encode(self, outputs: Arrays, form: str) -> bytes:
        """The body of an answer. Raises UnsupportedAccept, PredictionFailed."""
        return encode_response(outputs, self._labels, form)

    def invoke(self, body: memoryview, asked: Asked, default_accept: str) -> Encoded:
        """Answer one request. Raises the ServerErrors of decoding, running and encoding."""
        start = time.perf_counter()
        form = choose_accept(asked.accept, default_accept)
        arrays = decode_request(body, asked.content_type, self._model.inputs, self._image)
        decoded = time.perf_counter()
        outputs = self._model.predict(arrays)
        ran = time.perf_counter()
        if not self.has_run:
            self._settle()
        encoded = self.encode(outputs, form)
        return Encoded(encoded, form, decoded - start, ran - decoded, time.perf_counter() - ran)

    def close(self) -> None:
        self._model.close()
