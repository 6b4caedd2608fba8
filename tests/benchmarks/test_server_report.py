"""The committed results, and how results are shown."""

import json
from pathlib import Path

import pytest

from benchmarks.server.programs import PARTS
from benchmarks.server.record import Entry, Part, Record, numbers_of, read_record
from benchmarks.server.report import render_report
from benchmarks.server.targets import TARGETS, unmet

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
# Parts that every committed run has; the others may wait for the next run.
FIRST_PARTS = {"loading", "throughput", "time", "workers", "cache"}


@pytest.fixture(scope="module")
def committed():
    return read_record(json.loads((BENCHMARKS / "server.json").read_text()))


def entry_with(parts, processor="Some Processor", cores=2):
    machine = {"processor": processor, "cores": cores, "memory_gib": 8, "kernel": "6", "python": "3.11"}
    return Entry(machine=machine, parts=parts)


def part(numbers, date="2026-01-02 03:04 UTC"):
    measured = {"date": date, "minutes": 1.5, "load_average_before": 0.1, "load_average_after": 1.2}
    return Part(measured=measured, versions={"onnxruntime": "1.0"}, numbers=numbers)


def _own(each, numbers):
    return {name: value for name, value in numbers.items() if name in each["numbers"]}


def with_target_numbers(committed, change):
    """The committed entry, with every target's number in a part."""
    numbers = {target.key: change(target) for target in TARGETS}
    parts = {name: part(each["numbers"] | _own(each, numbers)) for name, each in committed.entry["parts"].items()}
    elsewhere = {name for each in parts.values() for name in each["numbers"]}
    parts["throughput"]["numbers"] |= {name: value for name, value in numbers.items() if name not in elsewhere}
    return Record(committed.latest, {committed.latest: entry_with(parts)})


def test_the_committed_results_are_numbers_by_part_of_each_processor(committed):
    assert committed.latest in committed.processors
    for kind, entry in committed.processors.items():
        assert entry["machine"]["processor"] == kind
        assert entry["parts"].keys() <= PARTS.keys()
        for each in entry["parts"].values():
            assert each["measured"].keys() == {"date", "minutes", "load_average_before", "load_average_after"}
            assert each["versions"]["onnxruntime"]
            assert all(isinstance(value, int | float) for value in each["numbers"].values())
    assert committed.entry["parts"].keys() >= FIRST_PARTS


def test_no_two_parts_share_a_number(committed):
    parts = committed.entry["parts"].values()
    assert len(numbers_of(committed.entry)) == sum(len(each["numbers"]) for each in parts)


def test_the_committed_ratios_follow_from_the_raw_numbers(committed):
    kept = json.loads((BENCHMARKS / "server-raw.json").read_text())
    assert kept["processor"] == committed.latest
    raw, numbers = kept["parts"], numbers_of(committed.entry)
    squeezenet = raw["throughput"]["eight_clients"]["squeezenet"]
    ours, theirs = squeezenet["MXNet"]["summary"], squeezenet["multi-model-server"]["summary"]
    assert numbers["mxnet_p99_ratio"] == pytest.approx(ours["p99_ms"] / theirs["p99_ms"], rel=1e-3)
    private_mib = raw["loading"]["multi-model-server"]["private_mib"]
    first = committed.entry["machine"]["cores"]
    slope = (private_mib[-1] - private_mib[first]) / (len(private_mib) - 1 - first)
    assert numbers["baseline_memory_mib"] == pytest.approx(slope, rel=1e-2)
    cache = raw["cache"]
    gap = 100 * (cache["ideal_hits"] - cache["hits"]) / cache["requests"]
    assert numbers["hit_ratio_gap"] == pytest.approx(gap, abs=1e-3)
    for loads in raw["throughput"]["eight_clients"].values():
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
    met = with_target_numbers(committed, lambda target: target.bound)
    missed = with_target_numbers(
        committed, lambda target: target.bound + 1 if target.direction == "at_most" else target.bound / 2
    )
    assert unmet(numbers_of(met.entry)) == []
    assert unmet(numbers_of(missed.entry)) == list(TARGETS)
    for record, verdict in ((met, "| met"), (missed, "| not met")):
        lines = render_report(record).splitlines()
        for target in TARGETS:
            [row] = [line for line in lines if line.startswith(f"| {target.measure} |")]
            assert target.text in row
            assert verdict in row


def test_what_was_not_measured_is_said_so_and_counts_as_neither_met_nor_missed():
    record = Record("P", {"P": entry_with({"kill": part(KILL)}, "P")})
    page = render_report(record)
    rows = [line for line in page.splitlines() if line.endswith("| not measured |")]
    assert len(rows) == len(TARGETS) - 2
    assert "## A killed worker" in page
    assert "## Noisy neighbours" not in page
    assert "weakest comparison" not in page
    assert "| rivals: Triton and MLServer | not measured |" in page
    assert "| kill: a killed worker | 2026-01-02 03:04 UTC | 1.5 | 0.1, 1.2 | onnxruntime 1.0 |" in page


def test_the_page_begins_with_its_weakest_comparison(committed):
    page = render_report(committed)
    weakest = page.index("**The weakest comparison** is ResNet-18 against multi-model-server with a worker per core")
    assert weakest < page.index("## Numbers")
    ratio = numbers_of(committed.entry)["onnx_throughput_ratio_resnet18_worker_per_core"]
    assert f"{ratio:.2f}x (ONNX Runtime)" in page[weakest:][:500]


def test_another_processor_is_one_line():
    other = entry_with(
        {"kill": part(KILL, "2025-06-01 00:00 UTC"), "loading": part({"cold_ratio": 0.02})}, "Q", cores=4
    )
    page = render_report(Record("P", {"Q": other, "P": entry_with({"kill": part(KILL)}, "P")}))
    [line] = [line for line in page.splitlines() if line.startswith("- Q (")]
    assert line == (
        "- Q (4 cores, measured 2025-06-01 to 2026-01-02): cold 1/50.0 (MXNet); 3 of 3 measured targets met."
    )


KILL = {
    "kill_models": 4,
    "kill_lost_models": 2,
    "kill_other_failures": 0,
    "kill_own_failures": 1,
    "kill_slowest_s": 0.5,
    "kill_others_before_p50_ms": 1.0,
    "kill_others_before_slowest_ms": 2.0,
    "kill_others_after_p50_ms": 1.0,
    "kill_others_after_slowest_ms": 2.0,
}


def test_margins_are_relative_to_the_bound():
    by_key = {target.key: target for target in TARGETS}
    assert by_key["resident_ratio"].margin(15) == "met, by 25%"
    assert by_key["overhead_beyond_bare_ms"].margin(1.05) == "not met, by 50%"
    assert by_key["failed_requests"].margin(0) == "met"
    assert by_key["cold_ratio"].show(0.02) == "1/50.0"
