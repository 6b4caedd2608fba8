"""The software bill of materials of the image, as CycloneDX JSON: `python -m operations.sbom [FILE]`.

Made from container/requirements.txt alone, so the same requirements give the same bytes. It names the Python packages
that the image adds to its base image, with the digests that the build accepts. The base image has a bill of its own.
https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import hashlib
import json
import sys
import uuid
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from operations.container_requirements import REQUIREMENTS

_ARGUMENTS = 2


class SbomError(Exception):
    """The requirements are not pinned as a bill needs them. The message names the file and the line."""


def sbom(requirements: Path = REQUIREMENTS) -> dict[str, Any]:
    """The bill of a requirements file in which every package has one version and sha256 digests.

    Raises:
        SbomError: a line has no version or no digest.
    """
    content = requirements.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    lines = content.decode("utf-8").replace("\\\n", " ").splitlines()
    components = [_component(requirements, line) for line in lines if line.strip() and not line.startswith("#")]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest)}",
        "version": 1,
        "metadata": {"component": {"type": "container", "bom-ref": "image", "name": "multi-model-server"}},
        "components": sorted(components, key=lambda component: component["purl"]),
    }


def _component(file: Path, line: str) -> dict[str, Any]:
    pin, *digests = line.split(" --hash=")
    try:
        requirement = Requirement(pin.strip())
    except InvalidRequirement as error:
        raise SbomError(f"{file}: {pin.strip()!r}: {error}; run `make lock`") from None
    versions = [specifier.version for specifier in requirement.specifier if specifier.operator == "=="]
    digests = sorted(digest.strip().removeprefix("sha256:") for digest in digests)
    if len(versions) != 1 or not digests:
        raise SbomError(f"{file}: {requirement.name} needs one version (==) and its digests; run `make lock`")
    purl = f"pkg:pypi/{requirement.name}@{versions[0]}"
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": requirement.name,
        "version": versions[0],
        "purl": purl,
    }
    # A package has a file for each platform; `hashes` of a component are those of one file.
    if len(digests) == 1:
        return {**component, "hashes": [{"alg": "SHA-256", "content": digests[0]}]}
    return {**component, "properties": [{"name": "pip:hash:sha256", "value": digest} for digest in digests]}


def main() -> int:
    """Write the bill to the named file, or to standard output."""
    try:
        text = json.dumps(sbom(), indent=2) + "\n"
        if len(sys.argv) < _ARGUMENTS:
            sys.stdout.write(text)
        else:
            Path(sys.argv[1]).write_text(text, encoding="utf-8")
    except (SbomError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
