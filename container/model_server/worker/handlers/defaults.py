"""What is done where an artifact's own code leaves a function out, the way the toolkit's MXNet container does it.

The model is a `mxnet.mod.Module`, or a session of ONNX Runtime; the input an `mxnet.nd.NDArray`, or a numpy array for
models that are none of MXNet's; several inputs or outputs are an object of arrays by name, or a list of them in order.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...artifact.contents import Artifact
from ...artifact.signature import ImageSpec, TensorSpec, share_batch
from ...errors import InvalidArtifact, InvalidInput, PredictionFailed, UnsupportedContentType
from ..engines.mxnet_params import by_role
from ..engines.onnx_engine import session_inputs
from ..engines.reasons import reason
from ..formats.decode import CSV, JSON, NPY, check_charset, decode_request, expanded, media_type
from ..formats.json_bodies import parse_json
from ..formats.npy import read_npy
from ..formats.tensors import Arrays, exact, fitted
from ..toolkit import decoder


def toolkit_model(artifact: Artifact) -> Any:
    """The model as the toolkit's default `model_fn` gives it to a custom `predict_fn`. Raises InvalidArtifact."""
    if artifact.graph is None:
        raise InvalidArtifact(f"code/{artifact.code.name if artifact.code else ''} must define model_fn: no checkpoint")
    try:
        if artifact.engine == "onnxruntime":
            import onnxruntime  # noqa: PLC0415

            return onnxruntime.InferenceSession(str(artifact.graph), providers=["CPUExecutionProvider"])
        import mxnet as mx  # noqa: PLC0415

        if artifact.parameters is None:
            raise InvalidArtifact("the parameters are missing beside the symbol file; code/ must define model_fn")
        if not artifact.inputs:
            raise InvalidArtifact("the shapes file is missing beside the checkpoint; code/ must define model_fn")
        symbol = mx.sym.load(str(artifact.graph))
        arguments, auxiliary = by_role(dict(mx.nd.load(str(artifact.parameters))), symbol, artifact.parameters.name)
        module = mx.mod.Module(symbol, data_names=[s.name for s in artifact.inputs], label_names=None, context=mx.cpu())
        module.bind(for_training=False, data_shapes=[(s.name, s.shape) for s in artifact.inputs])
        module.set_params(arguments, auxiliary, allow_missing=True)
    except InvalidArtifact:
        raise
    except Exception as error:
        raise InvalidArtifact(f"the checkpoint could not be loaded: {reason(error)}") from error
    return module


def default_inputs(artifact: Artifact, model: object) -> tuple[TensorSpec, ...]:
    """The inputs of the model that `toolkit_model` made, or of a session; none where the file leaves sizes open."""
    if not hasattr(model, "get_inputs"):
        return share_batch(artifact.inputs)
    try:
        return session_inputs(model, artifact.graph or artifact.directory, artifact.inputs)[0]
    except InvalidArtifact:
        return ()


def decoded(
    body: memoryview,
    content_type: str,
    inputs: tuple[TensorSpec, ...],
    image: ImageSpec | None,
    as_mxnet: bool,
) -> Any:
    """The model's input from a request, where the code has no `input_fn`: an array, or a dict of them by name.

    Without known inputs the array is what the body holds. Raises UnsupportedContentType, InvalidInput.
    """
    if inputs:
        arrays: Arrays = decode_request(body, content_type, inputs, image)
        given = {name: _mxnet_array(array) if as_mxnet else array for name, array in arrays.items()}
        return next(iter(given.values())) if len(given) == 1 else given
    kind = media_type(content_type)
    if kind not in (JSON, CSV, NPY):
        raise UnsupportedContentType(
            f"this model's code has no input_fn: without one it takes {JSON}, {CSV} and {NPY}, not {content_type!r}"
        )
    array = _read(expanded(body), content_type)
    return _mxnet_array(exact(array, "float32", "the body")) if as_mxnet else array


def takes_mxnet_arrays(model: object) -> bool:
    """Whether a model is one of MXNet's: the server's own of a checkpoint, or what the code loaded."""
    if hasattr(model, "get_inputs"):
        return False
    mro = type(model).__mro__
    is_own = any(kind.__module__.endswith(".mxnet_engine") for kind in mro)
    return is_own or any(kind.__module__.partition(".")[0] == "mxnet" for kind in mro)


