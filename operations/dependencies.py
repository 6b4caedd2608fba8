"""What the project is built on: `python -m operations.dependencies licences|outdated` (make licences, make outdated).

`licences` writes docs/licences.md from what the lock files pin: the licence of each Python package as its installed
metadata states it, of each npm package as package-lock.json states it. `outdated` asks pip and npm which of the direct
dependencies are behind their newest release; it changes nothing, `make lock` does.
"""

import json
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from packaging.markers import Marker
from packaging.utils import canonicalize_name
from rich.console import Console
from rich.table import Table

from operations.python_lock import locked_packages

ROOT = Path(__file__).resolve().parents[1]
LICENCES = ROOT / "docs" / "licences.md"
UNKNOWN = "unknown"

# What older packages write instead of an SPDX identifier.
_SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache License v2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}

application = typer.Typer(add_completion=False, no_args_is_help=True)


class DependencyError(Exception):
    """One sentence: what is missing or failed, and what to do."""


@dataclass(frozen=True, order=True)
class Dependency:
    """A locked package."""

    name: str
    version: str
    licence: str
    """An SPDX expression, or `unknown`."""
    used_by: str
    """`container` (and others), `deployment`, `local` or `development`."""


@dataclass(frozen=True, order=True)
class Behind:
    """A direct dependency that has a newer release than the installed one."""

    name: str
    installed: str
    newest: str
    wanted: str
    """What Pipfile or package.json asks for."""


def _field(stated: PackageMetadata, name: str) -> str | None:
    return stated[name] if name in stated else None  # noqa: SIM401 - the protocol has no `get`


def licence_of(stated: PackageMetadata) -> str:
    """The licence that a package's metadata states: the SPDX expression, else the field, else the classifiers."""
    expression = _field(stated, "License-Expression")
    if expression:
        return expression
    classifiers = [text.split(" :: ")[-1] for text in stated.get_all("Classifier") or [] if text.startswith("License")]
    named = [name for name in classifiers if name != "OSI Approved"]
    if not named:
        field = (_field(stated, "License") or "").strip()
        # Some put the whole text there.
        named = [field] if field and "\n" not in field else []
    return " OR ".join(_SPDX.get(name, name) for name in named) or UNKNOWN


