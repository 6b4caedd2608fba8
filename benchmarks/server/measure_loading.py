"""Cold start and memory: models loaded one after another, each answering once, in all servers by turns.

They are loaded again after they were unloaded, too, as an endpoint does with models that made room for others.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .checkpoints import CheckpointStore
from .contenders import BASELINE, MXNET, ONNX
from .errors import BenchmarkError
from .photograph import photograph_jpeg
from .plan import Plan
from .processes import Memory
from .progress import say
from .server_process import ServerProcess

# Each worker's first model also brings what the engine sets up once.
FIRST_LOADS = len(os.sched_getaffinity(0))
_FORMS_SECONDS = 180


@dataclass
class Loading:
    """What loading models one by one did to a server.

    Attributes:
        cold_seconds: load and first answer, of each model in order.
        memory: of the whole server before any model and after each one's first answer.
        accounted_bytes: what the server itself said that it holds, as often; empty where it says nothing.
    """

    cold_seconds: list[float] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    accounted_bytes: list[int] = field(default_factory=list)

    @property
    def models(self) -> int:
        return len(self.cold_seconds)

    @property
    def warm_server_cold_seconds(self) -> list[float]:
        """Cold times without the first models': they pay for what a server or worker does only once."""
        return self.cold_seconds[FIRST_LOADS:]

    def bytes_per_model(self) -> float:
        """Private bytes that one further model costs: the slope after the first ones."""
        return self._slope([memory.private_bytes for memory in self.memory])

    def file_bytes_per_model(self) -> float:
        """Bytes of the page cache that one further model maps, as a slope too."""
        return self._slope([memory.file_bytes for memory in self.memory])

    def _slope(self, sizes: Sequence[int]) -> float:
        return (sizes[-1] - sizes[FIRST_LOADS]) / (self.models - FIRST_LOADS)

    def models_within(self, limit_bytes: int) -> int:
        """How many models the server held when all it took, shared pages counted once, was last within the limit."""
        return max(
            (count for count, memory in enumerate(self.memory) if memory.proportional_bytes <= limit_bytes), default=0
        )


def load_next(server: ServerProcess, loading: Loading, folder: Path) -> None:
    """Load one more model and let it answer."""
    if not loading.memory:
        _note_memory(server, loading)
    name = f"squeezenet-{loading.models}"
    prepared = server.prepare(name, folder)
    started = time.perf_counter()
    server.load(name, prepared)
    server.invoke(name, photograph_jpeg())
    loading.cold_seconds.append(time.perf_counter() - started)
    _note_memory(server, loading)


def _note_memory(server: ServerProcess, loading: Loading) -> None:
    loading.memory.append(server.memory())
    accounted = server.accounted_bytes()
    if accounted is not None:
        loading.accounted_bytes.append(accounted)


def load_by_turns(servers: Mapping[str, ServerProcess], folders: Mapping[str, Sequence[Path]]) -> dict[str, Loading]:
    """Load the folders given for each server, one from each server's at a time; by the server's name."""
    found = {name: Loading() for name in servers}
    count = min(len(paths) for paths in folders.values())
    for number in range(count):
        for name, server in servers.items():
            load_next(server, found[name], folders[name][number])
        times = ", ".join(f"{name} {loading.cold_seconds[-1] * 1000:.0f} ms" for name, loading in found.items())
        say(f"  model {number + 1} of {count}: {times}")
    return found


def measure_loading(servers: Mapping[str, ServerProcess], store: CheckpointStore, plan: Plan) -> dict[str, Loading]:
    """Load models into freshly started servers by turns; then fill ours until they take what the baseline took.

    Takes and returns the baseline, MXNET and ONNX by name.
    """
    mxnet, onnx = (store.many(engine, plan.most_models) for engine in ("mxnet", "onnxruntime"))
    folders = {BASELINE: mxnet, MXNET: mxnet, ONNX: onnx}
    found = load_by_turns(servers, {name: paths[: plan.baseline_models] for name, paths in folders.items()})
    limit_bytes = found[BASELINE].memory[-1].proportional_bytes
    for name in (MXNET, ONNX):
        loading = found[name]
        while loading.memory[-1].proportional_bytes <= limit_bytes and loading.models < plan.most_models:
            load_next(servers[name], loading, folders[name][loading.models])
        models = loading.models_within(limit_bytes)
        say(
            f"  {name}: {models} models in {limit_bytes / 2**20:.0f} MiB, where the baseline has {plan.baseline_models}"
        )
    return found


def measure_again(
    servers: Mapping[str, ServerProcess], folders: Mapping[str, Sequence[Path]], forms: Path
) -> dict[str, Loading]:
    """Load the folders into each server, unload them all, and load them again: the second time.

    Args:
        servers: by name, freshly started.
        folders: of each server's models.
        forms: where ONNX keeps its optimised forms, one for each of its models. It writes them when it has nothing
            else to do, and is given the time for that.

    Raises BenchmarkError when the forms are not written within three minutes.
    """
    load_by_turns(servers, folders)
    _wait_for_forms(forms, len(folders[ONNX]))
    for name, server in servers.items():
        for number in range(len(folders[name])):
            server.unload(f"squeezenet-{number}")
    say("loading them again")
    return load_by_turns(servers, folders)


def _wait_for_forms(forms: Path, count: int) -> None:
    say(f"  waiting for {count} optimised forms")
    deadline = time.monotonic() + _FORMS_SECONDS
    while (found := len(list(forms.glob("*/*/*/form.json")))) < count:
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{found} of {count} optimised forms were written within {_FORMS_SECONDS} s")
        time.sleep(1)
    time.sleep(5)  # the server loads the last one from its form