def _read(body: bytes | memoryview, content_type: str) -> NDArray[Any]:
    """What a body holds, in the type that it suggests."""
    kind = media_type(content_type)
    if kind == NPY:
        return read_npy(body)
    check_charset(content_type)
    try:
        array = np.array(parse_json(body)) if kind == JSON else decoder.decode(str(body, "utf-8-sig"), kind)
    except ValueError as error:
        raise InvalidInput(f"the body cannot be read as an array: {error}") from error
    if array.dtype.kind not in "iufbU" or (array.dtype.kind == "f" and not np.isfinite(array).all()):
        raise InvalidInput("expected finite numbers, truth values or text in lists of equal lengths at every level")
    return array


def arrays_for(data: object, inputs: tuple[TensorSpec, ...]) -> Arrays:
    """What `input_fn` gave as arrays of the network's inputs: an array, a list of them in order, or a dict by name.

    Raises PredictionFailed where there are not as many as inputs, InvalidInput for another shape or type.
    """
    names = [spec.name for spec in inputs]
    if isinstance(data, Mapping):
        if set(data) != set(names):
            raise PredictionFailed(
                f"input_fn gave a dict of {', '.join(map(str, data)) or 'nothing'}; the inputs are {', '.join(names)}"
            )
        given = [data[name] for name in names]
    elif len(inputs) > 1:
        if not isinstance(data, list | tuple) or len(data) != len(names):
            count = f"{len(data)} arrays" if isinstance(data, list | tuple) else "one array"
            raise PredictionFailed(
                f"input_fn gave {count}; this network has {len(names)} inputs: give a dict, or a list in the order "
                f"{', '.join(names)}"
            )
        given = list(data)
    elif isinstance(data, list | tuple) and len(data) == 1 and hasattr(data[0], "asnumpy"):
        given = [data[0]]
    else:
        given = [data]
    arrays = {
        spec.name: fitted(_numpy(value, spec), spec, finite=False) for spec, value in zip(inputs, given, strict=True)
    }
    if len({len(array) for array in arrays.values()}) != 1:
        counts = ", ".join(f"{name} {len(array)}" for name, array in arrays.items())
        raise PredictionFailed(f"input_fn gave different numbers of instances: {counts}")
    return arrays


def as_given(outputs: Arrays, artifact: Artifact) -> Any:
    """What `output_fn` gets of the engine's outputs: the only one, or the list of them in the network's order."""
    arrays = [_mxnet_array(array) if artifact.engine == "mxnet" else array for array in outputs.values()]
    return arrays[0] if len(arrays) == 1 else arrays


def without_engine(model: Any, data: Any) -> Any:
    """Run what `model_fn` loaded. Raises PredictionFailed where it is nothing that can be run."""
    if hasattr(model, "get_inputs"):
        given = data if isinstance(data, Mapping) else {model.get_inputs()[0].name: data}
        outputs = model.run(None, given)
        return outputs[0] if len(outputs) == 1 else outputs
    run = model if callable(model) else getattr(model, "predict", None)
    if run is None:
        raise PredictionFailed(f"model_fn gave a {type(model).__name__}: predict_fn must say how to run it")
    return run(data)


def predicted(value: object) -> object:
    """A prediction with numpy arrays in the place of MXNet's; a list of one of those is that one."""
    if isinstance(value, list | tuple):
        if len(value) == 1 and hasattr(value[0], "asnumpy"):
            return value[0].asnumpy()
        return [predicted(item) for item in value] if any(hasattr(item, "asnumpy") for item in value) else value
    return value.asnumpy() if hasattr(value, "asnumpy") else value


def _numpy(value: Any, spec: TensorSpec) -> NDArray[Any]:
    if hasattr(value, "asnumpy"):
        return value.asnumpy()
    return np.asarray(value, dtype=object if spec.dtype == "str" else None)


def _mxnet_array(array: NDArray[Any]) -> Any:
    import mxnet  # noqa: PLC0415

    return mxnet.nd.array(array, dtype=array.dtype)
