"""An artifact's own code, as far as reading it says: where it is and what it defines. Nothing is run."""

import ast
from pathlib import Path

from ..errors import InvalidArtifact
from .files import CODE_FOLDER, is_left_behind

SERVING_FUNCTIONS = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")
# Called around model_fn, once a load.
FUNCTIONS = (*SERVING_FUNCTIONS, "pre_model_fn", "model_warmup_fn")


def find_code(root: Path, program: str) -> Path | None:
    """The file with the artifact's functions, `code/<program>`; None for an artifact without code.

    Raises InvalidArtifact for code that would not be run, because it lies elsewhere or has another name.
    """
    code = root / CODE_FOLDER / program
    if code.is_file():
        return code
    if (root / program).is_file():
        raise InvalidArtifact(
            f"{program} lies at the top level, where it is not run: move it to {CODE_FOLDER}/{program}"
        )
    folder = root / CODE_FOLDER
    others = (
        sorted(path.name for path in folder.glob("*.py") if not is_left_behind(path.name)) if folder.is_dir() else []
    )
    if others:
        raise InvalidArtifact(
            f"{CODE_FOLDER}/ holds {', '.join(others[:5])} but no {program}, so none of it is run: rename the file "
            "with the functions, or name it with SAGEMAKER_PROGRAM"
        )
    return None


def names_defined(code: Path) -> set[str]:
    """The functions and other names that a file defines at its top level or imports; all FUNCTIONS after `import *`.

    None of them where it is no Python: importing it says why.
    """
    try:
        tree = ast.parse(code.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names |= set(FUNCTIONS) if node.name == "*" else {node.asname or node.name}
    return names
