"""The stacks with the packages of CDK Terrain."""

import json
import os
import subprocess
import sys

import pytest

from tests.way_out.comparison import ROOT, differences, run

GOLDEN = ROOT / "tests" / "stacks" / "golden"
SUCCESSOR = ROOT / ".local" / "way-out" / "packages"


@pytest.mark.skipif(not SUCCESSOR.is_dir(), reason="CDK Terrain is not installed: make way-out")
def test_cdk_terrain_synthesises_the_same_json(tmp_path):
    program = "tests.way_out.synthesise_examples"
    packages = os.pathsep.join([str(SUCCESSOR), str(ROOT)])
    run(sys.executable, "-m", program, str(tmp_path), CDK_BINDINGS="cdktn", PYTHONPATH=packages)
    written = {folder.name: folder / "cdk.tf.json" for folder in (tmp_path / "cdktf.out" / "stacks").iterdir()}
    golden = {path.stem: path for path in GOLDEN.glob("*-*.json")}
    assert written.keys() == golden.keys()
    for name, path in written.items():
        differing = differences(json.loads(golden[name].read_text()), json.loads(path.read_text()))
        assert differing.keys() == {
            "////metadata/version",
            "/terraform/required_providers/aws/source",
            "/terraform/required_providers/aws/version",
        }
        # The same provider: Terraform reads the short form as the long one.
        assert differing["/terraform/required_providers/aws/source"] == ("aws", "hashicorp/aws")


def test_other_bindings_are_refused():
    done = subprocess.run(
        [sys.executable, "main.py"],
        cwd=ROOT,
        env={**os.environ, "CDK_BINDINGS": "pulumi"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "CDK_BINDINGS is 'pulumi'; allowed: cdktf or cdktn (default: cdktf)\n"
