"""The packages that an artifact's own code needs: `code/requirements.txt`, and those that the artifact brings.

Loading a model installs nothing: there may be no network, and 360 s are for the load. A package is in the image, or in
the artifact: below `code/lib` as `pip install --target` puts it there, or as a wheel in `code/`, `code/lib` or
`code/wheels`. Python imports a wheel in place, as long as nothing in it is compiled.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from ..errors import InvalidArtifact
from .files import CODE_FOLDER

REQUIREMENTS = "requirements.txt"
_LIBRARY, _WHEELS = "lib", "wheels"
# The server brings what code imports of it.
_PROVIDED = {"sagemaker-inference"}
_OPTIONS = re.compile(r"\s+--?[a-z].*$")


def import_paths(code: Path) -> list[Path]:
    """What goes before all else on `sys.path` for the code in a folder. Raises InvalidArtifact for a wheel that cannot
    be imported."""
    wheels = _wheels(code)
    complaints = [complaint for wheel in wheels if (complaint := _why_not_imported(wheel)) is not None]
    if complaints:
        raise InvalidArtifact(*complaints)
    return [code, *([code / _LIBRARY] if (code / _LIBRARY).is_dir() else []), *wheels]


def unmet_requirements(code: Path, installed: Mapping[str, str]) -> list[str]:
    """One complaint for each line of the folder's requirements.txt that neither the image nor the artifact meets.

    Args:
        installed: the image's packages, name to version.
    """
    path = code / REQUIREMENTS
    if not path.is_file():
        return []
    there = {canonicalize_name(name): version for name, version in installed.items()}
    there |= _brought(code)
    complaints = []
    for number, wanted in _lines(path):
        where = f"{CODE_FOLDER}/{REQUIREMENTS}, line {number}"
        if isinstance(wanted, str):
            complaints.append(f"{where}: {wanted!r} names no package that can be compared with the image's")
            continue
        name = canonicalize_name(wanted.name)
        if (wanted.marker is not None and not wanted.marker.evaluate()) or name in _PROVIDED:
            continue
        if not _is_met(wanted, name, there, code):
            has = f"the image has {there[name]}" if name in there else "the image lacks it"
            text = str(wanted)
            complaints.append(
                f"{where}: the code asks for {text}, but {has}, and loading installs nothing: vendor it with `pip "
                f"install --target {CODE_FOLDER}/{_LIBRARY} '{text}'`, or add it to the image "
                "(container/requirements.in)"
            )
    return complaints


def hidden_packages(code: Path, imported: Mapping[str, str]) -> list[str]:
    """One complaint for each package that the artifact brings in vain: the server has imported another version.

    Args:
        imported: the packages that the process has imported, name to version.
    """
    there = {canonicalize_name(name): version for name, version in imported.items()}
    return [
        f"{CODE_FOLDER}/ brings {name} {version}, but the server has imported {name} {there[name]}, which is what the "
        "code would get: take it out of the artifact"
        for name, version in sorted(_brought(code).items())
        if there.get(name, version) != version
    ]


def _is_met(wanted: Requirement, name: NormalizedName, there: Mapping[NormalizedName, str], code: Path) -> bool:
    module = name.replace("-", "_")
    if any((folder / module).is_dir() or (folder / f"{module}.py").is_file() for folder in (code, code / _LIBRARY)):
        return True
    try:
        return name in there and wanted.specifier.contains(Version(there[name]), prereleases=True)
    except InvalidVersion:
        return False


def _lines(path: Path) -> Iterator[tuple[int, Requirement | str]]:
    """The lines of a requirements file with their numbers; as text what names no package. Lines may go on after a
    backslash, as pip's do; hashes are pip's business."""
    text = path.read_text(encoding="utf-8-sig", errors="replace").replace("\\\n", " \0")
    number = 0
    for line in text.splitlines():
        number += 1
        wanted = _OPTIONS.sub("", line.replace("\0", "").partition(" #")[0]).strip()
        if wanted and not wanted.startswith("#"):
            try:
                yield number, Requirement(wanted)
            except InvalidRequirement:
                yield number, wanted
        number += line.count("\0")


def _wheels(code: Path) -> list[Path]:
    return sorted(file for folder in (code, code / _LIBRARY, code / _WHEELS) for file in folder.glob("*.whl"))


def _brought(code: Path) -> dict[NormalizedName, str]:
    """Packages in the artifact, name to version."""
    found: dict[NormalizedName, str] = {}
    for folder in (code, code / _LIBRARY):
        for metadata in folder.glob("*.dist-info"):
            name, _, version = metadata.name.removesuffix(".dist-info").rpartition("-")
            found[canonicalize_name(name)] = version
    for wheel in _wheels(code):
        try:
            name, wheel_version, _, _ = parse_wheel_filename(wheel.name)
        except InvalidWheelFilename:
            continue  # `import_paths` refuses it
        found[name] = str(wheel_version)
    return found


def _why_not_imported(wheel: Path) -> str | None:
    shown = f"{CODE_FOLDER}/{wheel.name}"
    try:
        name = parse_wheel_filename(wheel.name)[0]
        with zipfile.ZipFile(wheel) as archive:
            compiled = next((member for member in archive.namelist() if member.endswith((".so", ".pyd"))), None)
    except (InvalidWheelFilename, zipfile.BadZipFile, OSError) as error:
        return f"{shown} is not a wheel: {error}"
    if compiled is None:
        return None
    return (
        f"{shown} has compiled modules ({compiled}), which Python cannot import from a wheel: unpack it with `pip "
        f"install --no-deps --target {CODE_FOLDER}/{_LIBRARY} {name}`"
    )
