"""Fails when an upgrade of jsii, CDKTF or the bindings breaks what stacks/aws_bindings.py relies on."""

import ast
import inspect
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import cdktf_cdktf_provider_aws._jsii as provider_assembly
import pytest

from stacks import aws_bindings

ROOT = Path(__file__).parents[2]
PRELOAD = ROOT / "stacks" / "jsii_kernel.cjs"


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Path:
    """The provider's JavaScript index, alone: without the 2,200 modules that it requires."""
    folder = tmp_path_factory.mktemp("node") / "@cdktf" / "provider-aws"
    (archive,) = Path(provider_assembly.__file__).parent.glob("*.jsii.tgz")
    with tarfile.open(archive) as tar:
        tar.extract("package/lib/index.js", folder, filter="data")
    (folder / "package" / "lib").rename(folder / "lib")
    return folder / "lib" / "index.js"


def node(*arguments: str) -> str:
    return subprocess.run(["node", *arguments], check=True, capture_output=True, text=True, timeout=60).stdout


def test_the_javascript_index_exports_every_module_lazily(index):
    script = f"""
        const exported = Object.getOwnPropertyDescriptors(require({json.dumps(str(index))}));
        const lazy = Object.entries(exported).filter(([, property]) => property.get).map(([name]) => name);
        console.log(JSON.stringify(lazy));
    """
    # No module is there to be required: with a single eager one left this fails.
    lazy = json.loads(node("--require", str(PRELOAD), "-e", script))
    eager = re.findall(r'^exports\.(\w+) = require\(".*"\);$', index.read_text(), re.MULTILINE)
    assert sorted(lazy) == sorted(eager)
    assert len(lazy) > 2000
    assert "require(" not in re.sub(r"^exports\.\w+ = require\(.*", "", index.read_text(), flags=re.MULTILINE)


def test_another_layout_of_the_index_is_loaded_as_it_is(index, tmp_path):
    other = tmp_path / "@cdktf" / "provider-aws" / "lib" / "index.js"
    other.parent.mkdir(parents=True)
    other.write_text("exports.one = Object(require('node:path')).sep;\n")
    assert node("--require", str(PRELOAD), "-p", f"require({json.dumps(str(other))}).one") == f"{os.sep}\n"


def test_only_the_submodules_that_are_used_are_imported():
    script = """if True:
        import json, os, sys
        before = dict(os.environ)
        from stacks import aws_bindings
        assert dict(os.environ) == before, "the kernel's variables are to be gone again"
        print(json.dumps(sorted(name for name in sys.modules if name.startswith("cdktf_cdktf_provider_aws"))))
    """
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)  # fmt: skip # noqa: E501
    imported = json.loads(done.stdout)
    used = {getattr(aws_bindings, name).__module__ for name in aws_bindings.__all__}
    used = {name for name in used if name.startswith("cdktf_cdktf")}
    assert {name for name in imported if not name.endswith("._private")} == used | {
        "cdktf_cdktf_provider_aws",
        "cdktf_cdktf_provider_aws._jsii",
    }
    assert done.stderr == ""


def test_the_init_that_is_left_out_only_imports_submodules():
    folder = Path(inspect.getfile(aws_bindings.S3BucketPolicy)).parents[1]
    body = ast.parse((folder / "__init__.py").read_text()).body
    defined = [node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    assert defined == ["check_type"]
    submodules = {path.parent.name for path in folder.glob("*/__init__.py")}
    gathered = {
        name.name for node in body if isinstance(node, ast.ImportFrom) and not node.module for name in node.names
    }
    assert gathered <= submodules


def test_the_types_are_those_of_the_usual_import():
    """jsii finds a class by its name in the assembly: what the usual import registers under it is the same class."""
    import jsii  # noqa: PLC0415

    registered = jsii._reference_map._types
    for name in aws_bindings.__all__:
        binding = getattr(aws_bindings, name)
        if binding.__module__.startswith("cdktf_cdktf"):
            assert binding.__name__ == name
            fqn = getattr(binding, "__jsii_type__", None)
            if fqn is not None and hasattr(binding, "__jsii_declared_type__"):
                assert registered[fqn] is binding
                assert fqn.split(".")[0] == "@cdktf/provider-aws"


def test_nothing_else_imports_cdktf():
    for path in [ROOT / "main.py", *(ROOT / "stacks").glob("*.py")]:
        if path.name != "aws_bindings.py":
            assert not re.search(r"^\s*(import|from) (cdktf|constructs|jsii)", path.read_text(), re.MULTILINE), path
