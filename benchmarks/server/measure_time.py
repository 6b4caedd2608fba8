"""Where a request's time goes, with one client and nothing else to do."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from .direct import PHASES, direct_samples
from .measure_throughput import Contender, one_turn
from .percentiles import median
from .progress import say


@dataclass
class TimeSpent:
    """One client's requests to a contender, and the work inside them.

    Attributes:
        latencies_seconds: of each request, seen by the client.
        phases_seconds: decode, engine and encode, one value a repetition.
    """

    latencies_seconds: list[float] = field(default_factory=list)
    phases_seconds: dict[str, list[float]] = field(default_factory=lambda: {phase: [] for phase in PHASES})

    def medians_milliseconds(self) -> dict[str, float]:
        """Median of each phase; as "rest" what the median request takes beyond: transport, HTTP, hand-over, queue."""
        phases = {phase: median(samples) * 1000 for phase, samples in self.phases_seconds.items()}
        return phases | {"rest": median(self.latencies_seconds) * 1000 - sum(phases.values())}

    def overhead_milliseconds(self) -> float:
        """What the median request takes above decoding the picture and the engine."""
        medians = self.medians_milliseconds()
        return medians["encode"] + medians["rest"]


def measure_baseline_time(contender: Contender, timings: Path, seconds: float, rounds: int) -> TimeSpent:
    """The baseline, whose handler writes its phases to `timings`."""
    spent = TimeSpent()
    for _ in range(rounds):
        timings.write_text("")
        spent.latencies_seconds += one_turn(contender, clients=1, seconds=seconds).latencies_seconds
        for line in timings.read_text().splitlines():
            for phase, value in json.loads(line).items():
                spent.phases_seconds[phase].append(value)
    say(f"  {contender.name}: {median(spent.latencies_seconds) * 1000:.2f} ms")
    return spent


def measure_own_time(contender: Contender, folder: Path, seconds: float, rounds: int) -> TimeSpent:
    """The project's server; its phases are those of its worker's code called directly, in turns with the requests.

    Measured outside, so that what being a server does to the engine (cold caches, other processes) counts as overhead.
    """
    spent = TimeSpent()
    for _ in range(rounds):
        spent.latencies_seconds += one_turn(contender, clients=1, seconds=seconds).latencies_seconds
        for phase, samples in direct_samples(folder, seconds).items():
            spent.phases_seconds[phase] += samples
    whole_ms = median(spent.latencies_seconds) * 1000
    say(f"  {contender.name}: {whole_ms:.2f} ms, overhead {spent.overhead_milliseconds():.2f} ms")
    return spent
