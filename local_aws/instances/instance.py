"""What an instance is to the rest of the local AWS, whatever runs it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .usage import Usage

GRACE_SECONDS = 3.0
"""Between SIGTERM and SIGKILL. SageMaker waits 30 s; nobody wants to wait so long at home."""


class InstanceError(Exception):
    """An instance cannot be started; the text says why and what to do."""


@dataclass(frozen=True)
class InstanceSpec:
    """What to run: one container."""

    id: str
    """As in EC2, `i-` and 17 hexadecimal digits; with the container's name where the instance runs several."""

    log_group: str
    log_stream: str
    image: str
    """URI of the image in ECR."""

    instance_type: str
    role_arn: str | None = None
    """The execution role, None where the container has none of the account's (EnableNetworkIsolation)."""

    environment: dict[str, str] = field(default_factory=dict)
    """The container's Environment."""

    is_multi_model: bool = True
    """Whether models are loaded into it (`place`), or it has one, in /opt/ml/model."""


class Instance(Protocol):
    """A server that speaks SageMaker's contract with containers at `url` while it runs."""

    spec: InstanceSpec

    @property
    def url(self) -> str:
        """Where it listens; changes with every start."""

    def start(self, model: Path | None = None) -> None:
        """Start the server, again where it has ended. Does not wait for it to listen. Raises InstanceError.

        `model`: the folder with the files of its one model.
        """

    def place(self, model_name: str, folder: Path) -> str:
        """Let the server see a model's files; the path that they have there. Safe to repeat."""

    def remove(self, model_name: str) -> None:
        """Take away what `place` made, if it made something."""

    def exit_code(self) -> int | None:
        """The server's exit code, None while it runs."""

    def usage(self) -> Usage | None:
        """What the server uses of the machine; None where it does not run, or that is not known."""

    def log_tail(self, lines: int) -> str:
        """The last lines that the server wrote."""

    def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """End the server and what it started, `grace_seconds` after SIGTERM by SIGKILL; remove its files."""


class InstanceFactory(Protocol):
    """The seam between runtimes: one factory makes every instance."""

    def make(self, spec: InstanceSpec) -> Instance: ...
