"""Traces as CSV: every trace survives, every fault is named with its line."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capacity.errors import SHOWN_COMPLAINTS, CapacityError
from capacity.readers.csv_trace import read_csv, write_csv
from capacity.trace import make_trace

NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(
    lambda name: name.strip() == name and bool(name)
)
ROWS = st.lists(
    st.tuples(st.floats(0, 1e9), NAMES, st.integers(-1, 2**40), st.one_of(st.just(float("nan")), st.floats(1e-4, 60))),
    min_size=1,
    max_size=30,
)
FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@FILE
@given(ROWS)
def test_a_trace_survives_a_file(tmp_path: Path, rows: list[tuple[float, str, int, float]]) -> None:
    trace = make_trace(*zip(*rows, strict=True))
    write_csv(trace, tmp_path / "t.csv")
    read = read_csv(tmp_path / "t.csv")
    assert [read.names[i] for i in read.models] == [trace.names[i] for i in trace.models]
    np.testing.assert_allclose(read.seconds, trace.seconds, atol=1.01e-6)
    assert (read.request_bytes is None) == (trace.request_bytes is None)
    if trace.request_bytes is not None:
        np.testing.assert_array_equal(read.request_bytes, trace.request_bytes)
    if trace.service_seconds is not None:
        np.testing.assert_allclose(read.service_seconds, trace.service_seconds, rtol=1e-5)


@FILE
@given(st.text(max_size=200))
def test_any_text_is_a_trace_or_a_complaint(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        trace = read_csv(path)
    except CapacityError as error:
        assert all(str(path) in complaint for complaint in error.complaints)
    else:
        assert len(trace) > 0


def test_lines_are_sorted_and_begin_at_zero(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("model,time\nb,1700000002.5\na,1700000001\n\nb,1700000001\n")
    trace = read_csv(path)
    assert trace.names == ("a", "b")
    assert trace.seconds.tolist() == [0.0, 0.0, 1.5]
    assert trace.models.tolist() == [0, 1, 1]
    assert trace.request_bytes is None
    assert trace.service_seconds is None


def test_all_faults_at_once_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "time,model,bytes,milliseconds\n1,a,,\nx,a,,\n-1,a,,\nnan,a,,\n1,,,\n1,a,1.5,\n1,a,-2,\n1,a,,0\n1,a\n1,a,,inf\n"
    )
    with pytest.raises(CapacityError) as caught:
        read_csv(path)
    assert [complaint.split(": ", 1)[0] for complaint in caught.value.complaints] == [
        f"{path}:{line}" for line in range(3, 12)
    ]


def test_the_header_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("when,model,model\n1,a,b\n")
    with pytest.raises(CapacityError, match=r"no column time; column 'when' is not known; column model is there more"):
        read_csv(path)


def test_many_faults_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("time,model\n" + "x,a\n" * 500)
    with pytest.raises(CapacityError) as caught:
        read_csv(path)
    assert len(caught.value.complaints) == SHOWN_COMPLAINTS + 1
    assert caught.value.complaints[-1].endswith(f"{500 - SHOWN_COMPLAINTS} more lines have faults.")


def test_a_missing_or_empty_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CapacityError, match="cannot be read"):
        read_csv(tmp_path / "none.csv")
    (tmp_path / "t.csv").write_text("time,model\n")
    with pytest.raises(CapacityError, match="has no invocations"):
        read_csv(tmp_path / "t.csv")
