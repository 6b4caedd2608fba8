"""Pictures are those that the commands draw, and readable on light and dark pages."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pictures import architecture
from pictures.__main__ import ROOT, draw
from pictures.plots import FAINT, INK, logarithmic, save, subplots

# How wide a character is, at most on average.
PIXELS = {"code": 7.6, "heading": 7.5, "small": 6.4}


def test_the_pictures_in_git_are_those_that_the_command_draws(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "scale.json").write_bytes((ROOT / "benchmarks" / "scale.json").read_bytes())
    for path in draw(tmp_path):
        assert path.read_text() == (ROOT / path.relative_to(tmp_path)).read_text(), path.name


def test_the_architecture_is_well_formed_and_every_line_is_inside_its_box() -> None:
    tree = ElementTree.fromstring(architecture.render())
    assert len(tree.findall(".//{http://www.w3.org/2000/svg}desc")) == 1
    for box in architecture._BOXES:
        for line in box.lines:
            assert line.down < box.height
            assert 12 + len(line.text) * PIXELS[line.style] < box.width, line.text


@pytest.fixture
def plot(tmp_path: Path) -> str:
    figure, axes = subplots("Title", "x", "milliseconds")
    axes.plot([1, 2, 3], [3, 30, 300], label="a series")
    logarithmic(axes)
    axes.legend()
    return save(figure, tmp_path / "plot.svg").read_text()


def test_a_plot_follows_the_page(plot: str) -> None:
    assert INK not in plot
    assert FAINT not in plot
    assert "prefers-color-scheme:dark" in plot
    texts = ElementTree.fromstring(plot).iter("{http://www.w3.org/2000/svg}text")
    for text in texts:
        fill = re.search(r"fill: ([^;]+)", text.get("style", ""))
        assert fill is None or fill[1] == "var(--ink)", text.text


def test_text_stays_text_and_numbers_are_plain(plot: str) -> None:
    texts = [text.text for text in ElementTree.fromstring(plot).iter("{http://www.w3.org/2000/svg}text")]
    assert {"Title", "milliseconds", "a series", "5", "50", "200"} <= set(texts)


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        figure, axes = subplots("Title", "x", "y")
        axes.plot([1, 2], [1, 2])
        written.append(save(figure, tmp_path / f"{name}.svg").read_bytes())
    assert written[0] == written[1]
