"""Whether a folder holds a model, found out without loading it: by the server's own reading."""

from pathlib import Path

from container.model_server.artifact.contents import Artifact, read_artifact
from container.model_server.errors import InvalidArtifact
from model_catalog.errors import CatalogError


def inspect_folder(folder: Path, program: str = "inference.py") -> Artifact:
    """The model in a folder; its `directory` is the folder below which its files are.

    Args:
        folder: the folder.
        program: the name of its own code below `code/`.

    Raises:
        CatalogError: with everything that is missing from the folder or wrong in it.
    """
    try:
        return read_artifact(folder, program)
    except InvalidArtifact as error:
        raise CatalogError(f"{complaint}." for complaint in error.complaints) from error
