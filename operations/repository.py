"""What git knows of the checkout: its content as one id, and files as another branch has them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from operations.errors import RepositoryError


class Repository:
    """The git repository that `directory` is the root of.

    Every method raises `RepositoryError` with git's message when git fails.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def content_tree(self) -> str | None:
        """The id of the tracked files' content as it is on disk; None for an unpacked archive.

        In a clean checkout it is the tree of `HEAD`. A change that is not committed gives another id. Files that git
        does not track do not count.
        """
        if not (self.directory / ".git").exists():
            return None
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._run("read-tree", "HEAD", variables=index)
            self._run("add", "--update", variables=index)
            return self._run("write-tree", variables=index).decode().strip()

    def commit(self, reference: str) -> str:
        """The commit that a branch, tag or commit names."""
        try:
            return self._run("rev-parse", "--verify", "--end-of-options", f"{reference}^{{commit}}").decode().strip()
        except RepositoryError as error:
            raise RepositoryError(
                f"{reference} is no branch or commit that this checkout has; fetch it (`fetch-depth: 0`): {error}"
            ) from None

    def read(self, commit: str, path: str) -> bytes | None:
        """A file as `commit` has it; None when the commit has none of this name."""
        if not self._run("ls-tree", "-z", commit, "--", path):
            return None
        return self._run("show", f"{commit}:{path}")

    def changed(self, commit: str, paths: Sequence[str]) -> tuple[str, ...]:
        """The files at or below `paths` that are not as `commit` has them, new and deleted ones too."""
        known = self._run("diff", "--name-only", "--no-renames", "-z", commit, "--", *paths)
        new = self._run("ls-files", "--others", "--exclude-standard", "-z", "--", *paths)
        return tuple(sorted({name.decode(errors="replace") for name in (known + new).split(b"\0") if name}))

    def _run(self, *arguments: str, variables: Mapping[str, str] | None = None) -> bytes:
        try:
            result = subprocess.run(
                ["git", *arguments],
                cwd=self.directory,
                env={**os.environ, **(variables or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except FileNotFoundError:
            raise RepositoryError("git is not on PATH: install it") from None
        if result.returncode != 0:
            message = result.stderr.decode(errors="replace").strip()
            raise RepositoryError(f"git {arguments[0]} failed in {self.directory}: {message}")
        return result.stdout
