"""Plots as SVG that is readable on light and dark pages.

matplotlib has no colour that follows the page. Text and lines of the frame are drawn in a colour that nothing else has,
which becomes a style that does.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

INK = "#123457"
"""Stands for the colour of the page's text."""
FAINT = "#876543"
"""Stands for lines that may be overlooked."""
COLOURS = ("#2f81f7", "#d29922", "#3fb950", "#db61a2", "#a371f7", "#f0883e")
"""With enough contrast to white and to GitHub's dark page."""
# The rule for text is for what matplotlib draws in its own black, without saying so.
_STYLE = (
    "<style>svg{--ink:#1f2328;--faint:#d1d9e0}text{fill:var(--ink)}"
    "@media(prefers-color-scheme:dark){svg{--ink:#f0f6fc;--faint:#3d444d}}</style>"
)
_PARAMETERS: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "pictures",
    "font.family": ["sans-serif"],
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
}


def subplots(title: str, x: str, y: str, size: tuple[float, float] = (8.0, 4.0)) -> tuple[Figure, Axes]:
    """A figure with one pair of axes in the style of all pictures; `size` in inches."""
    figure, (axes,) = panels(1, size)
    axes.set_title(title, loc="left", fontsize="medium")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return figure, axes


def panels(count: int, size: tuple[float, float]) -> tuple[Figure, Sequence[Axes]]:
    """A figure with several pairs of axes side by side, in the same style."""
    with pyplot.rc_context(_PARAMETERS):
        figure, axes = pyplot.subplots(1, count, figsize=size, layout="constrained", squeeze=False)
    return figure, axes[0]


def logarithmic(axes: Axes) -> None:
    """Make the vertical axis logarithmic, with plain numbers at 1, 2 and 5 of each decade."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def save(figure: Figure, path: Path) -> Path:
    """Write a figure of `subplots` as SVG, the same bytes for the same figure, and close it."""
    buffer = io.StringIO()
    with pyplot.rc_context(_PARAMETERS):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    pyplot.close(figure)
    path.write_text(_themed(buffer.getvalue()), encoding="utf-8")
    return path


def _themed(svg: str) -> str:
    head, begin, rest = svg.partition("<defs>")
    return f"{head}{_STYLE}{begin}{rest}".replace(INK, "var(--ink)").replace(FAINT, "var(--faint)")
