"""What can go wrong while an image is built and pushed."""

from collections.abc import Iterable


class ImageBuilderError(Exception):
    """A problem that the person who deploys can solve; its text says what was wrong, where, and what to do."""

    exit_code = 1


class EngineTimeoutError(ImageBuilderError):
    """The container engine does not answer a question that it should answer at once."""


class CommandError(ImageBuilderError):
    """A command of the container engine failed; holds its exit code and the last lines that it wrote."""

    def __init__(self, what: str, exit_code: int, last_lines: Iterable[str]) -> None:
        self.exit_code = exit_code
        self.last_lines = tuple(last_lines)
        lines = "\n".join(f"  {line}" for line in self.last_lines) or "  (no output)"
        super().__init__(f"{what} failed with exit code {exit_code}. The last lines:\n{lines}")
