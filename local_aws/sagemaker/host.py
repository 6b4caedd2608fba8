"""One instance of an endpoint in service: started, health-checked, kept alive, and invoked."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ..instances.instance import GRACE_SECONDS, Instance, InstanceError
from ..instances.instance_types import find_instance_type
from ..instances.usage import Usage
from .container import ContainerClient, ContainerGoneError, ContainerTimeoutError, ContainerUnreachableError
from .errors import ServiceUnavailableError, ValidationError
from .fleet import LaunchError
from .gate import Gate, NotInServiceError
from .invocation import Invocation
from .loaded_models import LoadedModel
from .serving import Served, Serving

logger = logging.getLogger(__name__)

PING_TIMEOUT_SECONDS = 2.0
"""SageMaker's limit for an answer to /ping."""

DRAIN_TIMEOUT_SECONDS = 60.0
_PING_INTERVAL_SECONDS = 0.05
_STARTS = 3
"""How often a container that ends before its first ping is started. SageMaker goes on until the health check's budget
is used up; nobody wants to wait eight minutes for a program that cannot start."""

_RESTART_PAUSES_SECONDS = (0.5, 1, 2, 5, 10, 30)
_LOG_LINES = 5

MakeServing = Callable[[ContainerClient], Serving]


class OneModel(Protocol):
    """The artifact of a container that has one model, on this machine's disk while the container needs it."""

    def fetch(self) -> Path | None:
        """The folder of its files, None where there is none. Raises ValidationError. Safe to repeat."""

    def give_back(self) -> None: ...


