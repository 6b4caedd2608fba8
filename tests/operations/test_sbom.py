"""The bill of materials: every package of the image with its version and digests, the same bytes each time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from operations.container_requirements import REQUIREMENTS
from operations.sbom import SbomError, sbom


def test_every_package_of_the_image_is_in_it_with_all_its_digests():
    components = {component["name"]: component for component in sbom()["components"]}
    blocks = REQUIREMENTS.read_text(encoding="utf-8").replace("\\\n", "").splitlines()[1:]
    assert len(blocks) == len(components)
    for block in blocks:
        name, _, rest = block.partition("==")
        version, *digests = rest.split()
        component = components[name]
        assert (component["version"], component["purl"]) == (version, f"pkg:pypi/{name}@{version}")
        listed = [item["content"] for item in component.get("hashes", ())]
        listed += [item["value"] for item in component.get("properties", ())]
        assert {f"--hash=sha256:{digest}" for digest in listed} == set(digests)


def test_the_command_writes_the_same_bytes_each_time(tmp_path: Path):
    for name in ("first", "second"):
        subprocess.run(
            [sys.executable, "-m", "operations.sbom", tmp_path / name], check=True, cwd=Path(__file__).parents[2]
        )
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    document = json.loads((tmp_path / "first").read_text())
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    references = [component["bom-ref"] for component in document["components"]]
    assert len(references) == len(set(references))


@pytest.mark.parametrize("line", ["numpy", "numpy==1.23.5", "numpy>=1.23 --hash=sha256:00", "not a requirement ="])
def test_what_is_not_pinned_is_refused(tmp_path: Path, line: str):
    file = tmp_path / "requirements.txt"
    file.write_text(f"{line}\n")
    with pytest.raises(SbomError, match="make lock"):
        sbom(file)


def test_another_lock_is_another_bill(tmp_path: Path):
    file = tmp_path / "requirements.txt"
    file.write_text("numpy==1.23.5 --hash=sha256:00\n")
    assert sbom(file)["serialNumber"] != sbom()["serialNumber"]
