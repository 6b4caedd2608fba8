"""Which module may know which: the front process never maps what only workers need, and transport stands on top."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SERVER = PROJECT / "container" / "model_server"

TELEMETRY = {"events", "metrics", "observer", "access_log", "afterwards", "line_writer"}
HOSTING = {
    *("service", "registry", "placement", "copies", "housekeeping", "scheduler", "jobs", "places"),
    *("budget", "quarantine", "pool"),
}
LEAVES = {"settings", "errors", "wire", "memory"}
FRONT = TELEMETRY | HOSTING | {"main", "http"}


def imported(path: Path) -> set[str]:
    """The server's own modules, or folders, that a file imports, wherever in it."""
    found = set()
    level_of_root = len(path.relative_to(SERVER).parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == level_of_root:
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


def test_nobody_but_the_wiring_knows_the_transport() -> None:
    assert {name for name, known in modules().items() if "http" in known} - {"http"} == {"main"}


def test_the_front_process_and_the_workers_share_leaves_only() -> None:
    for name, known in modules().items():
        if name in FRONT:
            assert known <= FRONT | LEAVES, name
        elif name != "__init__":
            assert not known & FRONT, name


def test_who_hosts_models_tells_of_it_and_not_the_other_way_round() -> None:
    for name in TELEMETRY:
        # The observer is told about models by their entries in the registry.
        assert not modules()[name] & (HOSTING - {"registry"}), name


@pytest.mark.parametrize("heavy", ["numpy", "PIL", "mxnet", "onnxruntime", "starlette", "uvicorn"])
def test_the_front_process_loads_nothing_heavy(heavy: str) -> None:
    code = f"import container.model_server.main, sys; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0
