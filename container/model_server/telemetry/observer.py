"""What the server reports: metrics, event lines and CloudWatch metrics, fed by the service."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic
from typing import Protocol

from .events import EMF_MAX_VALUES, EventLog
from .metrics import Counter, Histogram, Summary, family, labels, sample

_REMEMBERED_UNLOADS = 10_000
# About half a millisecond.
_SLICE_LINES = 500
_STAGES = ("queue", "decode", "engine", "encode")


class Observed(Protocol):
    """What the observer learns about a model."""

    name: str
    url: str
    engine: str
    target_model: str
    invocations: int
    in_flight: int
    places: set[int]
    memory_bytes: dict[int, int]

    @property
    def mapped_bytes(self) -> int: ...


class _ModelSeries:
    def __init__(self) -> None:
        self.latency = {"cold": Summary(), "warm": Summary()}
        self.errors: dict[str, Counter] = {}
        self.reset_period()

    def reset_period(self) -> None:
        """Start the next period of CloudWatch's metrics."""
        self.period_count = 0
        self.period_errors = 0
        self.period_milliseconds: deque[float] = deque(maxlen=EMF_MAX_VALUES)


class Observer:
    """Counts what happens and writes it out. `gauges` gives the current state when it is asked for.

    `place` names the endpoint and the variant, as dimensions of every CloudWatch metric; those that are empty are left
    out.
    """

    def __init__(self, events: EventLog, place: Mapping[str, str] | None = None) -> None:
        self.events = events
        self._place = {name: value for name, value in (place or {}).items() if value}
        self._models: dict[str, _ModelSeries] = {}
        self._loads: dict[str, Counter] = {}
        self._unloads: dict[str, Counter] = {}
        self._errors: dict[str, Counter] = {}
        self._load_seconds = Histogram()
        self._request_seconds = {"cold": Histogram(), "warm": Histogram()}
        self._stages = {stage: Histogram() for stage in _STAGES}
        self._unloaded_at: OrderedDict[str, float] = OrderedDict()

    def loaded(self, model: Observed, seconds: float, worker: int, reason: str | None = None) -> None:
        """A model came into a worker. Without a reason it was asked for."""
        if reason is None:
            before = self._unloaded_at.pop(model.name, None)
            reason = "first load" if before is None else f"asked for {monotonic() - before:.1f} s after its unload"
            self._models[model.name] = _ModelSeries()
            self._loads.setdefault("loaded", Counter()).add()
        else:
            self._loads.setdefault("copied", Counter()).add()
        self._load_seconds.observe(seconds)
        self.events.write(
            "load",
            model=model.name,
            target_model=model.target_model or None,
            engine=model.engine,
            url=model.url,
            worker=worker,
            reason=reason,
            milliseconds=seconds * 1000,
            memory_mib=model.memory_bytes.get(worker, 0) / 2**20,
        )

    def load_failed(self, name: str, kind: str, message: str) -> None:
        self._loads.setdefault(kind, Counter()).add()
        self.events.write("load_failed", model=name, error=kind, reason=message)

    def recycled(self, worker: int, models: list[str], residue_bytes: int, reason: str) -> None:
        """A worker process is replaced for the memory that it holds."""
        self.events.write(
            "worker_recycled", worker=worker, models=models, reason=reason, residue_mib=residue_bytes / 2**20
        )

    def unloaded(self, model: Observed, seconds: float, freed_bytes: int, worker: int | None, reason: str) -> None:
        """A model left a worker, or with `worker` None the server."""
        self._unloads.setdefault("unloaded" if worker is None else "copy", Counter()).add()
        if worker is None:
            self._models.pop(model.name, None)
            self._unloaded_at[model.name] = monotonic()
            if len(self._unloaded_at) > _REMEMBERED_UNLOADS:
                self._unloaded_at.popitem(last=False)
        self.events.write(
            "unload",
            model=model.name,
            target_model=model.target_model or None,
            worker=worker,
            reason=reason,
            milliseconds=seconds * 1000,
            freed_mib=freed_bytes / 2**20,
            invocations=model.invocations,
        )

    def invoked(self, name: str, seconds: float, cold: bool, stages: dict[str, float]) -> None:
        """A request was answered; `stages` are seconds of queue, decode, engine and encode."""
        for stage, value in stages.items():
            self._stages[stage].observe(value)
        start = "cold" if cold else "warm"
        self._request_seconds[start].observe(seconds)
        series = self._models.get(name)
        if series is not None:
            series.latency[start].observe(seconds)
            series.period_count += 1
            series.period_milliseconds.append(round(seconds * 1000, 3))

    def failed(self, name: str, kind: str) -> None:
        """A request was answered with an error."""
        self._errors.setdefault(kind, Counter()).add()
        series = self._models.get(name)
        if series is not None:
            series.errors.setdefault(kind, Counter()).add()
            series.period_errors += 1

    async def render(self, models: Sequence[Observed], gauges: dict[str, tuple[str, str, float]]) -> str:
        """All metrics as Prometheus text. `gauges` maps a name to its kind, its meaning and its value.

        Written in slices: requests are answered between them, however many models there are.
        """
        lines: list[str] = []
        for line in self._lines(models, gauges):
            lines.append(line)
            if len(lines) % _SLICE_LINES == 0:
                await asyncio.sleep(0)
        return "\n".join(lines) + "\n"

    def _lines(self, models: Sequence[Observed], gauges: dict[str, tuple[str, str, float]]) -> Iterator[str]:
        prefix = "model_server"
        for name, (kind, meaning, value) in gauges.items():
            yield from family(f"{prefix}_{name}", kind, meaning, [sample(f"{prefix}_{name}", (), value)])
        for name, meaning, counters in (
            ("loads_total", "Loads by result: loaded, copied into another worker, or the error.", self._loads),
            ("unloads_total", "Unloads of models and of second copies.", self._unloads),
            ("errors_total", "Requests answered with an error, by its kind.", self._errors),
        ):
            lines = [
                sample(f"{prefix}_{name}", labels(result=kind), counter.value) for kind, counter in counters.items()
            ]
            yield from family(f"{prefix}_{name}", "counter", meaning, lines)
        name = f"{prefix}_load_seconds"
        yield from family(name, "histogram", "Time of loads.", self._load_seconds.lines(name, ()))
        name = f"{prefix}_stage_seconds"
        lines = [line for stage, h in self._stages.items() for line in h.lines(name, labels(stage=stage))]
        yield from family(name, "histogram", "Where the time of requests goes.", lines)
        name = f"{prefix}_request_seconds"
        lines = [line for start, h in self._request_seconds.items() for line in h.lines(name, labels(start=start))]
        yield from family(name, "histogram", "Latency of answered requests; cold is a model's first.", lines)
        yield from self._model_lines(prefix, models)

    def _model_lines(self, prefix: str, models: Sequence[Observed]) -> Iterator[str]:
        def each(name: str, value: Callable[[Observed], float]) -> Iterator[str]:
            return (sample(f"{prefix}_{name}", labels(model=model.name), value(model)) for model in models)

        info = (
            sample(f"{prefix}_model_info", labels(model=m.name, target_model=m.target_model, engine=m.engine), 1)
            for m in models
        )
        yield from family(f"{prefix}_model_info", "gauge", "Loaded models and the names callers use.", info)
        for name, meaning, value in (
            (
                "model_memory_bytes",
                "Memory a model took in all its workers, and its mapped weights.",
                lambda m: sum(m.memory_bytes.values()) + m.mapped_bytes,
            ),
            ("model_workers", "Workers that hold the model.", lambda m: len(m.places)),
            ("model_in_flight", "Requests of the model that wait or run.", lambda m: m.in_flight),
        ):
            yield from family(f"{prefix}_{name}", "gauge", meaning, each(name, value))
        name = f"{prefix}_invoke_seconds"
        all_series = list(self._models.items())  # models come and go between the slices
        latency = (
            line
            for model, series in all_series
            for start, summary in series.latency.items()
            if summary.count
            for line in summary.lines(name, labels(model=model, start=start))
        )
        yield from family(name, "summary", "Latency of answered requests; cold is a model's first.", latency)
        errors = (
            sample(f"{prefix}_model_errors_total", labels(model=model, kind=kind), counter.value)
            for model, series in all_series
            for kind, counter in list(series.errors.items())
        )
        yield from family(f"{prefix}_model_errors_total", "counter", "Requests answered with an error.", errors)

    def write_period(self, models: Sequence[Observed], gauges: dict[str, tuple[str, str, float]]) -> None:
        """Write CloudWatch's embedded metrics: a line for the server, one for each model that had requests."""
        self.events.write_metrics(
            {**self._place, "Server": "all"},
            {
                "LoadedModelCount": ("Count", len(models)),
                "QueueLength": ("Count", gauges["queue_length"][2]),
                "MemoryUsed": ("Bytes", gauges["memory_used_bytes"][2]),
            },
        )
        for model in models:
            series = self._models.get(model.name)
            if series is None or not (series.period_count or series.period_errors):
                continue
            self.events.write_metrics(
                {**self._place, "Model": model.target_model or model.name},
                {
                    "Invocations": ("Count", series.period_count),
                    "Errors": ("Count", series.period_errors),
                    "MemoryUsed": ("Bytes", sum(model.memory_bytes.values())),
                    **({"Latency": ("Milliseconds", list(series.period_milliseconds))} if series.period_count else {}),
                },
            )
            series.reset_period()
