"""One instance of an endpoint in service: started, health-checked, kept alive, and invoked."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from ..instances.instance import GRACE_SECONDS, Instance, InstanceError
from ..instances.instance_types import find_instance_type
from ..instances.usage import Usage
from .container import Answer, ContainerClient, ContainerGoneError, ContainerTimeoutError, ContainerUnreachableError
from .errors import ServiceUnavailableError
from .fleet import LaunchError
from .loaded_models import Entry, LoadedModel, LoadedModels
from .model_memory import read_model_memory

logger = logging.getLogger(__name__)

PING_TIMEOUT_SECONDS = 2.0
"""SageMaker's limit for an answer to /ping."""

_PING_INTERVAL_SECONDS = 0.05
_STARTS = 3
"""How often a container that ends before its first ping is started. SageMaker goes on until the health check's budget
is used up; nobody wants to wait eight minutes for a program that cannot start."""

_RESTART_PAUSES_SECONDS = (0.5, 1, 2, 5, 10, 30)
_DRAIN_TIMEOUT_SECONDS = 60.0
_LOG_LINES = 5

MakeModels = Callable[[ContainerClient], LoadedModels]


class NotInServiceError(Exception):
    """The instance takes no requests (any more): another one may."""


class HostedInstance:
    """An instance with what it has loaded. See `fleet.Host`."""

    def __init__(
        self, instance: Instance, variant: str, make_models: MakeModels, startup_timeout_seconds: float
    ) -> None:
        self.id = instance.spec.id
        self._instance = instance
        self._variant = variant
        self._make_models = make_models
        self._startup_timeout_seconds = startup_timeout_seconds
        self._idle = threading.Condition()
        self._requests = 0
        self._healthy = False
        self._stopping = threading.Event()
        self._client: ContainerClient | None = None
        self._models: LoadedModels | None = None
        self._last_usage: tuple[float, float] | None = None

    def __repr__(self) -> str:
        return f"HostedInstance({self.id!r}, variant={self._variant!r})"

    @property
    def healthy(self) -> bool:
        return self._healthy

    @property
    def requests_under_way(self) -> int:
        return self._requests

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    @property
    def memory_mib(self) -> int | None:
        """Memory of the instance type, None where that is not known."""
        size = find_instance_type(self._instance.spec.instance_type)
        return size.memory_mib if size is not None else None

    def loaded(self) -> list[tuple[LoadedModel, int | None]]:
        """The models in the container, each with its memory in bytes where the container says so."""
        client, models = self._client, self._models
        if client is None or models is None or not self._healthy:
            return []
        found, memory = models.now(), read_model_memory(client) if len(models) else {}
        return [(model, memory.get(model.model_name)) for model in found]

    def usage(self) -> Usage | None:
        """What the instance uses of the machine; None while it is down, or where that is not known."""
        return self._instance.usage() if self._healthy else None

    def gauges(self, volume_gib: int | None) -> dict[str, float]:
        """The instance's metrics of this moment, in the units that SageMaker has for them; empty while it is down.

        CPUUtilization is that since the last call, 100 a core.
        """
        models, usage, moment = self._models, self._instance.usage(), time.monotonic()
        if not self._healthy or models is None:
            return {}
        found = {"LoadedModelCount": float(len(models))}
        if volume_gib is not None:
            found["DiskUtilization"] = 100 * models.disk_bytes / (volume_gib * 2**30)
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

    def invoke(
        self, target_model: str, body: bytes, headers: Mapping[str, str], deadline: float
    ) -> tuple[Answer, bool, float]:
        """The container's answer, whether the model was loaded already, and the seconds the container took.

        A model that the container has lost (a 404 for what it does not list) is loaded once more; a container without
        room for the request (507) gets it by unloading others. Raises NotInServiceError before anything was sent,
        ServiceUnavailableError when the container goes under the request, ContainerTimeoutError at `deadline`, and what
        LoadedModels.acquire raises.
        """
        with self._idle:
            client, models = self._client, self._models
            if not self._healthy or client is None or models is None:
                raise NotInServiceError(self.id)
            self._requests += 1
        try:
            entry, hit = models.acquire(target_model, deadline)
            try:
                started = time.monotonic()
                answer = client.invoke(entry.model_name, body, headers, deadline - started)
                while answer.status == 507 and models.make_room(entry, deadline):
                    answer = client.invoke(entry.model_name, body, headers, deadline - time.monotonic())
                lost = answer.status == 404 and self._has_lost(client, entry, deadline)
                if lost:
                    models.forget(entry)
            finally:
                models.release(entry)
            if lost:
                entry, hit = models.acquire(target_model, deadline)[0], False
                try:
                    started = time.monotonic()
                    answer = client.invoke(entry.model_name, body, headers, deadline - started)
                finally:
                    models.release(entry)
            return answer, hit, time.monotonic() - started
        except ContainerUnreachableError as error:
            raise NotInServiceError(self.id) from error
        except ContainerGoneError as error:
            raise ServiceUnavailableError(f"Instance {self.id} broke off: {error}") from error
        finally:
            with self._idle:
                self._requests -= 1
                self._idle.notify_all()

    def _has_lost(self, client: ContainerClient, entry: Entry, deadline: float) -> bool:
        """Whether a 404 means that the container has no such model, rather than being the model's own answer."""
        try:
            return not client.has_model(entry.model_name, deadline - time.monotonic())
        except ContainerTimeoutError:
            return False

    def stop(self, drain: bool, grace_seconds: float = GRACE_SECONDS) -> None:
        """End the instance; with `drain` once its requests have been answered (at most 60 s)."""
        self._stopping.set()
        with self._idle:
            self._healthy = False  # no request comes in any more
            if drain:
                self._idle.wait_for(lambda: self._requests == 0, _DRAIN_TIMEOUT_SECONDS)
            client, models = self._client, self._models
        self._instance.stop(grace_seconds)
        if client is not None and models is not None:
            models.fail_all(ServiceUnavailableError(f"Instance {self.id} has been stopped."))
            client.close()

    def lose(self) -> None:
        """Let the instance go down at once, as if its machine had failed: its requests break off."""
        self.stop(drain=False, grace_seconds=0)

    def _bring_up(self) -> None:
        """Start the container until it answers. Raises LaunchError."""
        deadline = time.monotonic() + self._startup_timeout_seconds
        for attempt in range(1, _STARTS + 1):
            try:
                self._instance.start()
            except InstanceError as error:
                raise LaunchError(str(error)) from error
            client = ContainerClient(self._instance.url)
            exit_code = self._await_ping(client, deadline)
            if exit_code is None:
                with self._idle:
                    if self._stopping.is_set():
                        raise self._failure("it was stopped meanwhile")
                    if self._client is not None:
                        self._client.close()
                    self._client, self._models = client, self._make_models(client)
                    self._healthy = True
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
            f"The primary container for production variant {self._variant} did not pass the ping health check. "
            f"Please check CloudWatch logs for this endpoint. ({why}.{said})"
        )

    def _keep_alive(self) -> None:
        """Start the container again whenever it ends by itself."""
        failures = 0
        while not self._stopping.wait(0.1):
            exit_code = self._instance.exit_code()
            if exit_code is None:
                continue
            logger.error("instance %s: serve ended with exit code %s; it is started again", self.id, exit_code)
            with self._idle:
                self._healthy = False
                models = self._models
            if models is not None:
                models.fail_all(ServiceUnavailableError(f"Instance {self.id} broke off."))
            pause = _RESTART_PAUSES_SECONDS[min(failures, len(_RESTART_PAUSES_SECONDS) - 1)]
            if self._stopping.wait(pause):
                return
            try:
                self._bring_up()
                failures = 0
            except LaunchError as error:
                failures += 1
                logger.error("instance %s: %s", self.id, error)
