"""Logs as traces: the container's own lines, and each of CloudWatch's forms."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capacity.errors import CapacityError
from capacity.readers.log_events import Observed, read_events
from capacity.readers.log_files import messages
from capacity.readers.sources import read_source

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def request(time: float, model: str, milliseconds: float = 10.0, status: int = 200, target: str | None = None) -> str:
    event = {"event": "request", "time": time, "method": "POST", "path": f"/models/{model}/invoke", "status": status}
    event |= {"milliseconds": milliseconds, "model": model}
    return json.dumps(event | ({"target_model": target} if target else {}))


def load(model: str, milliseconds: float, mib: float, target: str | None = None) -> str:
    event = {"event": "load", "time": 1.0, "model": model, "milliseconds": milliseconds, "memory_mib": mib}
    return json.dumps(event | ({"target_model": target} if target else {}))


LINES = [
    load("m1", 40, 3, "squeezenet/1-ab.tar.gz"),
    request(100.5, "m1", 500, target="squeezenet/1-ab.tar.gz"),
    "INFO: the server is ready",
    request(100.2, "m2", 100),
    request(101, "m1", 20),
    request(101, "m1", 20, status=404),
    load("m1", 60, 5),
    json.dumps({"event": "unload", "model": "m1"}),
]


def in_forms(folder: Path) -> dict[str, Path]:
    """The same lines in every form in which they come."""
    paths = {form: folder / form for form in ("plain", "filter.json", "insights.json", "insights.csv", "export")}
    paths["plain"].write_text("\n".join(LINES))
    events = [{"timestamp": 1, "logStreamName": "s", "message": line} for line in LINES]
    paths["filter.json"].write_text(json.dumps({"events": events, "searchedLogStreams": []}, indent=2))
    rows = [[{"field": "@timestamp", "value": "x"}, {"field": "@message", "value": line}] for line in LINES]
    paths["insights.json"].write_text(json.dumps({"results": rows, "status": "Complete"}))
    with paths["insights.csv"].open("w", newline="") as file:
        csv.writer(file).writerows([["@timestamp", "@message"], *(["x", line] for line in LINES)])
    (paths["export"] / "stream").mkdir(parents=True)
    dated = "\n".join(f"2026-11-27T02:03:04.567Z {line}" for line in LINES)
    (paths["export"] / "stream" / "000000.gz").write_bytes(gzip.compress(dated.encode()))
    return paths


@pytest.mark.parametrize("form", ["plain", "filter.json", "insights.json", "insights.csv", "export"])
def test_every_form_gives_the_same_trace(tmp_path: Path, form: str) -> None:
    found = read_source(in_forms(tmp_path)[form])
    # Arrivals, not answers: at 100.0, 100.1 and 100.98.
    assert [found.trace.names[i] for i in found.trace.models] == [
        "squeezenet/1-ab.tar.gz",
        "m2",
        "squeezenet/1-ab.tar.gz",
    ]
    assert found.trace.seconds.tolist() == pytest.approx([0, 0.1, 0.98])
    assert found.models["squeezenet/1-ab.tar.gz"] == Observed(0.05, 5 * 2**20, pytest.approx(0.26))
    assert found.models["m2"] == Observed(None, None, 0.1)
    assert found.other_lines == 3


def test_damaged_events_are_named_with_their_lines() -> None:
    lines = [request(1, "a"), '{"event": "request", "path": "/models/a/invoke", "status": 200}', load("a", -1, 0)]
    with pytest.raises(CapacityError) as caught:
        read_events(enumerate(lines, 1), "log")
    assert [complaint.split(" must")[0] for complaint in caught.value.complaints] == [
        "log:2: request event: milliseconds",
        "log:3: load event: milliseconds",
    ]


def test_a_log_without_requests_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("hello\n")
    with pytest.raises(CapacityError, match="MODEL_SERVER_ACCESS_LOG"):
        read_source(tmp_path / "log")
    with pytest.raises(CapacityError, match="is not there"):
        read_source(tmp_path / "none")
    (tmp_path / "bad.gz").write_bytes(b"\x1f\x8b no")
    with pytest.raises(CapacityError, match="cannot be read"):
        read_source(tmp_path / "bad.gz")


@given(st.lists(st.one_of(st.text(max_size=60), JSON.map(json.dumps)), max_size=20))
def test_any_lines_are_a_trace_or_a_complaint(lines: list[str]) -> None:
    try:
        found = read_events(enumerate(lines, 1), "log")
    except CapacityError:
        return
    assert len(found.trace) > 0


@given(
    st.dictionaries(st.sampled_from(["event", "time", "path", "status", "milliseconds", "model", "memory_mib"]), JSON)
)
def test_any_event_is_taken_or_reported(event: dict[str, object]) -> None:
    for kind in ("request", "load"):
        line = json.dumps({"path": "/models/a/invoke", **event, "event": kind})
        try:
            read_events([(1, line), (2, request(1, "b"))], "log")
        except CapacityError as error:
            assert error.complaints[0].startswith(f"log:1: {kind} event: ")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(st.text(max_size=200), JSON.map(json.dumps), JSON.map(lambda v: json.dumps({"events": v, "results": v})))
)
def test_any_text_has_messages(text: str) -> None:
    try:
        assert all(isinstance(message, str) for message in messages(text))
    except CapacityError as error:
        assert "Logs Insights" in str(error)


@given(st.lists(st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=30), max_size=10))
def test_messages_survive_insights_csv(texts: list[str]) -> None:
    file = io.StringIO()
    csv.writer(file).writerows([["@timestamp", "@message"], *(["x", text] for text in texts)])
    assert list(messages(file.getvalue())) == texts
