"""Which worker is replaced for the memory it holds, and which is not."""

import io
import json
import types

import pytest

from container.model_server.hosting.budget import MIB
from container.model_server.hosting.jobs import Job
from container.model_server.hosting.placement import Placement
from container.model_server.hosting.places import Place
from container.model_server.hosting.registry import Model, Registry, State
from container.model_server.settings import read_settings
from container.model_server.telemetry.events import EventLog
from container.model_server.telemetry.observer import Observer


class Bench:
    """Two shared workers that were started with 10 MiB each, in a budget of 256 MiB."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.lines = io.BytesIO()
        settings = read_settings({"MODEL_SERVER_WORKERS": "2", "MODEL_SERVER_MEMORY_MIB": "256"})
        self.placement = Placement(settings, self.registry, Observer(EventLog(self.lines)))
        self.keeper = self.placement._housekeeper
        self.killed: list[int] = []
        for place in self.placement.scheduler.shared:
            self.start(place, 10 * MIB)

    def start(self, place: Place, private_bytes: int) -> None:
        place.process = types.SimpleNamespace(  # type: ignore[assignment]
            private_bytes=private_bytes, descendants_bytes=0, kill=lambda: self.killed.append(place.index)
        )
        place.empty_bytes = private_bytes
        place.ready = True

    def hold(self, index: int, mib: int) -> None:
        process = self.placement.scheduler.places[index].process
        assert process is not None
        process.private_bytes = mib * MIB

    def model(self, name: str, index: int, mib: int) -> Model:
        model = self.registry.add(name, f"/{name}")
        model.state, model.places, model.memory_bytes = State.READY, {index}, {index: mib * MIB}
        return model

    def own(self, index: int, name: str, mib: int) -> Place:
        place = Place(index, self.model(name, index, mib))
        self.placement.scheduler.places[index] = place
        self.start(place, mib * MIB)
        return place

    def events(self) -> list[dict]:
        return [json.loads(line) for line in self.lines.getvalue().splitlines()]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_shared_worker_that_keeps_what_is_nobodys_is_replaced(bench: Bench) -> None:
    bench.model("a", 0, 30)
    place = bench.placement.scheduler.places[0]
    # Half of what the models took when they were loaded may be theirs as well.
    bench.hold(0, 10 + 30 + 15 + 96)
    bench.keeper.look_at_residue(place)
    assert bench.killed == []
    bench.hold(0, 10 + 30 + 15 + 97)
    bench.keeper.look_at_residue(place)
    assert bench.killed == [0]
    (event,) = bench.events()
    assert (event["event"], event["models"], round(event["residue_mib"])) == ("worker_recycled", ["a"], 112)


def test_a_worker_at_work_is_not_replaced_for_its_residue(bench: Bench) -> None:
    place = bench.placement.scheduler.places[0]
    bench.hold(0, 200)
    place.arriving_bytes = 1
    bench.keeper.look_at_residue(place)
    place.arriving_bytes = 0
    place.job = Job({}, b"", 0.0, bench.model("a", 0, 1), lambda *_: None)
    bench.keeper.look_at_residue(place)
    assert bench.killed == []


def test_the_one_that_grew_most_is_replaced_when_the_budget_is_passed(bench: Bench) -> None:
    bench.own(2, "steady", 100)
    bench.own(3, "grows a little", 20)
    bench.own(4, "grows", 20)
    bench.hold(3, 50)
    # A sixteenth more than the budget is left to SageMaker, which unloads a model for the next one.
    bench.hold(4, 86 + 16)
    bench.keeper._keep_budget()
    assert bench.killed == []
    bench.hold(4, 87 + 16)
    bench.keeper._keep_budget()
    assert bench.killed == [4]


def test_it_is_replaced_when_its_request_is_done(bench: Bench) -> None:
    place = bench.own(2, "grows", 20)
    bench.hold(2, 300)
    assert place.owner is not None
    place.job = Job({}, b"", 0.0, place.owner, lambda *_: None)
    bench.keeper._keep_budget()
    assert bench.killed == [] and place.is_retiring
    assert not place.free


def test_a_load_under_way_is_not_taken_for_growth(bench: Bench) -> None:
    place = bench.own(2, "loads", 0)
    assert place.owner is not None
    place.job = Job({}, b"", 0.0, place.owner, lambda *_: None, place=2)
    bench.own(3, "grew a little", 20)
    bench.hold(3, 50)
    bench.hold(2, 800)
    bench.keeper._keep_budget()
    assert bench.killed == [] and not place.is_retiring


def test_without_anybody_to_blame_nobody_is_replaced(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.own(2, "large", 300)
    bench.keeper._keep_budget()
    assert bench.killed == []
    assert "passed by 64 MiB, and no worker grew" in caplog.text
