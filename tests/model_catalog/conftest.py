"""Folders that look like models to everything but an engine: catalogs never load what they hold."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PARAMS_MAGIC = (0x112).to_bytes(8, "little")
MakeModel = Callable[..., Path]


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    """Makes a checkpoint's folder; `content` tells one model's weights from another's."""

    def make(folder: str = "net", content: bytes = b"1", prefix: str = "net") -> Path:
        directory = tmp_path / "sources" / folder
        directory.mkdir(parents=True, exist_ok=True)
        graph: dict[str, Any] = {
            "nodes": [{"op": "null", "name": "data", "inputs": []}],
            "arg_nodes": [0],
            "heads": [[0, 0, 0]],
        }
        (directory / f"{prefix}-symbol.json").write_text(json.dumps(graph))
        (directory / f"{prefix}-0000.params").write_bytes(PARAMS_MAGIC + content)
        (directory / f"{prefix}-shapes.json").write_text(json.dumps([{"name": "data", "shape": [1, 3, 8, 8]}]))
        (directory / "synset.txt").write_text("cat\ndog\n")
        return directory

    return make
