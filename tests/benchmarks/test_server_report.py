"""The committed results, and how results are shown."""

import json
from pathlib import Path

import pytest

from benchmarks.server.report import render_report
from benchmarks.server.targets import TARGETS, unmet

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PROMISED = {
    "cold_ratio",
    "memory_ratio",
    "resident_ratio",
    "mxnet_throughput_ratio",
    "onnx_throughput_ratio",
    "mxnet_p99_ratio",
    "onnx_p99_ratio",
    "overhead_ms",
    "hit_ratio_gap",
}


@pytest.fixture(scope="module")
def committed():
    return json.loads((BENCHMARKS / "server.json").read_text())


def test_the_committed_result_is_one_flat_object_with_every_promised_number(committed):
    assert committed.keys() >= PROMISED | {"date", "cores", "processor", "mxnet", "multi_model_server", "java"}
    assert all(isinstance(value, str | int | float) for value in committed.values())
    assert all(isinstance(committed[name], int | float) for name in PROMISED)
    assert all(committed[name] > 0 for name in PROMISED - {"hit_ratio_gap", "overhead_ms"})


def test_the_committed_ratios_follow_from_the_raw_numbers(committed):
    raw = json.loads((BENCHMARKS / "server-raw.json").read_text())
    squeezenet = raw["throughput_8_clients"]["squeezenet"]
    ours, theirs = squeezenet["MXNet"]["summary"], squeezenet["multi-model-server"]["summary"]
    assert committed["mxnet_p99_ratio"] == pytest.approx(ours["p99_ms"] / theirs["p99_ms"], rel=1e-3)
    private_mib = raw["loading"]["multi-model-server"]["private_mib"]
    first = committed["cores"]
    slope = (private_mib[-1] - private_mib[first]) / (len(private_mib) - 1 - first)
    assert committed["baseline_memory_mib"] == pytest.approx(slope, rel=1e-2)
    cache = raw["cache"]
    gap = 100 * (cache["ideal_hits"] - cache["hits"]) / cache["requests"]
    assert committed["hit_ratio_gap"] == pytest.approx(gap, abs=1e-3)
    for loads in raw["throughput_8_clients"].values():
        for load in loads.values():
            assert sum(load["histogram_ms"].values()) == load["summary"]["count"]


def test_the_committed_page_shows_the_committed_result(committed):
    assert (BENCHMARKS / "server.md").read_text() == render_report(committed)


def test_the_pages_pictures_are_committed(committed):
    for name in ("time", "clients", "workers", "memory"):
        picture = BENCHMARKS / f"server-{name}.png"
        assert f"({picture.name})" in render_report(committed)
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_every_target_is_a_row_with_its_verdict(committed):
    met = dict(committed) | {target.key: target.bound for target in TARGETS}
    missed = dict(committed) | {
        target.key: target.bound + 1 if target.direction == "at_most" else target.bound / 2 for target in TARGETS
    }
    assert unmet(met) == []
    assert unmet(missed) == list(TARGETS)
    for result, verdict in ((met, "| met"), (missed, "| not met")):
        lines = render_report(result).splitlines()
        for target in TARGETS:
            [row] = [line for line in lines if line.startswith(f"| {target.measure} |")]
            assert target.text in row
            assert verdict in row


def test_margins_are_relative_to_the_bound():
    by_key = {target.key: target for target in TARGETS}
    assert by_key["resident_ratio"].margin(15) == "met, by 25%"
    assert by_key["overhead_ms"].margin(1.5) == "not met, by 50%"
    assert by_key["failed_requests"].margin(0) == "met"
    assert by_key["cold_ratio"].show(0.02) == "1/50.0"
