"""When a model is loaded once more: at once where its worker loads another, after a few waits where it is busy."""

import asyncio
import io
import time
import types
from collections.abc import Callable

import pytest

from container.model_server.errors import InvalidArtifact, WorkerCrashed
from container.model_server.hosting.jobs import Job
from container.model_server.hosting.placement import Placement
from container.model_server.hosting.registry import Model, Registry, State
from container.model_server.settings import read_settings
from container.model_server.telemetry.events import EventLog
from container.model_server.telemetry.observer import Observer

MIB = 2**20
LOADED = {"engine": "mxnet", "engine_started": False, "taken_bytes": MIB}


class FakeProcess:
    """Keeps its calls; `answer` ends the oldest one."""

    private_bytes = descendants_bytes = 0

    def __init__(self) -> None:
        self.calls: list[tuple[dict, Callable]] = []
        self.exited = types.SimpleNamespace(done=lambda: True)

    def call(self, header, body, timeout_seconds: float, done: Callable) -> None:
        self.calls.append((header, done))

    def answer(self, header: dict | None = None) -> dict:
        asked, done = self.calls.pop(0)
        done((header or {}, b""))
        return asked


class Bench:
    def __init__(self, workers: int, **environment: str) -> None:
        self.registry = Registry()
        self.lines = io.BytesIO()
        settings = read_settings({"MODEL_SERVER_WORKERS": str(workers), **environment})
        self.placement = Placement(settings, self.registry, Observer(EventLog(self.lines)))
        self.placement.budget.base_bytes = 1
        self.processes = [FakeProcess() for _ in range(workers)]
        for place, process in zip(self.placement.scheduler.shared, self.processes, strict=True):
            place.process, place.ready = process, True  # type: ignore[assignment]
        self.outcomes: list[object] = []

    def model(self, name: str, *places: int) -> Model:
        model = self.registry.add(name, f"/{name}")
        model.state, model.places = State.READY, set(places)
        return model

    def invoke(self, model: Model) -> None:
        deadline = time.perf_counter() + 60
        self.placement.scheduler.submit(
            Job({"operation": "invoke"}, b"", deadline, model, lambda _, outcome: self.outcomes.append(outcome))
        )

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0)


def test_a_model_whose_worker_loads_another_is_loaded_beside_at_once() -> None:
    async def run() -> None:
        bench = Bench(2)
        warm, new = bench.model("warm", 0), bench.registry.add("new", "/new")
        loading = asyncio.create_task(bench.placement.load_into(new, bench.placement.scheduler.places[0]))
        await bench.until(lambda: bench.processes[0].calls)
        bench.invoke(warm)
        await bench.until(lambda: bench.processes[1].calls)
        assert bench.processes[1].answer(LOADED)["operation"] == "load"
        await bench.until(lambda: bench.processes[1].calls)
        assert bench.processes[1].answer()["operation"] == "invoke"
        assert len(bench.outcomes) == 1 and warm.places == {0, 1}
        bench.processes[0].answer(LOADED)
        assert (await loading).index == 0
        assert b"busy with another model" in bench.lines.getvalue()

    asyncio.run(run())


def test_a_busy_model_is_loaded_beside_after_three_waits() -> None:
    async def run() -> None:
        bench = Bench(2)
        hot = bench.model("hot", 0)
        for _ in range(3):
            bench.invoke(hot)
        await asyncio.sleep(0.01)
        assert not bench.processes[1].calls
        bench.invoke(hot)
        await bench.until(lambda: bench.processes[1].calls)
        assert bench.processes[1].answer(LOADED)["operation"] == "load"
        await bench.until(lambda: bench.processes[1].calls)

    asyncio.run(run())


def test_no_more_workers_hold_a_model_than_the_toolkits_variable_says() -> None:
    async def run() -> None:
        bench = Bench(2, SAGEMAKER_MODEL_SERVER_WORKERS="1")
        hot = bench.model("hot", 0)
        for _ in range(10):
            bench.invoke(hot)
        await asyncio.sleep(0.05)
        assert not bench.processes[1].calls
        assert len(hot.starved) <= 3  # what every waiting request looks through
        for _ in range(10):
            bench.processes[0].answer()
        assert len(bench.outcomes) == 10

    asyncio.run(run())


def test_a_lost_model_is_loaded_by_whoever_is_free() -> None:
    async def run() -> None:
        bench = Bench(2)
        busy, lost = bench.model("busy", 0), bench.model("lost")
        bench.invoke(busy)
        bench.invoke(lost)
        await bench.until(lambda: bench.processes[1].calls)
        bench.processes[1].answer(LOADED)
        await bench.until(lambda: bench.processes[1].calls)
        bench.processes[1].answer()
        assert len(bench.outcomes) == 1 and lost.places == {1}

    asyncio.run(run())


def test_a_lost_model_that_does_not_load_fails_its_requests() -> None:
    async def run() -> None:
        bench = Bench(1)
        lost = bench.model("lost")
        bench.invoke(lost)
        await bench.until(lambda: bench.processes[0].calls)
        _, done = bench.processes[0].calls.pop(0)
        done(InvalidArtifact("it is damaged"))
        await bench.until(lambda: bench.outcomes)
        (outcome,) = bench.outcomes
        assert "did not load again: it is damaged" in str(outcome)

    asyncio.run(run())


def test_only_what_ended_its_worker_itself_is_set_apart() -> None:
    async def run() -> None:
        for status, apart in ((-11, True), (1, True), (-9, False), (None, False)):
            bench = Bench(1)
            model = bench.registry.add("m", "/m")

            async def crash(*_: object, status: int | None = status) -> None:
                raise WorkerCrashed("it died", status)

            bench.placement._run = crash  # type: ignore[method-assign, assignment]
            with pytest.raises(WorkerCrashed):
                await bench.placement.load_into(model, bench.placement.scheduler.places[0])
            assert bench.placement.is_apart(model) is apart

    asyncio.run(run())
