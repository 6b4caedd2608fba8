"""Models take turns, and none fills the queue against the others; a worker that is free is used before any refusal."""

import asyncio
import time
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from container.model_server.errors import Abandoned, DeadlineExceeded, QueueFull, ServerError
from container.model_server.hosting.jobs import FairQueue, Job, Outcome
from container.model_server.hosting.places import Place
from container.model_server.hosting.registry import Model
from container.model_server.hosting.scheduler import Scheduler
from container.model_server.settings import read_settings


def model(name: str, *places: int) -> Model:
    return Model(name, "/m", places=set(places))


def job(of: Model, place: int | None = None, seconds: float = 60) -> Job:
    return Job({}, b"", time.perf_counter() + seconds, of, lambda *_: None, place)


def test_the_model_with_most_gives_way() -> None:
    queue, hot, cold = FairQueue(4), model("hot", 0), model("cold", 0)
    jobs = [job(hot) for _ in range(4)]
    assert [queue.add(waiting) for waiting in jobs] == [None] * 4
    assert queue.refuses(hot) and not queue.refuses(cold)
    more = job(hot)
    assert queue.add(more) is more
    assert queue.add(job(cold)) is jobs[3]
    assert queue.add(job(cold)) is jobs[2]
    assert queue.refuses(cold)
    assert len(queue) == 4


def test_models_take_turns_and_keep_their_order() -> None:
    queue, first, second, elsewhere = FairQueue(100), model("a", 0), model("b", 0, 1), model("c", 1)
    jobs = {of: [job(of) for _ in range(3)] for of in (first, second, elsewhere)}
    for of in (first, second, elsewhere):
        for waiting in jobs[of]:
            queue.add(waiting)
    taken = [queue.take(0) for _ in range(7)]
    expected = [each for pair in zip(jobs[first], jobs[second], strict=True) for each in pair]
    assert taken == [*expected, None]
    assert [queue.take(1) for _ in range(4)] == [*jobs[elsewhere], None]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["add", "take", "remove"])), max_size=60))
def test_the_bound_holds_and_nothing_is_lost(steps) -> None:
    queue, models = FairQueue(5), [model(str(number), number % 2) for number in range(4)]
    waiting: list[Job] = []
    for number, step in steps:
        if step == "add":
            added = job(models[number])
            refused = queue.add(added)
            waiting.append(added)
            if refused is not None:
                waiting.remove(refused)
        elif step == "take":
            taken = queue.take(number % 2)
            if taken is None:
                assert not [each for each in waiting if number % 2 in each.model.places]
            else:
                assert taken is next(each for each in waiting if each.model is taken.model)
                waiting.remove(taken)
        elif waiting:
            queue.remove(waiting.pop(number % len(waiting)))
        assert len(queue) == len(waiting) <= 5
        assert set(map(id, queue.all())) == set(map(id, waiting))


class FakeProcess:
    """Keeps what it is called with; `answer` ends the oldest call."""

    private_bytes = descendants_bytes = 0
    pid = 1

    def __init__(self) -> None:
        self.timeouts: list[float] = []
        self._done: list[Callable] = []

    def call(self, header, body, timeout_seconds: float, done: Callable) -> None:
        self.timeouts.append(timeout_seconds)
        self._done.append(done)

    def answer(self, **header) -> None:
        self._done.pop(0)((header, b"answer"))


class Bench:
    """A scheduler with fake workers, and what came of the jobs submitted to it."""

    def __init__(self, workers: int = 1, **environment: str) -> None:
        settings = read_settings({"MODEL_SERVER_WORKERS": str(workers), **environment})
        self.starved: list[str] = []
        self.grown: list[tuple] = []
        self.scheduler = Scheduler(
            settings,
            None,
            lambda _: None,
            lambda waiting: self.starved.append(waiting.model.name),  # type: ignore[arg-type]
            lambda of, place, header: self.grown.append((of.name, place.index, header)),
        )
        self.processes = [FakeProcess() for _ in range(workers)]
        for place, process in zip(self.scheduler.shared, self.processes, strict=True):
            place.process, place.ready = process, True  # type: ignore[assignment]
        self.outcomes: list[tuple[str, str]] = []

    def place(self, index: int) -> Place:
        return self.scheduler.places[index]

    def submit(self, of: Model, name: str = "", place: int | None = None, seconds: float = 60) -> Job:
        def done(_: Job, outcome: Outcome) -> None:
            self.outcomes.append((name or of.name, outcome.kind if isinstance(outcome, ServerError) else "answer"))

        submitted = Job({}, b"", time.perf_counter() + seconds, of, done, place)
        self.scheduler.submit(submitted)
        return submitted


