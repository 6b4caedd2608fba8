"""Amazon's and others' tools against the local AWS, each in an environment of its own: they are large, and want other
versions of boto3 than the project.

SDK_TESTS=1 installs them into .local/sdks (1.5 GB, some minutes the first time) and runs these tests.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from local_aws.environment import PROXIES, UNWANTED
from local_aws.process import LocalAws
from tests.local_aws.account import BUCKET, ROLE, Account, artifact

HERE = Path(__file__).parent
FOLDER = HERE.parents[2] / ".local" / "sdks"
REQUIREMENTS = {
    "cli": ("awscli==1.46.3", "awscli-local==0.23.0"),
    "sagemaker2": ("sagemaker==2.257.7",),
    "sagemaker3": ("sagemaker-core==2.27.0",),
}
pytestmark = pytest.mark.skipif(
    os.environ.get("SDK_TESTS") != "1", reason="SDK_TESTS=1 installs the SageMaker SDKs and the AWS CLI and tests them"
)


@pytest.fixture(scope="session")
def tool() -> Callable[[str], Path]:
    """The folder of programs of one environment, made where it is missing or of other versions."""

    def environment(name: str) -> Path:
        folder = FOLDER / name
        done = folder / "requirements.txt"
        wanted = "\n".join(REQUIREMENTS[name])
        if not done.exists() or done.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", *REQUIREMENTS[name]]
            subprocess.run(command, check=True, timeout=900)
            done.write_text(wanted)
        return folder / "bin"

    return environment


@pytest.fixture
def variables(local_aws: LocalAws, tmp_path: Path) -> dict[str, str]:
    """As in a shell after `eval "$(python -m local_aws env)"`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in UNWANTED and name.lower() not in PROXIES and name != "PYTHONPATH"
    }
    home = {"HOME": str(tmp_path), "SAGEMAKER_CORE_ADMIN_CONFIG_OVERRIDE": str(tmp_path)}
    return {**kept, **home, **local_aws.environment()}


def run(command: list[Any], variables: Mapping[str, str]) -> Any:
    answer = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=200, check=False)
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.strip()
    return json.loads(lines[lines.index("{") :]) if "{" in lines else None


def test_aws_cli(account: Account, tool: Callable[[str], Path], variables: dict[str, str], tmp_path: Path) -> None:
    endpoint, prefix = account.serve()
    account.put_model(prefix, "cli")
    aws = tool("cli") / "aws"
    listed = run([aws, "sagemaker", "list-endpoints", "--name-contains", endpoint], variables)
    assert [item["EndpointStatus"] for item in listed["Endpoints"]] == ["InService"]
    run([aws, "s3", "cp", f"s3://{BUCKET}/{prefix}/cli.tar.gz", tmp_path / "copy"], variables)
    command = [aws, "sagemaker-runtime", "invoke-endpoint", "--endpoint-name", endpoint, "--target-model", "cli.tar.gz"]
    run([*command, "--body", "{}", tmp_path / "answer"], variables)
    assert json.loads((tmp_path / "answer").read_text())["title"] == "cli"


def test_awslocal(account: Account, tool: Callable[[str], Path], variables: dict[str, str]) -> None:
    """It takes AWS_ENDPOINT_URL for where the cloud is, and makes up credentials of its own if there are none."""
    programs = tool("cli")
    path = {"PATH": f"{programs}:{variables['PATH']}"}
    listed = run([programs / "awslocal", "s3api", "list-buckets"], variables | path)
    assert BUCKET in [bucket["Name"] for bucket in listed["Buckets"]]


def test_sagemaker_sdk_2(
    account: Account, tool: Callable[[str], Path], variables: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "model.tar.gz").write_bytes(artifact(title="of the SDK"))
    script = [tool("sagemaker2") / "python", HERE / "sagemaker2.py"]
    found = run([*script, account.fake_image, ROLE, f"s3://{BUCKET}/sdk2/", tmp_path / "model.tar.gz"], variables)
    assert found == {"title": "of the SDK", "models": ["added.tar.gz"]}


def test_sagemaker_core_of_sdk_3(account: Account, tool: Callable[[str], Path], variables: dict[str, str]) -> None:
    account.put_model("sdk3", "core")
    script = [tool("sagemaker3") / "python", HERE / "sagemaker3.py"]
    found = run([*script, account.fake_image, ROLE, f"s3://{BUCKET}/sdk3/", "core.tar.gz"], variables)
    assert found == {"title": "core", "mode": "MultiModel"}
