"""507 before anything is harmed, memory back after an unload, copies given back first."""

import asyncio
import io
import json
import time
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from container.model_server.hosting.budget import MIB, MemoryBudget
from container.model_server.hosting.placement import Placement
from container.model_server.hosting.registry import Model, Registry, State
from container.model_server.hosting.scheduler import Place
from container.model_server.memory import anonymous_bytes, private_bytes
from container.model_server.settings import read_settings
from container.model_server.telemetry.events import EventLog
from container.model_server.telemetry.observer import Observer
from tests.container.clients import HttpClient
from tests.container.conftest import serving
from tests.support.checkpoints import save_checkpoint

# Holds 20 MiB once loaded, from a file of a few bytes: no estimate from its size can be right.
HOLDER = """
import numpy as np
def model_fn(model_dir): return [np.ones(20 * 2**20, np.uint8)]
def transform_fn(model, data, content_type, accept): return str(len(model))
"""


def held_bytes(server: HttpClient) -> int:
    """What the budget is about: private memory of all, and that of the process workers are forked from."""
    front, zygote, *workers = [process.pid for process in server.processes()]
    return anonymous_bytes(zygote) + sum(private_bytes(pid) for pid in (front, *workers))


@pytest.fixture
def holder(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text(HOLDER)
    return tmp_path


def test_a_load_beyond_the_budget_is_507_and_unloading_helps(holder: Path) -> None:
    with serving(HttpClient, MODEL_SERVER_WORKERS="2", MODEL_SERVER_MEMORY_MIB="512") as server:
        assert isinstance(server, HttpClient)
        names = [f"m{index}" for index in range(40)]
        loaded = []
        for name in names:
            reply = server.load(name, holder)
            if reply.status != 200:
                break
            loaded.append(name)
        assert 5 < len(loaded) < 26
        assert reply.error() == (507, "InsufficientMemory")
        assert "512.0 MiB" in reply.json()["message"]
        assert server.request("GET", f"/models/{name}").status == 404
        assert held_bytes(server) < 512 * MIB
        assert all(server.invoke(name, b"", "text/plain").status == 200 for name in loaded)
        # As SageMaker does on a 507: unload the longest unused, try again; a hundred models over.
        most = len(loaded)
        for turn in range(100):
            while (reply := server.load(f"again-{turn}", holder)).status != 200:
                assert reply.error() == (507, "InsufficientMemory")
                assert server.unload(loaded.pop(0)).status == 200
            loaded.append(f"again-{turn}")
            assert len(loaded) >= most - 1
        assert held_bytes(server) < 512 * MIB


def test_mapped_weights_count(tmp_path: Path, mx) -> None:
    """A network whose weights are computed with as they are in the file: no worker has a private copy of its 64 MB."""
    network = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4000, name="wide")
    folder = save_checkpoint(tmp_path / "wide", network, (1, 4000))
    with serving(HttpClient, MODEL_SERVER_WORKERS="2", MODEL_SERVER_MEMORY_MIB="512") as server:
        assert isinstance(server, HttpClient)
        for number in range(8):
            reply = server.load(f"m{number}", folder)
            if reply.status != 200:
                break
            told = server.metrics()
            assert told[f'model_server_model_memory_bytes{{model="m{number}"}}'] > 60 * MIB
        assert reply.error() == (507, "InsufficientMemory")
        assert number >= 2


def test_unloading_gives_the_memory_back_however_often(tmp_path: Path, mx) -> None:
    """A network with 4 MB of weights, loaded and unloaded 60 times in each of two workers."""
    network = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=1000, name="wide")
    folder = save_checkpoint(tmp_path / "wide", network, (1, 1000))
    with serving(HttpClient, MODEL_SERVER_WORKERS="2") as server:
        assert isinstance(server, HttpClient)

        def cycle(count: int) -> int:
            for _ in range(count):
                for name in ("a", "b"):
                    assert server.load(name, folder).status == 200
                    body = json.dumps(np.ones((1, 1000)).tolist()).encode()
                    assert server.invoke(name, body, "application/json").status == 200
                for name in ("a", "b"):
                    assert server.unload(name).status == 200
            return server.anonymous_bytes()

        settled = cycle(10)
        assert cycle(50) - settled < 3 * MIB


def test_the_metrics_tell_the_truth(holder: Path) -> None:
    with serving(HttpClient, MODEL_SERVER_WORKERS="1") as server:
        assert isinstance(server, HttpClient)
        # What it takes is all of its process: what it holds, and what the process takes to get going.
        with server.loaded("first", holder), server.loaded("m", holder):
            time.sleep(5.5)  # the processes without models are measured every 5 s
            told = server.metrics()
            assert 20 * MIB < told['model_server_model_memory_bytes{model="m"}'] < 48 * MIB
            assert abs(told["model_server_memory_used_bytes"] - held_bytes(server)) < 8 * MIB


