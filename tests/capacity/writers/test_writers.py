"""A plan as table, JSON, page and plots."""

import builtins
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from capacity.errors import CapacityError
from capacity.report import Report
from capacity.writers import json as json_writer
from capacity.writers import page, png, table
from capacity.writers.svg import Axes, Mark, chart


def test_the_table_has_every_design_and_reason(report: Report) -> None:
    output = io.StringIO()
    table.show(report, Console(file=output, width=100))
    text = output.getvalue()
    for design in (*report.shared, *report.others):
        assert design.label in text
    for sentence in (*report.recommendation.reasons, *report.assumptions, report.prices):
        assert sentence in text


def test_the_table_fits_a_terminal(report: Report) -> None:
    output = io.StringIO()
    table.show(report, Console(file=output, width=80))
    assert "\N{HORIZONTAL ELLIPSIS}" not in output.getvalue()


def test_json_has_what_apply_reads(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json_writer.render(report))
    assert json_writer.read_settings(path) == report.settings
    content = json.loads(path.read_text())
    assert len(content["designs"]) == len(report.shared) + len(report.others)
    assert content["recommendation"]["design"]["reaches_goals"] is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{", "is no JSON"), ("{}", "capacity_version: Field required"), ("[1]", "is no plan")],
)
def test_another_file_is_no_plan(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(CapacityError, match=expected):
        json_writer.read_settings(tmp_path / "plan.json")
    with pytest.raises(CapacityError, match="cannot be read"):
        json_writer.read_settings(tmp_path / "none.json")


def test_a_plan_of_another_version_is_refused(report: Report, tmp_path: Path) -> None:
    content = json.loads(json_writer.render(report)) | {"capacity_version": 2}
    (tmp_path / "plan.json").write_text(json.dumps(content))
    with pytest.raises(CapacityError, match="plan again"):
        json_writer.read_settings(tmp_path / "plan.json")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.text(max_size=60), st.dictionaries(st.text(max_size=5), st.integers(), max_size=3).map(json.dumps)))
def test_any_text_is_a_plan_or_a_complaint(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text, encoding="utf-8")
    with pytest.raises(CapacityError, match=r"plan\.json"):
        json_writer.read_settings(tmp_path / "plan.json")


def test_the_page_needs_nothing_else_and_has_light_and_dark(report: Report) -> None:
    html = page.render(report)
    HTMLParser().feed(html)
    assert not re.search(r"(src|href)=|url\(|@import|<script", html)
    assert "prefers-color-scheme: dark" in html
    drawings = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(drawings) == 3
    for drawing in drawings:
        ElementTree.fromstring(drawing)
    for design in (*report.shared, *report.others):
        assert design.label in html


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e9), st.text(max_size=9)), max_size=6), st.booleans())
def test_any_points_can_be_drawn(points: list[tuple[float, float, str]], logarithmic: bool) -> None:
    legal = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
    marks = [Mark(x, y, legal.sub("", label), "good") for x, y, label in points]
    drawing = chart("<Title>", marks, Axes("x & y", "y", 5.0, logarithmic), joined=True)
    root = ElementTree.fromstring(drawing)
    for circle in root.iter("circle"):
        assert 0 <= float(circle.attrib["cx"]) <= 640
        assert 0 <= float(circle.attrib["cy"]) <= 340


def test_plots_are_a_png(report: Report, tmp_path: Path) -> None:
    png.write(report, tmp_path / "plan.png")
    assert (tmp_path / "plan.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_the_page_is_offered(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **others: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **others)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(CapacityError, match=r"need matplotlib.*--html"):
        png.write(report, tmp_path / "plan.png")


def test_labels_do_not_cover_each_other() -> None:
    marks = [Mark(1000 + number % 7, 50.0, f"{number} x ml.m5.2xlarge", "good") for number in range(20)]
    drawn = ElementTree.fromstring(chart("cost", [*marks, Mark(1003, 50.0, "the best one", "best")], Axes("x", "y")))
    places = [(float(text.attrib["x"]), float(text.attrib["y"])) for text in drawn.iter("text") if "ml." in text.text]
    assert 1 <= len(places) < len(marks)
    assert "the best one" in {text.text for text in drawn.iter("text")}
    for number, (left, base) in enumerate(places):
        for other_left, other_base in places[number + 1 :]:
            assert abs(base - other_base) >= 13 or abs(left - other_left) >= 100
    assert {mark.label for mark in marks} <= {title.text.split(":")[0] for title in drawn.iter("title")}


@pytest.mark.parametrize(("low", "high"), [(0.001, 0.0011), (1, 4), (220, 1325), (1e6, 5e7)])
def test_ticks_are_round(low: float, high: float) -> None:
    svg = chart("c", [Mark(low, low, "a", "good"), Mark(high, high, "b", "good")], Axes("x", "y", logarithmic=True))
    middle = [t.text for t in ElementTree.fromstring(svg).iter("text") if t.attrib.get("text-anchor") == "middle"]
    digits = {text.replace(",", "").replace(".", "").strip("0") for text in middle if text[0].isdigit()}
    assert len(digits) >= 2
    assert all(len(digit) <= 4 for digit in digits)
