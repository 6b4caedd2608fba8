"""Plans in a folder, with all that is needed to review and apply exactly them later, on another machine.

DIRECTORY/ENV-STACK.tfplan      the plan, as `terraform apply` takes it
DIRECTORY/ENV-STACK.json        Terraform's JSON of it
DIRECTORY/ENV-STACK.lock.hcl    the providers it was made with, where Terraform wrote them down
DIRECTORY/review.md, .json      the review of these plans
DIRECTORY/manifest.json         the environment, its stacks in the order of deployment, the content they were made from
DIRECTORY/SHA256SUMS            of every other file; `sha256sum --check` reads it too

A plan holds every value of state and configuration, secrets included: the files have mode 0600, the folder 0700.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from operations.errors import SavedPlansError
from operations.private_files import make_private_directory, write_private
from operations.terraform import SavedPlan
from stacks.provider_lock import LOCK_FILE

MANIFEST = "manifest.json"
CHECKSUMS = "SHA256SUMS"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class SavedPlans:
    """What a folder holds.

    Attributes:
        directory: the folder.
        environment: the environment of all the plans.
        stacks: its stacks, without the environment's name, in the order of deployment.
        previews: those planned as on an empty account, because there was no state bucket; they cannot be applied.
        tree: the id of the repository's content that they were made from (`Repository.content_tree`); None without git.
    """

    directory: Path
    environment: str
    stacks: tuple[str, ...]
    previews: tuple[str, ...] = ()
    tree: str | None = None

    def plan_file(self, stack: str) -> Path:
        return self._file(stack, "tfplan")

    def json_file(self, stack: str) -> Path:
        """Named after the stack, as the review wants it."""
        return self._file(stack, "json")

    def lock_file(self, stack: str) -> Path | None:
        """None where Terraform wrote none: with a provider that it did not install itself."""
        file = self._file(stack, "lock.hcl")
        return file if file.exists() else None

    def add(self, stack: str, plan: SavedPlan) -> None:
        """Put the plan of one stack into the folder."""
        write_private(self.plan_file(stack), plan.file.read_bytes())
        write_private(self.json_file(stack), json.dumps(plan.document))
        lock = plan.file.parent / LOCK_FILE
        if lock.exists():
            write_private(self._file(stack, "lock.hcl"), lock.read_bytes())

    def seal(self) -> None:
        """Write the manifest and the checksums of every file; what comes later makes the folder invalid."""
        manifest = {
            "format_version": FORMAT_VERSION,
            "environment": self.environment,
            "stacks": self.stacks,
            "previews": self.previews,
            "tree": self.tree,
        }
        write_private(self.directory / MANIFEST, json.dumps(manifest, indent=2) + "\n")
        files = sorted(file for file in self.directory.iterdir() if file.name != CHECKSUMS)
        for file in files:
            file.chmod(0o600)
        lines = [f"{_digest(file)}  {file.name}\n" for file in files]
        write_private(self.directory / CHECKSUMS, "".join(lines))

    def _file(self, stack: str, ending: str) -> Path:
        return self.directory / f"{self.environment}-{stack}.{ending}"


def prepare_directory(directory: Path) -> None:
    """Make an empty folder for plans; those that it holds already are removed.

    Raises:
        SavedPlansError: it holds something else, which is left as it is.
    """
    if directory.exists():
        if not directory.is_dir():
            raise SavedPlansError(f"{directory} is no folder: name another one")
        if any(directory.iterdir()) and not (directory / MANIFEST).exists() and not (directory / CHECKSUMS).exists():
            raise SavedPlansError(f"{directory} holds something else than saved plans: name an empty folder")
        shutil.rmtree(directory)
    make_private_directory(directory)
    # So that a folder which a failed run left incomplete is known as one of plans, and never taken for whole.
    write_private(directory / CHECKSUMS, "")


def read_saved_plans(directory: Path) -> SavedPlans:
    """What `plan --save` wrote, once every file is proved to be as it was written.

    Raises:
        SavedPlansError: with every file that is missing, changed or not among them.
    """
    complaints = _complaints(directory)
    if complaints:
        lines = "".join(f"\n  {complaint}" for complaint in complaints)
        raise SavedPlansError(
            f"{directory} does not hold the plans that were saved:{lines}\nNothing was changed. Plan again."
        )
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format_version"] != FORMAT_VERSION:
            raise SavedPlansError(f"{directory} was written by another release of this program: plan again")
        saved = SavedPlans(
            directory, manifest["environment"], tuple(manifest["stacks"]), tuple(manifest["previews"]), manifest["tree"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SavedPlansError(f"{directory / MANIFEST} is no manifest of saved plans: {error!r}") from None
    missing = [saved.plan_file(stack).name for stack in saved.stacks if not saved.plan_file(stack).exists()]
    if missing:
        raise SavedPlansError(f"{directory} lacks {', '.join(missing)}: plan again")
    return saved


def _complaints(directory: Path) -> list[str]:
    try:
        lines = (directory / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        return [f"{CHECKSUMS}: {error.strerror}"]
    except UnicodeDecodeError:
        return [f"{CHECKSUMS}: no text"]
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    present = {file.name for file in directory.iterdir()} - {CHECKSUMS}
    found = [f"{name}: not among the files that were saved" for name in sorted(present - listed.keys())]
    for name, digest in sorted(listed.items()):
        if name not in present:
            found.append(f"{name}: missing")
        elif not (directory / name).is_file() or _digest(directory / name) != digest:
            found.append(f"{name}: changed since it was saved")
    if MANIFEST not in listed:
        found.append(f"{MANIFEST}: missing")
    return found


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
