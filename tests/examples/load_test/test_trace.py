"""Traces from files."""

import contextlib
import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples.load_test.errors import LoadTestError
from examples.load_test.schedule import Call
from examples.load_test.trace import read_trace

NAMES = {"a": "a", "b": "b", "a/1-00.tar.gz": "a"}


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_calls_come_in_the_order_of_their_times_and_start_at_0(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", "model,time,bytes\nb,1000.5,7\na/1-00.tar.gz,1000,\na,1002,3\n")
    assert read_trace(file, NAMES) == [Call(0.0, "a"), Call(0.5, "b"), Call(2.0, "a")]
    assert [call.due for call in read_trace(file, NAMES, speed=4)] == [0.0, 0.125, 0.5]


def test_faults_of_the_file_have_their_lines(tmp_path: Path) -> None:
    with pytest.raises(LoadTestError) as refused:
        read_trace(write(tmp_path / "t.csv", "time,model\n-1,a\nnan,a\n"), NAMES)
    assert ":2: time must be" in str(refused.value)
    assert ":3: time must be" in str(refused.value)


def test_models_that_the_catalog_lacks(tmp_path: Path) -> None:
    with pytest.raises(LoadTestError, match=r"t\.csv: models that the catalog lacks: 'c', 'd'$"):
        read_trace(write(tmp_path / "t.csv", "time,model\n0,c\n1,a\n2,d\n3,c\n"), NAMES)
    rows = "\n".join(f"{number},m{number}" for number in range(12))
    with pytest.raises(LoadTestError, match=r"'m9' and 2 more$"):
        read_trace(write(tmp_path / "t.csv", f"time,model\n{rows}\n"), NAMES)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LoadTestError, match="cannot be read"):
        read_trace(tmp_path / "none.csv", NAMES)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e9), st.sampled_from(sorted(NAMES))), min_size=1))
def test_any_trace_comes_back(tmp_path: Path, rows: list[tuple[float, str]]) -> None:
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("time", "model"), *((repr(time), name) for time, name in rows)])
    ordered = sorted(rows, key=lambda row: row[0])
    expected = [Call(time - ordered[0][0], NAMES[name]) for time, name in ordered]
    assert read_trace(tmp_path / "t.csv", NAMES) == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary() | st.text().map(str.encode) | st.text().map(lambda text: f"time,model\n{text}".encode()))
def test_no_file_is_a_traceback(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with contextlib.suppress(LoadTestError):
        read_trace(tmp_path / "t.csv", NAMES)
