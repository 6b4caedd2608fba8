"""MXNet behind sagemaker-inference-toolkit: what the toolkit's README asks of the author of a container.

Loading is that of AWS's MXNet toolkit (a Module bound to the artifact's shapes); pictures are decoded and brought to
the model zoo's input with MXNet's own image functions (OpenCV).
"""

import json
import os
import time
from pathlib import Path

import mxnet as mx
from sagemaker_inference import content_types, decoder, default_inference_handler, encoder

MEAN = mx.nd.array([0.485, 0.456, 0.406])
DEVIATION = mx.nd.array([0.229, 0.224, 0.225])
SHORTER_SIDE = 256

# A file that gets one JSON line of timings a request; unset outside the measure of where the time goes.
TIMINGS = os.environ.get("BENCHMARK_TIMINGS")


def _decode_picture(body):
    picture = mx.image.resize_short(mx.image.imdecode(bytes(body)), SHORTER_SIDE)
    picture, _ = mx.image.center_crop(picture, (224, 224))
    normalised = mx.image.color_normalize(picture.astype("float32") / 255, MEAN, DEVIATION)
    data = normalised.transpose((2, 0, 1)).expand_dims(0)
    if TIMINGS:
        data.wait_to_read()
    return data


class MXNetHandler(default_inference_handler.DefaultInferenceHandler):
    def default_model_fn(self, model_dir):
        [symbol] = Path(model_dir).glob("*-symbol.json")
        prefix = str(symbol).removesuffix("-symbol.json")
        entries = json.loads(Path(f"{prefix}-shapes.json").read_text())
        shapes = [(entry["name"], tuple(entry["shape"])) for entry in entries]
        network, parameters, states = mx.model.load_checkpoint(prefix, 0)
        module = mx.mod.Module(network, data_names=[name for name, _ in shapes], label_names=None, context=mx.cpu())
        module.bind(for_training=False, data_shapes=shapes)
        module.set_params(parameters, states, allow_missing=True)
        return module

    def default_input_fn(self, input_data, content_type, context=None):
        started = time.perf_counter()
        if content_type in ("image/jpeg", "image/png"):
            data = _decode_picture(input_data)
        else:
            data = mx.nd.array(decoder.decode(bytes(input_data), content_type))
        self.decode_seconds = time.perf_counter() - started
        return data

    def default_predict_fn(self, data, model, context=None):
        started = time.perf_counter()
        model.forward(mx.io.DataBatch([data]), is_train=False)
        scores = model.get_outputs()[0].asnumpy()
        self.engine_seconds = time.perf_counter() - started
        return scores

    def default_output_fn(self, prediction, accept, context=None):
        started = time.perf_counter()
        encoded = encoder.encode(prediction.tolist(), content_types.JSON)
        if TIMINGS:
            timing = {
                "decode": self.decode_seconds,
                "engine": self.engine_seconds,
                "encode": time.perf_counter() - started,
            }
            with Path(TIMINGS).open("a") as file:
                file.write(json.dumps(timing) + "\n")
        return encoded
