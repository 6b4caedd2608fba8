"""Charts as SVG. Colours are CSS classes of the page, which has a light and a dark set of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 640, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 16, 44
_TICKS = 5
_CHARACTER, _LINE = 6.2, 13  # of a label, in the font size of the page


@dataclass(frozen=True)
class Mark:
    """A point of a chart. `kind` is a CSS class: best, good or bad."""

    x: float
    y: float
    label: str
    kind: str


@dataclass(frozen=True)
class Axes:
    """Names of the axes, an optional horizontal line at `goal`, and whether y is logarithmic."""

    x: str
    y: str
    goal: float | None = None
    logarithmic: bool = False


class _Scale:
    def __init__(self, values: Sequence[float], begin: float, end: float, logarithmic: bool) -> None:
        self._map = (lambda v: math.log10(max(v, 1e-9))) if logarithmic else float
        low, high = min(map(self._map, values)), max(map(self._map, values))
        margin = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
        self._low, self._high = low - margin, high + margin
        self._begin, self._end = begin, end
        self._logarithmic = logarithmic

    def __call__(self, value: float) -> float:
        share = (self._map(value) - self._low) / (self._high - self._low)
        return round(self._begin + share * (self._end - self._begin), 1)

    def ticks(self) -> list[float]:
        """About `_TICKS` round values: 1, 2 or 5 times a power of ten, or multiples of such a step."""
        if self._logarithmic:
            exponents = range(math.floor(self._low), math.ceil(self._high) + 1)
            found = [digit * 10.0**exponent for exponent in exponents for digit in (1, 2, 5)]
            inside = [value for value in found if self._low <= math.log10(value) <= self._high]
            return inside if len(inside) <= 2 * _TICKS else inside[::3]
        rough = (self._high - self._low) / _TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
        first = math.ceil(self._low / step)
        return [number * step for number in range(first, math.floor(self._high / step) + 1)]


def chart(title: str, marks: Sequence[Mark], axes: Axes, *, joined: bool = False) -> str:
    """A scatter plot, or with `joined` a line; a sentence where there is nothing to draw."""
    if not marks:
        return f"<p>{escape(title)}: nothing to draw.</p>"
    x = _Scale([mark.x for mark in marks], _LEFT, _WIDTH - _RIGHT, False)
    values = [mark.y for mark in marks] + ([axes.goal] if axes.goal is not None else [])
    y = _Scale(values, _HEIGHT - _BOTTOM, _TOP, axes.logarithmic)
    parts = [f'<svg role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}"><title>{escape(title)}</title>']
    parts += _grid(x, y, axes)
    if axes.goal is not None:
        height = y(axes.goal)
        parts.append(f'<line class="goal" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height}" y2="{height}"/>')
        parts.append(f'<text class="goal" x="{_WIDTH - _RIGHT}" y="{height - 5}" text-anchor="end">goal</text>')
    if joined:
        line = " ".join(f"{x(mark.x)},{y(mark.y)}" for mark in marks)
        parts.append(f'<polyline class="line" points="{line}"/>')
    taken: list[tuple[float, float, float]] = []
    for mark in sorted(marks, key=lambda mark: mark.kind != "best"):
        across, down = x(mark.x), y(mark.y)
        parts.append(
            f'<circle class="{mark.kind}" cx="{across}" cy="{down}" r="{7 if mark.kind == "best" else 5}">'
            f"<title>{escape(mark.label)}: {_number(mark.x)}, {_number(mark.y)}</title></circle>"
        )
        place = _place(mark.label, across, down, taken)
        if place is not None:
            taken.append(place)
            parts.append(f'<text x="{place[0]}" y="{place[2]}">{escape(mark.label)}</text>')
    return "".join(parts) + "</svg>"


def _place(
    label: str, across: float, down: float, taken: Sequence[tuple[float, float, float]]
) -> tuple[float, float, float] | None:
    """Where a label fits: its left, right and base line. None where it would cover another: its mark has a tooltip."""
    width = len(label) * _CHARACTER
    left = min(across - 4, _WIDTH - _RIGHT - width)
    for base in (down - 10, down + 20, down - 24, down + 34):
        if _TOP + 10 <= base <= _HEIGHT - _BOTTOM - 4 and all(
            left > right or left + width < begin or abs(base - other) >= _LINE for begin, right, other in taken
        ):
            return round(left, 1), round(left + width, 1), round(base, 1)
    return None


def _grid(x: _Scale, y: _Scale, axes: Axes) -> list[str]:
    floor = _HEIGHT - _BOTTOM
    parts = []
    for tick in x.ticks():
        parts.append(f'<line class="grid" x1="{x(tick)}" x2="{x(tick)}" y1="{_TOP}" y2="{floor}"/>')
        parts.append(f'<text x="{x(tick)}" y="{floor + 16}" text-anchor="middle">{_number(tick)}</text>')
    for tick in y.ticks():
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(tick)}" y2="{y(tick)}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(tick) + 4}" text-anchor="end">{_number(tick)}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text class="name" x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(axes.x)}</text>')
    parts.append(
        f'<text class="name" transform="rotate(-90)" x="{-(floor + _TOP) / 2}" y="14" text-anchor="middle">'
        f"{escape(axes.y)}</text>"
    )
    return parts


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
