"""Imports of artifacts' own code, each apart from the others'."""

import importlib
import importlib.util
import logging
import sys
from collections.abc import Callable
from types import ModuleType

from ...artifact.contents import Artifact
from ...artifact.own_code import FUNCTIONS
from ...errors import InvalidArtifact
from .. import toolkit

_log = logging.getLogger(__name__)


class CodeScope:
    """Imports of one artifact's code. Inside the scope its folder is on `sys.path` and its modules are imported under
    their plain names; outside they are gone, so that two artifacts may both have a `helpers.py`."""

    def __init__(self, artifact: Artifact) -> None:
        if artifact.code is None:
            raise InvalidArtifact("the artifact holds no code")
        self._file = artifact.code
        self._folder = str(artifact.code.parent)
        toolkit.provide()
        self._modules: dict[str, ModuleType] = {}

    def functions(self) -> dict[str, Callable]:
        """Import the code. Raises InvalidArtifact."""
        name = self._file.stem
        try:
            with self:
                spec = importlib.util.spec_from_file_location(name, self._file)
                if spec is None or spec.loader is None:
                    raise InvalidArtifact(f"code/{self._file.name} is not a Python file")
                module = importlib.util.module_from_spec(spec)
                sys.modules[name] = module
                spec.loader.exec_module(module)
        except InvalidArtifact:
            raise
        except (Exception, SystemExit) as error:
            _log.exception("importing %s failed", self._file)
            raise InvalidArtifact(f"importing code/{self._file.name} raised {type(error).__name__}: {error}") from error
        found = {name: getattr(module, name) for name in FUNCTIONS if callable(getattr(module, name, None))}
        if not found:
            raise InvalidArtifact(f"code/{self._file.name} defines none of {', '.join(FUNCTIONS)}")
        if "transform_fn" in found and found.keys() - {"model_fn", "transform_fn"}:
            raise InvalidArtifact(f"code/{self._file.name}: transform_fn stands for input_fn, predict_fn and output_fn")
        return found

    def __enter__(self) -> None:
        self._hidden = {name: sys.modules[name] for name in self._modules if name in sys.modules}
        self._before = set(sys.modules)
        sys.modules.update(self._modules)
        sys.path.insert(0, self._folder)

    def __exit__(self, *_: object) -> None:
        sys.path.remove(self._folder)
        for name in list(sys.modules):
            file = getattr(sys.modules[name], "__file__", None)
            if name not in self._before and isinstance(file, str) and file.startswith(self._folder + "/"):
                self._modules[name] = sys.modules[name]
        for name in self._modules:
            sys.modules.pop(name, None)
        sys.modules.update(self._hidden)

    def close(self) -> None:
        for module in self._modules.values():
            module.__dict__.clear()
        self._modules = {}
        importlib.invalidate_caches()
        sys.path_importer_cache.pop(self._folder, None)
