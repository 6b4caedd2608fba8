"""An instance that runs several containers: in a row, or each for itself.

https://docs.aws.amazon.com/sagemaker/latest/dg/inference-pipelines.html
https://docs.aws.amazon.com/sagemaker/latest/dg/multi-container-direct.html
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from ..instances.instance import GRACE_SECONDS
from ..instances.usage import Usage
from .errors import ServiceUnavailableError
from .fleet import LaunchError, start_all
from .gate import Gate, NotInServiceError
from .host import DRAIN_TIMEOUT_SECONDS, HostedInstance
from .invocation import Invocation
from .loaded_models import LoadedModel
from .serving import Served


class HostedPipeline:
    """See `fleet.Host`. `containers` are in their order; `is_direct`: an invocation names the one that answers it."""

    def __init__(self, identifier: str, containers: list[HostedInstance], is_direct: bool) -> None:
        self.id = identifier
        self._containers = containers
        self._is_direct = is_direct
        self._gate = Gate(identifier)

    def __repr__(self) -> str:
        return f"HostedPipeline({self.id!r}, {[host.container for host in self._containers]})"

    @property
    def healthy(self) -> bool:
        return self._gate.is_open and all(host.healthy for host in self._containers)

    @property
    def requests_under_way(self) -> int:
        return self._gate.requests

    @property
    def is_stopping(self) -> bool:
        return any(host.is_stopping for host in self._containers)

    @property
    def memory_mib(self) -> int | None:
        return self._containers[0].memory_mib

    def loaded(self) -> list[tuple[LoadedModel, int | None]]:
        return [model for host in self._containers for model in host.loaded()]

    def usage(self) -> Usage | None:
        """That of all containers together."""
        used = [usage for host in self._containers if (usage := host.usage()) is not None]
        if not self.healthy or len(used) < len(self._containers):
            return None
        return Usage(sum(usage.cpu_seconds for usage in used), sum(usage.memory_bytes for usage in used))

    def gauges(self, volume_gib: int | None) -> dict[str, float]:
        found: dict[str, float] = {}
        for host in self._containers:
            for name, value in host.gauges(volume_gib).items():
                found[name] = found.get(name, 0.0) + value
        return found if self.healthy else {}

    def start(self) -> None:
        """Start all containers and wait for their pings. Raises LaunchError."""
        start_all(self._containers)
        if not self._gate.open():
            raise LaunchError(f"Instance {self.id} was stopped meanwhile.")

    def invoke(self, invocation: Invocation, deadline: float) -> Served:
        """See HostedInstance.invoke. An answer that is an error ends the row; `Served.container` gave the answer."""
        with self._gate.request():
            if self._is_direct:
                return self._named(invocation.target_container).invoke(invocation, deadline)
            return self._in_a_row(invocation, deadline)

    def stop(self, drain: bool, grace_seconds: float = GRACE_SECONDS) -> None:
        self._gate.shut()
        if drain:
            self._gate.drain(DRAIN_TIMEOUT_SECONDS)
        with ThreadPoolExecutor(len(self._containers)) as pool:
            list(pool.map(lambda host: host.stop(drain=False, grace_seconds=grace_seconds), self._containers))

    def _named(self, container: str | None) -> HostedInstance:
        return next(host for host in self._containers if host.container == container)

    def _in_a_row(self, invocation: Invocation, deadline: float) -> Served:
        """Each container's answer is the next one's request, and has its Content-Type. Accept is for the last one."""
        body, content_type = invocation.body, invocation.container_headers.get("Content-Type")
        hit, seconds = None, 0.0
        for number, host in enumerate(self._containers):
            headers = dict(invocation.container_headers)
            headers.pop("Content-Type", None)
            if content_type is not None:
                headers["Content-Type"] = content_type
            if host is not self._containers[-1]:
                headers.pop("Accept", None)
            try:
                served = host.ask(invocation.target_model, body, headers, deadline)
            except NotInServiceError as error:
                if number == 0:
                    raise
                raise ServiceUnavailableError(f"Container {host.container} of instance {self.id} is down.") from error
            seconds += served.seconds
            hit = served.hit if served.hit is not None else hit
            if not 200 <= served.answer.status < 300:
                break
            body, content_type = served.answer.body, served.answer.headers.get("Content-Type")
        return replace(served, hit=hit, seconds=seconds)
