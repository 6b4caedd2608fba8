"""MLServer's custom runtime: one BYTES element in base64, a picture, to its scores."""

from mlserver import MLModel
from mlserver.codecs import Base64Codec, NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from onnx_pictures import PictureModel


class PictureRuntime(MLModel):
    async def load(self) -> bool:
        self._model = PictureModel(self.settings.parameters.uri)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        [picture] = Base64Codec.decode_input(payload.inputs[0])
        scores = self._model.scores(picture)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("scores", scores)])
