"""Where a request's time goes: what the client waits for, beside what the server says of the work inside."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .bare_server import WORK_SECONDS
from .measure_throughput import Contender, one_turn
from .percentiles import median
from .progress import say
from .server_process import ServerProcess

Phases = dict[str, float]
PHASES = ("queue", "decode", "engine", "encode")


@dataclass
class TimeSpent:
    """Requests to a contender, and the work inside them.

    Attributes:
        latencies_seconds: of each request, seen by the client.
        phases_seconds: by phase, one value a request; a phase that the server does not tell has none.
    """

    latencies_seconds: list[float] = field(default_factory=list)
    phases_seconds: dict[str, list[float]] = field(default_factory=dict)

    def medians_milliseconds(self) -> Phases:
        """Median of each phase; as "rest" what the median request takes beyond them: transport, HTTP, hand-over."""
        phases = {phase: median(samples) * 1000 for phase, samples in self.phases_seconds.items()}
        return phases | {"rest": median(self.latencies_seconds) * 1000 - sum(phases.values())}

    def overhead_milliseconds(self) -> float:
        """What a request takes above decoding its picture and its engine, as the server timed them: the median."""
        work = zip(self.phases_seconds["decode"], self.phases_seconds["engine"], strict=True)
        return 1000 * median(
            [latency - sum(spent) for latency, spent in zip(self.latencies_seconds, work, strict=True)]
        )


def baseline_phases(timings: Path) -> list[Phases]:
    """Seconds of each phase of each request so far, from the file that the baseline's handler writes."""
    return [json.loads(line) for line in timings.read_text().splitlines()] if timings.exists() else []


def own_phases(log: Path, model: str) -> list[Phases]:
    """Seconds of each phase of each answered request for the model so far, from the server's access log."""
    found = []
    for line in log.read_text().splitlines():
        if f'"/models/{model}/invoke"' in line and '"engine_ms"' in line:
            fields = json.loads(line)
            found.append({phase: fields[f"{phase}_ms"] / 1000 for phase in PHASES})
    return found


def measure_bare_sockets(server: ServerProcess, seconds: float) -> float:
    """Median milliseconds that one client waits for the bare server beyond the work it does."""
    load = one_turn(Contender("bare sockets", server, "none"), 1, seconds)
    milliseconds = (median(load.latencies_seconds) - WORK_SECONDS) * 1000
    say(f"  1 clients: bare sockets {milliseconds:.2f} ms beyond their work")
    return milliseconds


def measure_time(
    contender: Contender, read_phases: Callable[[], list[Phases]], clients: int, seconds: float, rounds: int
) -> TimeSpent:
    """Requests and their phases, in `rounds` turns."""
    spent = TimeSpent()
    for _ in range(rounds):
        latencies = one_turn(contender, clients, seconds).latencies_seconds
        spent.latencies_seconds += latencies
        # The last ones: those before are the warm-up's.
        for phases in read_phases()[-len(latencies) :]:
            for phase, value in phases.items():
                spent.phases_seconds.setdefault(phase, []).append(value)
    medians = ", ".join(f"{phase} {value:.2f}" for phase, value in spent.medians_milliseconds().items())
    say(f"  {clients} clients: {contender.name} {median(spent.latencies_seconds) * 1000:.2f} ms: {medians}")
    return spent
