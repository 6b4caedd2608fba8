"""Every experiment by its name."""

from collections.abc import Callable

from benchmarks.reliability.model_server import (
    clock_jumps,
    corrupt_checkpoints,
    exhausted_resources,
    hostile_archives,
    killed_processes,
    malformed_requests,
    misbehaving_code,
    mixed_operations,
    slow_clients,
    tagged_answers,
)
from benchmarks.reliability.model_server.finding import Finding
from benchmarks.reliability.model_server.ground import Ground

EXPERIMENTS: dict[str, Callable[[Ground], list[Finding]]] = {
    "kills": killed_processes.run,
    "resources": exhausted_resources.run,
    "slow-clients": slow_clients.run,
    "clocks": clock_jumps.run,
    "malformed": malformed_requests.run,
    "tagged": tagged_answers.run,
    "archives": hostile_archives.run,
    "checkpoints": corrupt_checkpoints.run,
    "code": misbehaving_code.run,
    "mixed": mixed_operations.run,
}
