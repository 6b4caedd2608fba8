"""A single ONNX file as a model's folder."""

import shutil
from pathlib import Path


def copy_network(network: Path, folder: Path) -> Path:
    """Make `folder` with an ONNX file alone, and the files beside it that hold its weights; returns `folder`."""
    # It takes a while to import, and nothing else here needs it.
    import onnx  # noqa: PLC0415

    names = {network.name}
    try:
        model = onnx.load(str(network), load_external_data=False)
    except Exception:  # noqa: BLE001 - protobuf's own errors: the check says with the engine's words what is wrong
        tensors = []
    else:
        external = onnx.TensorProto.EXTERNAL  # type: ignore[attr-defined]
        tensors = [tensor for tensor in model.graph.initializer if tensor.data_location == external]
    for tensor in tensors:
        names |= {entry.value for entry in tensor.external_data if entry.key == "location"}
    for name in sorted(names):
        source, target = network.parent / name, folder / name
        if source.is_file() and target.resolve().is_relative_to(folder.resolve()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return folder