def test_loads_at_the_same_time_are_measured_apart(holder: Path) -> None:
    """Each has a process of its own, and what it takes is all that the process does."""
    with serving(HttpClient, MODEL_SERVER_WORKERS="2") as server:
        assert isinstance(server, HttpClient)
        names = [f"m{index}" for index in range(10)]
        with ThreadPoolExecutor(10) as pool:
            assert {reply.status for reply in pool.map(lambda name: server.load(name, holder), names)} == {200}
        told = server.metrics()
        taken = sorted(told[f'model_server_model_memory_bytes{{model="{name}"}}'] for name in names)
        assert taken[0] > 20 * MIB and taken[-1] - taken[0] < 4 * MIB, taken
        loads = [event["worker"] for event in server.events() if event["event"] == "load"]
        assert len(set(loads)) == 10, loads


@pytest.mark.parametrize("together", [True, False])
def test_loads_are_spread_evenly(monkeypatch: pytest.MonkeyPatch, together: bool) -> None:
    """A load goes to the worker that holds least, with what is on its way there: at the same time, and in turn."""
    registry = Registry()
    placement = Placement(read_settings({"MODEL_SERVER_WORKERS": "2"}), registry, Observer(EventLog(io.BytesIO())))
    processes = [types.SimpleNamespace(private_bytes=0, descendants_bytes=0) for _ in range(2)]
    for place, process in zip(placement.scheduler.shared, processes, strict=True):
        place.process, place.ready = process, True  # type: ignore[assignment]

    async def run_load(_: Model, place: Place, __: float, ___: object) -> dict[str, object]:
        await asyncio.sleep(0)
        processes[place.index].private_bytes += 20 * MIB
        return {"engine": "mxnet", "engine_started": False, "taken_bytes": 20 * MIB}

    async def loads() -> list[int]:
        entries = [registry.add(f"m{number}", "/m") for number in range(10)]
        for entry in entries:
            entry.artifact_bytes = 10 * MIB
        if together:
            return list(await asyncio.gather(*map(placement.load, entries)))
        return [await placement.load(entry) for entry in entries]

    monkeypatch.setattr(placement, "_run_load", run_load)
    assert sorted(asyncio.run(loads())) == [0] * 5 + [1] * 5


def model(name: str = "m", artifact_bytes: int = 10 * MIB) -> Model:
    return Model(name, "/m", artifact_bytes=artifact_bytes)


def test_the_estimate_learns_from_what_models_took() -> None:
    budget = MemoryBudget(100 * MIB, lambda: 0)
    assert budget.estimate(model()) == 20 * MIB
    budget.learn(model(), 12 * MIB)
    assert budget.estimate(model()) == 12 * MIB
    assert 18 * MIB < budget.estimate(model("other")) < 20 * MIB
    for _ in range(50):
        budget.learn(model(), 12 * MIB)
    assert abs(budget.estimate(model("other")) - 12 * MIB) < MIB
    assert budget.estimate(model(artifact_bytes=0)) == MIB


def test_loads_under_way_are_counted() -> None:
    budget = MemoryBudget(100 * MIB, lambda: 50 * MIB)
    budget.base_bytes = 20 * MIB
    assert budget.fits(30 * MIB)
    with budget.reserve(30 * MIB):
        assert budget.used_bytes == 100 * MIB
        assert not budget.fits(1)
        assert "model b needs about 0.0 MiB, 100.0 of 100.0 MiB" in budget.refusal("b", 1).message
    assert budget.fits(30 * MIB)
    assert budget.exceeded_bytes() == -30 * MIB


def test_the_kernels_accounts_limit_loads_too() -> None:
    budget = MemoryBudget(100 * MIB, lambda: 0, lambda: 30 * MIB)
    assert budget.fits(30 * MIB) and not budget.fits(31 * MIB)


def test_what_can_never_fit() -> None:
    budget = MemoryBudget(100 * MIB, lambda: 50 * MIB)
    budget.base_bytes = 20 * MIB
    assert budget.can_never_fit(81 * MIB) and not budget.can_never_fit(80 * MIB)
    assert not budget.knows(model())
    budget.learn(model(), 81 * MIB)
    assert budget.knows(model())


def test_loads_at_the_same_time_leave_every_model_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each makes room with the copies that it found; one that the other gave back meanwhile is not a copy any more."""
    registry = Registry()
    placement = Placement(read_settings({"MODEL_SERVER_WORKERS": "2"}), registry, Observer(EventLog(io.BytesIO())))
    placement.budget.base_bytes = placement.budget.limit_bytes
    copied = [registry.add(f"m{index}", "/m") for index in range(4)]
    for entry in copied:
        entry.state, entry.places = State.READY, {0, 1}

    async def unload(entry: Model, index: int) -> int:
        entry.places.discard(index)
        await asyncio.sleep(0)
        return 0

    async def loads() -> None:
        await asyncio.gather(*(placement.copies.make_room(MIB, model(f"new{number}")) for number in range(3)))

    monkeypatch.setattr(placement, "unload_from", unload)
    asyncio.run(loads())
    assert [len(entry.places) for entry in copied] == [1, 1, 1, 1]