def python_dependencies(root: Path = ROOT) -> list[Dependency]:
    """What Pipfile.lock pins.

    Raises:
        DependencyError: a package is not installed.
    """
    locked = locked_packages(root)
    requirements = (root / "container" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    in_image = {canonicalize_name(line.partition("==")[0]) for line in requirements if "==" in line}
    found = []
    seen: set[str] = set()
    for used_by, pins in zip(("deployment", "local", "development"), locked.values(), strict=True):
        for name, pin in pins.items():
            if name in seen:
                continue
            seen.add(name)
            if "markers" in pin and not Marker(pin["markers"]).evaluate():
                continue  # for another platform
            try:
                licence = licence_of(metadata(name))
            except PackageNotFoundError:
                raise DependencyError(f"{name} is in Pipfile.lock and not installed: run `make setup`") from None
            place = "container" if canonicalize_name(name) in in_image else used_by
            found.append(Dependency(name, pin["version"].removeprefix("=="), licence, place))
    return sorted(found)


def npm_dependencies(root: Path = ROOT) -> list[Dependency]:
    """What package-lock.json pins, optional packages included, each name and version once."""
    packages = json.loads((root / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    return sorted(
        {
            Dependency(
                path.rpartition("node_modules/")[2], entry["version"], entry.get("license", UNKNOWN), "deployment"
            )
            for path, entry in packages.items()
            if path
        }
    )


def licences_page(python: Sequence[Dependency], npm: Sequence[Dependency]) -> str:
    """The text of docs/licences.md."""
    by_licence: dict[str, list[str]] = defaultdict(list)
    for dependency in npm:
        by_licence[dependency.licence].append(f"{dependency.name} {dependency.version}")
    lines = [
        "# Licences of the dependencies",
        "",
        "Written by `make licences` from Pipfile.lock, package-lock.json and the packages' own metadata. "
        "The project itself is under [MIT-0](../LICENSE) and contains none of them.",
        "",
        f"## Python ({len(python)})",
        "",
        "`deployment`: what a deployment needs. `container`: in the image. `local`: for models and AWS on one machine. "
        "`development`: tests and benchmarks only.",
        "",
        "| Package | Version | Licence | Used by |",
        "|---|---|---|---|",
        *(f"| {one.name} | {one.version} | {one.licence} | {one.used_by} |" for one in python),
        "",
        f"## npm ({len(npm)})",
        "",
        "The cdktf command line and what it needs, grouped by licence.",
        "",
    ]
    for licence, names in sorted(by_licence.items(), key=lambda item: (-len(item[1]), item[0])):
        lines += [f"**{licence}** ({len(names)}): {', '.join(names)}", ""]
    return "\n".join(lines[:-1]) + "\n"


def direct_python_dependencies(root: Path = ROOT) -> dict[str, str]:
    """The packages of the Pipfile by normalised name, with the version each asks for (`*`: any)."""
    pipfile = tomllib.loads((root / "Pipfile").read_text(encoding="utf-8"))
    asked = pipfile["dev-packages"] | pipfile["local"] | pipfile["packages"]
    return {canonicalize_name(name): pin if isinstance(pin, str) else pin["version"] for name, pin in asked.items()}


def behind_python(answer: Iterable[dict[str, Any]], direct: dict[str, str]) -> list[Behind]:
    """The direct ones of what `pip list --outdated --format json` answers."""
    return sorted(
        Behind(one["name"], one["version"], one["latest_version"], direct[canonicalize_name(one["name"])])
        for one in answer
        if canonicalize_name(one["name"]) in direct
    )


def behind_npm(answer: dict[str, Any], direct: dict[str, str]) -> list[Behind]:
    """What `npm outdated --json` answers."""
    return sorted(
        Behind(name, one.get("current", "not installed"), one["latest"], direct[name])
        for name, one in answer.items()
        if name in direct
    )


def _ask(command: Sequence[str], accepted: Sequence[int]) -> Any:
    """The JSON that a package manager prints.

    Raises:
        DependencyError: it failed, or is not there.
    """
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise DependencyError(f"{command[0]} is not on PATH") from None
    if done.returncode not in accepted:
        reason = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise DependencyError(f"{' '.join(command[:4])} failed: {reason}. Is the package registry within reach?")
    return json.loads(done.stdout or "{}")


@application.command()
def licences() -> None:
    """Write docs/licences.md."""
    python, npm = python_dependencies(), npm_dependencies()
    LICENCES.write_text(licences_page(python, npm), encoding="utf-8")
    unknown = [one.name for one in [*python, *npm] if one.licence == UNKNOWN]
    print(f"{len(python)} Python and {len(npm)} npm packages are listed in {LICENCES}")
    if unknown:
        raise DependencyError(f"no licence is stated by {', '.join(unknown)}")


@application.command()
def outdated(
    check: Annotated[bool, typer.Option(help="Exit with 1 when a dependency is behind.")] = False,
) -> None:
    """List the direct dependencies that are behind their newest release."""
    direct = direct_python_dependencies()
    others = {canonicalize_name(one.name) for one in python_dependencies()} - direct.keys()
    pip = [sys.executable, "-m", "pip", "list", "--outdated", "--format", "json", "--disable-pip-version-check"]
    pip += [option for name in sorted(others) for option in ("--exclude", name)]
    asked = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    # npm exits with 1 when something is behind.
    behind = [
        *behind_python(_ask(pip, [0]), direct),
        *behind_npm(_ask(["npm", "outdated", "--json"], [0, 1]), asked),
    ]
    table = Table("package", "installed", "newest", "asked for")
    for one in behind:
        table.add_row(one.name, one.installed, one.newest, one.wanted)
    Console().print(table if behind else "Every direct dependency is at its newest release.")
    if behind and check:
        raise typer.Exit(1)


def main() -> None:
    try:
        application()
    except DependencyError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
