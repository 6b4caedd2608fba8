"""Which module may know which: the front process never maps what only workers need, and transport stands on top."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SERVER = PROJECT / "container" / "model_server"

LEAVES = {"settings", "errors", "layout", "wire", "memory"}
# The front process, from top to bottom: each may know those that come later, and the leaves.
ROOMS = ("main", "http", "hosting", "telemetry")


def imported(path: Path) -> set[str]:
    """The server's own modules, or folders, that a file imports from the top, wherever in it."""
    found = set()
    to_the_top = len(path.relative_to(SERVER).parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == to_the_top:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {name.split(".")[0] for name in names}
    return found


def modules() -> dict[str, set[str]]:
    """What each module imports; those of a folder go under the folder's name."""
    found: dict[str, set[str]] = {}
    for path in SERVER.rglob("*.py"):
        name = path.relative_to(SERVER).with_suffix("").parts[0]
        found.setdefault(name, set()).update(imported(path))
    return found


def test_leaves_import_leaves_only() -> None:
    for name in LEAVES:
        assert modules()[name] <= LEAVES, name


def test_the_front_process_is_built_from_top_to_bottom() -> None:
    """Transport on hosting on telemetry; of what workers run it knows nothing."""
    for number, room in enumerate(ROOMS):
        assert modules()[room] <= {*ROOMS[number:], *LEAVES}, room


def test_workers_know_nothing_of_the_front_process() -> None:
    for name, known in modules().items():
        if name not in (*ROOMS, "__init__"):
            assert not known & set(ROOMS), name


@pytest.mark.parametrize("heavy", ["numpy", "PIL", "mxnet", "onnxruntime", "starlette", "uvicorn"])
def test_the_front_process_loads_nothing_heavy(heavy: str) -> None:
    code = f"import container.model_server.main, sys; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0
