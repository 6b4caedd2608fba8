"""docs/architecture.svg: from a pull request to a call of a model.

The picture's content is the tables below; where a line of text stands follows from its box.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

_WIDTH, _HEIGHT = 960, 470
_INDENT = 12

Kind = Literal["box", "gate", "main"]
Style = Literal["heading", "code", "small"]


@dataclass(frozen=True)
class Line:
    """A line of text, so many pixels below the upper edge of its box."""

    down: int
    style: Style
    text: str


@dataclass(frozen=True)
class Box:
    """A box with lines of text. Pixels, from the upper left corner of the picture."""

    kind: Kind
    x: int
    y: int
    width: int
    height: int
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Group:
    """A dashed frame with a title."""

    title: str
    x: int
    width: int


_TITLE = "From a pull request to a call of a model"
_DESCRIPTION = (
    "The repository is synthesised and planned by Terraform. The plan review allows the apply or blocks it. The apply "
    "changes four stacks in the AWS account: state, image, models and endpoint. The endpoint pulls the image from ECR "
    "and loads artifacts from S3. A caller names a model in InvokeEndpoint."
)
_GROUPS = (
    Group("Repository", 12, 212),
    Group("Pull request, then merge", 272, 212),
    Group("AWS account", 532, 416),
)
_BOXES = (
    Box("box", 28, 54, 180, 62, (Line(26, "code", "models.lock.json"), Line(46, "small", "models and their SHA-256"))),
    Box("box", 28, 130, 180, 62, (Line(26, "code", "container/"), Line(46, "small", "Dockerfile, model server"))),
    Box("box", 28, 206, 180, 62, (Line(26, "code", "cdktf.json"), Line(46, "small", "settings by environment"))),
    Box("box", 28, 282, 180, 48, (Line(29, "code", "stacks/"),)),
    Box("box", 288, 54, 180, 62, (Line(26, "code", "cdktf synth"), Line(46, "code", "terraform plan"))),
    Box(
        "gate",
        288,
        158,
        180,
        76,
        (
            Line(24, "heading", "Plan review"),
            Line(44, "small", "safe, needs approval"),
            Line(62, "small", "or blocked"),
        ),
    ),
    Box("box", 288, 276, 180, 54, (Line(23, "code", "terraform apply"), Line(42, "small", "of exactly these plans"))),
    Box("box", 548, 54, 180, 62, (Line(26, "code", "ENV-image"), Line(46, "small", "ECR repository, image"))),
    Box(
        "box",
        548,
        158,
        180,
        76,
        (
            Line(26, "code", "ENV-models"),
            Line(46, "small", "S3 bucket, one object for"),
            Line(62, "small", "each version of a model"),
        ),
    ),
    Box("box", 548, 276, 180, 54, (Line(23, "code", "ENV-state"), Line(42, "small", "S3 bucket, Terraform state"))),
    Box(
        "main",
        776,
        54,
        156,
        276,
        (
            Line(26, "code", "ENV-endpoint"),
            Line(56, "heading", "SageMaker"),
            Line(74, "heading", "multi-model"),
            Line(92, "heading", "endpoint"),
            Line(124, "small", "A model is loaded"),
            Line(140, "small", "on its first call and"),
            Line(156, "small", "evicted when others"),
            Line(172, "small", "need the memory."),
            Line(204, "small", "An alarm on 5xx"),
            Line(220, "small", "responses rolls an"),
            Line(236, "small", "update back."),
        ),
    ),
    Box("box", 776, 400, 156, 54, (Line(23, "heading", "Caller"), Line(42, "small", "boto3, any AWS SDK"))),
)
_ARROWS = (
    "M224 85 H286",
    "M378 116 V156",
    "M378 234 V274",
    "M468 303 H530",
    "M728 85 H774",
    "M728 196 H774",
    "M854 400 V332",
)
_LABELS = (
    ("small", 750, 76, "middle", "image"),
    ("small", 750, 187, "middle", "models"),
    ("code", 842, 372, "end", "InvokeEndpoint, TargetModel"),
)
_STYLE = """\
    text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
    .heading { font-weight: 600; }
    .small { font-size: 12px; fill: #59636e; }
    .code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 12.5px; }
    .page { fill: #ffffff; }
    .group { fill: none; stroke: #818b98; stroke-dasharray: 5 4; }
    .box { fill: #f6f8fa; stroke: #818b98; }
    .gate { fill: #fff8c5; stroke: #bf8700; }
    .main { fill: #ddf4ff; stroke: #0969da; }
    .arrow { fill: none; stroke: #59636e; stroke-width: 1.5; }
    .tip { fill: #59636e; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .small { fill: #9198a1; }
      .page { fill: #0d1117; }
      .group, .box { stroke: #656c76; }
      .box { fill: #151b23; }
      .gate { fill: #272115; stroke: #d29922; }
      .main { fill: #121d2f; stroke: #4493f8; }
      .arrow { stroke: #9198a1; }
      .tip { fill: #9198a1; }
    }"""


def render() -> str:
    """The picture as SVG, with a title and a description for those who do not see it."""
    return "\n".join([*_head(), *_body(_GROUPS, _BOXES), *_connections(), "</svg>"]) + "\n"


def _head() -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" aria-labelledby="title description">'
    )
    yield f'  <title id="title">{escape(_TITLE)}</title>'
    yield f'  <desc id="description">{escape(_DESCRIPTION)}</desc>'
    yield from ("  <style>", _STYLE, "  </style>", "  <defs>")
    yield (
        '    <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path class="tip" d="M0 0 L8 4 L0 8 z"/></marker>'
    )
    yield "  </defs>"
    yield f'  <rect class="page" width="{_WIDTH}" height="{_HEIGHT}"/>'


def _body(groups: Sequence[Group], boxes: Sequence[Box]) -> Iterator[str]:
    for group in groups:
        yield f'  <rect class="group" x="{group.x}" y="14" width="{group.width}" height="332" rx="8"/>'
        yield _text("heading", group.x + 16, 40, group.title)
    for box in boxes:
        yield (f'  <rect class="{box.kind}" x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="6"/>')
        yield from (_text(line.style, box.x + _INDENT, box.y + line.down, line.text) for line in box.lines)


def _connections() -> Iterator[str]:
    yield '  <g class="arrow">'
    yield from (f'    <path d="{path}" marker-end="url(#tip)"/>' for path in _ARROWS)
    yield "  </g>"
    for style, x, y, anchor, text in _LABELS:
        yield _text(style, x, y, text, f' text-anchor="{anchor}"')


def _text(style: str, x: int, y: int, text: str, more: str = "") -> str:
    return f'  <text class="{style}" x="{x}" y="{y}"{more}>{escape(text)}</text>'
