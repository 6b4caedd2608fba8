"""A build context, ECR in this process (moto, with the layers that it does not keep) and a fake container engine."""

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.core.responses import ActionResult
from moto.ecr.models import ECRBackend
from moto.ecr.responses import ECRResponse
from moto.server import ThreadedMotoServer

from image_builder.context import content_hash
from image_builder.engines import Engine
from image_builder.repository import Repository
from image_builder.requirements import REQUIRED_LABELS
from image_builder.settings import Settings, read_settings

ROOT = Path(__file__).parents[2]
ACCOUNT = "123456789012"
REGION = "us-east-1"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A small build context with the labels that SageMaker demands."""
    folder = tmp_path / "context"
    (folder / "server").mkdir(parents=True)
    labels = "".join(f"LABEL {name}={value}\n" for name, value in REQUIRED_LABELS.items())
    (folder / "Dockerfile").write_text(f'FROM base\n{labels}ENTRYPOINT ["/serve"]\n')
    (folder / "serve").write_text("#!/bin/sh\n")
    (folder / "serve").chmod(0o755)
    (folder / "server" / "main.py").write_text("print('serving')\n")
    return folder


@pytest.fixture(scope="session")
def ecr_url() -> Iterator[str]:
    """The URL of an ECR that also hands layers out again."""
    blobs: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = blobs[self.path.removeprefix("/")]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    complete_layer_upload = ECRBackend.complete_layer_upload

    def keep_layer(backend: ECRBackend, repository_name: str, upload_id: str, *arguments: Any, **named: Any) -> Any:
        content = bytes(backend.repositories[repository_name].uploads[upload_id].layer_parts)
        answer = complete_layer_upload(backend, repository_name, upload_id, *arguments, **named)
        blobs[answer["layerDigest"]] = content
        return answer

    def download_url(response: ECRResponse) -> ActionResult:
        digest = response._get_param("layerDigest")
        return ActionResult({"downloadUrl": f"{downloads_url}/{digest}", "layerDigest": digest})

    downloads = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    downloads_url = f"http://127.0.0.1:{downloads.server_port}"
    thread = threading.Thread(target=downloads.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setattr(ECRBackend, "complete_layer_upload", keep_layer)
        patch.setattr(ECRResponse, "get_download_url_for_layer", download_url)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()
    downloads.shutdown()
    thread.join()
    downloads.server_close()


@pytest.fixture(scope="session")
def ecr(ecr_url: str) -> Any:
    """boto3's client of that ECR."""
    return boto3.client(
        "ecr", region_name=REGION, endpoint_url=ecr_url, aws_access_key_id="test", aws_secret_access_key="test"
    )


@pytest.fixture
def repository(ecr: Any) -> Repository:
    """An empty repository with immutable tags."""
    name = f"server-{uuid.uuid4().hex[:8]}"
    ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
    return Repository(ecr, ACCOUNT, name)


def environment_for(context: Path, repository: Repository, **changes: str) -> dict[str, str]:
    """What the provisioner sets for this context and repository on AWS."""
    return {
        "IMAGE_REPOSITORY_URI": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{repository.name}",
        "IMAGE_TAG": content_hash(context)[:16],
        "BUILD_CONTEXT": str(context),
        "AWS_REGION": REGION,
        **changes,
    }


def settings_for(context: Path, repository: Repository, **changes: str) -> Settings:
    return read_settings(environment_for(context, repository, **changes), Settings)


@dataclass(frozen=True)
class FakeEngines:
    """Fake engines on PATH, what they shall do, and how they were called."""

    folder: Path
    binaries: Path

    def install(self, *names: str) -> None:
        source = (Path(__file__).parent / "fake_engine.py").read_text()
        for name in names:
            executable = self.binaries / name
            executable.write_text(f"#!{sys.executable} -SE\n{source}")
            executable.chmod(0o755)

    def plan(self, **behaviour: Any) -> None:
        (self.folder / "plan.json").write_text(json.dumps({"labels": REQUIRED_LABELS} | behaviour))

    @property
    def calls(self) -> list[dict[str, Any]]:
        log = self.folder / "calls.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def calls_of(self, command: str) -> list[dict[str, Any]]:
        return [call for call in self.calls if call["arguments"][0] == command]


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngines:
    """No engine is installed and none of this machine is seen; `install` puts fake ones on PATH."""
    fake = FakeEngines(tmp_path / "engine", tmp_path / "bin")
    fake.folder.mkdir()
    fake.binaries.mkdir()
    fake.plan()
    monkeypatch.setenv("PATH", str(fake.binaries))
    monkeypatch.setenv("FAKE_ENGINE_DIRECTORY", str(fake.folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    return fake


@pytest.fixture
def lines() -> list[str]:
    """What a builder or engine reported."""
    return []


@pytest.fixture
def docker(engines: FakeEngines, lines: list[str]) -> Engine:
    engines.install("docker")
    return Engine("docker", lines.append, push_pauses_seconds=(0.0, 0.0))


def run_program(module: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """As the provisioner runs it: a process of its own, told everything through the environment."""
    return subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={**os.environ, "AWS_EC2_METADATA_DISABLED": "true", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        # Where the tests run in the background, they ignore the signal, and what they start would as well.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
