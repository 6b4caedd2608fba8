"""Where things of the project lie, as seen from a stack's folder: Terraform runs there."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Project:
    """The folders that the stacks refer to. Synthesised paths are relative, so that any checkout gives the same."""

    root: Path
    """The checkout: what relative folders start from, and where the project's programs run."""
    output_directory: Path
    """Where the stacks are written to (cdktf.out)."""
    catalog_directory: Path
    """The catalog of models."""
    state_directory: Path
    """Where the state of the state stacks lies until it is migrated."""

    def seen_from_root(self, path: Path) -> str:
        """`path` relative to the checkout, where the project's programs run."""
        return Path(os.path.relpath(self.root / path, self.root)).as_posix()

    def seen_from(self, stack: str, path: Path) -> str:
        """`path` (relative ones start from the root) relative to the folder of `stack`, with forward slashes."""
        return Path(os.path.relpath(self.root / path, self.stack_folder(stack))).as_posix()

    def stack_folder(self, stack: str) -> Path:
        """Where the configuration of a stack is written to."""
        return self.root / self.output_directory / "stacks" / stack
