"""One model inside a worker: a request's bytes to an answer's bytes."""

import time

import numpy as np

from .artifact import Artifact
from .decode import decode_request
from .encode import choose_accept, encode_response
from .engines.base import Answer, LoadedModel
from .errors import InvalidArtifact
from .signature import image_for


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

    def warm_up(self) -> None:
        """Run zeros through the model once: the first run allocates what later ones reuse, and shows a broken graph."""
        self._model.predict({spec.name: np.zeros(spec.shape, spec.dtype) for spec in self._model.inputs})
        self._model.settle()

    def invoke(self, body: memoryview, content_type: str, accept: str, default_accept: str) -> Answer:
        """Answer one request. Raises the ServerErrors of decoding, running and encoding."""
        start = time.perf_counter()
        form = choose_accept(accept, default_accept)
        arrays = decode_request(body, content_type, self._model.inputs, self._image)
        decoded = time.perf_counter()
        outputs = self._model.predict(arrays)
        ran = time.perf_counter()
        encoded = encode_response(outputs, self._labels, form)
        return Answer(encoded, form, decoded - start, ran - decoded, time.perf_counter() - ran)

    def close(self) -> None:
        self._model.close()
