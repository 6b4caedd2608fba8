"""A model server in a container, for the tests that also run against the server itself."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.container.clients import HttpClient
from tests.support.docker_engine import Engine, free_port


class ContainerClient(HttpClient):
    """Runs `docker run IMAGE serve` and talks HTTP to it. The container sees `models` read-only, under its own path."""

    def __init__(
        self,
        engine: Engine,
        image: str,
        models: Path,
        environment: Mapping[str, str],
        options: Sequence[str] = (),
    ) -> None:
        self._engine = engine
        self.port = free_port()
        self.container = engine.docker(
            "run",
            "--detach",
            f"--publish=127.0.0.1:{self.port}:{self.port}",
            f"--mount=type=bind,source={models},target={models},readonly",
            f"--env=SAGEMAKER_BIND_TO_PORT={self.port}",
            *(f"--env={name}={value}" for name, value in environment.items()),
            *options,
            image,
            "serve",
        )

    def events(self) -> list[dict]:
        lines = self._engine.docker("logs", self.container).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def close(self) -> None:
        self._engine.docker("rm", "--force", "--volumes", self.container)
