"""Requests a second, and how long each takes: servers under the same clients, by turns."""

from dataclasses import dataclass, field

from .load_generator import Load, generate_load, request_bytes
from .photograph import photograph_jpeg
from .progress import say
from .server_process import ServerProcess

WARM_UP_SECONDS = 1.5


@dataclass(frozen=True)
class Contender:
    """A model on a running server, under the name that reports use."""

    name: str
    server: ServerProcess
    model: str
    body: bytes = field(default_factory=photograph_jpeg, repr=False)
    content_type: str = "image/jpeg"

    def request(self) -> bytes:
        """An invocation as it goes over the wire."""
        return request_bytes(self.server.invocation(self.model, self.body, self.content_type), self.server.port)


@dataclass
class Throughput:
    """A contender's turns.

    Attributes:
        loads: what the clients saw in each.
        server_cpu_seconds: processor time of all the server's processes in each.
    """

    loads: list[Load] = field(default_factory=list)
    server_cpu_seconds: list[float] = field(default_factory=list)

    @property
    def latencies_seconds(self) -> list[float]:
        return [latency for load in self.loads for latency in load.latencies_seconds]

    @property
    def failures(self) -> int:
        return sum(load.failures for load in self.loads)

    @property
    def requests_per_second(self) -> float:
        return len(self.latencies_seconds) / sum(load.wall_seconds for load in self.loads)

    @property
    def server_cpu_milliseconds(self) -> float:
        """Processor time of a request: what it costs whatever else the machine does."""
        return sum(self.server_cpu_seconds) / len(self.latencies_seconds) * 1000

    @property
    def client_cpu_share(self) -> float:
        """Share of one core that the clients took."""
        return sum(load.client_cpu_seconds for load in self.loads) / sum(load.wall_seconds for load in self.loads)


def one_turn(contender: Contender, clients: int, seconds: float, warm_up_seconds: float = WARM_UP_SECONDS) -> Load:
    """One load on the contender, after a shorter one that is not counted."""
    request = contender.request()
    if warm_up_seconds > 0:
        generate_load(contender.server.port, request, clients, warm_up_seconds)
    return generate_load(contender.server.port, request, clients, seconds)


def measure_throughput(contenders: list[Contender], clients: int, seconds: float, rounds: int) -> dict[str, Throughput]:
    """`rounds` turns of each contender, in an order that is reversed every other round."""
    found = {contender.name: Throughput() for contender in contenders}
    for number in range(rounds):
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            one_turn(contender, clients, WARM_UP_SECONDS, warm_up_seconds=0)
            before = contender.server.processor_seconds()
            load = one_turn(contender, clients, seconds, warm_up_seconds=0)
            found[contender.name].server_cpu_seconds.append(contender.server.processor_seconds() - before)
            found[contender.name].loads.append(load)
            say(f"  {clients} clients, round {number + 1}: {contender.name} {load.requests_per_second:.1f} requests/s")
    return found