def test_a_free_worker_is_used_though_the_queue_is_full() -> None:
    async def run() -> None:
        bench, hot, other = Bench(2, MODEL_SERVER_QUEUE_LENGTH="2"), model("hot", 0), model("other", 1)
        for number in range(4):
            bench.submit(hot, f"hot {number}")
        assert bench.outcomes == [("hot 3", QueueFull.__name__)]
        bench.scheduler.admit(other)
        bench.submit(other)
        bench.processes[1].answer()
        assert bench.outcomes[1:] == [("other", "answer")]
        # Busy now: it still has a place in the queue, before the hot model's last request.
        bench.submit(other)
        bench.submit(other)
        assert bench.outcomes[2:] == [("hot 2", QueueFull.__name__)]

    asyncio.run(run())


def test_loads_and_invocations_alternate() -> None:
    async def run() -> None:
        bench, warm, new = Bench(), model("warm", 0), model("new")
        bench.submit(warm, "w0")
        for number in range(2):
            bench.submit(new, f"load {number}", place=0)
        for number in (1, 2):
            bench.submit(warm, f"w{number}")
        for _ in range(5):
            bench.processes[0].answer()
        assert [name for name, _ in bench.outcomes] == ["w0", "load 0", "w1", "load 1", "w2"]

    asyncio.run(run())


def test_waiting_and_running_share_one_deadline() -> None:
    async def run() -> None:
        bench, slow = Bench(), model("slow", 0)
        bench.submit(slow, "first", seconds=60)
        bench.submit(slow, "second", seconds=60)
        await asyncio.sleep(0.3)
        bench.processes[0].answer()
        assert bench.processes[0].timeouts[0] > 59.8
        assert bench.processes[0].timeouts[1] <= 59.7

    asyncio.run(run())


def test_who_waits_too_long_is_told_to_try_again() -> None:
    async def run() -> None:
        bench, slow = Bench(MODEL_SERVER_QUEUE_SECONDS="0.2"), model("slow", 0)
        bench.submit(slow, "runs")
        bench.submit(slow, "waits", seconds=60)
        bench.submit(slow, "is due", seconds=0.05)
        bench.submit(slow, "load", place=0, seconds=0.05)
        await asyncio.sleep(0.5)
        waited = ["is due", "load", "waits"]
        assert sorted(bench.outcomes) == [(name, DeadlineExceeded.__name__) for name in waited]
        assert bench.scheduler.queued == 0

    asyncio.run(run())


def test_an_abandoned_request_is_not_begun() -> None:
    async def run() -> None:
        bench, slow = Bench(), model("slow", 0)
        bench.submit(slow, "runs")
        waits = bench.submit(slow, "waits")
        bench.scheduler.abandon(waits)
        assert bench.outcomes == [("waits", Abandoned.__name__)]
        bench.processes[0].answer()
        assert len(bench.processes[0].timeouts) == 1
        assert bench.place(0).free

    asyncio.run(run())


def test_a_first_run_says_what_it_took_where_and_a_load_does_not() -> None:
    async def run() -> None:
        bench, ran = Bench(2), model("ran", 1)
        bench.submit(model("new"), place=0)
        bench.processes[0].answer(taken_bytes=5)
        bench.submit(ran)
        bench.processes[1].answer(taken_bytes=7)
        bench.submit(ran)
        bench.processes[1].answer()
        assert bench.grown == [("ran", 1, {"taken_bytes": 7})]

    asyncio.run(run())
