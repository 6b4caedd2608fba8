"""Which files of an artifact's folder belong to the model, and which a tool or a system left there.

Packing, inspection and the server ask here, so that they see the same files.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import InvalidArtifact

CODE_FOLDER = "code"
LEFT_BEHIND = ("__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini")
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_PAGES = (b"<!doctype", b"<html", b"<?xml")


def is_left_behind(name: str) -> bool:
    """Whether a file or folder of this name is none of the model's: hidden, of a system, or what Python compiled."""
    return name.startswith(".") or name in LEFT_BEHIND or name.endswith(".pyc")


def model_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each file of a model: its path in the folder, with forward slashes, and where its content is.

    Links are followed where they stay inside the folder. Raises InvalidArtifact for all others, for links in a circle,
    and for what is neither file nor folder.
    """
    yield from _files(folder, folder.resolve(), "", frozenset())


def _files(folder: Path, root: Path, prefix: str, above: frozenset[Path]) -> Iterator[tuple[str, Path]]:
    above |= {folder.resolve()}
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if is_left_behind(entry.name):
            continue
        path, shown = Path(entry.path), f"{prefix}{entry.name}"
        target = path.resolve() if entry.is_symlink() else path
        if entry.is_symlink() and not target.is_relative_to(root):
            raise InvalidArtifact(f"{shown!r} points outside the model's folder: put the file itself there")
        if target.is_dir():
            if target.resolve() in above:
                raise InvalidArtifact(f"{shown!r} is a link to a folder that holds it")
            yield from _files(path, root, f"{shown}/", above)
        elif target.is_file():
            yield shown, path
        elif entry.is_symlink() and not target.exists():
            raise InvalidArtifact(f"{shown!r} is a link to {str(path.readlink())!r}, which is not there")
        else:
            raise InvalidArtifact(f"{shown!r} is neither a file nor a folder")


def model_root(folder: Path) -> Path:
    """The folder whose top level holds the model: `folder`, or the one folder in it where it holds nothing else."""
    while True:
        children = [child for child in folder.iterdir() if not is_left_behind(child.name)]
        if (
            len(children) != 1
            or not children[0].is_dir()
            or children[0].name == CODE_FOLDER
            or children[0].is_symlink()
        ):
            return folder
        folder = children[0]


def brings_code(folder: Path, program: str) -> bool:
    """Whether the artifact in `folder` has code of its own that would be run, in `code/<program>`."""
    return folder.is_dir() and (model_root(folder) / CODE_FOLDER / program).is_file()


def check_is_model_file(path: Path) -> None:
    """Raises InvalidArtifact for a file that stands where a network or its weights should be: empty, a pointer of Git
    LFS, or a page of a web site."""
    with path.open("rb") as file:
        start = file.read(256)
    if not start:
        raise InvalidArtifact(f"{path.name} is empty")
    if start.startswith(_LFS_POINTER):
        raise InvalidArtifact(f"{path.name} is a pointer of Git LFS, not the file itself: run `git lfs pull` first")
    if start.lstrip().lower().startswith(_PAGES):
        raise InvalidArtifact(f"{path.name} is a web page, not a model: download the file itself")
