"""The build context: which files it holds, and the hash of their content that names the image.

The hash depends on what the build sees and on nothing else: paths, contents, executable bits and the targets of
symbolic links. Times, owners, the other permission bits, the order of a folder's entries and empty folders do not
count, so that two checkouts of one commit get one tag.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from image_builder.dockerignore import IgnoreRules
from image_builder.errors import ImageBuilderError

DOCKERFILE = "Dockerfile"
DOCKERIGNORE = ".dockerignore"
_READ_SIZE_BYTES = 1 << 20


@dataclass(frozen=True, order=True)
class ContextFile:
    """A regular file or a symbolic link of the build context."""

    path: str
    """Relative to the context, with forward slashes."""
    source: Path
    executable: bool = False
    link_target: str | None = None
    """Where the link points, for a symbolic link only."""

    def content_digest(self) -> str:
        """sha256 of the content, in hex; of a link, that of its target's path."""
        digest = hashlib.sha256()
        if self.link_target is not None:
            digest.update(os.fsencode(self.link_target))
            return digest.hexdigest()
        with self.source.open("rb") as file:
            while chunk := file.read(_READ_SIZE_BYTES):
                digest.update(chunk)
        return digest.hexdigest()


def context_files(directory: Path | str) -> list[ContextFile]:
    """The files that an engine would see when it builds `directory`, sorted by path.

    The Dockerfile counts even where `.dockerignore` leaves it out: the build reads it in any case.

    Raises:
        ImageBuilderError: the folder or its Dockerfile is missing, `.dockerignore` holds a wrong pattern, or the
            context holds a socket, a device or a pipe.
    """
    directory = Path(directory)
    if not (directory / DOCKERFILE).is_file():
        raise ImageBuilderError(f"{directory} is not a build context: it has no {DOCKERFILE}.")
    ignore_file = directory / DOCKERIGNORE
    rules = IgnoreRules(ignore_file.read_text(encoding="utf-8") if ignore_file.is_file() else "")
    return sorted(_walk(directory, "", rules))


def content_hash(directory: Path | str) -> str:
    """sha256 in hex of the build context in `directory`; its beginning serves as the image's tag.

    Raises:
        ImageBuilderError: as `context_files`.
    """
    digest = hashlib.sha256()
    for file in context_files(directory):
        kind = "link" if file.link_target is not None else "executable" if file.executable else "file"
        digest.update(json.dumps([file.path, kind, file.content_digest()]).encode() + b"\n")
    return digest.hexdigest()


def _walk(folder: Path, prefix: str, rules: IgnoreRules) -> Iterator[ContextFile]:
    with os.scandir(folder) as entries:
        for entry in entries:
            path = prefix + entry.name
            excluded = path != DOCKERFILE and rules.excludes(path)
            if entry.is_dir(follow_symlinks=False):
                if not excluded or rules.may_include_again:
                    yield from _walk(Path(entry.path), path + "/", rules)
            elif not excluded:
                yield _context_file(entry, path)


def _context_file(entry: os.DirEntry[str], path: str) -> ContextFile:
    source = Path(entry.path)
    if entry.is_symlink():
        return ContextFile(path, source, link_target=os.readlink(entry.path))  # noqa: PTH115  the text as it stands
    mode = entry.stat(follow_symlinks=False).st_mode
    if not stat.S_ISREG(mode):
        raise ImageBuilderError(
            f"{source} is neither a file nor a link, so it cannot be part of an image: remove it or list it in "
            f"{DOCKERIGNORE}."
        )
    return ContextFile(path, source, executable=bool(mode & stat.S_IXUSR))
