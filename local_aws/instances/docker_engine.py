"""The Docker engine of this machine, through its command line."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from .instance import InstanceError

_PROBE_TIMEOUT_SECONDS = 10.0
_PULL_TIMEOUT_SECONDS = 600.0
_CALL_TIMEOUT_SECONDS = 60.0


class EngineUnavailableError(Exception):
    """No engine that could run the endpoints' containers; the text says why."""


class DockerEngine:
    """A Docker daemon on this machine. Make it with `find`.

    Args:
        registry: host and port of the registry that it pulls from.
        password: what user AWS logs in with there.
        host: the daemon's address.
        version: the daemon's version.
        cpus: CPUs that its containers may use together.
    """

    def __init__(self, registry: str, password: str, host: str, version: str, cpus: int) -> None:
        self.registry = registry
        self._password = password
        self._host = host
        self.version = version
        self.cpus = cpus
        self._pulled: set[str] = set()
        self._lock = threading.Lock()

    @classmethod
    def find(cls, registry: str, password: str) -> "DockerEngine":
        """The engine that `docker` talks to. Raises EngineUnavailableError."""
        if shutil.which("docker") is None:
            raise EngineUnavailableError("docker is not installed")
        try:
            info = json.loads(_docker("info", "--format", "{{json .}}", timeout_seconds=_PROBE_TIMEOUT_SECONDS))
            host = _docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").strip()
        except (InstanceError, ValueError) as error:
            raise EngineUnavailableError(f"docker does not answer: {error}") from error
        if info.get("ServerErrors") or not info.get("ServerVersion"):
            raise EngineUnavailableError(f"docker does not answer: {'; '.join(info.get('ServerErrors') or ['?'])}")
        if not host.startswith("unix://") or "Docker Desktop" in info["OperatingSystem"]:
            raise EngineUnavailableError("docker's engine runs on another machine or in a virtual one")
        if info["OSType"] != "linux":
            raise EngineUnavailableError(f"docker's engine runs {info['OSType']} containers")
        return cls(registry, password, host, info["ServerVersion"], info["NCPU"])

    def pull(self, repository: str, digest: str) -> str:
        """Have the image of the registry in the engine; its reference there. Raises InstanceError."""
        reference = f"{self.registry}/{repository}@{digest}"
        with self._lock:
            if reference not in self._pulled:
                self._pull(reference)
                self._pulled.add(reference)
        return reference

    def _pull(self, reference: str) -> None:
        """With a login in a folder of its own, so that the user's configuration stays as it is."""
        auth = base64.b64encode(f"AWS:{self._password}".encode()).decode()
        with tempfile.TemporaryDirectory(prefix="docker-login-") as folder:
            (Path(folder) / "config.json").write_text(json.dumps({"auths": {self.registry: {"auth": auth}}}))
            # The context that names the daemon is in the user's configuration.
            options = ("--quiet", reference)
            environment = {"DOCKER_CONFIG": folder, "DOCKER_HOST": self._host}
            _docker("pull", *options, timeout_seconds=_PULL_TIMEOUT_SECONDS, environment=environment)

    def create(self, arguments: list[str]) -> None:
        """`docker create`. Raises InstanceError."""
        _docker("create", "--pull=never", *arguments)

    def remove(self, container: str) -> None:
        """End a container and remove it, where there is one of this name. Raises InstanceError."""
        _docker("rm", "--force", "--volumes", container)

    def stop(self) -> None:
        """Take back the names of what has been pulled. Images that have no other name go with them."""
        with self._lock:
            if self._pulled:
                _docker("image", "rm", *self._pulled)
                self._pulled.clear()


def _docker(
    *arguments: str, timeout_seconds: float = _CALL_TIMEOUT_SECONDS, environment: Mapping[str, str] | None = None
) -> str:
    """Run docker and return what it prints. Raises InstanceError with its last line."""
    try:
        answer = subprocess.run(
            ["docker", *arguments],
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=timeout_seconds,
            env={**os.environ, **(environment or {}), "DOCKER_CLI_HINTS": "false"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstanceError(f"docker {arguments[0]}: {error}") from error
    if answer.returncode != 0:
        lines = [line for line in answer.stderr.splitlines() if line.strip()]
        last_line = lines[-1].strip() if lines else f"exit code {answer.returncode}"
        raise InstanceError(f"docker {arguments[0]}: {last_line}")
    return answer.stdout
