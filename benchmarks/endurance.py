"""What stays after thousands of loads and unloads, and what clients see while workers are killed.

    python -m benchmarks.endurance [--loads 20000] [--kills 200]

Prints its progress, writes `endurance.json` beside this file, and exits with 1 where something stayed or was lost.
Linux only.
"""

import argparse
import itertools
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import mxnet as mx
import psutil

from container.model_server.memory import anonymous_bytes

from .server.model_server import model_server
from .server.server_process import ModelServerClient, ServerProcess

_RESULTS = Path(__file__).parent / "endurance.json"
_MIB = 2**20
_ROW = b"[[1, 2, 3, 4]]"
_MAX_GROWTH_MIB = 4.0
# After the kills, models may have second copies, and those with code second processes.
_MAX_COPIES_MIB = 64.0
# Each tenth load is one of an artifact with code, which has a process of its own.
_CODE_EVERY = 10
_CLIENTS = 4
_SHARED_MODELS = 20
_SECONDS_BETWEEN_KILLS = 0.25
_CODE = """
def model_fn(model_dir): return 1
def transform_fn(model, data, content_type, accept): return "1", "application/json"
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--loads", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        checkpoint, code = write_checkpoint(folder / "checkpoint"), write_code(folder / "code")
        with model_server(folder / "loads", workers=2) as server:
            loads, left = measure_loads(server, checkpoint, code, options.loads)
        with model_server(folder / "kills", workers=2) as server:
            kills, lost = measure_kills(server, checkpoint, code, options.kills)
    results = {"date": datetime.now(UTC).date().isoformat(), "loads": loads, "kills": kills}
    _RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=1))
    for complaint in (*left, *lost):
        print(f"failed: {complaint}", file=sys.stderr)
    return 1 if left or lost else 0


def measure_loads(server: ServerProcess, checkpoint: Path, code: Path, count: int) -> tuple[dict, list[str]]:
    """Load and unload `count` times, each under a name of its own, as SageMaker's are.

    Memory at the end is compared with that half way: by then all is there that stays by intent, such as what the server
    remembers of the last 10,000 models.
    """
    start = time.monotonic()
    held: list[float] = []
    for number in range(count):
        name = f"m{number}"
        server.load(name, code if number % _CODE_EVERY == 0 else checkpoint)
        server.unload(name)
        if (number + 1) % max(1, count // 10) == 0:
            held.append(_anonymous_mib(server.pid))
            print(f"{number + 1} of {count} loads: {held[-1]:.1f} MiB", flush=True)
    growth = held[-1] - held[len(held) // 2 - 1]
    results = {
        "count": count,
        "seconds": round(time.monotonic() - start, 1),
        "memory_mib": [round(mib, 1) for mib in held],
        "growth_over_second_half_mib": round(growth, 2),
        "processes_at_the_end": len(_processes(server.pid)),
        "descriptors_at_the_end": psutil.Process(server.pid).num_fds(),
    }
    complaints = [f"memory grew by {growth:.1f} MiB over the second half"] if growth > _MAX_GROWTH_MIB else []
    if results["processes_at_the_end"] != 5:  # the front process, the zygote, its standby, two workers
        complaints.append(f"{results['processes_at_the_end']} processes are left instead of 5")
    return results, complaints


def measure_kills(server: ServerProcess, checkpoint: Path, code: Path, count: int) -> tuple[dict, list[str]]:
    """Kill a random worker `count` times while clients ask all models in turn."""
    names = [f"m{number}" for number in range(_SHARED_MODELS)]
    for name in names:
        server.load(name, checkpoint)
    for name in ("code-a", "code-b"):
        server.load(name, code)
        names.append(name)
    before, processes = _accounted_mib(server), len(_processes(server.pid))
    clients = [_Client(server.client(), names, offset) for offset in range(_CLIENTS)]
    with ThreadPoolExecutor(_CLIENTS) as pool:
        asking = [pool.submit(client.ask) for client in clients]
        killed = _kill(server.pid, count)
        for client in clients:
            client.stop.set()
        for done in asking:
            done.result()
    statuses = sum((client.statuses for client in clients), Counter[int]())
    unanswered = [name for name in names if server.request("POST", f"/models/{name}/invoke", _ROW, _JSON)[0] != 200]
    time.sleep(6)  # processes are measured every 5 s
    results = {
        "count": killed,
        "answers": {str(status): statuses[status] for status in sorted(statuses)},
        "longest_wait_seconds": round(max(client.longest for client in clients), 3),
        "models_without_an_answer_afterwards": unanswered,
        "processes_before": processes,
        "processes_after": len(_processes(server.pid)),
        "memory_before_mib": round(before, 1),
        "memory_after_mib": round(_accounted_mib(server), 1),
    }
    growth = results["memory_after_mib"] - results["memory_before_mib"]
    complaints = [f"memory grew by {growth:.1f} MiB"] if growth > _MAX_COPIES_MIB else []
    complaints += [f"{name} does not answer any more" for name in unanswered]
    if statuses.keys() - {200, 500}:
        complaints.append(
            f"clients saw {results['answers']}: a kill costs only the request that its worker was answering"
        )
    if statuses[500] > killed:
        complaints.append(f"{statuses[500]} requests failed over {killed} kills")
    return results, complaints


_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class _Client:
    """Asks one model after the other, and keeps what came of it."""

    def __init__(self, client: ModelServerClient, names: list[str], offset: int) -> None:
        self.stop = threading.Event()
        self.statuses: Counter[int] = Counter()
        self.longest = 0.0
        self._client = client
        self._names = itertools.cycle(names[offset:] + names[:offset])

    def ask(self) -> None:
        while not self.stop.is_set():
            start = time.monotonic()
            status, _ = self._client.request("POST", f"/models/{next(self._names)}/invoke", _ROW, _JSON)
            self.longest = max(self.longest, time.monotonic() - start)
            self.statuses[status] += 1
        self._client.close()


def _kill(pid: int, count: int) -> int:
    """Kill workers one after the other; returns how many there were to kill."""
    chance = random.Random(0)
    killed = 0
    for number in range(count):
        time.sleep(_SECONDS_BETWEEN_KILLS)
        (zygote,) = psutil.Process(pid).children()
        workers = [child for child in zygote.children() if child.name() == "model-worker"]
        if workers:
            chance.choice(workers).kill()
            killed += 1
        if (number + 1) % max(1, count // 10) == 0:
            print(f"{number + 1} of {count} kills", flush=True)
    return killed


def _processes(pid: int) -> list[psutil.Process]:
    server = psutil.Process(pid)
    return [server, *server.children(recursive=True)]


def _accounted_mib(server: ServerProcess) -> float:
    """What the server says that it holds. The sum of all processes' anonymous memory counts what they share with the
    zygote many times."""
    return (server.accounted_bytes() or 0) / _MIB


def _anonymous_mib(pid: int) -> float:
    total = 0
    for process in _processes(pid):
        try:
            total += anonymous_bytes(process.pid)
        except OSError:
            continue  # it ended meanwhile
    return total / _MIB


def write_checkpoint(folder: Path) -> Path:
    """A network of one layer, 4 numbers to 3 scores."""
    folder.mkdir()
    network = mx.sym.softmax(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="dense"))
    network.save(str(folder / "model-symbol.json"))
    weights = {"arg:dense_weight": mx.nd.ones((3, 4)), "arg:dense_bias": mx.nd.zeros((3,))}
    mx.nd.save(str(folder / "model-0000.params"), weights)
    (folder / "model-shapes.json").write_text('[{"name": "data", "shape": [1, 4]}]')
    return folder


def write_code(folder: Path) -> Path:
    """An artifact of code alone."""
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "inference.py").write_text(_CODE)
    return folder


if __name__ == "__main__":
    sys.exit(main())
