"""Imports an artifact's own code, with the packages that it brings. The process is the artifact's own: what the code
imports stays imported, under its plain name."""

import importlib.metadata
import importlib.util
import logging
import sys
from collections.abc import Callable
from typing import Any

from ...artifact.contents import Artifact
from ...artifact.own_code import FUNCTIONS, SERVING_FUNCTIONS
from ...artifact.requirements import hidden_packages, import_paths, unmet_requirements
from ...errors import InvalidArtifact
from .. import toolkit

_log = logging.getLogger(__name__)


def import_functions(artifact: Artifact) -> dict[str, Callable[..., Any]]:
    """The functions that the artifact's code defines, by name. Raises InvalidArtifact."""
    file = artifact.code
    if file is None:
        raise InvalidArtifact("the artifact holds no code")
    installed = _installed_packages()
    imported = {name: version for name, version in installed.items() if _module(name) in sys.modules}
    complaints = [*unmet_requirements(file.parent, installed), *hidden_packages(file.parent, imported)]
    if complaints:
        raise InvalidArtifact(*complaints)
    sys.path[:0] = [str(path) for path in import_paths(file.parent)]
    toolkit.provide()
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise InvalidArtifact(f"code/{file.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        _log.exception("importing %s failed", file)
        raise InvalidArtifact(f"importing code/{file.name} raised {type(error).__name__}: {error}") from error
    found = {name: getattr(module, name) for name in FUNCTIONS if callable(getattr(module, name, None))}
    if not found.keys() & set(SERVING_FUNCTIONS):
        raise InvalidArtifact(f"code/{file.name} defines none of {', '.join(SERVING_FUNCTIONS)}")
    if "transform_fn" in found and found.keys() & {"input_fn", "predict_fn", "output_fn"}:
        raise InvalidArtifact(f"code/{file.name}: transform_fn stands for input_fn, predict_fn and output_fn")
    return found


def _installed_packages() -> dict[str, str]:
    """The packages that this process can import, with their versions."""
    return {found.name: found.version for found in importlib.metadata.distributions()}


def _module(package: str) -> str:
    return "PIL" if package.lower() == "pillow" else package.replace("-", "_")
