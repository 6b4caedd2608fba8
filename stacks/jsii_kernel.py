"""How the jsii kernel, a Node process, starts quickly and silently, and how a package of bindings is found in parts."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

_PRELOAD = Path(__file__).with_suffix(".cjs")


def bare_package(name: str) -> ModuleType:
    """A module that finds the submodules of the package `name` without running its `__init__`.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = ModuleType(name)
    module.__spec__ = spec
    module.__path__ = list(spec.submodule_search_locations)
    return module


@contextmanager
def kernel_environment() -> Iterator[None]:
    """The variables that the jsii kernel is to start with; gone again afterwards."""
    quoted = str(_PRELOAD).replace("\\", "\\\\").replace('"', '\\"')
    variables = {
        "NODE_OPTIONS": f'{os.environ.get("NODE_OPTIONS", "")} --require "{quoted}"'.strip(),
        # Major versions of Node, comma-separated (any text in jsii before 1.140).
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20,22",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
