"""When optimised forms are written, and when that gives way to loads."""

import asyncio
import functools
import time
import types

import pytest

from container.model_server.errors import WorkerCrashed
from container.model_server.hosting import optimiser as optimiser_module
from container.model_server.hosting.budget import MIB, MemoryBudget
from container.model_server.hosting.optimiser import Optimiser
from container.model_server.hosting.placement import Placement
from container.model_server.hosting.places import Place
from container.model_server.hosting.registry import Model, Registry, State
from container.model_server.settings import read_settings


class Writer:
    """A process that writes until it is asked to end, or what came of it."""

    def __init__(self) -> None:
        self.done = None
        self.killed = 0

    def call(self, header, body, timeout_seconds, done) -> None:
        self.header = header
        self.done = done

    def finish(self, outcome) -> None:
        done, self.done = self.done, None
        if done is not None:
            done(outcome)

    def kill(self) -> None:
        self.killed += 1
        self.finish(WorkerCrashed("the worker process died while it worked on this request"))

    async def status(self) -> int:
        return -9

    def close(self) -> None: ...


class Bench:
    """A model of 10 MiB in one worker, and a budget of 256 MiB with nothing else in it. Reloads give 8 MiB back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.registry = Registry()
        self.budget = MemoryBudget(256 * MIB, lambda: 0)
        self.place = Place(0)
        self.model = self.registry.add("a", "/models/a")
        self.model.artifact_bytes = 10 * MIB
        self.model.state = State.READY
        self.model.places.add(0)
        self.model.memory_bytes[0] = 12 * MIB
        self.reloads: list[int] = []
        self.writers: list[Writer] = []
        self.scheduler = types.SimpleNamespace(run=self.run, idle_seconds=60.0)
        monkeypatch.setattr(optimiser_module, "WorkerProcess", types.SimpleNamespace(start=self.start))
        monkeypatch.setattr(optimiser_module, "_LOOK_SECONDS", 0.01)
        self.optimiser = Optimiser(
            read_settings({}),
            None,
            scheduler=self.scheduler,
            budget=self.budget,
            registry=self.registry,
            grown=functools.partial(Placement._on_grown, self),  # type: ignore[arg-type]
        )

    @staticmethod
    def _needed(model: Model, place: Place) -> int:
        return model.memory_bytes[place.index]

    async def start(self, _) -> Writer:
        self.writers.append(Writer())
        return self.writers[-1]

    async def run(self, header, deadline, model: Model, place: int):
        assert header["operation"] == "reload"
        self.reloads.append(place)
        return {"origin": "form", "taken_bytes": -8 * MIB}, b""

    async def until(self, condition) -> None:
        end = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < end
            await asyncio.sleep(0.005)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def running(bench: Bench, play) -> None:
    """Play something while the optimiser runs."""

    async def both() -> None:
        task = asyncio.create_task(bench.optimiser.run())
        try:
            await play()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(both())


def test_the_worker_that_loaded_a_model_loads_its_form_and_is_counted_with_less(bench: Bench) -> None:
    async def play() -> None:
        bench.optimiser.note(bench.model, bench.place)
        await bench.until(lambda: bool(bench.writers))
        assert bench.budget.used_bytes == 64 * MIB + 60 * MIB
        bench.writers[0].finish(({"obstacle": ""}, b""))
        await bench.until(lambda: bool(bench.reloads))
        assert (bench.reloads, bench.budget.used_bytes) == ([0], 0)
        assert bench.model.memory_bytes[0] == 4 * MIB

    running(bench, play)


@pytest.mark.parametrize("gone", ["obstacle", "unloaded", "unloading", "moved"])
def test_no_worker_is_bothered_without_need(bench: Bench, gone: str) -> None:
    async def play() -> None:
        bench.optimiser.note(bench.model, bench.place)
        await bench.until(lambda: bool(bench.writers))
        if gone == "unloaded":
            bench.registry.remove(bench.model)
        elif gone == "unloading":
            bench.model.state = State.UNLOADING
        elif gone == "moved":
            bench.model.places = {1}
        bench.writers[0].finish(({"obstacle": "it is slower" if gone == "obstacle" else ""}, b""))
        await bench.until(lambda: bench.budget.used_bytes == 0)
        await asyncio.sleep(0.02)
        assert bench.reloads == []

    running(bench, play)


def test_nothing_is_written_while_workers_are_busy(bench: Bench) -> None:
    async def play() -> None:
        bench.scheduler.idle_seconds = 0.0
        bench.optimiser.note(bench.model, bench.place)
        await asyncio.sleep(0.1)
        assert not bench.writers
        bench.scheduler.idle_seconds = 6.0
        await bench.until(lambda: bool(bench.writers))

    running(bench, play)


def test_a_load_ends_the_writing_which_is_done_later(bench: Bench) -> None:
    async def play() -> None:
        await bench.optimiser.give_way(1)  # nothing to end
        bench.optimiser.note(bench.model, bench.place)
        await bench.until(lambda: bool(bench.writers))
        bench.scheduler.idle_seconds = 0.0
        await bench.optimiser.give_way(200 * MIB)
        assert bench.writers[0].killed
        assert bench.budget.used_bytes == 0
        await asyncio.sleep(0.05)
        assert (len(bench.writers), bench.reloads) == (1, [])
        bench.scheduler.idle_seconds = 60.0
        await bench.until(lambda: len(bench.writers) == 2)
        bench.writers[1].finish(({"obstacle": ""}, b""))
        await bench.until(lambda: bench.reloads == [0])

    running(bench, play)


def test_a_writer_that_crashes_is_not_started_again(bench: Bench) -> None:
    async def play() -> None:
        bench.optimiser.note(bench.model, bench.place)
        await bench.until(lambda: bool(bench.writers))
        bench.writers[0].kill()
        await asyncio.sleep(0.05)
        assert len(bench.writers) == 1

    running(bench, play)


def test_nothing_is_written_where_it_does_not_fit(bench: Bench) -> None:
    async def play() -> None:
        with bench.budget.reserve(200 * MIB):
            bench.optimiser.note(bench.model, bench.place)
            await asyncio.sleep(0.05)
            assert not bench.writers

    running(bench, play)
