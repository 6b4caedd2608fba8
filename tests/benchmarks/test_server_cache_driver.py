"""The driver that plays SageMaker's part, against a server that exists only as a count of models."""

import threading
from pathlib import Path

import pytest

from benchmarks.server.errors import UnexpectedAnswerError
from benchmarks.server.measure_cache import measure_cache
from benchmarks.server.processes import Memory
from benchmarks.server.traffic import ideal_lru_hits, zipf_trace


class CountingServer:
    """Holds `capacity` models, and objects to what SageMaker never does."""

    def __init__(self, capacity: int, broken: str = "") -> None:
        self.capacity = capacity
        self.broken = broken
        self.loaded: set[str] = set()
        self.answered = 0
        self._guard = threading.Lock()

    def client(self) -> "CountingServer":
        return self

    def close(self) -> None:
        pass

    def memory(self) -> Memory:
        return Memory(private_bytes=len(self.loaded), file_bytes=0, proportional_bytes=0, processes=1)

    def load(self, model: str, directory: Path) -> None:
        with self._guard:
            assert model not in self.loaded, "loaded twice"
            assert directory.name in model
            if model == self.broken:
                raise UnexpectedAnswerError(f"load of {model}", 400, b"broken")
            if len(self.loaded) >= self.capacity:
                raise UnexpectedAnswerError(f"load of {model}", 507, b"full")
            self.loaded.add(model)

    def unload(self, model: str) -> None:
        with self._guard:
            self.loaded.remove(model)

    def invoke(self, model: str, body: bytes) -> bytes:
        with self._guard:
            if model not in self.loaded:
                raise UnexpectedAnswerError(f"invoke of {model}", 404, b"not loaded")
            self.answered += 1
        return body


def folders(count: int) -> list[Path]:
    return [Path(f"{number:04d}") for number in range(count)]


@pytest.mark.parametrize("clients", [1, 4])
def test_hit_ratio_on_a_server_of_that_capacity_is_the_ideal_one(clients):
    trace = zipf_trace(models=40, requests=2000, exponent=0.9, seed=5)
    server = CountingServer(capacity=12)
    run = measure_cache(server, folders(40), trace, capacity=12, budget_bytes=12, clients=clients)
    assert run.failures == []
    assert server.answered == len(trace)
    assert run.ideal_hits == sum(ideal_lru_hits(trace, 12))
    # A model in use is not driven out, and clients overtake each other, by as much as the machine lets them: as if the
    # cache had a place less, or more, for each other client.
    fewest, most = (sum(ideal_lru_hits(trace, 12 + places)) for places in (1 - clients, clients - 1))
    assert fewest <= run.hits <= most
    assert run.loads == len(trace) - run.hits
    assert run.loads - run.unloads == len(server.loaded) <= 12
    assert run.peak_bytes <= 12


def test_a_model_that_cannot_be_loaded_costs_its_own_requests_only():
    trace = [0, 1, 2, 1, 0, 1]
    server = CountingServer(capacity=2, broken="zipf-0001")
    run = measure_cache(server, folders(3), trace, capacity=2, budget_bytes=2, clients=1)
    assert len(run.failures) == 3
    assert all("zipf-0001" in failure and "400" in failure for failure in run.failures)
    assert server.answered == 3


@pytest.mark.parametrize("clients", [1, 3])
def test_a_server_that_takes_no_model_at_all_fails_each_request_and_ends(clients):
    server = CountingServer(capacity=0)
    run = measure_cache(server, folders(3), [0, 1, 2, 1, 0], capacity=2, budget_bytes=0, clients=clients)
    assert len(run.failures) == 5
    assert (server.answered, run.unloads, server.loaded) == (0, 0, set())
