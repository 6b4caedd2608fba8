"""Who decides what a review lets through: the policy and the acceptances, and from where they are read.

A change must not loosen the rules that it is reviewed by. In a pull request they are read from the base branch. What it
changes of them is shown, and asks for approval.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from operations.private_files import write_private
from operations.repository import Repository

POLICY = "review-policy.toml"
ACCEPTED = "review-accepted.toml"
DEFAULTS = "plan_review/policy.toml"
GATE_PATHS = (POLICY, ACCEPTED, "plan_review", "operations", ".github")
"""Files and folders that decide what is asked of whom. `.github/CODEOWNERS` names them as well."""

_OPTIONS = {POLICY: "--policy", ACCEPTED: "--accept", DEFAULTS: "--defaults"}


@contextmanager
def review_options(project: Path, base: str | None) -> Iterator[tuple[str, ...]]:
    """The options of `plan_review` for its policy and its acceptances. The files that they name end with the block.

    Args:
        project: the checkout.
        base: the branch or commit that a change is merged into, such as `origin/main`. None: as the checkout has them.

    Raises:
        RepositoryError: there is no such branch or commit here.
    """
    if base is None:
        found = [(option, project / name) for name, option in _OPTIONS.items() if name != DEFAULTS]
        yield tuple(part for option, path in found if path.exists() for part in (option, str(path)))
        return
    repository = Repository(project)
    commit = repository.commit(base)
    with tempfile.TemporaryDirectory(prefix="review-gate-") as folder:
        options = []
        for name, option in _OPTIONS.items():
            content = repository.read(commit, name)
            if content is not None:
                path = Path(folder) / name.replace("/", "-")
                write_private(path, content)
                options += [option, str(path)]
        options += [part for name in repository.changed(commit, GATE_PATHS) for part in ("--gate-changed", name)]
        yield tuple(options)