class HostedInstance:
    """A container on an instance, with what it has loaded. Where it is the only one it is the instance: see
    `fleet.Host`.

    Args:
        container: its name in messages, `primary` where it is the only one.
        one_model: what it gets in /opt/ml/model.
    """

    def __init__(
        self,
        instance: Instance,
        variant: str,
        make_serving: MakeServing,
        startup_timeout_seconds: float,
        *,
        container: str,
        one_model: OneModel,
    ) -> None:
        self.id = instance.spec.id
        self.container = container
        self._instance = instance
        self._variant = variant
        self._make_serving = make_serving
        self._startup_timeout_seconds = startup_timeout_seconds
        self._one_model = one_model
        self._gate = Gate(self.id)
        self._stopping = threading.Event()
        self._client: ContainerClient | None = None
        self._serving: Serving | None = None
        self._last_usage: tuple[float, float] | None = None

    def __repr__(self) -> str:
        return f"HostedInstance({self.id!r}, variant={self._variant!r})"

    @property
    def healthy(self) -> bool:
        return self._gate.is_open

    @property
    def requests_under_way(self) -> int:
        return self._gate.requests

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    @property
    def memory_mib(self) -> int | None:
        """Memory of the instance type, None where that is not known."""
        size = find_instance_type(self._instance.spec.instance_type)
        return size.memory_mib if size is not None else None

    def loaded(self) -> list[tuple[LoadedModel, int | None]]:
        """The models that SageMaker loaded into the container, each with its memory in bytes where that is known."""
        serving = self._serving
        if serving is None or serving.models is None or not self.healthy:
            return []
        found, memory = serving.models.now(), serving.memory() if len(serving.models) else {}
        return [(model, memory.get(model.model_name)) for model in found]

    def usage(self) -> Usage | None:
        """What the instance uses of the machine; None while it is down, or where that is not known."""
        return self._instance.usage() if self.healthy else None

    def gauges(self, volume_gib: int | None) -> dict[str, float]:
        """The instance's metrics of this moment, in the units that SageMaker has for them; empty while it is down.

        CPUUtilization is that since the last call, 100 a core.
        """
        serving, usage, moment = self._serving, self._instance.usage(), time.monotonic()
        if not self.healthy or serving is None:
            return {}
        found = {}
        if serving.models is not None:
            found["LoadedModelCount"] = float(len(serving.models))
            if volume_gib is not None:
                found["DiskUtilization"] = 100 * serving.models.disk_bytes / (volume_gib * 2**30)
        if usage is None:
            return found
        if self.memory_mib is not None:
            found["MemoryUtilization"] = 100 * usage.memory_bytes / (self.memory_mib * 2**20)
        if self._last_usage is not None:
            before, cpu_seconds = self._last_usage
            found["CPUUtilization"] = 100 * max(usage.cpu_seconds - cpu_seconds, 0) / max(moment - before, 0.001)
        self._last_usage = (moment, usage.cpu_seconds)
        return found

    def start(self) -> None:
        """Start the container and wait for its ping. Raises LaunchError."""
        self._bring_up()
        threading.Thread(target=self._keep_alive, name=f"host-{self.id}", daemon=True).start()

    def invoke(self, invocation: Invocation, deadline: float) -> Served:
        """The container's answer.

        Raises NotInServiceError before anything was sent, ServiceUnavailableError when the container goes under the
        request, and what Serving.invoke raises besides.
        """
        return self.ask(invocation.target_model, invocation.body, invocation.container_headers, deadline)

    def ask(self, target_model: str | None, body: bytes, headers: Mapping[str, str], deadline: float) -> Served:
        """As `invoke`, for a part of an invocation."""
        with self._gate.request():
            serving = self._serving
            if serving is None:
                raise NotInServiceError(self.id)
            try:
                served = serving.invoke(target_model, body, headers, deadline)
                return replace(served, container=self.container)
            except ContainerTimeoutError as error:
                error.container = self.container
                raise
            except ContainerUnreachableError as error:
                raise NotInServiceError(self.id) from error
            except ContainerGoneError as error:
                raise ServiceUnavailableError(f"Instance {self.id} broke off: {error}") from error

    def stop(self, drain: bool, grace_seconds: float = GRACE_SECONDS) -> None:
        """End the instance; with `drain` once its requests have been answered (at most 60 s)."""
        self._stopping.set()
        self._gate.shut()
        if drain:
            self._gate.drain(DRAIN_TIMEOUT_SECONDS)
        client, serving = self._client, self._serving
        self._instance.stop(grace_seconds)
        if client is not None and serving is not None:
            serving.fail_all(ServiceUnavailableError(f"Instance {self.id} has been stopped."))
            client.close()
        self._one_model.give_back()

    def _bring_up(self) -> None:
        """Start the container until it answers. Raises LaunchError."""
        deadline = time.monotonic() + self._startup_timeout_seconds
        for attempt in range(1, _STARTS + 1):
            try:
                self._instance.start(self._one_model.fetch())
            except InstanceError as error:
                raise LaunchError(str(error)) from error
            except ValidationError as error:
                raise LaunchError(error.message) from error
            client = ContainerClient(self._instance.url)
            try:
                exit_code = self._await_ping(client, deadline)
            except LaunchError:
                client.close()
                raise
            if exit_code is None:
                if self._client is not None:
                    self._client.close()
                self._client, self._serving = client, self._make_serving(client)
                if not self._gate.open():
                    client.close()
                    raise self._failure("it was stopped meanwhile")
                return
            client.close()
            logger.warning("instance %s: serve ended with exit code %s (start %s)", self.id, exit_code, attempt)
        raise self._failure(f"`serve` ended with exit code {exit_code}, {_STARTS} times")

    def _await_ping(self, client: ContainerClient, deadline: float) -> int | None:
        """Ping until the container answers 200 (None) or has ended (its exit code).

        Raises LaunchError at `deadline`.
        """
        last = "nothing listens on its port"
        while time.monotonic() < deadline and not self._stopping.is_set():
            exit_code = self._instance.exit_code()
            if exit_code is not None:
                return exit_code
            try:
                answer = client.ping(min(PING_TIMEOUT_SECONDS, max(deadline - time.monotonic(), 0.01)))
                if answer.status == 200:
                    return None
                last = f"/ping answered {answer.status}"
            except ContainerTimeoutError:
                last = f"/ping did not answer within {PING_TIMEOUT_SECONDS:g} s"
            except ContainerGoneError:
                pass
            self._stopping.wait(_PING_INTERVAL_SECONDS)
        raise self._failure(f"{last} in {self._startup_timeout_seconds:g} s")

    def _failure(self, why: str) -> LaunchError:
        tail = self._instance.log_tail(_LOG_LINES)
        said = f" Its last lines: {tail}" if tail else " It wrote no log."
        return LaunchError(
            f"The {self.container} container for production variant {self._variant} did not pass the ping health "
            f"check. Please check CloudWatch logs for this endpoint. ({why}.{said})"
        )

    def _keep_alive(self) -> None:
        """Start the container again whenever it ends by itself."""
        failures = 0
        while not self._stopping.wait(0.1):
            exit_code = self._instance.exit_code()
            if exit_code is None:
                continue
            logger.error("instance %s: serve ended with exit code %s; it is started again", self.id, exit_code)
            self._gate.close()
            if self._serving is not None:
                self._serving.fail_all(ServiceUnavailableError(f"Instance {self.id} broke off."))
            pause = _RESTART_PAUSES_SECONDS[min(failures, len(_RESTART_PAUSES_SECONDS) - 1)]
            if self._stopping.wait(pause):
                return
            try:
                self._bring_up()
                failures = 0
            except LaunchError as error:
                failures += 1
                logger.error("instance %s: %s", self.id, error)
