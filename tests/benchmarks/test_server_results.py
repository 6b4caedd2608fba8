"""Every part's numbers reach the page, from measures made up here."""

import pytest

from benchmarks.server.contenders import BASELINE, BASELINE_PER_CORE, MLSERVER, MXNET, ONNX, TRITON
from benchmarks.server.load_generator import Load
from benchmarks.server.measure_cache import CacheRun
from benchmarks.server.measure_kill import Answer, Kill
from benchmarks.server.measure_loading import FIRST_LOADS, Loading
from benchmarks.server.measure_neighbours import ALONE, BESIDE_HOT, BESIDE_LOAD, Neighbours
from benchmarks.server.measure_tabular import Tabular
from benchmarks.server.measure_throughput import Throughput
from benchmarks.server.measure_time import TimeSpent
from benchmarks.server.plots import write_pictures
from benchmarks.server.processes import Memory
from benchmarks.server.programs import PARTS
from benchmarks.server.record import Part, numbers_of, read_record
from benchmarks.server.report import render_report
from benchmarks.server.results import (
    MIB,
    RivalRun,
    again_outcome,
    cache_outcome,
    kill_outcome,
    loading_outcome,
    neighbours_outcome,
    rivals_outcome,
    tabular_outcome,
    throughput_outcome,
    time_outcome,
    workers_outcome,
)
from benchmarks.server.targets import TARGETS

MODELS = FIRST_LOADS + 4
MACHINE = {"processor": "P", "cores": 2, "memory_gib": 8, "kernel": "6", "python": "3.11"}


def loading(cold: float, private_mib: int, file_mib: int = 0) -> Loading:
    """Models that take so much each, on a server of 100 MiB."""
    memory = [
        Memory((100 + n * private_mib) * MIB, n * file_mib * MIB, (100 + n * private_mib) * MIB, 1)
        for n in range(MODELS + 1)
    ]
    return Loading([cold] * MODELS, memory, [])


def throughput(milliseconds: float, requests: int = 100) -> Throughput:
    seconds = milliseconds / 1000
    return Throughput([Load([seconds] * requests, 0, requests * seconds, 0.1)], [1.0])


def spent(milliseconds: float) -> TimeSpent:
    phases = {phase: [0.001] * 3 for phase in ("queue", "decode", "engine", "encode")}
    return TimeSpent([milliseconds / 1000] * 3, phases)


def outcomes():
    rates = {BASELINE: 20.0, BASELINE_PER_CORE: 12.0, MXNET: 10.0, ONNX: 8.0}
    by_name = {name: throughput(milliseconds) for name, milliseconds in rates.items()}
    rivals = {BASELINE: 20.0, ONNX: 8.0, TRITON: 16.0, MLSERVER: 12.0}
    times = {name: spent(5.0) for name in (BASELINE, MXNET, ONNX)}
    answers = [Answer("a", 0.001, 200), Answer("b", 0.5, 500)]
    return {
        "again": again_outcome({BASELINE: loading(1.6, 140), MXNET: loading(0.02, 7), ONNX: loading(0.016, 4, 5)}),
        "loading": loading_outcome({BASELINE: loading(1.5, 140), MXNET: loading(0.03, 7), ONNX: loading(0.015, 4, 5)}),
        "throughput": throughput_outcome(
            {"squeezenet": by_name, "resnet18": by_name},
            {name: {1: (10.0, 5.0), 8: (20.0, 9.0)} for name in rates},
            0.0,
        ),
        "time": time_outcome(times, times, 0.5),
        "workers": workers_outcome({name: {1: 10.0, 2: 20.0} for name in (BASELINE, MXNET, ONNX)}),
        "cache": cache_outcome(CacheRun(requests=10, capacity=2, budget_bytes=MIB, ideal_hits=6, hits=6)),
        "rivals": rivals_outcome(
            RivalRun(
                {
                    BASELINE: loading(1.5, 140),
                    ONNX: loading(0.02, 4, 5),
                    TRITON: loading(2.0, 56),
                    MLSERVER: loading(0.1, 12),
                },
                {
                    "squeezenet": {name: throughput(milliseconds) for name, milliseconds in rivals.items()},
                    "resnet18": {name: throughput(2 * milliseconds) for name, milliseconds in rivals.items()},
                },
                1e-6,
            )
        ),
        "tabular": tabular_outcome(Tabular(throughput(0.25), 0.1)),
        "neighbours": neighbours_outcome(Neighbours({ALONE: [0.01], BESIDE_LOAD: [0.012], BESIDE_HOT: [0.03]}, 0, 9)),
        "kill": kill_outcome(Kill(answers, answers, {"b"}, {"b"})),
    }


@pytest.fixture(scope="module")
def made():
    return outcomes()


@pytest.fixture(scope="module")
def record(made):
    measured = {"date": "d", "minutes": 1, "load_average_before": 0, "load_average_after": 0}
    parts = {
        name: Part(measured=measured, versions={"onnxruntime": "1"}, numbers=outcome.rounded())
        for name, outcome in made.items()
    }
    return read_record(None).merged(MACHINE, parts)


def test_every_part_gives_numbers_of_its_own_and_every_target_has_one(made, record):
    assert made.keys() == PARTS.keys()
    assert len(numbers_of(record.entry)) == sum(len(outcome.numbers) for outcome in made.values())
    assert {target.key for target in TARGETS} <= numbers_of(record.entry).keys()


def test_a_whole_runs_page_has_every_section_and_no_gap(record):
    page = render_report(record)
    for heading in ("Beside Triton and MLServer", "A tabular model", "Noisy neighbours", "A killed worker"):
        assert f"## {heading}" in page
    assert "not measured" not in page
    assert "<!--" not in page
    assert "{" not in page


def test_ratios_against_triton_and_mlserver(made):
    numbers = made["rivals"].numbers
    assert numbers["rivals_triton_cold_ratio"] == pytest.approx(0.01)
    assert numbers["rivals_triton_memory_ratio"] == pytest.approx(4 / 56)
    assert numbers["rivals_onnx_file_mib"] == pytest.approx(5)
    assert numbers["rivals_mlserver_squeezenet_throughput_ratio"] == pytest.approx(1.5)
    assert numbers["rivals_triton_resnet18_p99_ratio"] == pytest.approx(0.5)


def test_models_loaded_again_have_a_table_of_their_own(made, record):
    assert made["again"].numbers["again_onnx_cold_ratio"] == pytest.approx(0.01)
    lines = render_report(record).splitlines()
    assert "| cold start, median ms | 1600 | 20 | 16 |" in lines
    assert "| page cache that it maps besides, MiB | 0.0 | 0.0 | 5.0 |" in lines


def test_rivals_are_columns_beside_the_baseline(record):
    lines = render_report(record).splitlines()
    assert "| cold start, median ms | 1500 | 2000 | 100 | 20 |" in lines
    assert "| private memory of a further SqueezeNet, MiB | 140.0 | 56.0 | 12.0 | 4.0 |" in lines


def test_a_failed_request_counts_for_the_worker_that_held_its_model(made):
    numbers = made["kill"].numbers
    assert (numbers["kill_own_failures"], numbers["kill_other_failures"]) == (1, 0)
    assert numbers["kill_slowest_s"] == 0.5
    assert numbers["kill_others_after_slowest_ms"] == pytest.approx(1.0)


def test_each_picture_comes_from_one_part(made, tmp_path):
    for outcome in made.values():
        write_pictures(outcome.pictures, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"server-{name}.png" for name in ("time", "clients", "workers", "memory")}
