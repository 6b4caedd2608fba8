"""Which room may know which: a folder's name says in which process its modules run, and imports keep it true."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from container.model_server import PUBLIC

PROJECT = Path(__file__).resolve().parents[2]
SERVER = PROJECT / "container" / "model_server"

LEAVES = {"settings", "errors", "wire", "memory", "process_tree"}
FRONT = ("main", "http", "hosting", "telemetry")
OTHERS = (
    "model_catalog",
    "local_aws",
    "stacks",
    "plan_review",
    "operations",
    "examples",
    "benchmarks",
    "image_builder",
    "way_out",
)
# For each room the others that it may know, besides the leaves.
ROOMS: dict[str, set[str]] = {
    "main": {"http", "hosting", "telemetry"},
    "http": {"hosting", "telemetry"},
    "hosting": {"telemetry", "artifact"},
    "telemetry": set(),
    "worker": {"artifact"},
    "trial": {"worker", "artifact"},
    "artifact": set(),
    **{leaf: set() for leaf in LEAVES},
}


def imported(path: Path) -> set[str]:
    """The modules of the server that a file imports, wherever in it: dotted, below `model_server`."""
    package = path.relative_to(SERVER).parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])
        inside = SERVER.joinpath(*base.split("."))
        is_module = inside.with_suffix(".py").is_file() if base else False
        found |= {base} if is_module else {f"{base}.{alias.name}".lstrip(".") for alias in node.names}
    return found


def rooms() -> dict[str, set[str]]:
    """What the modules of each room import of other rooms."""
    found: dict[str, set[str]] = {}
    for path in SERVER.rglob("*.py"):
        name = path.relative_to(SERVER).with_suffix("").parts[0]
        if name != "__init__":
            found.setdefault(name, set()).update({module.split(".")[0] for module in imported(path)} - {name})
    return found


def test_every_module_is_in_a_room_or_a_leaf() -> None:
    assert rooms().keys() == ROOMS.keys()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_those_below_it(room: str) -> None:
    assert rooms()[room] <= {*ROOMS[room], *LEAVES}


def test_the_front_process_loads_nothing_of_the_workers() -> None:
    """In fact, not only by the lines in its files."""
    code = (
        "import container.model_server.main, sys; "
        "rooms = ('container.model_server.worker', 'container.model_server.trial'); "
        "print([m for m in sys.modules if m.startswith(rooms)"
        " or m in ('numpy', 'PIL', 'mxnet', 'onnxruntime', 'starlette', 'uvicorn')])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "[]"


def test_others_import_the_public_modules_only() -> None:
    """Outside the container and its tests, only the modules that `PUBLIC` names are used."""
    used = set()
    for folder in OTHERS:
        for path in (PROJECT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("container.model_server."):
                    used.add(str(node.module).removeprefix("container.model_server."))
    assert used == PUBLIC.keys()
