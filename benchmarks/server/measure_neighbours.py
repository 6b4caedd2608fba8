"""A warm model beside noisy ones: beside one that loads for seconds, and beside one that eight clients ask."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from .errors import BenchmarkError
from .hot_clients import start_hot_clients
from .load_generator import Load, generate_load
from .measure_throughput import Contender
from .percentiles import percentile
from .progress import say
from .server_process import ServerProcess

ALONE = "alone"
BESIDE_LOAD = "beside a load"
BESIDE_HOT = "beside a hot model"
LOAD_SECONDS = 6.0
# The clients' process starts in this time, and the warm model's clients end before the noise does.
_MARGIN_SECONDS = 1.0
_SLOW_LOADER = """\
import time


def model_fn(model_dir):
    # Busy, not asleep: a real load reads, converts and compiles.
    end = time.monotonic() + {seconds}
    while time.monotonic() < end:
        pass
    return 1


def predict_fn(data, model):
    return data
"""


@dataclass
class Neighbours:
    """Latencies of the warm model's one client, by situation; requests that failed in any."""

    latencies_seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: int = 0
    hot_answers: int = 0

    def add(self, situation: str, load: Load) -> None:
        self.latencies_seconds.setdefault(situation, []).extend(load.latencies_seconds)
        self.failures += load.failures

    def p99_milliseconds(self, situation: str) -> float:
        return percentile(self.latencies_seconds[situation], 99) * 1000


def write_slow_loader(folder: Path, seconds: float = LOAD_SECONDS) -> Path:
    """An artifact whose own code takes so long to load; the folder."""
    (folder / "code").mkdir(parents=True, exist_ok=True)
    (folder / "code" / "inference.py").write_text(_SLOW_LOADER.format(seconds=seconds))
    return folder


def measure_neighbours(warm: Contender, hot: Contender, slow_loader: Path, seconds: float, rounds: int) -> Neighbours:
    """`rounds` turns of each situation on one server that holds both models. A turn is `seconds`, at most 5."""
    found = Neighbours()
    port, request = warm.server.port, warm.request()
    quiet_seconds = min(seconds, LOAD_SECONDS - _MARGIN_SECONDS)
    generate_load(port, request, 1, _MARGIN_SECONDS)
    for number in range(rounds):
        found.add(ALONE, generate_load(port, request, 1, quiet_seconds))
        found.add(BESIDE_LOAD, _beside_load(warm.server, request, slow_loader, f"slow-{number}", quiet_seconds))
        load, answers = _beside_hot(port, request, hot.request(), quiet_seconds)
        found.add(BESIDE_HOT, load)
        found.hot_answers += answers
    for situation in found.latencies_seconds:
        say(f"  {situation}: p99 {found.p99_milliseconds(situation):.1f} ms")
    return found


def _beside_load(server: ServerProcess, request: bytes, folder: Path, name: str, seconds: float) -> Load:
    errors: list[Exception] = []

    def load_slowly() -> None:
        client = server.client()
        try:
            client.load(name, folder)
            client.unload(name)
        except (BenchmarkError, OSError) as error:
            errors.append(error)
        finally:
            client.close()

    loading = threading.Thread(target=load_slowly)
    loading.start()
    try:
        load = generate_load(server.port, request, 1, seconds)
        ended_early = not loading.is_alive()
    finally:
        loading.join()
    if errors:
        raise BenchmarkError(f"the model that loads slowly: {errors[0]}") from errors[0]
    if ended_early:
        raise BenchmarkError(f"{name} loaded in less than the {seconds:g} s that the model beside it was measured for")
    return load


def _beside_hot(port: int, request: bytes, hot_request: bytes, seconds: float) -> tuple[Load, int]:
    with start_hot_clients(port, hot_request, 8, seconds + 2 * _MARGIN_SECONDS) as clients:
        try:
            generate_load(port, request, 1, _MARGIN_SECONDS)
            load = generate_load(port, request, 1, seconds)
            output, _ = clients.communicate()
        except BaseException:
            clients.kill()
            raise
    if clients.returncode != 0:
        raise BenchmarkError(f"the hot model's clients ended with {clients.returncode}; what they said is above")
    return load, int(output)
