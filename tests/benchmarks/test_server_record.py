"""Results of parts that are measured at different times, and on different processors."""

import json

import pytest

from benchmarks.machine import processor_kind
from benchmarks.server import __main__ as command
from benchmarks.server.outcome import Outcome
from benchmarks.server.programs import PARTS, install_programs, versions_of
from benchmarks.server.record import Part, numbers_of, read_record

CPUINFO = """\
processor\t: 0
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC
flags\t\t: fpu

processor\t: 1
model name\t: another
"""


def part(date: str, **numbers: float) -> Part:
    measured = {"date": date, "minutes": 1, "load_average_before": 0, "load_average_after": 0}
    return Part(measured=measured, versions={}, numbers=numbers)


def machine(processor: str) -> dict:
    return {"processor": processor, "cores": 2}


def test_a_part_replaces_its_own_numbers_and_no_others():
    record = read_record(None).merged(machine("P"), {"loading": part("1", a=1, b=2), "kill": part("1", c=3)})
    again = record.merged(machine("P"), {"loading": part("2", a=10)})
    assert numbers_of(again.entry) == {"a": 10, "c": 3}, "b of the first run must not stand beside a of the second"
    assert again.entry["parts"]["loading"]["measured"]["date"] == "2"
    assert again.entry["parts"]["kill"]["measured"]["date"] == "1"
    assert numbers_of(record.entry) == {"a": 1, "b": 2, "c": 3}


def test_each_processor_keeps_its_latest_and_the_last_one_measured_is_the_pages():
    record = read_record(None).merged(machine("P"), {"kill": part("1", a=1)})
    record = record.merged(machine("Q"), {"kill": part("2", a=2)})
    record = read_record(json.loads(json.dumps(record.as_json())))
    assert record.latest == "Q"
    assert {kind: numbers_of(entry) for kind, entry in record.processors.items()} == {"P": {"a": 1}, "Q": {"a": 2}}
    assert record.merged(machine("P"), {"kill": part("3", a=3)}).latest == "P"


def test_processors_of_one_name_are_told_apart():
    assert processor_kind(CPUINFO) == "AMD EPYC, family 25, model 17"
    assert processor_kind("model name\t: Cortex\n") == "Cortex"


def test_the_parts_asked_for_are_measured_in_the_runs_order():
    assert command._parts("kill, loading") == ["loading", "kill"]
    assert command._parts(",".join(PARTS)) == list(PARTS)


def test_an_unknown_part_is_refused_with_those_that_exist(capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(["--only", "kill,speed"])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert "no such part: speed" in said
    assert "neighbours" in said


def test_a_part_without_other_servers_installs_none(tmp_path):
    install_programs(tmp_path, ["kill", "tabular", "neighbours", "cache"])
    assert list(tmp_path.iterdir()) == []


def test_the_versions_of_a_part_are_those_that_took_part(monkeypatch):
    monkeypatch.setattr("benchmarks.server.multi_model_server.check_java", lambda: "17.0.1")
    assert versions_of("kill", {"numpy": "1"}) == {"numpy": "1"}
    rivals = versions_of("rivals", {"numpy": "1"})
    assert rivals["java"] == "17.0.1"
    assert rivals["nvidia_pytriton"] == "0.7.0"
    assert rivals["mlserver"] == "1.7.1"
    assert rivals["multi_model_server"]


@pytest.mark.parametrize("name", ["triton", "mlserver"])
def test_every_package_of_another_server_is_pinned_with_its_hash(name):
    lines = (command.RESULTS / "server" / f"{name}_requirements.txt").read_text().splitlines()
    packages = [line for line in lines if not line.startswith("#")]
    assert packages
    assert all(" --hash=sha256:" in line and "==" in line for line in packages)


def test_a_run_of_some_parts_writes_those_and_leaves_the_others(tmp_path, monkeypatch):
    """The whole command, with a measure that answers at once."""

    class Answering:
        def __init__(self, *arguments: object) -> None:
            pass

        def measure(self, name: str) -> Outcome:
            return Outcome({f"{name}_number": 1 / 3}, {"samples": [1]})

    monkeypatch.setattr(command, "RESULTS", tmp_path)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "Run", Answering)
    monkeypatch.setattr(command, "render_report", lambda record: f"page of {record.latest}")
    assert command.main(["--only", "cache"]) == 0
    assert command.main(["--only", "cache"]) == 0
    record = read_record(json.loads((tmp_path / "server.json").read_text()))
    assert numbers_of(record.entry) == {"cache_number": 0.333333}
    raw = json.loads((tmp_path / "server-raw.json").read_text())
    assert raw == {"processor": record.latest, "parts": {"cache": {"samples": [1]}}}
    assert (tmp_path / "server.md").read_text() == f"page of {record.latest}"
