"""The lock's categories: a deployment installs what it needs, and the whole fits together."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from operations.python_lock import locked_packages

ROOT = Path(__file__).parents[2]
PIPENV = ROOT / ".tools" / "bin" / "pipenv"

# Refuses what is installed here and is not in the category `default`, then runs a module as `python -m` does.
LIGHT = """
import runpy, sys
from importlib.metadata import packages_distributions

class Refuses:
    def find_spec(self, name, path=None, target=None):
        if path is None and name in {refused}:
            raise ModuleNotFoundError(f"{{name}} is not among a deployment's packages", name=name)

sys.meta_path.insert(0, Refuses())
sys.argv = {arguments}
runpy.run_{kind}(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def refused() -> list[str]:
    """The importable names of what a deployment does not install."""
    light = {canonicalize_name(name) for name in locked_packages(ROOT)["default"]}
    return sorted(
        module
        for module, distributions in packages_distributions().items()
        if not light & {canonicalize_name(name) for name in distributions} and module not in ("pip", "setuptools")
    )


def test_every_package_is_locked_at_one_version_with_hashes():
    versions: dict[str, set[str]] = {}
    for pins in locked_packages(ROOT).values():
        assert pins
        for name, pin in pins.items():
            versions.setdefault(name, set()).add(pin["version"])
            assert pin["hashes"], name
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_the_lock_names_no_index():
    text = (ROOT / "Pipfile.lock").read_text(encoding="utf-8")
    assert json.loads(text)["_meta"]["sources"] == []
    assert "://" not in text


def test_a_deployment_needs_no_models_and_no_local_aws():
    light = locked_packages(ROOT)["default"].keys()
    assert {"cdktf", "cdktf-cdktf-provider-aws", "constructs", "boto3", "requests"} <= light
    assert light.isdisjoint(
        {"mxnet", "numpy", "onnx", "onnxruntime", "moto", "scikit-learn", "starlette", "grpcio", "pytest"}
    )


def test_each_category_is_complete():
    pipfile = tomllib.loads((ROOT / "Pipfile").read_text(encoding="utf-8"))
    sections = zip(locked_packages(ROOT).items(), ("packages", "local", "dev-packages"), strict=True)
    for (category, pins), section in sections:
        todo = [Requirement(f"{name}[{','.join(extras(pin))}]") for name, pin in pipfile[section].items()]
        seen = set()
        while todo:
            wanted = todo.pop()
            name = canonicalize_name(wanted.name)
            if (name, key := frozenset(wanted.extras)) in seen:
                continue
            seen.add((name, key))
            assert name in pins, f"{category} lacks {name}"
            for needed in map(Requirement, requires(name) or []):
                if needed.marker is None or any(
                    needed.marker.evaluate({"extra": extra}) for extra in {"", *wanted.extras}
                ):
                    todo.append(needed)


def extras(pin: str | dict) -> list[str]:
    return [] if isinstance(pin, str) else pin.get("extras", [])


@pytest.mark.skipif(not PIPENV.exists(), reason="pipenv is not in .tools: `make setup` installs it")
def test_the_lock_is_that_of_the_pipfile(tmp_path: Path):
    for name in ("Pipfile", "Pipfile.lock"):
        shutil.copy(ROOT / name, tmp_path)
    settings = {"PIPENV_IGNORE_VIRTUALENVS": "1", "PIPENV_NOSPIN": "1", "LANG": "C.UTF-8", "WORKON_HOME": str(tmp_path)}
    command = [PIPENV, "verify"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("kind", "arguments", "code", "said"),
    [
        ("module", ["operations", "stacks", "dev"], 0, "state\nimage\nmodels\nendpoint\n"),
        ("module", ["operations", "deploy", "--help"], 0, "--saved"),
        ("module", ["mme", "demo"], 1, "mxnet is not installed: run `make setup`"),
        ("module", ["plan_review", "--rules"], 0, "# Rules of the plan review"),
        ("module", ["image_builder"], 1, "BUILD_CONTEXT: Field required."),
        ("module", ["model_catalog", "list"], 0, ""),
        ("module", ["mme", "stacks", "dev"], 0, "state\nimage\nmodels\nendpoint\n"),
        ("module", ["mme", "--help"], 0, "check-account"),
        ("path", ["main.py"], 0, ""),
    ],
)
def test_a_deployment_runs_with_its_own_packages(refused, tmp_path: Path, *, kind, arguments, code, said):
    assert {"mxnet", "moto", "sklearn", "starlette", "grpc", "numpy"} <= set(refused)
    variables = {**os.environ, "ENVIRONMENT": "dev", "CDKTF_OUTDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    program = LIGHT.format(refused=set(refused), arguments=arguments, kind=kind)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    if kind == "path":
        assert sorted(path.name for path in (tmp_path / "stacks").iterdir()) == [
            "dev-endpoint",
            "dev-image",
            "dev-models",
            "dev-state",
        ]
