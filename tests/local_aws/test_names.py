"""The shape of the package: a name says one thing, and of the container's modules only the public ones are used."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "local_aws"
PUBLIC_MODULES = {
    "container.model_server.artifact.archive": "the extraction of artifacts, with its checks",
}
"""What of the container's code the local AWS may use: what the image itself does with a model is its own business."""


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def defined(tree: ast.Module) -> Iterator[str]:
    """Classes, and aliases of types: capitalised names at the top of a module."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (name.id for name in node.targets if isinstance(name, ast.Name) and name.id[0].isupper())


def test_a_name_stands_for_one_type() -> None:
    found = defaultdict(list)
    for path, tree in modules():
        for name in defined(tree):
            if not name.isupper():
                found[name].append(str(path))
    assert {name: paths for name, paths in found.items() if len(paths) > 1 and not name.startswith("_")} == {}


def test_of_the_container_only_public_modules_are_imported() -> None:
    found = set()
    for _, tree in modules():
        for node in ast.walk(tree):
            names = [node.module] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found |= {name for name in names if name and name.split(".")[0] == "container"}
    assert found == set(PUBLIC_MODULES)
