"""The program that Terraform starts: when it ends, and what it says. Played here is go-plugin's side."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from tf.gen import grpc_controller_pb2 as controller
from tf.gen import grpc_controller_pb2_grpc as controller_services
from tf.gen import tfplugin_pb2 as protocol
from tf.gen import tfplugin_pb2_grpc as services

from local_aws.access_key import AccessKey
from local_aws.provider.server import ProviderServer

SHIM = Path(__file__).parents[3] / "local_aws" / "provider" / "shim.py"
COOKIE = {"PATH": os.environ["PATH"], "TF_PLUGIN_MAGIC_COOKIE": "given"}
Shim = subprocess.Popen[str]


@pytest.fixture(scope="module")
def server() -> Iterator[ProviderServer]:
    server = ProviderServer("http://127.0.0.1:1", AccessKey.generate())
    server.start()
    yield server
    server.stop()
    assert not server.folder.exists()


@pytest.fixture
def shim(server: ProviderServer, tmp_path: Path) -> Iterator[Shim]:
    with subprocess.Popen(
        [SHIM], cwd=tmp_path, env={**COOKIE, **server.environment()}, stdout=subprocess.PIPE, text=True
    ) as shim:
        yield shim
        shim.kill()


def address(shim: Shim) -> Path:
    """The socket that the shim names."""
    handshake = shim.stdout.readline().rstrip("\n").split("|")
    assert handshake[:3] + handshake[4:] == ["1", "6", "unix", "grpc", ""]
    return Path(handshake[3])


def gone(path: Path) -> bool:
    deadline = time.monotonic() + 10
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not path.exists()


def test_it_ends_with_terraforms_shutdown(shim: Shim) -> None:
    path = address(shim)
    with grpc.insecure_channel(f"unix:{path}") as channel:
        services.ProviderStub(channel).StopProvider(protocol.StopProvider.Request(), timeout=10)
        assert shim.poll() is None
        controller_services.GRPCControllerStub(channel).Shutdown(controller.Empty(), timeout=10)
        assert shim.wait(1.5) == 0  # go-plugin waits for 2 s
    assert gone(path)


def test_each_has_a_provider_of_its_own(server: ProviderServer, shim: Shim, tmp_path: Path) -> None:
    path = address(shim)
    with subprocess.Popen(
        [SHIM], cwd=tmp_path, env={**COOKIE, **server.environment()}, stdout=subprocess.PIPE, text=True
    ) as other:
        other_path = address(other)
        assert other_path != path
        other.terminate()
    assert gone(other_path)
    assert path.exists()


def test_a_killed_shim_takes_its_provider_along(shim: Shim) -> None:
    path = address(shim)
    shim.kill()
    assert gone(path)


def test_it_ends_with_a_terraform_that_was_killed(shim: Shim) -> None:
    path = address(shim)
    shim.stdout.close()
    assert shim.wait(10) == 0
    assert gone(path)


def test_it_lets_terraform_end_its_work_after_ctrl_c(shim: Shim) -> None:
    path = address(shim)
    shim.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert shim.poll() is None
    shim.terminate()
    assert gone(path)


def test_it_ends_with_the_local_aws(tmp_path: Path) -> None:
    server = ProviderServer("http://127.0.0.1:1", AccessKey.generate())
    server.start()
    environment = {**COOKIE, **server.environment()}
    with subprocess.Popen([SHIM], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as shim:
        address(shim)
        server.stop()
        assert shim.wait(10) == 0


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"TF_PLUGIN_MAGIC_COOKIE": ""}, "this is a provider for Terraform"),
        ({}, "this shell has no variables of a local AWS. Start it with `python -m local_aws serve`"),
        (
            {"LOCAL_AWS_PROVIDER_SOCKET": "/nowhere/control", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
            "the local AWS of this shell's variables (http://127.0.0.1:4566) is not running. Start it with",
        ),
        ({"LOCAL_AWS_PROVIDER_SOCKET": "/nowhere/control", "PLUGIN_CLIENT_CERT": "x"}, "needs TF_DISABLE_PLUGIN_TLS=1"),
    ],
)
def test_complaints(tmp_path: Path, variables: dict[str, str], complaint: str) -> None:
    """On standard output, of which Terraform shows the first line; `|` would make it look like a handshake."""
    environment = {name: value for name, value in {**COOKIE, **variables}.items() if value}
    ran = subprocess.run([SHIM], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stdout.startswith("local AWS: ")
    assert complaint in ran.stdout
    assert (ran.stdout.count("\n"), ran.stdout.count("|")) == (1, 0)
    assert ran.stderr == ran.stdout
