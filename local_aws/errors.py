"""What can keep the local AWS from starting or a caller from using it. Each is one line for a person to act on."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


class LocalAwsError(Exception):
    """Base of everything the command line shows as one line with exit code 1."""


class WrongSettingsError(LocalAwsError):
    """Settings of the local AWS are not as they must be; has every complaint of pydantic's."""

    def __init__(self, errors: Iterable[Mapping[str, Any]]) -> None:
        complaints = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in errors)
        super().__init__(f"wrong settings: {complaints}")


class PortInUseError(LocalAwsError):
    """Another program listens on the port asked for."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(
            f"Port {port} on 127.0.0.1 is in use. Stop the program that listens there "
            f"(`python -m local_aws stop` when it is the local AWS, `ss -ltnp 'sport = :{port}'` shows which one) "
            "or choose another port with --port."
        )


class DirectoryInUseError(LocalAwsError):
    """Another local AWS works in the same directory."""

    def __init__(self, directory: str, owner: str) -> None:
        super().__init__(
            f"Directory {directory} is used by another local AWS ({owner}). "
            "Stop it with `python -m local_aws stop --directory ...` or choose another one with --directory."
        )


class RecordingError(LocalAwsError):
    """The file for what Terraform sends cannot be written."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"--record {path}: {error.strerror}. Name a file in a folder that exists.")


class NotRunningError(LocalAwsError):
    """No local AWS runs in the directory."""

    def __init__(self, directory: str) -> None:
        super().__init__(f"No local AWS runs in {directory}. Start one with `python -m local_aws serve`.")


class StartError(LocalAwsError):
    """The local AWS could not be started as a child process."""


class ProviderUnavailableError(LocalAwsError):
    """Terraform's AWS provider was asked for and cannot be had."""


class RehearsalError(LocalAwsError):
    """What was to be rehearsed is not possible now; the text says why."""
