"""Everything that can go wrong, as values that carry their sentence.

The errors know nothing of HTTP: `http.answers.STATUSES` maps each to its status. `kind` names the error on the wire
between the worker processes and the front process, and in the `type` field of an answer.
"""

import signal
from collections.abc import Mapping
from typing import ClassVar


class ServerError(Exception):
    """Base of all errors this server answers. The message is one sentence for the caller, without internals."""

    _kinds: ClassVar[dict[str, type["ServerError"]]] = {}

    def __init_subclass__(cls) -> None:
        ServerError._kinds[cls.__name__] = cls

    def __init__(self, message: str) -> None:
        super().__init__(message)
        # What artifacts' code and file names say need not be text that can be sent.
        self.message = message.encode(errors="replace").decode()

    @property
    def kind(self) -> str:
        return type(self).__name__

    def to_wire(self) -> dict[str, object]:
        """What `of_wire` rebuilds it from, in another process."""
        return {"error": self.kind, "message": self.message}

    @staticmethod
    def of_wire(header: Mapping[str, object]) -> "ServerError":
        """Rebuild an error that crossed a process boundary."""
        kind = ServerError._kinds.get(str(header["error"]), PredictionFailed)
        if kind is CodeError:
            return CodeError(str(header["message"]), header.get("status"))
        return kind(str(header["message"]))


class InvalidRequest(ServerError):
    """The management request itself is malformed."""


class NoSuchRoute(ServerError):
    """There is no such path."""


class MethodNotAllowed(ServerError):
    """The path does not take this method."""


class InvalidInput(ServerError):
    """The body is not what the model takes: syntax, shape, type or value."""


class UnsupportedContentType(ServerError):
    """The Content-Type is not one that this model's input is decoded from."""


class UnsupportedAccept(ServerError):
    """The Accept header names no form that the answer can be given in."""


class RequestTooLarge(ServerError):
    """The body, or what it decodes to, is larger than allowed."""


class RequestTimeout(ServerError):
    """The client did not send its body in time."""


class ModelNotFound(ServerError):
    """No model of this name is loaded."""


class ModelAlreadyLoaded(ServerError):
    """A model of this name is loaded, loading or unloading."""


class InvalidArtifact(ServerError):
    """The artifact's folder does not hold a model that this server can load; `complaints` are all reasons found."""

    def __init__(self, *complaints: str) -> None:
        super().__init__("; ".join(complaints))
        self.complaints = complaints


class InsufficientMemory(ServerError):
    """Loading the model would pass the memory budget. Unloading another model helps."""


class ModelTooLarge(ServerError):
    """The model alone passes the memory budget. Unloading others does not help."""


class OutOfDescriptors(ServerError):
    """The process or the system has no file descriptor left. Unloading another model helps."""


class QueueFull(ServerError):
    """As many requests wait as may wait."""


class DeadlineExceeded(ServerError):
    """The request waited for a worker longer than it may. Another try may find one."""


class ModelTimeout(ServerError):
    """The model did not answer, or load, within the time that SageMaker gives it. Another try would take as long."""


class Abandoned(ServerError):
    """The client left while its request waited for a worker."""


class PredictionFailed(ServerError):
    """The model, or the artifact's own code, failed on an input that looked right."""


class CodeError(ServerError):
    """The artifact's own code refused a request. `status` is the answer's, 400 to 599; any other becomes 500."""

    def __init__(self, message: str, status: object = 500) -> None:
        super().__init__(message)
        self.status = status if isinstance(status, int) and 400 <= status <= 599 else 500

    def to_wire(self) -> dict[str, object]:
        return {**super().to_wire(), "status": self.status}


class WorkerCrashed(ServerError):
    """The worker process died while it worked on this request. `status`: its exit code, negative for a signal."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status

    @property
    def by_itself(self) -> bool:
        """Whether it ended by what it did: it was not killed, and how it ended is known."""
        return self.status not in (None, -signal.SIGKILL)

    @property
    def killed(self) -> bool:
        """Whether it was killed: during a load, the kernel's out-of-memory killer is the likely reason."""
        return self.status == -signal.SIGKILL


class Stopping(ServerError):
    """The server is shutting down."""
