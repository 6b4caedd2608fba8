"""The models of the experiments: a checkpoint that doubles numbers, and code that does what it is written for."""

import json
import shutil
from pathlib import Path

import mxnet as mx

from benchmarks.endurance import write_checkpoint

ROW = b"[[1, 2, 3, 4]]"
JSON = {"Content-Type": "application/json", "Accept": "application/json"}
TEXT = {"Content-Type": "text/csv", "Accept": "text/csv"}

ECHO = """
def model_fn(model_dir): ...
def transform_fn(model, data, content_type, accept): return data
"""


def checkpoint(folder: Path) -> Path:
    """A network of one layer, 4 numbers to 3 scores; its answer to `ROW` is always the same."""
    return folder if folder.exists() else write_checkpoint(folder)


def doubling(folder: Path) -> Path:
    """A network whose answer shows what it was asked: 4 numbers to their doubles."""
    folder.mkdir(parents=True)
    (mx.sym.var("data") * 2).save(str(folder / "model-symbol.json"))
    mx.nd.save(str(folder / "model-0000.params"), {"arg:unused": mx.nd.ones((1,))})
    (folder / "model-shapes.json").write_text('[{"name": "data", "shape": [1, 4]}]')
    return folder


def code(folder: Path, text: str) -> Path:
    """An artifact of code alone. One that is there already is replaced."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "inference.py").write_text(text)
    return folder


def load_body(name: str, folder: Path) -> bytes:
    """The body of `POST /models`."""
    return json.dumps({"model_name": name, "url": str(folder)}).encode()
