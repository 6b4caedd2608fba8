"""The review of saved plans, by `plan_review`'s own command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from operations.private_files import write_private
from plan_review.cli import main as plan_review

SAFE, FAILED, NEEDS_APPROVAL, BLOCKED = range(4)
"""The exit codes of a review."""

REVIEW_FILES = {"json": "review.json", "markdown": "review.md"}


def review(files: Sequence[Path], options: Sequence[str]) -> int:
    """Review the JSON of plans and print the review, as text unless the options say otherwise.

    Args:
        files: Terraform's JSON, each file named after its stack.
        options: of `python -m plan_review`; the last of two that contradict each other counts.

    Returns:
        SAFE, FAILED (the complaint is on standard error), NEEDS_APPROVAL or BLOCKED.
    """
    return plan_review([*map(str, files), *options])


def write_reviews(directory: Path, files: Sequence[Path], options: Sequence[str]) -> int:
    """Write the review for programs and for pull requests into a folder; where one cannot be made, none is left."""
    for format_, name in REVIEW_FILES.items():
        write_private(directory / name, "")
        code = review(files, [*options, "--format", format_, "--output", str(directory / name)])
        if code == FAILED:
            (directory / name).unlink()
            return code
    return code
