"""The Docker engine of this machine, through its command line."""

import json
import os
import shutil
import subprocess
import threading

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
        version: the daemon's version.
        cpus: CPUs that its containers may use together.
    """

    def __init__(self, registry: str, version: str, cpus: int) -> None:
        self.registry = registry
        self.version = version
        self.cpus = cpus
        self._pulled: set[str] = set()
        self._lock = threading.Lock()

    @classmethod
    def find(cls, registry: str) -> "DockerEngine":
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
        return cls(registry, info["ServerVersion"], info["NCPU"])

    def pull(self, repository: str, digest: str) -> str:
        """Have the image of the registry in the engine; its reference there. Raises InstanceError."""
        reference = f"{self.registry}/{repository}@{digest}"
        with self._lock:
            if reference not in self._pulled:
                _docker("pull", "--quiet", reference, timeout_seconds=_PULL_TIMEOUT_SECONDS)
                self._pulled.add(reference)
        return reference

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


def _docker(*arguments: str, timeout_seconds: float = _CALL_TIMEOUT_SECONDS) -> str:
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
            env={**os.environ, "DOCKER_CLI_HINTS": "false"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstanceError(f"docker {arguments[0]}: {error}") from error
    if answer.returncode != 0:
        lines = [line for line in answer.stderr.splitlines() if line.strip()]
        last_line = lines[-1].strip() if lines else f"exit code {answer.returncode}"
        raise InstanceError(f"docker {arguments[0]}: {last_line}")
    return answer.stdout
